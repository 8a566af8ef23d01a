"""The sandbox and DPoP (RFC 9449): what it accepts, what it refuses, and our own clients. PyJWT makes the proofs."""

import asyncio
import hashlib
import json
import logging
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import jwt
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paygrant import (
    InvalidClient,
    MemoryStore,
    RefreshPolicy,
    SigningKey,
    SpecProvider,
    TokenAuth,
    TokenRequestRejected,
    TokenSource,
)
from paygrant._cache import registry
from paygrant._request.credentials import prover_for
from paygrant.adapters import aiohttp as for_aiohttp
from paygrant.adapters import requests as for_requests
from paygrant.sandbox import ProviderHandle, Sandbox
from paygrant.sandbox._dpop import ChangingNonces
from tests.helpers.banks import NO_TLS, SHORT_JWK, b64, bank, key_of, proof, public_jwk
from tests.helpers.clock import NOW
from tests.helpers.keys import pem

ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
BASIC = ("sandbox-client", "sandbox-secret")
METHODS = "    - {method: client_secret_basic}\n    - {method: private_key_jwt}\n"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(specs=[bank(tmp_path_factory.mktemp("specs"), METHODS)], clock=lambda: NOW) as sandbox:
        yield sandbox


@pytest.fixture
def endpoint(running: Sandbox) -> Iterator[ProviderHandle]:
    yield running.bank
    running.reset()


def token_url(endpoint: ProviderHandle) -> str:
    return f"{endpoint.base_url}/oauth/token"


def ask(endpoint: ProviderHandle, *proofs: str) -> httpx.Response:
    form = {"grant_type": "client_credentials"}
    headers = [("DPoP", each) for each in proofs]
    with httpx.Client(auth=BASIC, trust_env=False, verify=NO_TLS) as client:
        return client.post(token_url(endpoint), data=form, headers=headers)


def bound_token(endpoint: ProviderHandle, algorithm: str = "ES256") -> str:
    response = ask(endpoint, proof(NOW, "POST", token_url(endpoint), algorithm=algorithm))
    assert response.json()["token_type"] == "DPoP"
    return str(response.json()["access_token"])


def call(endpoint: ProviderHandle, authorization: str, *proofs: str, path: str = "/resource?a=b") -> httpx.Response:
    headers = [("Authorization", authorization), *(("DPoP", each) for each in proofs)]
    with httpx.Client(trust_env=False, verify=NO_TLS) as client:
        return client.get(f"{endpoint.base_url}{path}", headers=headers)


def resource(endpoint: ProviderHandle) -> str:
    return f"{endpoint.base_url}/resource"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_is_bound_to_the_key_of_its_proof(endpoint: ProviderHandle, algorithm: str) -> None:
    token = bound_token(endpoint, algorithm)
    members = public_jwk(algorithm)
    kept = {name: members[name] for name in ("crv", "e", "kty", "n", "x", "y") if name in members}
    wanted = b64(hashlib.sha256(json.dumps(kept, separators=(",", ":"), sort_keys=True).encode()).digest())
    assert endpoint.tokens[0].binding == {"jkt": wanted}
    right = proof(NOW, "GET", resource(endpoint), token, algorithm=algorithm)
    assert call(endpoint, f"DPoP {token}", right).status_code == 200


def test_without_a_proof_a_token_is_bound_to_nothing(endpoint: ProviderHandle) -> None:
    response = ask(endpoint)
    assert (response.json()["token_type"], endpoint.tokens[0].binding) == ("Bearer", {})


