"""The providers of the box that take keys or certificates, each against a server that insists on what its sources say."""

import hashlib
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable
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
    InvalidClient,
    MemoryStore,
    RefreshPolicy,
    SigningKey,
    Store,
    TokenAuth,
    TokenSource,
)
from paygrant.providers import BancoInter, EfiPix, JPMorganPayments, Mastercard, Moneyhub, Stone, Zettle
from tests.helpers.keys import authority, pem, public_pem, write_pair
from tests.helpers.servers import Reply, Seen, Server

ID, SECRET, KEY_ID = "straw-client", "straw-secret", "straw-key"
RESOURCE = "JPMC:URI:RS-000000-00000-Resource-PROD"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
BASIC = f"{ID}:{SECRET}".encode()
REFUSED = Reply({"error": "invalid_client", "error_description": "Client authentication failed"}, 401)


def source_of(provider: Any, store: Store | None = None) -> TokenSource[Any]:
    return TokenSource(provider, store=store or MemoryStore(), policy=RefreshPolicy(max_attempts=1))


def another(algorithm: str) -> SigningKey:
    """A key that the servers do not know, under the id of the one that they know."""
    return SigningKey(pem(algorithm, 1), key_id=KEY_ID)


def form_of(seen: Seen) -> dict[str, str]:
    assert seen.headers["Content-Type"] == "application/x-www-form-urlencoded"
    return dict(parse_qsl(seen.body.decode(), strict_parsing=True))


def claims_of(seen: Seen, algorithm: str, audience: str) -> dict[str, Any] | None:
    """The claims of the assertion in a form, as the provider demands them. None if it did not sign them."""
    form = form_of(seen)
    assert (form["client_id"], form["client_assertion_type"]) == (ID, ASSERTION)
    header = jwt.get_unverified_header(form["client_assertion"])
    assert (header["alg"], header["kid"]) == (algorithm, KEY_ID)
    required: Any = {"require": ["iss", "sub", "aud", "jti", "iat", "exp"]}
    try:
        claims: dict[str, Any] = jwt.decode(
            form["client_assertion"], public_pem(algorithm), [algorithm], audience=audience, options=required
        )
    except jwt.InvalidTokenError:
        return None
    assert claims["iss"] == claims["sub"] == ID
    assert isinstance(claims["aud"], str)
    assert claims["exp"] - claims["iat"] <= 60
    return claims


class MastercardServer:
    """Mastercard's token endpoint and an API: FAPI 2.0 with a private key and DPoP."""

    def __init__(self, algorithm: str) -> None:
        self.algorithm = algorithm
        self.seen = set[str]()

    def __call__(self, seen: Seen) -> Reply:
        proof = seen.headers["DPoP"]
        header = jwt.get_unverified_header(proof)
        claims = jwt.decode(proof, jwt.PyJWK(header["jwk"]), [header["alg"]])
        assert header["typ"] == "dpop+jwt"
        assert "d" not in header["jwk"]
        assert (claims["htm"], claims["htu"]) == (seen.method, f"http://{seen.headers['Host']}{seen.path}")
        assert claims["jti"] not in self.seen
        self.seen.add(claims["jti"])
        if seen.path == "/oauth/token":
            return self.token(seen, claims)
        token = urlsafe_b64encode(hashlib.sha256(b"mastercard-token").digest()).rstrip(b"=").decode()
        assert (seen.headers["Authorization"], claims["ath"]) == ("DPoP mastercard-token", token)
        return Reply({"service": "ok"})

    def token(self, seen: Seen, proof: dict[str, Any]) -> Reply:
        if proof.get("nonce") != "nonce-1":
            return Reply({"error": "use_dpop_nonce"}, 400, {"DPoP-Nonce": "nonce-1"})
        form = form_of(seen)
        assert (form["grant_type"], form["scope"]) == ("client_credentials", "service:scope1 service:scope2")
        assert form.keys() == {"grant_type", "client_id", "client_assertion", "client_assertion_type", "scope"}
        claims = claims_of(seen, self.algorithm, "https://sandbox.api.mastercard.com")
        if claims is None:
            return REFUSED
        assert claims["jti"] not in self.seen
        self.seen.add(claims["jti"])
        return Reply(
            {"access_token": "mastercard-token", "token_type": "dpop", "expires_in": 900, "scope": form["scope"]}
        )


def mastercard(server: Server, algorithm: str = "PS256", **more: Any) -> Mastercard:
    key = SigningKey(pem(algorithm), key_id=KEY_ID)
    given: dict[str, Any] = {"client_id": ID, "private_key": key, "environment": "sandbox", **more}
    return Mastercard(base_url=server.base_url, scope=["service:scope1", "service:scope2"], **given)


@pytest.mark.parametrize("algorithm", ["PS256", "ES256"])
def test_mastercard_gets_an_assertion_for_its_issuer_and_proofs(algorithm: str, server: Server) -> None:
    server.reply = MastercardServer(algorithm)
    source = source_of(mastercard(server, algorithm))
    with httpx.Client(auth=TokenAuth(source), trust_env=False) as api:
        assert api.get(f"{server.base_url}/service/resource").json() == {"service": "ok"}
        assert api.post(f"{server.base_url}/service/resource", json={}).status_code == 200
    assert source.get().scope == ("service:scope1", "service:scope2")
    assert len([each for each in server.seen if each.path == "/oauth/token"]) == 2  # one of them brought the nonce


