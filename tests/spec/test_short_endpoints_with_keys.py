"""Short specs of endpoints that take keys or certificates, against servers that grant a token to nothing else.

The endpoints are like those of real providers. The specs are in tests/endpoints/keys, with hosts that do not exist.
PyJWT judges the assertions and proofs, so the code under test does not judge itself.
"""

import hashlib
import ssl
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl

import anyio
import httpx
import jwt
import pytest
import requests

from paygrant import (
    ClientCertificate,
    ConfigurationError,
    InvalidClient,
    SigningKey,
    SpecProvider,
    TokenAuth,
    TokenSource,
)
from paygrant._spec.lint import lint
from paygrant.adapters import requests as for_requests
from paygrant.sandbox import Sandbox
from tests.helpers.keys import authority, pem, public_pem, write_pair
from tests.helpers.servers import Reply, Seen, Server, serve

FOLDER = Path(__file__).parents[1] / "endpoints/keys"
ID, SECRET, KEY_ID = "straw-client", "straw-secret-of-at-least-64-characters-" + "0123456789" * 3, "straw-key"
BEARER_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CREDENTIALS = {"grant_type": "client_credentials"}
WRONG_CLIENT = {"error": "invalid_client", "error_description": "The client is unknown"}
WRONG_GRANT = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}


@dataclass(frozen=True)
class Endpoint:
    """An endpoint of a provider.

    Attributes:
        path: Its path.
        form: The fields of the request, without the assertion.
        algorithm: That of the assertion. Empty: there is none.
        claims: The claims of the assertion, without jti and the times. TOKEN_URL stands for that address.
        times: The further claims that it must have.
        most: The longest lifetime of the assertion, in seconds.
        lifetime: That of the token, in seconds; in a response, unless ``says_lifetime`` is false.
        refusal: The response to another key, with status 400.
        arguments: Further arguments of the provider.
        certificate: Whether each connection shows a certificate.
        dpop: Whether tokens are bound to a key, and proofs must have a nonce.
    """

    path: str
    form: Mapping[str, str]
    algorithm: str
    claims: Mapping[str, Any] = field(default_factory=dict[str, Any])
    times: tuple[str, ...] = ("exp", "iat", "jti")
    most: int = 60
    lifetime: int = 3600
    says_lifetime: bool = True
    refusal: Mapping[str, str] = field(default_factory=lambda: WRONG_CLIENT)
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    certificate: bool = False
    dpop: bool = False

    @property
    def field(self) -> str:
        """The field of the form that has the assertion."""
        return "assertion" if self.form["grant_type"] == BEARER_GRANT else "client_assertion"

    @property
    def is_secret(self) -> bool:
        """Whether the client's secret signs."""
        return self.algorithm.startswith("HS")


TOKEN_URL = object()
OF_CLIENT = {"iss": ID, "sub": ID, "aud": TOKEN_URL}

