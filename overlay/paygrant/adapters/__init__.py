"""``TokenAuth`` for other HTTP clients than httpx: a module for each, named as the client's own. All keep the same promises.

Each needs its client, so an extra: ``pip install "paygrant[httpx2]"``, ``paygrant[requests]`` or ``paygrant[aiohttp]``.
"""
