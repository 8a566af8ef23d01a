"""DPoP proofs on the calls of every client: what they name, when they are made again, and what an error shows."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import jwt
import pytest
import requests

from paygrant import ClientCredentials, MemoryStore, RefreshPolicy, Signer, SigningKey, TokenSource
from paygrant._request.signing_key import thumbprint
from paygrant.adapters import requests as for_requests
from tests.helpers.apis import Api
from tests.helpers.clients import CLIENTS, ApiClient
from tests.helpers.exposure import searched_refusal
from tests.helpers.keys import pem
from tests.helpers.secrets import TOKEN
from tests.helpers.servers import Reply, Seen, Server, granted, serve


@pytest.fixture(params=CLIENTS.values(), ids=[*CLIENTS])
def client(request: pytest.FixtureRequest) -> ApiClient:
    client: ApiClient = request.param
    return client


def bound_source(server: Server, key: Signer | None = None, token: str = "token-1") -> TokenSource:
    """A source of tokens that are bound to a key."""
    server.reply = granted(token, token_type="DPoP")
    provider = ClientCredentials(
        client_id="a", client_secret="b", token_url=f"{server.base_url}/t", dpop=key or SigningKey(pem("ES256"))
    )
    return TokenSource(provider, store=MemoryStore())


def claims(seen: Seen) -> dict[str, Any]:
    read: dict[str, Any] = jwt.decode(seen.headers["DPoP"], options={"verify_signature": False})
    return read


class Strict:
    """An API that checks each proof as RFC 9449 section 4.3 says."""

    def __init__(self, api: Api) -> None:
        self.server = api.server
        self.server.reply = self.respond
        self.redirects: dict[str, Reply] = {}
        self._used = set[str]()

    def respond(self, seen: Seen) -> Reply:
        proof = claims(seen)
        target = f"{self.server.base_url}{seen.path.partition('?')[0]}"
        if (proof["htm"], proof["htu"]) != (seen.method, target) or proof["jti"] in self._used:
            return Reply({}, 401, {"WWW-Authenticate": 'DPoP error="invalid_dpop_proof"'})
        self._used.add(proof["jti"])
        return self.redirects.pop(seen.path, Reply({}))


@pytest.fixture
def strict(api: Api) -> Strict:
    return Strict(api)


@pytest.mark.parametrize("tail", ["", "?a=1", "/", "/a/../b", "/%7Eb/%2F", "/é ü", "/a?b#c", "/a;b=1"])
def test_a_proof_names_the_address_that_the_api_sees(
    client: ApiClient, strict: Strict, server: Server, tail: str
) -> None:
    auth = client.auth(bound_source(server))
    assert client.call(auth, f"{strict.server.base_url}{tail}", "post").status == 200
    assert len(strict.server.seen) == 1


def test_a_proof_does_not_name_the_user_of_an_address(client: ApiClient, strict: Strict, server: Server) -> None:
    url = strict.server.base_url.replace("//", "//user:word@")
    client.call(client.auth(bound_source(server)), f"{url}/a")
    assert claims(strict.server.seen[0])["htu"] == f"{strict.server.base_url}/a"


@pytest.mark.parametrize(
    ("method", "path", "status", "location"),
    [("POST", "/a", 303, "/a"), ("GET", "/a", 302, "/a"), ("GET", "/a?x=1", 307, "/a?x=2"), ("GET", "/a", 308, "/b")],
)
def test_a_redirect_within_an_origin_costs_a_proof_and_no_token(  # noqa: PLR0913, PLR0917 - a redirect, and who follows
    client: ApiClient, strict: Strict, server: Server, method: str, path: str, status: int, location: str
) -> None:
    strict.redirects[path] = Reply({}, status, {"Location": location})
    auth = client.auth(bound_source(server))
    assert client.call(auth, f"{strict.server.base_url}{path}", method, follow=True).status == 200
    assert len(server.seen) == 1
    assert {seen.headers["Authorization"] for seen in strict.server.seen} == {"DPoP token-1"}


@pytest.mark.parametrize("status", [302, 303, 307, 308])
@pytest.mark.parametrize("challenge", ["use_dpop_nonce", "invalid_dpop_proof", "invalid_token"])
def test_another_origin_gets_no_token_by_asking_for_a_proof(
    client: ApiClient, strict: Strict, server: Server, status: int, challenge: str
) -> None:
    with serve() as other:
        refusal = {"WWW-Authenticate": f'DPoP error="{challenge}"', "DPoP-Nonce": "n-1"}
        other.reply = Reply({}, 401, refusal)
        strict.redirects["/a"] = Reply({}, status, {"Location": f"{other.base_url}/b"})
        auth = client.auth(bound_source(server))
        assert client.call(auth, f"{strict.server.base_url}/a", follow=True).status == 401
        assert [{"Authorization", "DPoP"} & seen.headers.keys() for seen in other.seen] == [set()]
    assert len(server.seen) == 1


def test_a_prepared_request_can_be_sent_twice(strict: Strict, server: Server) -> None:
    auth = for_requests.TokenAuth(bound_source(server))
    prepared = requests.Request("GET", f"{strict.server.base_url}/a", auth=auth).prepare()
    with requests.Session() as session:
        session.trust_env = False
        assert [session.send(prepared).status_code for _ in range(3)] == [200] * 3
    assert len(server.seen) == 1


class Failing:
    """A key in a device that fails from some moment on."""

    algorithm, key_id = "ES256", None
    public_jwk: Mapping[str, str] = SigningKey(pem("ES256")).public_jwk
    fails = False

    def sign(self, data: bytes) -> bytes:
        if self.fails:
            raise RuntimeError(data)
        return SigningKey(pem("ES256")).sign(data)


def test_a_key_that_cannot_sign_gives_an_error_without_the_token(client: ApiClient, api: Api, server: Server) -> None:
    key = Failing()
    source = bound_source(server, key, TOKEN)
    source.get()
    key.fails = True
    error = searched_refusal(lambda: client.call(client.auth(source), api.url))
    assert str(error).startswith("dpop: sign() raised RuntimeError; expected ")
    searched_refusal(lambda: source.dpop_proof(source.get(), "GET", "https://api.example"))
    assert api.server.seen == []


def test_who_builds_requests_gets_a_proof_for_what_is_sent(server: Server) -> None:
    source = bound_source(server)
    token = source.get()
    url = "HTTPS://user:word@Bücher.example:443/a b?x#y"
    proof = jwt.decode(source.dpop_proof(token, "post", url), options={"verify_signature": False})
    assert (proof["htm"], proof["htu"]) == ("POST", "https://xn--bcher-kva.example/a%20b")
    assert "nonce" not in proof
    for nonce in ("n-1", None):
        proof = jwt.decode(
            source.dpop_proof(token, "GET", "https://xn--bcher-kva.example", nonce=nonce),
            options={"verify_signature": False},
        )
        assert (proof["htu"], proof["nonce"]) == ("https://xn--bcher-kva.example/", "n-1")


@pytest.mark.parametrize(
    "url", ["/payments", "api.example/x", "ftp://api.example", "https://", "https://a:b/", "//x/y"]
)
def test_a_proof_needs_a_whole_address(server: Server, url: str) -> None:
    source = bound_source(server)
    token = source.get()
    assert str(searched_refusal(lambda: source.dpop_proof(token, "GET", url))).startswith("url: ")


class Clocked:
    """An API that accepts proofs of its own time. Its Date may be that of another machine."""

    def __init__(self, api: Api, clock: float, date: float | None = None) -> None:
        self.clock, self.date = clock, clock if date is None else date
        self.refused = 0
        self.server = api.server
        self.server.reply = self.respond

    def respond(self, seen: Seen) -> Reply:
        now = datetime.now(UTC)
        headers = {"Date": format_datetime(now + timedelta(seconds=self.date), usegmt=True)}
        if self.refused or abs(claims(seen)["iat"] - now.timestamp() - self.clock) > 20:
            self.refused = max(0, self.refused - 1)
            return Reply({}, 401, {**headers, "WWW-Authenticate": 'DPoP error="invalid_dpop_proof"'})
        return Reply({}, 200, headers)


@pytest.mark.parametrize("clock", [90.0, -90.0, 86400.0])
def test_a_proof_has_the_time_of_an_api_that_refused_another_one(
    client: ApiClient, api: Api, server: Server, clock: float
) -> None:
    Clocked(api, clock)
    auth = client.auth(bound_source(server))
    for calls in (2, 3, 4):
        assert client.call(auth, api.url, "post", **client.body(b"100 EUR")).status == 200
        assert len(api.server.seen) == calls
    with serve() as other:
        Clocked(Api(other), 0.0)
        assert client.call(auth, other.base_url).status == 200
        assert len(other.seen) == 1
    assert len(server.seen) == 1


def test_all_calls_at_a_change_of_the_time_are_repeated(client: ApiClient, api: Api, server: Server) -> None:
    Clocked(api, 90.0)
    assert client.herd(client.auth(bound_source(server)), api.url, 8) == [200] * 8
    assert len(server.seen) == 1


def test_a_refusal_for_another_reason_leaves_the_time_of_proofs_as_it_was(
    client: ApiClient, api: Api, server: Server
) -> None:
    clocked = Clocked(api, 0.0, 3600.0)
    auth = client.auth(bound_source(server))
    clocked.refused = 1
    assert client.call(auth, api.url).status == 200
    assert len(api.server.seen) == 3  # the proof with the time of the Date was refused, too
    assert client.call(auth, api.url).status == 200
    assert len(api.server.seen) == 4


@pytest.mark.parametrize("date", [3.0, -3.0, None])
def test_a_refused_proof_with_the_time_of_the_api_is_no_question_of_time(
    client: ApiClient, api: Api, server: Server, date: float | None
) -> None:
    clocked = Clocked(api, 0.0, date)
    clocked.refused = 1
    auth = client.auth(bound_source(server))
    assert client.call(auth, api.url).status == 200
    assert [len(api.server.seen), len(server.seen)] == [2, 2]  # another token was tried


class Replaced:
    """A key in a device that is replaced by another one while the program runs."""

    key_id = None

    def __init__(self) -> None:
        self.key = SigningKey(pem("ES256"))

    @property
    def algorithm(self) -> str:
        return self.key.algorithm

    @property
    def public_jwk(self) -> Mapping[str, str]:
        return self.key.public_jwk

    def sign(self, data: bytes) -> bytes:
        return self.key.sign(data)


def proof_key(seen: Seen) -> str:
    """The thumbprint of the key that signed the proof of a request."""
    header = jwt.get_unverified_header(seen.headers["DPoP"])
    jwt.decode(seen.headers["DPoP"], jwt.PyJWK(header["jwk"], header["alg"]), options={"verify_iat": False})
    return thumbprint(header["jwk"])


@pytest.mark.parametrize("successor", ["ES256", "EdDSA"])
def test_a_key_that_is_replaced_gets_tokens_of_its_own(
    client: ApiClient, api: Api, server: Server, successor: str
) -> None:
    key = Replaced()
    source = bound_source(server, key)
    server.reply = lambda seen: granted(f"token-of-{proof_key(seen)}", token_type="DPoP")
    api.server.reply = lambda seen: Reply(
        {}, 200 if seen.headers["Authorization"] == f"DPoP token-of-{proof_key(seen)}" else 401
    )
    auth = client.auth(source)
    assert client.call(auth, api.url).status == 200
    key.key = SigningKey(pem(successor, 1))
    assert [client.call(auth, api.url).status for _ in range(2)] == [200, 200]
    assert [len(server.seen), len(api.server.seen)] == [2, 4]  # the first call after that had the earlier token
    assert source.get().access_token == f"token-of-{key.key.thumbprint}"


def test_a_key_that_is_replaced_shares_no_token_with_its_predecessor(server: Server) -> None:
    key, store = Replaced(), MemoryStore()
    provider = bound_source(server, key).provider
    server.reply = lambda seen: granted(f"token-of-{proof_key(seen)}", token_type="DPoP")
    for number, key.key in enumerate([SigningKey(pem("ES256")), SigningKey(pem("ES256", 1))], 1):
        source = TokenSource(provider, store=store, policy=RefreshPolicy(margin=number))
        assert source.get().access_token == f"token-of-{key.key.thumbprint}"
        proof = source.dpop_proof(source.get(), "GET", "https://api.example/")
        assert jwt.get_unverified_header(proof)["jwk"] == key.key.public_jwk


def test_a_key_that_loses_its_public_part_is_reported(client: ApiClient, api: Api, server: Server) -> None:
    key = Failing()
    auth = client.auth(bound_source(server, key, TOKEN))
    key.public_jwk = {"kty": "EC"}
    error = searched_refusal(lambda: client.call(auth, api.url))
    assert str(error).startswith("dpop.public_jwk: lacks a member of its key type; expected ")