def test_a_token_that_is_a_jwt_states_its_key(tmp_path: Path) -> None:
    path = bank(tmp_path, METHODS + "  response: {access_token: [/token], lifetime: [{at: /token, unit: jwt_exp}]}\n")
    with Sandbox(specs=[path], clock=lambda: NOW) as sandbox:
        response = ask(sandbox.bank, proof(NOW, "POST", token_url(sandbox.bank)))
        claims = jwt.decode(response.json()["token"], options={"verify_signature": False})
        assert claims["cnf"] == sandbox.bank.tokens[0].binding


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "type": ({"header": {"typ": "JWT"}}, "typ: is another type"),
    "no algorithm": ({"algorithm": "none", "key": ""}, "alg: is another algorithm"),
    "symmetric": ({"algorithm": "HS256", "key": b"k" * 32}, "alg: is another algorithm"),
    "no key": ({"header": {"jwk": None}}, "jwk: is missing"),
    "private key": ({"header": {"jwk": {**public_jwk("ES256"), "d": "eA"}}}, "jwk: is a private key"),
    "damaged key": ({"header": {"jwk": {"kty": "EC", "crv": "P-256", "x": "eA", "y": "eA"}}}, "jwk: does not fit"),
    "key of another kind": ({"header": {"jwk": public_jwk("EdDSA")}}, "jwk: does not fit"),
    "key of another curve": ({"header": {"jwk": public_jwk("ES384")}}, "the signature is wrong|jwk: does not fit"),
    "short key": ({"algorithm": "RS256", "header": {"jwk": SHORT_JWK}}, "jwk: is too short"),
    "no mapping": ({"header": {"jwk": [1]}}, "jwk: is missing"),
    "other key": ({"key": key_of("ES256", 1)}, "the signature is wrong"),
    "method": ({"htm": "GET"}, "htm: is another method"),
    "method in lower case": ({"htm": "post"}, "htm: is another method"),
    "no method": ({"htm": None}, "htm: is another method"),
    "other host": ({"htu": "http://bank.example/oauth/token"}, "htu: is another URL"),
    "other path": ({"htu": "/resource"}, "htu: is another URL"),
    "no URL": ({"htu": None}, "htu: is another URL"),
    "bad URL": ({"htu": "http://[::1"}, "htu: is another URL"),
    "bad port": ({"htu": "http://127.0.0.1:99999/"}, "htu: is another URL"),
    "URL that is a number": ({"htu": 7}, "htu: is another URL"),
    "old": ({"iat": NOW - 120}, "iat: is too old"),
    "future": ({"iat": NOW + 30}, "iat: is in the future"),
    "no time": ({"iat": None}, "iat: is missing"),
    "no id": ({"jti": None}, "jti: is missing"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_proof_is_refused_with_its_reason(
    endpoint: ProviderHandle, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "paygrant.sandbox")
    changes, reason = WRONG[name]
    wrong = proof(NOW, "POST", token_url(endpoint), **changes)
    response = ask(endpoint, wrong)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_dpop_proof")
    assert re.match(reason, response.json()["error_description"])
    assert re.match(reason, endpoint.requests[-1].reason)
    shown = repr(endpoint.requests) + caplog.text + response.text
    assert wrong not in shown
    assert wrong.split(".")[1] not in shown
    assert not endpoint.tokens


@pytest.mark.parametrize("text", ["a", "a.b.c", "x" * 5000, "e30.e30.e30"])
def test_what_is_no_proof_is_refused(endpoint: ProviderHandle, text: str) -> None:
    assert ask(endpoint, text).json()["error"] == "invalid_dpop_proof"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
)
MEMBERS = st.sampled_from(["kty", "crv", "x", "y", "n", "e", "kid", "use"])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from(["htm", "htu", "iat", "jti", "nonce", "ath"]), JSON),
    JSON | st.dictionaries(MEMBERS, JSON | st.sampled_from(["EC", "RSA", "OKP", "P-256", "Ed25519", "AQAB"])),
)
def test_no_proof_can_make_the_sandbox_fail(endpoint: ProviderHandle, claims: dict[str, Any], jwk: Any) -> None:
    for header in ({}, {"jwk": jwk}):
        response = ask(endpoint, proof(NOW, "POST", token_url(endpoint), header=header, **claims))
        assert response.status_code in {200, 400}


def test_two_proofs_are_refused(endpoint: ProviderHandle) -> None:
    url = token_url(endpoint)
    response = ask(endpoint, proof(NOW, "POST", url), proof(NOW, "POST", url))
    assert response.json()["error_description"] == "DPoP: there is more than one; expected one header with a proof"


def test_a_replayed_proof_is_refused(endpoint: ProviderHandle) -> None:
    once = proof(NOW, "POST", token_url(endpoint))
    assert [ask(endpoint, once).status_code for _ in range(2)] == [200, 400]
    assert endpoint.requests[-1].reason == "jti: was used before; expected a new id"


@pytest.mark.parametrize(("old", "new"), [("token", "token?a=b#c"), ("http:", "HTTP:")])
def test_query_fragment_and_case_of_the_scheme_do_not_count(endpoint: ProviderHandle, old: str, new: str) -> None:
    assert ask(endpoint, proof(NOW, "POST", token_url(endpoint).replace(old, new))).status_code == 200


def test_wrong_credentials_are_refused_before_the_proof_is_looked_at(endpoint: ProviderHandle) -> None:
    once = proof(NOW, "POST", token_url(endpoint))
    form = {"grant_type": "client_credentials"}
    response = httpx.post(
        token_url(endpoint), data=form, auth=("sandbox-client", "wrong"), headers={"DPoP": once}, trust_env=False
    )
    assert response.json()["error"] == "invalid_client"