ENDPOINTS: Mapping[str, Endpoint] = {
    "box": Endpoint(
        "/oauth2/token",
        {"grant_type": BEARER_GRANT, "client_id": ID, "client_secret": "straw-app-secret"},
        "RS256",
        OF_CLIENT | {"sub": "enterprise-1", "box_sub_type": "enterprise"},
        refusal=WRONG_GRANT,
        arguments={"enterprise_id": "enterprise-1", "app_secret": "straw-app-secret"},
    ),
    "cdr_register": Endpoint(
        "/idp/connect/token",
        CREDENTIALS | {"client_id": ID, "scope": "cdr-register:read"},
        "PS256",
        OF_CLIENT,
        certificate=True,
    ),
    "google_service_account": Endpoint(
        "/token",
        {"grant_type": BEARER_GRANT},
        "RS256",
        {"iss": ID, "sub": "user@example.com", "aud": TOKEN_URL, "scope": "drive calendar"},
        ("exp", "iat"),
        3600,
        refusal=WRONG_GRANT,
        arguments={"scope": ["drive", "calendar"], "subject": "user@example.com"},
    ),
    "helseid": Endpoint(
        "/connect/token",
        CREDENTIALS | {"client_id": ID, "scope": "nhn:api/read"},
        "ES384",
        OF_CLIENT | {"aud": "https://helseid-sts.nhn.example"},
        lifetime=60,
        arguments={"scope": "nhn:api/read"},
        dpop=True,
    ),
    "keycloak": Endpoint(
        "/realms/acme/protocol/openid-connect/token",
        CREDENTIALS,
        "HS512",
        OF_CLIENT,
        lifetime=300,
        arguments={"realm": "acme"},
    ),
    "line": Endpoint(
        "/oauth2/v2.1/token",
        CREDENTIALS,
        "RS256",
        {"iss": ID, "sub": ID, "aud": "https://api.line.example/", "token_exp": 2592000},
        ("exp",),
        lifetime=2592000,
    ),
    "maskinporten": Endpoint(
        "/token",
        {"grant_type": BEARER_GRANT},
        "RS256",
        {"iss": ID, "aud": "https://test.maskinporten.example/", "scope": "difitest:test1"},
        lifetime=119,
        refusal=WRONG_GRANT,
        arguments={"scope": "difitest:test1", "environment": "test"},
    ),
    "okta": Endpoint(
        "/oauth2/v1/token",
        CREDENTIALS | {"scope": "okta.users.read"},
        "ES256",
        OF_CLIENT,
        arguments={"org": "acme", "scope": "okta.users.read"},
    ),
    "salesforce": Endpoint(
        "/services/oauth2/token",
        {"grant_type": BEARER_GRANT},
        "RS256",
        {"iss": ID, "sub": "user@example.com", "aud": "https://login.salesforce.example"},
        ("exp",),
        180,
        lifetime=7200,
        says_lifetime=False,
        refusal={"error": "invalid_grant", "error_description": "invalid assertion"},
        arguments={"username": "user@example.com", "environment": "production"},
    ),
    "sicoob": Endpoint(
        "/auth/realms/cooperado/protocol/openid-connect/token",
        CREDENTIALS | {"client_id": ID, "scope": "pix.read pix.write"},
        "",
        lifetime=300,
        arguments={"scope": ["pix.read", "pix.write"]},
        certificate=True,
    ),
    "smart_backend": Endpoint(
        "/token",
        CREDENTIALS | {"scope": "system/*.rs"},
        "ES384",
        OF_CLIENT,
        most=300,
        lifetime=300,
        arguments={"scope": "system/*.rs"},
    ),
}


