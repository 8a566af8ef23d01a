"""The words of a spec for keys and certificates: the audience as a fact, tokens that are bound to a key, and certificates."""

import hashlib
import ssl
import threading
from base64 import urlsafe_b64encode
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import jwt
import pytest

from paygrant import (
    ClientCertificate,
    ConfigurationError,
    FileStore,
    MemoryStore,
    RefreshPolicy,
    SigningKey,
    SpecProvider,
    Store,
    TokenAuth,
    TokenSource,
)
from paygrant._providers.base import registration_of
from paygrant._spec import lint
from paygrant._spec.document import read
from paygrant._spec.reader import NormalizedSpec
from paygrant.doctor import diagnose
from tests.helpers.keys import authority, pem, public_pem, write_pair
from tests.helpers.servers import Reply, Seen, Server

CLIENT_ID, KEY_ID, NONCE = "straw-client", "key-1", "nonce-1"
ISSUERS = {"sandbox": "https://sandbox.acme.example", "production": "https://acme.example"}

SIGNED = """\
openapi: 3.1.0
servers:
  - {url: "https://auth.sandbox.acme.example", x-environment: sandbox, x-environment-facts: {issuer: "https://sandbox.acme.example"}}
  - {url: "https://auth.acme.example", x-environment: production, x-environment-facts: {issuer: "https://acme.example"}}
paths: {/token: {post: {}}}
x-token-endpoint:
  client_authentication:
    - {method: private_key_jwt, audience: {fact: issuer}, algorithms: [ES256]}
  token_use: {dpop: true}
"""

WITH_CERTIFICATE = """\
openapi: 3.1.0
servers:
  - {url: "https://auth.acme.example", x-mtls-url: "https://mtls.acme.example"}
paths:
  /token:
    post:
      security: [{basic: [], certificate: []}]
components:
  securitySchemes:
    basic: {type: http, scheme: basic}
    certificate: {type: mutualTLS}
x-token-endpoint:
  client_authentication: [{method: client_secret_basic}]
"""


def spec(folder: Path, text: str) -> Path:
    path = folder / "acme.yaml"
    path.write_text(text, "utf-8")
    return path


def signed(folder: Path, **more: Any) -> SpecProvider[Any]:
    given: dict[str, Any] = {
        "client_id": CLIENT_ID,
        "private_key": SigningKey(pem("ES256"), key_id=KEY_ID),
        "environment": "sandbox",
        **more,
    }
    return SpecProvider(spec(folder, SIGNED), **given)


def source_of(provider: SpecProvider[Any], store: Store | None = None) -> TokenSource[Any]:
    return TokenSource(provider, policy=RefreshPolicy(max_attempts=1), store=store or MemoryStore())


