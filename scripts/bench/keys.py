"""What assertions and DPoP proofs cost, as ratios to one bare ES256 signature by cryptography."""

import asyncio
from collections.abc import Iterator
from timeit import Timer
from typing import Any

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from paygrant import ClientCredentials, MemoryStore, SigningKey, TokenAuth, TokenSource
from paygrant._request.assertion import client_assertion
from paygrant._request.dpop import Prover
from scripts.bench.costs import Cost, Side, on_loop, ratio
from scripts.bench.peers.by_hand import async_attach, sync_attach

TOKEN = "t" * 200
DATA = b"d" * 250
"""As long as what a proof signs."""

NOW = 1_800_000_000.0
TIMES = 300
TARGET = 1.5


def keys(*, quick: bool) -> Iterator[Cost]:
    """Measure one figure after the other."""
    turns = 15 if quick else 101
    private_key = ec.generate_private_key(ec.SECP256R1())
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key = SigningKey(private_key.private_bytes(serialization.Encoding.PEM, form, plain))
    names = {
        "client_assertion": client_assertion,
        "key": key,
        "prover": Prover(key, lambda: NOW),
        "private_key": private_key,
        "data": DATA,
        "algorithm": ec.ECDSA(hashes.SHA256()),
        "token": TOKEN,
        "now": NOW,
    }
    bare = _timed("private_key.sign(data, algorithm)", names)
    assertion = _timed("client_assertion(key, 'a-client', 'https://auth.example/token', now)", names)
    yield ratio("an assertion (RFC 7523) / a bare ES256 signature", assertion, bare, turns, TARGET)
    proof = _timed("prover.proof('POST', 'https://api.example/orders', token)", names)
    yield ratio("a DPoP proof (RFC 9449) / a bare ES256 signature", proof, bare, turns, TARGET)
    auth = TokenAuth(_source(key))
    attach = Timer(sync_attach(auth))
    yield ratio(
        "attach a token with a DPoP proof / a bare ES256 signature", lambda: attach.timeit(TIMES), bare, turns, TARGET
    )
    with asyncio.Runner() as runner:
        attach_async = on_loop(runner, async_attach(auth), TIMES)
        yield ratio("the same, async", attach_async, bare, turns, TARGET)


def _source(key: SigningKey) -> TokenSource[Any]:
    granted = {"access_token": TOKEN, "token_type": "DPoP", "expires_in": 3600}
    provider = ClientCredentials(
        client_id="bench",
        client_secret="bench-secret",  # noqa: S106
        token_url="https://provider.example/token",  # noqa: S106
        dpop=key,
    )
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=granted))
    return TokenSource(provider, store=MemoryStore(), transport=transport)


def _timed(statement: str, names: dict[str, Any]) -> Side:
    timer = Timer(statement, globals=names)
    return lambda: timer.timeit(TIMES)
