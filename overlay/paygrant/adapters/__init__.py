"""``TokenAuth`` for other HTTP clients than httpx: one module for each, with the client's name. All make the same promises.

Each needs the extra of its client: ``pip install "paygrant[httpx2]"``, ``paygrant[requests]`` or ``paygrant[aiohttp]``.
"""