# Calls of the API


def test_a_bound_token_as_bearer_is_refused(endpoint: ProviderHandle) -> None:
    token = bound_token(endpoint)
    for proofs in ((), (proof(NOW, "GET", resource(endpoint), token),)):
        response = call(endpoint, f"Bearer {token}", *proofs)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"].startswith('DPoP error="invalid_token", algs="RS256 PS256 ES256')
    assert endpoint.requests[-1].reason == "the token is bound to a key; expected the scheme DPoP"


def test_a_token_without_a_key_as_dpop_is_refused(endpoint: ProviderHandle) -> None:
    token = ask(endpoint).json()["access_token"]
    response = call(endpoint, f"DPoP {token}", proof(NOW, "GET", resource(endpoint), token))
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith('DPoP error="invalid_token"')


def test_an_unknown_token_with_a_proof_is_refused(endpoint: ProviderHandle) -> None:
    response = call(endpoint, "DPoP unknown", proof(NOW, "GET", resource(endpoint), "unknown"))
    assert (response.status_code, response.headers["WWW-Authenticate"][:26]) == (401, 'DPoP error="invalid_token"')


@pytest.mark.parametrize(
    ("changes", "code", "reason"),
    [
        (None, "invalid_dpop_proof", "DPoP: there is none"),
        ({"token": None}, "invalid_dpop_proof", "ath: is missing"),
        ({"token": "another"}, "invalid_dpop_proof", "ath: is another hash"),
        ({"method": "POST"}, "invalid_dpop_proof", "htm: is another method"),
        ({"iat": NOW - 120}, "invalid_dpop_proof", "iat: is too old"),
        ({"key": key_of("ES256", 2), "header": {"jwk": public_jwk("ES256", 2)}}, "invalid_token", "the proof is by"),
    ],
)
def test_a_call_with_a_wrong_proof_is_refused(
    endpoint: ProviderHandle, changes: dict[str, Any] | None, code: str, reason: str
) -> None:
    token = bound_token(endpoint)
    proofs = []
    if changes is not None:
        given: dict[str, Any] = {"method": "GET", "url": resource(endpoint), "token": token, **changes}
        proofs = [proof(NOW, **given)]
    response = call(endpoint, f"DPoP {token}", *proofs)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith(f'DPoP error="{code}"')
    assert endpoint.requests[-1].reason.startswith(reason)
    assert token not in repr(endpoint.requests)


def test_a_dead_token_with_a_proof_has_the_status_of_the_spec(tmp_path: Path) -> None:
    path = bank(tmp_path, METHODS + "  token_use: {header: Authorization, prefix: Bearer, rejected_statuses: [403]}\n")
    with Sandbox(specs=[path]) as sandbox:
        url = f"{sandbox.bank.base_url}/resource"
        source = source_of(sandbox.bank, tmp_path)
        assert by_httpx(source, url) == [200, 200]
        sandbox.bank.revoke()
        assert by_httpx(source, url) == [200, 200]
        assert [each.status for each in sandbox.bank.requests] == [200, 200, 200, 403, 200, 200, 200]
        headers = {"Authorization": f"DPoP {source.get().access_token}"}
        assert httpx.get(url, headers=headers, trust_env=False, verify=NO_TLS).status_code == 401


def test_a_proof_counts_for_one_call(endpoint: ProviderHandle) -> None:
    token = bound_token(endpoint)
    once = proof(NOW, "GET", resource(endpoint), token)
    assert [call(endpoint, f"DPoP {token}", once).status_code for _ in range(2)] == [200, 401]


def test_an_id_counts_for_one_proof_of_a_key(endpoint: ProviderHandle) -> None:
    token = bound_token(endpoint)
    two = [proof(NOW + number, "GET", resource(endpoint), token, jti="the same") for number in (0, 1)]
    assert [call(endpoint, f"DPoP {token}", each).status_code for each in two] == [200, 401]


# Nonces


def test_a_proof_without_the_nonce_is_challenged_at_both_endpoints(endpoint: ProviderHandle) -> None:
    endpoint.nonce()
    endpoint.nonce(on="resource")
    url = token_url(endpoint)
    first = ask(endpoint, proof(NOW, "POST", url))
    assert (first.status_code, first.json()["error"]) == (400, "use_dpop_nonce")
    second = ask(endpoint, proof(NOW, "POST", url, nonce=first.headers["DPoP-Nonce"]))
    assert (second.status_code, second.headers["DPoP-Nonce"]) == (200, first.headers["DPoP-Nonce"])
    token = second.json()["access_token"]
    third = call(endpoint, f"DPoP {token}", proof(NOW, "GET", resource(endpoint), token, nonce="another"))
    assert (third.status_code, third.headers["WWW-Authenticate"][:27]) == (401, 'DPoP error="use_dpop_nonce"')
    assert third.headers["DPoP-Nonce"] != first.headers["DPoP-Nonce"]
    right = proof(NOW, "GET", resource(endpoint), token, nonce=third.headers["DPoP-Nonce"])
    assert call(endpoint, f"DPoP {token}", right).status_code == 200


