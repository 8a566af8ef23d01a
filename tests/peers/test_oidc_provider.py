"""Keys, certificates and DPoP with a real authorization server: npm's oidc-provider, and an API that checks proofs."""

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest
import requests
import yaml

from paygrant import (
    ClientCertificate,
    ClientCredentials,
    FileStore,
    InvalidClient,
    RefreshPolicy,
    SigningKey,
    SpecProvider,
    TokenAuth,
    TokenSource,
    _clock,
)
from paygrant._cache import registry
from paygrant._request import credentials
from paygrant.adapters import aiohttp as for_aiohttp
from paygrant.adapters import httpx2 as for_httpx2
from paygrant.adapters import requests as for_requests
from paygrant.propose import propose
from tests.helpers.keys import authority, pem, write_pair
from tests.peers.fixtures import oidc_provider

SECRET = "seccanary91bc" * 4
ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA")

PLAIN = {"grant_types": ["client_credentials"], "redirect_uris": [], "response_types": []}


def key(algorithm: Any, number: int = 0) -> SigningKey:
    return SigningKey(pem(algorithm, number), key_id=f"kid-{algorithm}-{number}", algorithm=algorithm)


def with_key(client_id: str, *keys: SigningKey, **more: object) -> dict[str, object]:
    jwks = {"keys": [{**each.public_jwk, "kid": each.key_id, "use": "sig"} for each in keys]}
    return {**PLAIN, "client_id": client_id, "token_endpoint_auth_method": "private_key_jwt", "jwks": jwks, **more}


def with_secret(client_id: str, method: str, **more: object) -> dict[str, object]:
    return {**PLAIN, "client_id": client_id, "client_secret": SECRET, "token_endpoint_auth_method": method, **more}


CLIENTS = [
    *(with_key(each, key(each), token_endpoint_auth_signing_alg=each) for each in ALGORITHMS),
    with_key("rotating", key("ES256", 1)),
    with_secret("secret_jwt", "client_secret_jwt"),
    with_secret("bound", "client_secret_basic", dpop_bound_access_tokens=True),
    with_key("fapi", key("PS256"), dpop_bound_access_tokens=True),
]


@pytest.fixture(scope="module")
def server() -> Generator[str]:
    with oidc_provider(clients=CLIENTS) as url:
        yield url


@pytest.fixture(scope="module")
def strict_server() -> Generator[str]:
    """Requires nonces, which stay the same during a test: a change right after a challenge would refuse a client for good."""
    with oidc_provider(clients=CLIENTS, nonceSeconds=3600) as url:
        yield url


@pytest.fixture(scope="module")
def changing_server() -> Generator[str]:
    """Requires nonces, which it changes every two seconds."""
    with oidc_provider(clients=CLIENTS, nonceSeconds=2) as url:
        yield url


@pytest.fixture(autouse=True)
def clean() -> Generator[None]:
    yield
    registry.forget_all()


def counts(server: str) -> dict[str, int]:
    with httpx.Client(trust_env=True) as client:
        found: dict[str, int] = client.get(f"{server}/count").json()
    return found