class Strict:
    """A server that wants the issuer as the audience, a new assertion, and a proof with its nonce for each request."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.used = set[str]()

    def __call__(self, seen: Seen) -> Reply:
        origin = f"http://{seen.headers['Host']}"
        proof, thumbprint = self.proof(seen, f"{origin}{seen.path}")
        if proof.get("nonce") != NONCE:
            status = 400 if seen.path == "/token" else 401
            challenge = {"DPoP-Nonce": NONCE, "WWW-Authenticate": 'DPoP error="use_dpop_nonce"'}
            return Reply({"error": "use_dpop_nonce"}, status, challenge)
        if seen.path == "/token":
            return self.granted(seen, thumbprint)
        word, _, token = seen.headers["Authorization"].partition(" ")
        assert (word, token) == ("DPoP", f"token-{thumbprint}")
        assert proof["ath"] == urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
        return Reply({})

    def proof(self, seen: Seen, url: str) -> tuple[dict[str, Any], str]:
        header = jwt.get_unverified_header(seen.headers["DPoP"])
        key = jwt.PyJWK(header["jwk"])
        claims = jwt.decode(seen.headers["DPoP"], key, ["ES256"], options={"require": ["jti", "htm", "htu", "iat"]})
        assert (header["typ"], claims["htm"], claims["htu"]) == ("dpop+jwt", seen.method, url)
        self.use(claims["jti"])
        return claims, hashlib.sha256(str(sorted(header["jwk"].items())).encode()).hexdigest()

    def granted(self, seen: Seen, thumbprint: str) -> Reply:
        fields = dict(parse_qsl(seen.body.decode()))
        assertion = fields.pop("client_assertion")
        assert fields["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        assert jwt.get_unverified_header(assertion)["kid"] == KEY_ID
        try:
            claims = jwt.decode(assertion, public_pem("ES256"), ["ES256"], audience=self.issuer)
        except jwt.InvalidAudienceError:
            return Reply({"error": "invalid_client", "error_description": "another audience"}, 401)
        assert isinstance(claims["aud"], str)
        assert claims["iss"] == claims["sub"] == CLIENT_ID
        self.use(claims["jti"])
        return Reply({"access_token": f"token-{thumbprint}", "token_type": "DPoP", "expires_in": 900})

    def use(self, jti: str) -> None:
        assert jti not in self.used
        self.used.add(jti)


@pytest.mark.parametrize(("environment", "issuer"), ISSUERS.items())
def test_a_fact_of_the_environment_is_the_audience(
    environment: str, issuer: str, server: Server, tmp_path: Path
) -> None:
    server.reply = Strict(issuer)
    source = source_of(signed(tmp_path, environment=environment, base_url=server.base_url))
    with httpx.Client(auth=TokenAuth(source), trust_env=False) as api:
        assert api.get(f"{server.base_url}/a?b=c".partition("?")[0]).status_code == 200
        assert api.post(f"{server.base_url}/a", content=b"d").status_code == 200
    assert [each.path for each in server.seen] == ["/token", "/token", "/a", "/a", "/a"]  # a challenge for each host


def test_the_caller_may_replace_the_fact(server: Server, tmp_path: Path) -> None:
    server.reply = Strict("https://another.example")
    provider = signed(tmp_path, base_url=server.base_url, assertion_audience="https://another.example")
    assert source_of(provider).get().authorization.startswith("DPoP ")


def test_a_spec_whose_tokens_are_bound_makes_a_key_unless_it_gets_one(tmp_path: Path) -> None:
    assert signed(tmp_path).dpop is True
    assert registration_of(signed(tmp_path)).prefix == "DPoP"
    key = SigningKey(pem("ES256", 1))
    assert signed(tmp_path, dpop=key).dpop == key
    with pytest.raises(ConfigurationError) as caught:
        signed(tmp_path, dpop=False)
    assert str(caught.value) == (
        "dpop: is False, but the provider binds each token to a key; expected True, or a SigningKey"
    )


@pytest.mark.parametrize("use", ["header: X-Token", "query: token"])
def test_a_bound_token_travels_in_authorization_only(tmp_path: Path, use: str) -> None:
    path = spec(tmp_path, SIGNED.replace("dpop: true", use))
    with pytest.raises(ConfigurationError, match=r"^dpop: is given, but API calls carry the token elsewhere"):
        SpecProvider(path, client_id="c", private_key=SigningKey(pem("ES256")), environment="sandbox", dpop=True)


def test_a_token_that_is_not_bound_is_refused(server: Server, tmp_path: Path) -> None:
    server.reply = Reply({"access_token": "token", "token_type": "Bearer", "expires_in": 900})
    with pytest.raises(Exception, match="expected a DPoP token"):
        source_of(signed(tmp_path, base_url=server.base_url)).get()


def test_the_description_has_what_the_spec_says_of_keys(tmp_path: Path) -> None:
    path = spec(tmp_path, SIGNED)
    found = NormalizedSpec("acme", lint.check(read(path))).endpoint
    assertion = found.client_auth[0].assertion
    assert assertion is not None
    assert (assertion.audience, assertion.audience_fact) == (None, "issuer")
    assert (found.token_use.dpop, found.token_use.prefix, found.needs_certificate) == (True, "DPoP", False)
    found = NormalizedSpec("acme", lint.check(read(spec(tmp_path, WITH_CERTIFICATE)))).endpoint
    assert found.needs_certificate
    assert not found.token_use.dpop


@pytest.mark.parametrize("security", ["[{certificate: [], basic: []}]", "[{certificate: []}]"])
def test_a_short_spec_keeps_its_certificate_whatever_else_its_security_says(security: str, tmp_path: Path) -> None:
    text = WITH_CERTIFICATE.replace("[{basic: [], certificate: []}]", security)
    found = NormalizedSpec("acme", lint.check(read(spec(tmp_path, text)))).endpoint
    assert found.needs_certificate
    assert [each.method for each in found.client_auth] == ["client_secret_basic"]


@pytest.mark.parametrize("security", ["[{basic: []}, {certificate: [], basic: []}]", "[]"])
def test_a_certificate_that_only_one_alternative_has_is_not_needed(security: str, tmp_path: Path) -> None:
    text = WITH_CERTIFICATE.replace("[{basic: [], certificate: []}]", security)
    assert not NormalizedSpec("acme", lint.check(read(spec(tmp_path, text)))).endpoint.needs_certificate


def with_secret(folder: Path, **more: Any) -> SpecProvider[Any]:
    return SpecProvider(spec(folder, WITH_CERTIFICATE), client_id=CLIENT_ID, client_secret="straw-secret", **more)


@contextmanager
def tls_server(folder: Path) -> Generator[tuple[str, list[str]]]:
    """A token endpoint that wants HTTP Basic over a connection with a client certificate."""
    folder.mkdir()
    subjects: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            shown: Any = self.connection
            subjects.append(dict(each[0] for each in shown.getpeercert()["subject"])["commonName"])
            granted = self.headers["Authorization"].startswith("Basic ")
            body = b'{"access_token": "token-1", "token_type": "Bearer", "expires_in": 900}' if granted else b"{}"
            self.send_response(200 if granted else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=authority().certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(*write_pair(folder, authority().issue("localhost")))
    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{listener.server_port}", subjects
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join(5)


def test_a_certificate_goes_beside_the_secret_to_a_server_that_wants_both(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trust = tmp_path / "authority.pem"
    trust.write_text(authority().certificate, "utf-8")
    monkeypatch.setenv("SSL_CERT_FILE", str(trust))
    certificate = ClientCertificate(*write_pair(tmp_path, authority().issue("client")))
    with tls_server(tmp_path / "server") as (url, subjects):
        provider = with_secret(tmp_path, base_url=url, certificate=certificate)
        assert source_of(provider, store=FileStore(tmp_path / "store")).get().access_token == "token-1"
    assert subjects == ["client"]


def test_a_missing_certificate_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        TokenSource(with_secret(tmp_path))
    assert str(caught.value) == (
        "certificate: is missing, and the provider wants one; expected a ClientCertificate, a transport that shows one, "
        "or the base_url of a proxy that does"
    )
    TokenSource(with_secret(tmp_path), transport=httpx.MockTransport(lambda _: httpx.Response(500))).close()
    TokenSource(with_secret(tmp_path, base_url="http://127.0.0.1:9")).close()


def test_a_certificate_leads_to_the_address_for_clients_with_one(tmp_path: Path) -> None:
    certificate = ClientCertificate(*write_pair(tmp_path, authority().issue("client")))
    provider = with_secret(tmp_path, certificate=certificate)
    assert provider.token_url == "https://mtls.acme.example/token"
    TokenSource(provider).close()


def test_the_doctor_reports_a_missing_certificate(tmp_path: Path) -> None:
    finding = next(iter(diagnose(with_secret(tmp_path, base_url=None))))
    assert (finding.check, finding.verdict) == ("settings", "warning")
    assert "no client certificate, and the provider wants one" in finding.seen