@pytest.mark.parametrize("nonce", [None, 7, ["a"], {}, True])
def test_a_nonce_of_another_type_is_challenged(endpoint: ProviderHandle, nonce: Any) -> None:
    endpoint.nonce()
    response = ask(endpoint, proof(NOW, "POST", token_url(endpoint), nonce=nonce))
    assert response.json()["error"] == "use_dpop_nonce"


def test_nonces_change_after_a_number_of_requests() -> None:
    nonces = ChangingNonces(requests=2)
    first = nonces.latest(0)
    assert [nonces.accepts(first, 0) for _ in range(2)] == [True, True]
    second = nonces.latest(0)
    assert second != first
    assert [nonces.accepts(each, 0) for each in (first, second)] == [True, True]  # the one before counts, too
    assert nonces.latest(0) != second
    assert not nonces.accepts(first, 0)


def test_nonces_change_after_a_time() -> None:
    nonces = ChangingNonces(seconds=10)
    first = nonces.latest(0)
    assert nonces.accepts(first, 9)
    assert nonces.latest(10) != first
    assert nonces.accepts(first, 19)
    assert not nonces.accepts(first, 20)
    second = nonces.latest(20)
    assert not nonces.accepts(second, 60)  # as old as two changes


def test_without_a_proof_no_nonce_is_needed(endpoint: ProviderHandle) -> None:
    endpoint.nonce()
    response = ask(endpoint)
    assert (response.status_code, "DPoP-Nonce" in response.headers) == (200, True)


# With our own clients


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(specs=[bank(tmp_path, METHODS)]) as sandbox:
        yield sandbox
    registry.forget_all()


def source_of(endpoint: ProviderHandle, folder: Path, method: str | None = None, **more: Any) -> TokenSource[Any]:
    given: dict[str, Any] = {**endpoint.arguments_for(method), "dpop": True, **more}
    provider = SpecProvider(folder / "bank.yaml", **given)
    return TokenSource(provider, store=MemoryStore(), policy=RefreshPolicy(max_attempts=1, refusal_pause=0))


def by_httpx(source: TokenSource[Any], url: str) -> list[int]:
    with httpx.Client(auth=TokenAuth(source), trust_env=False, verify=NO_TLS) as api:
        return [api.get(url).status_code, api.post(url, json={}).status_code]


def by_async_httpx(source: TokenSource[Any], url: str) -> list[int]:
    async def run() -> list[int]:
        async with httpx.AsyncClient(auth=TokenAuth(source), trust_env=False, verify=NO_TLS) as api:
            return [(await api.get(url)).status_code, (await api.post(url, json={})).status_code]

    return asyncio.run(run())


def by_requests(source: TokenSource[Any], url: str) -> list[int]:
    with requests.Session() as api:
        api.trust_env = False
        api.auth = for_requests.TokenAuth(source)
        return [api.get(url).status_code, api.post(url, json={}).status_code]


def by_aiohttp(source: TokenSource[Any], url: str) -> list[int]:
    async def run() -> list[int]:
        async with aiohttp.ClientSession(middlewares=[for_aiohttp.TokenAuth(source)]) as api:
            statuses: list[int] = []
            for method in ("GET", "POST"):
                async with api.request(method, url, json=None if method == "GET" else {}) as response:
                    statuses.append(response.status)
            return statuses

    return asyncio.run(run())


@pytest.mark.parametrize("by", [by_httpx, by_async_httpx, by_requests, by_aiohttp])
@pytest.mark.parametrize("method", ["client_secret_basic", "private_key_jwt"])
def test_each_client_sends_proofs_with_nonces(
    live: Sandbox, tmp_path: Path, by: Callable[[TokenSource[Any], str], list[int]], method: str
) -> None:
    live.bank.nonce(requests=1)
    live.bank.nonce(requests=1, on="resource")
    source = source_of(live.bank, tmp_path, method)
    assert by(source, f"{live.bank.base_url}/v1/payments?page=2") == [200, 200]
    assert (live.bank.token_requests, live.bank.api_calls) == (2, 3)
    statuses = [each.status for each in live.bank.requests]
    assert statuses == [400, 200, 401, 200, 200]
    live.bank.revoke()
    assert by(source, f"{live.bank.base_url}/v1/payments") == [200, 200]