def test_mastercard_refuses_another_key(server: Server) -> None:
    server.reply = MastercardServer("PS256")
    with pytest.raises(InvalidClient) as caught:
        source_of(mastercard(server, private_key=another("PS256"))).get()
    assert caught.value.error == "invalid_client"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"private_key": None}, "private_key: is missing"),
        ({"private_key": pem("ES384")}, "private_key: signs by ES384, which the provider does not accept"),
        ({"dpop": False}, "dpop: is False, but the provider binds each token to a key"),
        ({"environment": "mtf"}, "environment: "),
    ],
)
def test_mastercard_refuses_what_its_documentation_rules_out(
    change: dict[str, Any], fault: str, server: Server
) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        mastercard(server, **change)


def test_a_store_keeps_a_token_of_mastercard_only_if_others_may_have_the_key(server: Server, tmp_path: Path) -> None:
    server.reply = MastercardServer("PS256")
    for dpop, kept in ((True, False), (SigningKey(pem("ES256", 3)), True)):
        folder = tmp_path / str(kept)
        with source_of(mastercard(server, dpop=dpop), FileStore(folder)) as source:
            source.get()
        assert any("token" in each.read_text("utf-8") for each in folder.rglob("*") if each.is_file()) is kept


def jpmorgan(seen: Seen) -> Reply:
    form = form_of(seen)
    assert (seen.method, seen.path) == ("POST", "/adfs/oauth2/token")
    assert (form["grant_type"], form["resource"]) == ("client_credentials", RESOURCE)
    assert form.keys() == {"grant_type", "client_id", "client_assertion", "client_assertion_type", "resource"}
    if claims_of(seen, "RS256", f"http://{seen.headers['Host']}{seen.path}") is None:
        return REFUSED
    return Reply({"access_token": "jpmorgan-token", "token_type": "bearer", "expires_in": 28800})


def jpmorgan_at(server: Server, key: SigningKey) -> TokenSource[Any]:
    return source_of(JPMorganPayments(client_id=ID, private_key=key, resource=RESOURCE, base_url=server.base_url))


def test_jpmorgan_gets_an_assertion_for_its_token_url(server: Server) -> None:
    server.reply = jpmorgan
    assert jpmorgan_at(server, SigningKey(pem("RS256"), key_id=KEY_ID)).get().authorization == "Bearer jpmorgan-token"


def test_jpmorgan_refuses_another_key(server: Server) -> None:
    server.reply = jpmorgan
    with pytest.raises(InvalidClient):
        jpmorgan_at(server, another("RS256")).get()


def test_jpmorgan_accepts_rs256_only() -> None:
    with pytest.raises(ConfigurationError, match="private_key: signs by PS256, which the provider does not accept"):
        JPMorganPayments(client_id=ID, private_key=SigningKey(pem("PS256"), algorithm="PS256"), resource=RESOURCE)


def stone(seen: Seen) -> Reply:
    form = form_of(seen)
    assert (seen.method, seen.path) == ("POST", "/auth/realms/stone_bank/protocol/openid-connect/token")
    assert form["grant_type"] == "client_credentials"
    assert form.keys() == {"grant_type", "client_id", "client_assertion", "client_assertion_type"}
    claims = claims_of(seen, "RS256", "https://sandbox-accounts.openbank.stone.com.br/auth/realms/stone_bank")
    if claims is None:
        return REFUSED
    assert (claims["client_id"], claims["realm"]) == (ID, "stone_bank")
    return Reply({"access_token": "stone-token", "token_type": "bearer", "expires_in": 900, "refresh_token": "unused"})


def stone_at(server: Server, key: SigningKey) -> TokenSource[Any]:
    return source_of(Stone(client_id=ID, private_key=key, environment="sandbox", base_url=server.base_url))


def test_stone_gets_an_assertion_for_its_realm(server: Server) -> None:
    server.reply = stone
    assert stone_at(server, SigningKey(pem("RS256"), key_id=KEY_ID)).get().authorization == "Bearer stone-token"


def test_stone_refuses_another_key(server: Server) -> None:
    server.reply = stone
    with pytest.raises(InvalidClient):
        stone_at(server, another("RS256")).get()


ISSUER_OF_MONEYHUB = "https://identity.moneyhub.co.uk/oidc"
OF_A_USER = {"grant_type": "client_credentials", "scope": "accounts:read", "sub": "user-1"}


def moneyhub(seen: Seen) -> Reply:
    form = form_of(seen)
    assert (seen.method, seen.path) == ("POST", "/oidc/token")
    granted = Reply({"access_token": "moneyhub-token", "token_type": "Bearer", "expires_in": 600})
    if "Authorization" in seen.headers:
        assert form == OF_A_USER
        return granted if seen.headers["Authorization"] == f"Basic {b64encode(BASIC).decode()}" else REFUSED
    assert form == OF_A_USER | {name: form[name] for name in ("client_id", "client_assertion", "client_assertion_type")}
    return granted if claims_of(seen, "RS256", ISSUER_OF_MONEYHUB) else REFUSED


