"""``TokenAuth`` for HTTP clients beside httpx: one module for each, with the client's name. All keep the same promises.

Each needs the extra of its client: ``pip install "paygrant[httpx2]"``, ``paygrant[requests]`` or ``paygrant[aiohttp]``.
"""