class StandIn:
    """A provider on a socket. Its tokens can be revoked."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.granted = 0
        self.alive = set[str]()
        self.used = set[str]()
        self.base_url = ""
        self.knows = True

    def __call__(self, seen: Seen) -> Reply:
        if seen.path != self.endpoint.path:
            return self.api(seen)
        assert seen.method == "POST"
        if self.endpoint.dpop and self.proof(seen).get("nonce") != "nonce-1":
            return Reply({"error": "use_dpop_nonce"}, 400, {"DPoP-Nonce": "nonce-1"})
        if not self.accepts(seen):
            return Reply({**self.endpoint.refusal}, 400)
        self.granted += 1
        token = f"token-{self.granted}"
        self.alive.add(token)
        lifetime = {"expires_in": self.endpoint.lifetime} if self.endpoint.says_lifetime else {}
        kind = "DPoP" if self.endpoint.dpop else "Bearer"
        return Reply({"access_token": token, "token_type": kind, **lifetime})

    def accepts(self, seen: Seen) -> bool:
        """Whether this is the documented request of the one client. A request of another form is a fault of the test."""
        endpoint = self.endpoint
        assert seen.headers["Content-Type"] == "application/x-www-form-urlencoded"
        assert "Authorization" not in seen.headers
        form = dict(parse_qsl(seen.body.decode(), strict_parsing=True))
        assertion = form.pop(endpoint.field, "")
        expected_type = ASSERTION_TYPE if assertion and endpoint.field == "client_assertion" else None
        assert form.pop("client_assertion_type", None) == expected_type
        assert form == endpoint.form
        is_known = self.knows and (not endpoint.certificate or seen.certificate == "client")
        return is_known and (not endpoint.algorithm or self.has_signed(assertion))

    def has_signed(self, assertion: str) -> bool:
        """Whether the one client made this assertion, now, as documented."""
        endpoint = self.endpoint
        header = jwt.get_unverified_header(assertion)
        kid = {} if endpoint.is_secret else {"kid": KEY_ID}
        assert header == {"alg": endpoint.algorithm, "typ": "JWT"} | kid
        key = SECRET if endpoint.is_secret else public_pem(endpoint.algorithm)
        try:
            claims: dict[str, Any] = jwt.decode(
                assertion, key, [endpoint.algorithm], options={"require": [*endpoint.times], "verify_aud": False}
            )
        except jwt.InvalidSignatureError:
            return False
        own = {name: value for name, value in claims.items() if name not in {"exp", "iat", "jti"}}
        address = f"{self.base_url}{endpoint.path}"
        assert own == {name: address if value is TOKEN_URL else value for name, value in endpoint.claims.items()}
        assert claims.keys() - own.keys() == {*endpoint.times}
        assert 0 < claims["exp"] - time.time() <= endpoint.most
        assert claims.get("jti") not in self.used
        self.used |= {claims["jti"]} if "jti" in claims else set()
        return True

    def proof(self, seen: Seen) -> dict[str, Any]:
        """The claims of the proof in a request."""
        header = jwt.get_unverified_header(seen.headers["DPoP"])
        claims: dict[str, Any] = jwt.decode(seen.headers["DPoP"], jwt.PyJWK(header["jwk"]), [header["alg"]])
        assert header["typ"] == "dpop+jwt"
        assert (claims["htm"], claims["htu"]) == (seen.method, f"{self.base_url}{seen.path}")
        assert claims["jti"] not in self.used
        self.used.add(claims["jti"])
        return claims

    def api(self, seen: Seen) -> Reply:
        """A call of the API."""
        kind, _, token = seen.headers["Authorization"].partition(" ")
        assert kind == ("DPoP" if self.endpoint.dpop else "Bearer")
        if self.endpoint.dpop:
            digest = hashlib.sha256(token.encode()).digest()
            assert self.proof(seen)["ath"] == urlsafe_b64encode(digest).rstrip(b"=").decode()
        return Reply({}, 200 if token in self.alive else 401)


@pytest.fixture(params=[*ENDPOINTS])
def name(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClientCertificate:
    """The client's certificate. Token requests and API clients trust its authority."""
    path = tmp_path / "authority.pem"
    path.write_text(authority().certificate, "utf-8")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    return ClientCertificate(*write_pair(tmp_path, authority().issue("client")))


@pytest.fixture
def server(name: str, tmp_path: Path) -> Iterator[Server]:
    """A socket for the provider, with TLS where it wants a certificate."""
    tls = None
    if ENDPOINTS[name].certificate:
        folder = tmp_path / "server"
        folder.mkdir()
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=authority().certificate)
        tls.verify_mode = ssl.CERT_OPTIONAL
        tls.load_cert_chain(*write_pair(folder, authority().issue("localhost")))
    with serve(tls) as found:
        yield found


@pytest.fixture
def stand_in(name: str, server: Server) -> StandIn:
    found = StandIn(ENDPOINTS[name])
    found.base_url = server.base_url
    server.reply = found
    return found


def provider(
    name: str, base_url: str | None, certificate: ClientCertificate, *, wrong: bool = False
) -> SpecProvider[Any]:
    """The provider that a spec describes, with the credentials of its one client or with wrong ones."""
    endpoint = ENDPOINTS[name]
    given: dict[str, Any] = {"client_id": ID, "base_url": base_url, **endpoint.arguments}
    if endpoint.is_secret:
        given["client_secret"] = "another-" * 10 if wrong else SECRET
    elif endpoint.algorithm:
        given["private_key"] = SigningKey(
            pem(endpoint.algorithm, int(wrong)), key_id=KEY_ID, algorithm=cast("Any", endpoint.algorithm)
        )
    if endpoint.certificate:
        given["certificate"] = certificate
    return SpecProvider(FOLDER / f"{name}.yaml", **given)