def source_of(server: str, client_id: str, **more: Any) -> TokenSource[Any]:
    policy = more.pop("policy", RefreshPolicy(refusal_pause=0))
    store = more.pop("store", None)
    return TokenSource(
        ClientCredentials(client_id=client_id, token_url=f"{server}/token", **more), policy=policy, store=store
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_private_key_authenticates_a_client(server: str, algorithm: Any) -> None:
    source = source_of(server, algorithm, auth_method="private_key_jwt", private_key=key(algorithm))
    first = source.get()
    source.invalidate(first)
    assert source.get().access_token != first.access_token  # a second assertion, with a jti of its own


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_audience_may_be_the_issuer(server: str, algorithm: Any) -> None:
    source = source_of(
        server, algorithm, auth_method="private_key_jwt", private_key=key(algorithm), assertion_audience=server
    )
    assert source.get().token_type == "Bearer"


def test_a_client_secret_signs_an_assertion(server: str) -> None:
    assert source_of(server, "secret_jwt", auth_method="client_secret_jwt", client_secret=SECRET).get().access_token


def test_its_metadata_becomes_a_spec_by_which_a_key_gets_a_token(server: str, tmp_path: Path) -> None:
    proposal = propose(f"{server}/.well-known/openid-configuration")
    spec = tmp_path / "mine.yaml"
    spec.write_text(proposal.text, "utf-8")
    methods = yaml.safe_load(proposal.text)["x-token-endpoint"]["client_authentication"]
    assert {"private_key_jwt", "client_secret_jwt", "tls_client_auth"} <= {each["method"] for each in methods}
    assert any("DPoP" in each for each in proposal.decisions)
    for dpop in (False, True):
        provider = SpecProvider(
            spec,
            client_id="PS256",
            auth_method="private_key_jwt",
            private_key=SigningKey(pem("PS256"), key_id="kid-PS256-0", algorithm="PS256"),
            base_url=server,
            dpop=dpop,
        )
        assert TokenSource(provider).get().token_type == ("DPoP" if dpop else "Bearer")


def test_an_unknown_key_is_refused(server: str) -> None:
    source = source_of(server, "ES256", auth_method="private_key_jwt", private_key=key("ES256", 5))
    with pytest.raises(InvalidClient):
        source.get()


@pytest.mark.parametrize("seconds", [-30, 30])
def test_a_wrong_clock_of_ours_is_corrected_by_the_servers_date(
    server: str, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    real, wall = time.time, _clock.wall
    monkeypatch.setattr(credentials, "unix_time", lambda: real() + seconds)
    monkeypatch.setattr(_clock, "wall", lambda: wall() + timedelta(seconds=seconds))
    monkeypatch.setattr(credentials, "_skews", {})
    source = source_of(server, "ES256", auth_method="private_key_jwt", private_key=key("ES256"))
    assert source.get().access_token


def test_the_earlier_key_is_tried_while_the_provider_does_not_know_the_new_one(server: str) -> None:
    keys = [key("ES256", 1)]
    source = source_of(server, "rotating", auth_method="private_key_jwt", private_key=lambda: keys[0])
    source.invalidate(source.get())
    keys[0] = key("ES256", 2)  # the provider does not know it yet
    assert source.get().access_token


def test_a_rotated_key_is_read_when_the_old_one_is_refused(server: str) -> None:
    keys = [key("ES256", 7), key("ES256", 1)]
    reads: list[int] = []

    def read() -> SigningKey:
        reads.append(1)
        return keys[0] if len(reads) == 1 else keys[1]

    assert source_of(server, "rotating", auth_method="private_key_jwt", private_key=read).get().access_token


# DPoP

Call = Callable[[TokenSource[Any], str, str], tuple[int, str]]


def by_httpx(source: TokenSource[Any], method: str, url: str) -> tuple[int, str]:
    with httpx.Client(auth=TokenAuth(source)) as api:
        response = api.request(method, url, content=b"body" if method == "POST" else None)
    return response.status_code, response.text


def by_httpx_async(source: TokenSource[Any], method: str, url: str) -> tuple[int, str]:
    async def call() -> tuple[int, str]:
        async with httpx.AsyncClient(auth=TokenAuth(source)) as api:
            response = await api.request(method, url, content=b"body" if method == "POST" else None)
        return response.status_code, response.text

    return asyncio.run(call())


def by_httpx2(source: TokenSource[Any], method: str, url: str) -> tuple[int, str]:
    with httpx2.Client(auth=for_httpx2.TokenAuth(source)) as api:
        response = api.request(method, url, content=b"body" if method == "POST" else None)
    return response.status_code, response.text


def by_requests(source: TokenSource[Any], method: str, url: str) -> tuple[int, str]:
    with requests.Session() as api:
        api.auth = for_requests.TokenAuth(source)
        response = api.request(method, url, data=b"body" if method == "POST" else None)
    return response.status_code, response.text


def by_aiohttp(source: TokenSource[Any], method: str, url: str) -> tuple[int, str]:
    async def call() -> tuple[int, str]:
        body = b"body" if method == "POST" else None
        session = aiohttp.ClientSession(middlewares=(for_aiohttp.TokenAuth(source),))
        async with session as api, api.request(method, url, data=body) as response:
            return response.status, await response.text()

    return asyncio.run(call())


CALLS: Mapping[str, Call] = {
    "httpx": by_httpx,
    "httpx async": by_httpx_async,
    "httpx2": by_httpx2,
    "requests": by_requests,
    "aiohttp": by_aiohttp,
}


@pytest.fixture(params=CALLS)
def call(request: pytest.FixtureRequest) -> Call:
    return CALLS[request.param]


def test_each_client_proves_its_key(server: str, call: Call) -> None:
    source = source_of(server, "bound", client_secret=SECRET, dpop=True)
    assert source.get().token_type == "DPoP"
    before = counts(server)
    for method, path in (("GET", "/api/a?x=1"), ("POST", "/api/b"), ("GET", "/api/a?x=1")):
        status, text = call(source, method, server + path)
        assert (status, f'"method":"{method}"' in text) == (200, True), text
    after = counts(server)
    assert (after["api"] - before["api"], after["token"] - before["token"]) == (3, 0)


def test_each_client_meets_the_demand_for_a_nonce(changing_server: str, call: Call) -> None:
    source = source_of(changing_server, "bound", client_secret=SECRET, dpop=key("ES256", 3))
    source.get()
    before = counts(changing_server)
    ends = time.monotonic() + 2.5  # the nonce changes once at least
    calls = 0
    while time.monotonic() < ends:
        status, text = call(source, "POST", f"{changing_server}/api/b")
        assert status == 200, text
        assert '"body":"body"' in text
        calls += 1
    after = counts(changing_server)
    assert after["token"] == before["token"]  # no token was taken for a dead one
    demands = after["nonce"] - before["nonce"]
    assert 1 <= demands <= 3
    assert after["api"] - before["api"] == calls + demands


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm_proves_a_key(strict_server: str, algorithm: Any) -> None:
    source = source_of(strict_server, "bound", client_secret=SECRET, dpop=key(algorithm, 4))
    assert by_httpx(source, "GET", f"{strict_server}/api/a")[0] == 200


def test_a_key_and_proofs_go_together_as_fapi_2_demands(strict_server: str) -> None:
    source = source_of(
        strict_server,
        "fapi",
        auth_method="private_key_jwt",
        private_key=key("PS256"),
        assertion_audience=strict_server,
        dpop=key("ES256", 6),
    )
    assert by_httpx(source, "GET", f"{strict_server}/api/a")[0] == 200


def test_a_body_that_can_be_sent_once_is_not_repeated(strict_server: str) -> None:
    source = source_of(strict_server, "bound", client_secret=SECRET, dpop=key("ES256", 8))
    source.get()

    def body() -> Generator[bytes]:
        yield b"once"

    with httpx.Client(auth=TokenAuth(source)) as api:
        response = api.post(f"{strict_server}/api/b", content=body())
        assert response.status_code == 401
        assert "use_dpop_nonce" in response.headers["WWW-Authenticate"]
        assert api.post(f"{strict_server}/api/b", content=body()).status_code == 200  # the nonce is known now


def test_who_builds_requests_gets_proofs_too(server: str) -> None:
    source = source_of(server, "bound", client_secret=SECRET, dpop=True)
    token = source.get()
    proof = source.dpop_proof(token, "GET", f"{server}/api/x?y=1")
    headers = {"Authorization": token.authorization, "DPoP": proof}
    assert httpx.get(f"{server}/api/x?y=1", headers=headers).status_code == 200
    refused = httpx.get(f"{server}/api/x?y=1", headers=headers)
    assert (refused.status_code, refused.json()["error_description"]) == (401, "a second use of jti")


def test_a_revoked_token_is_replaced(server: str) -> None:
    source = source_of(server, "bound", client_secret=SECRET, dpop=True)
    old = source.get()
    form = {"token": old.access_token}
    httpx.post(f"{server}/token/revocation", data=form, auth=("bound", SECRET)).raise_for_status()
    assert by_httpx(source, "GET", f"{server}/api/a")[0] == 200
    assert source.get().access_token != old.access_token


def test_sixty_four_cold_threads_get_one_token_and_one_challenge(strict_server: str) -> None:
    source = source_of(strict_server, "bound", client_secret=SECRET, dpop=key("ES256", 9))
    before = counts(strict_server)
    ready = threading.Barrier(64)

    def get(_: int) -> str:
        ready.wait()
        return source.get().access_token

    with ThreadPoolExecutor(64) as pool:
        assert len({*pool.map(get, range(64))}) == 1
    after = counts(strict_server)
    assert (after["token"] - before["token"], after["granted"] - before["granted"]) == (2, 1)


_PROCESS = """
import json, sys
from paygrant import ClientCredentials, FileStore, SigningKey, TokenSource

task = json.load(sys.stdin)
provider = ClientCredentials(
    client_id="bound", client_secret=task["secret"], token_url=task["url"], dpop=SigningKey(task["key"])
)
print(TokenSource(provider, store=FileStore(task["folder"])).get().access_token)
"""


def test_eight_processes_with_one_key_and_one_store_get_one_token(strict_server: str, tmp_path: Path) -> None:
    task = {
        "secret": SECRET,
        "url": f"{strict_server}/token",
        "key": pem("ES256", 13),
        "folder": str(tmp_path / "tokens"),
    }
    before = counts(strict_server)
    processes = [
        subprocess.Popen([sys.executable, "-c", _PROCESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    for each in processes:
        assert each.stdin
        each.stdin.write(json.dumps(task))
        each.stdin.close()
    tokens = set[str]()
    for each in processes:
        assert each.stdout
        tokens.add(each.stdout.read())
        each.stdout.close()
    assert [each.wait() for each in processes] == [0] * 8
    assert len(tokens) == 1
    assert tokens != {""}
    after = counts(strict_server)
    assert after["token"] - before["token"] <= 2  # one challenge at most


def test_a_thousand_tasks_get_one_token(strict_server: str) -> None:
    source = source_of(strict_server, "bound", client_secret=SECRET, dpop=key("ES256", 10))
    before = counts(strict_server)

    async def all_of_them() -> set[str]:
        return {each.access_token for each in await asyncio.gather(*(source.aget() for _ in range(1000)))}

    assert len(asyncio.run(all_of_them())) == 1
    assert counts(strict_server)["granted"] - before["granted"] == 1


def test_tokens_of_a_key_of_this_process_stay_in_it(server: str, tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    source_of(server, "bound", client_secret=SECRET, dpop=True, store=store).get()
    assert not [each for each in tmp_path.rglob("*") if each.is_file()]
    first = source_of(server, "bound", client_secret=SECRET, dpop=key("ES256", 11), store=store).get()
    again = source_of(
        server, "bound", client_secret=SECRET, dpop=key("ES256", 11), store=store, policy=RefreshPolicy(refusal_pause=1)
    )
    assert again.get().access_token == first.access_token  # another cache, the same store and key
    other = source_of(server, "bound", client_secret=SECRET, dpop=key("ES256", 12), store=store)
    assert other.get().access_token != first.access_token


# Certificates


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    folder = tmp_path_factory.mktemp("tls")
    trust = folder / "authority.pem"
    trust.write_text(authority().certificate, "utf-8")
    certificate, private_key = authority().issue("localhost")
    clients = [
        {
            **PLAIN,
            "client_id": "mtls",
            "token_endpoint_auth_method": "tls_client_auth",
            "tls_client_auth_subject_dn": "CN=client",
            "tls_client_certificate_bound_access_tokens": True,
        },
        with_secret("both", "client_secret_basic", tls_client_certificate_bound_access_tokens=True),
        with_key("ES256", key("ES256")),
    ]
    patch = pytest.MonkeyPatch()
    patch.setenv("SSL_CERT_FILE", str(trust))
    with contextlib.ExitStack() as stack:
        stack.callback(patch.undo)
        from paygrant._request import transport

        transport.tls_context.cache_clear()
        stack.callback(transport.tls_context.cache_clear)
        options: dict[str, Any] = {"certificate": certificate, "key": private_key, "authority": authority().certificate}
        yield stack.enter_context(oidc_provider(clients=clients, **options))


def certificate_in(folder: Path) -> ClientCertificate:
    return ClientCertificate(*write_pair(folder, authority().issue("client")))


def test_a_certificate_authenticates_a_client_and_its_api_calls(tls_server: str, tmp_path: Path) -> None:
    certificate = certificate_in(tmp_path)
    source = source_of(tls_server, "mtls", auth_method="tls_client_auth", certificate=certificate)
    with httpx.Client(auth=TokenAuth(source), verify=certificate.ssl_context()) as api:
        assert api.get(f"{tls_server}/api/a").json()["client"] == "mtls"
    with httpx.Client(auth=TokenAuth(source)) as api:  # shows no certificate
        assert api.get(f"{tls_server}/api/a").status_code == 401


def test_a_certificate_goes_beside_a_secret(tls_server: str, tmp_path: Path) -> None:
    certificate = certificate_in(tmp_path)
    source = source_of(tls_server, "both", client_secret=SECRET, certificate=certificate)
    with httpx.Client(auth=TokenAuth(source), verify=certificate.ssl_context()) as api:
        assert api.get(f"{tls_server}/api/a").json()["client"] == "both"


def test_a_rotated_certificate_gets_a_token_of_its_own(tls_server: str, tmp_path: Path) -> None:
    certificate = certificate_in(tmp_path)
    store = FileStore(tmp_path / "store")
    source = source_of(tls_server, "both", client_secret=SECRET, certificate=certificate, store=store)
    first = source.get()
    write_pair(tmp_path, authority().issue("client"))
    source.invalidate(first)
    second = source.get()
    assert second.access_token != first.access_token
    with httpx.Client(auth=TokenAuth(source), verify=certificate.ssl_context()) as api:
        assert api.get(f"{tls_server}/api/a").status_code == 200


def test_keys_work_over_tls(tls_server: str) -> None:
    source = source_of(tls_server, "ES256", auth_method="private_key_jwt", private_key=key("ES256"))
    assert source.get().access_token