@pytest.mark.parametrize(
    "credentials",
    [
        {"client_secret": SECRET},
        {"auth_method": "private_key_jwt", "private_key": SigningKey(pem("RS256"), key_id=KEY_ID)},
    ],
    ids=["basic", "key"],
)
def test_moneyhub_takes_a_secret_or_an_assertion_for_its_issuer(credentials: dict[str, Any], server: Server) -> None:
    server.reply = moneyhub
    provider = Moneyhub(client_id=ID, scope="accounts:read", sub="user-1", base_url=server.base_url, **credentials)
    assert source_of(provider).get().access_token == "moneyhub-token"


@pytest.mark.parametrize(
    "credentials",
    [{"client_secret": "wrong"}, {"auth_method": "private_key_jwt", "private_key": another("RS256")}],
    ids=["basic", "key"],
)
def test_moneyhub_refuses_another_client(credentials: dict[str, Any], server: Server) -> None:
    server.reply = moneyhub
    provider = Moneyhub(client_id=ID, scope="accounts:read", sub="user-1", base_url=server.base_url, **credentials)
    with pytest.raises(InvalidClient):
        source_of(provider).get()


def zettle(seen: Seen) -> Reply:
    assert (seen.method, seen.path) == ("POST", "/token")
    form = form_of(seen)
    key = form.pop("assertion")
    assert form == {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "client_id": ID}
    if key != SECRET:
        return Reply({"error": "invalid_grant", "error_description": "Invalid assertion"}, 400)
    return Reply({"access_token": "zettle-token", "expires_in": 7200})


def test_zettle_gets_the_api_key_of_the_merchant_as_the_assertion(server: Server) -> None:
    server.reply = zettle
    token = source_of(Zettle(client_id=ID, client_secret=SECRET, base_url=server.base_url)).get()
    assert token.authorization == "Bearer zettle-token"


def test_a_revoked_api_key_of_zettle_is_a_wrong_secret(server: Server) -> None:
    server.reply = zettle
    with pytest.raises(InvalidClient) as caught:
        source_of(Zettle(client_id=ID, client_secret="revoked", base_url=server.base_url)).get()
    assert caught.value.error == "invalid_grant"


def efi(seen: Seen) -> Reply:
    assert (seen.method, seen.path, seen.body) == ("POST", "/oauth/token", b'{"grant_type":"client_credentials"}')
    assert b64decode(seen.headers["Authorization"].removeprefix("Basic ")).decode() == f"{ID}:{SECRET}"
    return Reply(
        {"access_token": "efi-token", "token_type": "Bearer", "expires_in": 3600, "scope": "cob.read pix.read"}
    )


def inter(seen: Seen) -> Reply:
    assert (seen.method, seen.path) == ("POST", "/oauth/v2/token")
    expected = {"grant_type": "client_credentials", "client_id": ID, "client_secret": SECRET, "scope": "cob.read"}
    assert form_of(seen) == expected
    return Reply({"access_token": "inter-token", "token_type": "Bearer", "expires_in": 3600, "scope": "cob.read"})


@pytest.mark.parametrize(
    ("kind", "more", "reply", "token"),
    [(EfiPix, {}, efi, "efi-token"), (BancoInter, {"scope": "cob.read"}, inter, "inter-token")],
)
def test_a_pix_bank_gets_what_it_documents_and_nothing_else(
    kind: Any, more: dict[str, Any], reply: Callable[[Seen], Reply], token: str, server: Server
) -> None:
    server.reply = reply
    provider = kind(client_id=ID, client_secret=SECRET, environment="sandbox", base_url=server.base_url, **more)
    assert source_of(provider).get().access_token == token


@pytest.mark.parametrize(("kind", "more"), [(EfiPix, {}), (BancoInter, {"scope": "cob.read"})])
@pytest.mark.parametrize("environment", ["sandbox", "production"])
def test_a_pix_bank_wants_a_certificate(kind: Any, more: dict[str, Any], environment: str, tmp_path: Path) -> None:
    given = {"client_id": ID, "client_secret": SECRET, "environment": environment, **more}
    with pytest.raises(ConfigurationError, match="certificate: is missing, and the provider wants one"):
        TokenSource(kind(**given))
    certificate = ClientCertificate(*write_pair(tmp_path, authority().issue("client")))
    TokenSource(kind(**given, certificate=certificate)).close()


def test_a_certificate_for_a_pix_bank_comes_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    certificate, key = write_pair(tmp_path, authority().issue("client"))
    values = {"CLIENT_ID": ID, "CLIENT_SECRET": SECRET, "ENVIRONMENT": "production"}
    for name, value in {**values, "CERTIFICATE_FILE": str(certificate), "PRIVATE_KEY_FILE": str(key)}.items():
        monkeypatch.setenv(f"EFI_PIX_{name}", value)
    assert EfiPix.from_env().certificate == ClientCertificate(certificate, key)