def test_the_specs_are_short_and_clean(name: str) -> None:
    path = FOLDER / f"{name}.yaml"
    assert len(path.read_text("utf-8").splitlines()) <= 25
    assert lint(path) == []


def test_every_spec_has_an_endpoint() -> None:
    assert {each.stem for each in FOLDER.glob("*.yaml")} == {*ENDPOINTS}


def test_a_token_lives_as_long_as_the_provider_says(name: str, stand_in: StandIn, trusted: ClientCertificate) -> None:
    token = TokenSource(provider(name, stand_in.base_url, trusted)).get()
    assert token.access_token == "token-1"
    assert token.expires_at
    assert abs(token.expires_at.timestamp() - time.time() - ENDPOINTS[name].lifetime) < 10


def test_another_key_gives_the_code_and_the_text(name: str, stand_in: StandIn, trusted: ClientCertificate) -> None:
    endpoint = ENDPOINTS[name]
    stand_in.knows = bool(endpoint.algorithm)  # a client without an assertion is refused for its certificate
    with pytest.raises(InvalidClient) as caught:
        TokenSource(provider(name, stand_in.base_url, trusted, wrong=True)).get()
    found = {"error": caught.value.error, "error_description": caught.value.error_description}
    assert found == endpoint.refusal
    assert stand_in.granted == 0


def test_calls_of_the_api_survive_a_revocation(name: str, stand_in: StandIn, trusted: ClientCertificate) -> None:
    source = TokenSource(provider(name, stand_in.base_url, trusted))
    resource = f"{stand_in.base_url}/payments"

    async def call() -> int:
        async with httpx.AsyncClient(auth=TokenAuth(source), trust_env=False, verify=trusted.ssl_context()) as client:
            return (await client.get(resource)).status_code

    for _ in range(2):
        with httpx.Client(auth=TokenAuth(source), trust_env=False, verify=trusted.ssl_context()) as client:
            assert client.post(resource, json={"amount": 1}).status_code == 200
        assert requests.get(resource, auth=for_requests.TokenAuth(source), timeout=10).status_code == 200
        assert anyio.run(call) == 200
        stand_in.alive.clear()
    assert stand_in.granted == 2


@pytest.mark.parametrize("name", ["cdr_register", "sicoob"], indirect=True)
def test_a_client_without_the_certificate_is_stopped_before_it_asks(name: str, stand_in: StandIn) -> None:
    key: dict[str, Any] = (
        {} if name == "sicoob" else {"private_key": SigningKey(pem("PS256"), key_id=KEY_ID, algorithm="PS256")}
    )
    with pytest.raises(ConfigurationError, match="certificate: is missing"):
        TokenSource(SpecProvider(FOLDER / f"{name}.yaml", client_id=ID, **key, **ENDPOINTS[name].arguments)).get()
    assert stand_in.granted == 0


@pytest.mark.parametrize("name", ["box"], indirect=True)
def test_a_secret_beside_a_key_is_redacted(stand_in: StandIn, trusted: ClientCertificate) -> None:
    stand_in.endpoint = Endpoint("/oauth2/token", ENDPOINTS["box"].form, "RS256", refusal={"error": "straw-app-secret"})
    given = provider("box", stand_in.base_url, trusted, wrong=True)
    assert "straw-app-secret" not in repr(given)
    with pytest.raises(Exception, match="box") as caught:
        TokenSource(given).get()
    assert "straw-app-secret" not in str(caught.value)


def test_the_sandbox_serves_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(specs=[FOLDER / f"{name}.yaml" for name in ENDPOINTS]) as sandbox:
        monkeypatch.setenv("SSL_CERT_FILE", str(sandbox.ca_file))
        for name, endpoint in ENDPOINTS.items():
            handle = getattr(sandbox, name)
            more = {key: value for key, value in endpoint.arguments.items() if key != "environment"}
            source = TokenSource(SpecProvider(FOLDER / f"{name}.yaml", **handle.arguments, **more))
            source.get()
            with handle.refuse():
                source.invalidate(source.get())
                with pytest.raises(InvalidClient):
                    source.get()