@pytest.mark.parametrize("seconds", [-300.0, 300.0])
def test_a_skewed_clock_is_corrected_for_proofs(live: Sandbox, tmp_path: Path, seconds: float) -> None:
    live.bank.clock_skew(seconds)
    live.bank.clock_skew(seconds, on="resource")
    assert by_httpx(source_of(live.bank, tmp_path), f"{live.bank.base_url}/resource") == [200, 200]
    assert [each.status for each in live.bank.requests] == [400, 200, 200, 200]
    assert re.match("iat: is (too old|in the future)", live.bank.requests[0].reason)


def test_reused_ids_of_proofs_are_refused(live: Sandbox, tmp_path: Path) -> None:
    source = source_of(live.bank, tmp_path)
    with live.bank.reject_jti(), pytest.raises(TokenRequestRejected, match="jti: was used before"):
        source.get()
    live.bank.reject_jti(on="resource")
    assert by_httpx(source, f"{live.bank.base_url}/resource")[0] == 401
    assert live.bank.requests[-1].reason.startswith("jti: was used before")


def test_a_refused_call_gets_a_new_token_once(live: Sandbox, tmp_path: Path) -> None:
    live.bank.refuse(on="resource", times=1)
    source = source_of(live.bank, tmp_path)
    assert by_httpx(source, f"{live.bank.base_url}/resource") == [200, 200]
    assert live.bank.token_requests == 2


def test_a_refused_client_is_reported_as_such(live: Sandbox, tmp_path: Path) -> None:
    live.bank.refuse()
    with pytest.raises(InvalidClient):
        source_of(live.bank, tmp_path).get()


def test_a_herd_with_nonces_gets_one_token_by_one_challenge(live: Sandbox, tmp_path: Path) -> None:
    live.bank.nonce()
    source = source_of(live.bank, tmp_path)
    gate = threading.Barrier(64)

    def get() -> str:
        gate.wait()
        return source.get().access_token

    with ThreadPoolExecutor(64) as pool:
        tokens = {each.result() for each in [pool.submit(get) for _ in range(64)]}
    assert (len(tokens), [each.status for each in live.bank.requests]) == (1, [400, 200])


def test_a_herd_of_tasks_gets_one_token_by_one_challenge(live: Sandbox, tmp_path: Path) -> None:
    live.bank.nonce()
    source = source_of(live.bank, tmp_path, "private_key_jwt")

    async def run() -> set[str]:
        return {each.access_token for each in await asyncio.gather(*[source.aget() for _ in range(1000)])}

    assert (len(asyncio.run(run())), [each.status for each in live.bank.requests]) == (1, [400, 200])


def test_the_url_of_a_path_with_other_characters_counts_as_it_was_sent(live: Sandbox, tmp_path: Path) -> None:
    source = source_of(live.bank, tmp_path)
    assert by_httpx(source, f"{live.bank.base_url}/v1/a%20b/é/c%2Fd") == [200, 200]


def test_our_own_proofs_are_made_once_for_each_call(live: Sandbox, tmp_path: Path) -> None:
    source = source_of(live.bank, tmp_path)
    token = source.get()
    url = f"{live.bank.base_url}/resource"
    made = source.dpop_proof(token, "GET", url)
    assert call(live.bank, token.authorization, made).status_code == 200
    assert call(live.bank, token.authorization, made).status_code == 401


def test_nothing_that_the_sandbox_shows_has_a_proof_or_a_token(
    live: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "paygrant")
    live.bank.nonce(on="resource")
    source = source_of(live.bank, tmp_path, "private_key_jwt")
    by_httpx(source, f"{live.bank.base_url}/resource")
    by_httpx(source, f"{live.bank.base_url}/{source.get().access_token}")
    state = httpx.get(f"{live.url}/control", trust_env=False, verify=NO_TLS).text
    shown = repr((live.bank.requests, live.bank.tokens, live.bank.faults)) + caplog.text + state
    assert "eyJ" not in shown
    assert source.get().access_token not in shown
    assert '"authorization": "DPoP ' in state


def test_a_key_of_ones_own_works_as_well(live: Sandbox, tmp_path: Path) -> None:
    key = SigningKey(pem("EdDSA"))
    source = source_of(live.bank, tmp_path, dpop=key)
    assert by_httpx(source, f"{live.bank.base_url}/resource") == [200, 200]
    assert live.bank.tokens[0].binding == {"jkt": key.thumbprint}
    assert prover_for(key, live.url).thumbprint == key.thumbprint
