"""Assertions that a client sends to a server (RFC 7523): what they hold, where they are, and which keys are tried."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest

from paygrant import (
    ClientCredentials,
    ConfigurationError,
    InvalidClient,
    MemoryStore,
    RefreshPolicy,
    SigningKey,
    TokenSource,
)
from paygrant._providers.base import registration_of
from paygrant._request import credentials
from paygrant._request.build import build_request
from paygrant._request.credentials import Credentials, note_skew
from paygrant._request.jws import signed
from paygrant._request.signing_key import Signer
from paygrant._request.unsigned import UnsignedRequest
from paygrant._spec.description import Assertion, Claim, ClientAuth
from tests.helpers.clock import Clock
from tests.helpers.keys import pem, public_pem
from tests.helpers.servers import Reply, Seen, Server, granted

NOW = 1_800_000_000
NO_CHECKS: Any = {"verify_aud": False, "verify_exp": False, "verify_iat": False}
NO_PAUSES = RefreshPolicy(refusal_pause=0)


@pytest.fixture(autouse=True)
def _time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "unix_time", lambda: NOW + 0.9)
    monkeypatch.setattr(credentials, "_skews", {})


def client(server: Server, **arguments: Any) -> ClientCredentials:
    given: dict[str, Any] = {
        "private_key": SigningKey(pem("ES256"), key_id="kid-of-straw"),
        "auth_method": "private_key_jwt",
    }
    return ClientCredentials(
        client_id="client-of-straw", token_url=f"{server.base_url}/token", **{**given, **arguments}
    )


def claims_of(assertion: str, algorithm: str = "ES256") -> dict[str, Any]:
    read: dict[str, Any] = jwt.decode(assertion, public_pem(algorithm), algorithms=[algorithm], options=NO_CHECKS)
    return read


def built(server: Server, stated: Assertion, **arguments: Any) -> UnsignedRequest:
    """The request of a client of a provider that states this of its assertions."""
    registration = registration_of(client(server))
    registration = replace(
        registration,
        client_auth=ClientAuth("private_key_jwt", assertion=stated),
        arguments={**registration.arguments, **arguments},
    )
    return build_request(registration, registration.credentials(), "plain")


def test_an_assertion_holds_what_rfc_7523_demands(server: Server) -> None:
    TokenSource(client(server)).get()
    fields = {name: value for name, (value,) in parse_qs(server.seen[0].body.decode()).items()}
    assertion = fields.pop("client_assertion")
    assert fields == {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    assert "Authorization" not in server.seen[0].headers
    assert jwt.get_unverified_header(assertion) == {"alg": "ES256", "typ": "JWT", "kid": "kid-of-straw"}
    claims = claims_of(assertion)
    assert len(claims.pop("jti")) == 22  # 16 bytes in base64url
    assert claims == {
        "iss": "client-of-straw",
        "sub": "client-of-straw",
        "aud": f"{server.base_url}/token",
        "iat": NOW,
        "exp": NOW + 60,
    }


def test_each_attempt_has_an_assertion_of_its_own(server: Server, pauses: list[float]) -> None:
    server.reply = lambda _: granted() if len(server.seen) == 3 else Reply({}, 503)
    TokenSource(client(server)).get()
    assert len({claims_of(sent(seen))["jti"] for seen in server.seen}) == 3
    assert len(pauses) == 2


def test_an_assertion_has_the_time_of_the_server_that_reads_it(server: Server) -> None:
    note_skew(f"{server.base_url.upper()}/token", 30)
    note_skew("http://127.0.0.1:1/token", 50)
    body = built(server, Assertion()).fields
    assert claims_of(str(body["client_assertion"]))["iat"] == NOW + 30


def test_a_small_difference_of_the_clocks_is_none(server: Server) -> None:
    note_skew(server.base_url, -30)
    assert credentials.skew_of(f"{server.base_url}/token") == -30
    note_skew(server.base_url, 2)
    assert credentials.skew_of(server.base_url) == 2
    note_skew(server.base_url, -1.9)
    assert credentials.skew_of(server.base_url) == 0


def test_a_spec_states_the_claims_and_the_lifetime(server: Server) -> None:
    stated = Assertion(
        lifetime=300.5,
        claims=(
            Claim("iss", argument="app"),
            Claim("sub", argument="client_id"),
            Claim("scope", "payments"),
            Claim("tenant", argument="missing"),
            Claim("iat"),
        ),
    )
    claims = claims_of(str(built(server, stated, app="app-7").fields["client_assertion"]))
    assert len(claims.pop("jti")) == 22
    assert claims == {
        "iss": "app-7",
        "sub": "client-of-straw",
        "scope": "payments",
        "aud": f"{server.base_url}/token",
        "exp": NOW + 300,
    }


def test_an_assertion_may_be_a_bearer_credential(server: Server) -> None:
    request = built(server, Assertion(place="header"))
    scheme, _, assertion = request.headers["Authorization"].partition(" ")
    assert scheme == "Bearer"
    assert claims_of(assertion)["iss"] == "client-of-straw"
    assert not {"client_assertion", "client_assertion_type", "assertion"} & {*request.fields}
    assert assertion in request.secrets


def test_an_assertion_that_is_the_grant_has_no_type(server: Server) -> None:
    request = built(server, Assertion(name="assertion"))
    assert claims_of(str(request.fields["assertion"]))["iss"] == "client-of-straw"
    assert not {"client_assertion", "client_assertion_type"} & {*request.fields}
    assert "Authorization" not in request.headers


@pytest.mark.parametrize(
    ("stated", "arguments", "audience"),
    [
        (Assertion(audience="https://of-the-spec.example"), {}, "https://of-the-spec.example"),
        (Assertion(audience="https://of-the-spec.example", audience_argument="site"), {"site": "a site"}, "a site"),
        (Assertion(audience_argument="site"), {}, None),
        (Assertion(), {}, None),
    ],
)
def test_the_audience_is_the_argument_or_what_the_spec_says_or_the_token_url(
    server: Server, stated: Assertion, arguments: dict[str, str], audience: str | None
) -> None:
    found = claims_of(str(built(server, stated, **arguments).fields["client_assertion"]))["aud"]
    assert found == (audience or f"{server.base_url}/token")


def test_a_caller_may_state_the_audience(server: Server) -> None:
    TokenSource(client(server, assertion_audience="https://issuer.example")).get()
    assert claims_of(sent(server.seen[0]))["aud"] == "https://issuer.example"


def test_a_request_without_a_key_is_refused(server: Server) -> None:
    registration = registration_of(client(server))
    with pytest.raises(ConfigurationError, match=r"^private_key: is missing; expected a SigningKey, or a ") as caught:
        build_request(registration, Credentials(""), "plain")
    assert caught.value.argument == "private_key"


# The algorithms that a provider accepts


def with_algorithms(server: Server, key: Signer, *algorithms: Any) -> Callable[[], Any]:
    auth = ClientAuth("private_key_jwt", assertion=Assertion(algorithms=algorithms))
    registration = replace(registration_of(client(server)), private_key=key, client_auth=auth)
    return lambda: registration.credentials().signer


@pytest.mark.parametrize(
    ("accepted", "used"),
    [((), "RS256"), (("RS256",), "RS256"), (("PS256", "RS256"), "RS256"), (("ES256", "PS256"), "PS256")],
)
def test_a_key_signs_by_an_algorithm_that_the_provider_accepts(
    server: Server, accepted: tuple[str, ...], used: str
) -> None:
    key = SigningKey(pem("RS256"), key_id="mine")
    signer = with_algorithms(server, key, *accepted)()
    assert (signer.algorithm, signer.key_id, signer.thumbprint) == (used, "mine", key.thumbprint)
    token = signed({"alg": used}, {"sub": "me"}, signer)
    assert jwt.decode(token, public_pem("RS256"), algorithms=[used]) == {"sub": "me"}
    assert signer.public_jwk == key.public_jwk


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_key_whose_algorithm_the_provider_does_not_accept_is_refused(server: Server, algorithm: Any) -> None:
    key = SigningKey(pem(algorithm), algorithm=algorithm)
    with pytest.raises(ConfigurationError) as caught:
        with_algorithms(server, key, "PS256", "EdDSA")()
    fault = f"private_key: signs by {algorithm}, which the provider does not accept"
    assert str(caught.value) == f"{fault}; expected a key for PS256 or EdDSA"
    assert caught.value.argument == "private_key"


def test_a_device_keeps_its_algorithm(server: Server) -> None:
    class Device:
        algorithm = "RS256"
        key_id = None

        def sign(self, data: bytes) -> bytes:
            return data

    device = Device()
    assert with_algorithms(server, device, "RS256", "PS256")() is device
    with pytest.raises(ConfigurationError, match="signs by RS256"):
        with_algorithms(server, device, "PS256")()


# Keys that change


def sent(seen: Seen) -> str:
    return parse_qs(seen.body.decode())["client_assertion"][0]


def knows(*accepted: SigningKey) -> Callable[[Seen], Reply]:
    """A server that knows these keys, and does not state its time."""

    def reply(seen: Seen) -> Reply:
        known = jwt.get_unverified_header(sent(seen))["kid"] in [key.key_id for key in accepted]
        refused = Reply({"error": "invalid_client"}, 401)
        return replace(granted() if known else refused, headers={"Date": ""})

    return reply


def kids(server: Server) -> list[str]:
    return [jwt.get_unverified_header(sent(seen))["kid"] for seen in server.seen]


OLD, NEW = (SigningKey(pem("ES256", number), key_id=name) for number, name in enumerate(("old", "new"), 21))


def test_a_key_that_was_replaced_is_read_again_after_a_refusal(server: Server) -> None:
    server.reply = knows(NEW)
    keys = iter([OLD, NEW])
    assert TokenSource(client(server, private_key=lambda: next(keys))).get().access_token == "token-1"
    assert kids(server) == ["old", "new"]


def test_the_key_that_was_accepted_last_is_tried_for_an_hour_after_a_rotation(server: Server, clock: Clock) -> None:
    keys = [OLD]
    source = TokenSource(client(server, private_key=lambda: keys[0]), policy=NO_PAUSES)
    server.reply = knows(OLD)
    source.invalidate(source.get())
    keys[0] = NEW  # the provider does not know it yet
    for _ in range(2):
        source.invalidate(source.get())
    clock.pass_by(3599)
    source.invalidate(source.get())
    assert kids(server) == ["old", *("new", "old") * 3]
    clock.pass_by(1)
    with pytest.raises(InvalidClient):
        source.get()
    assert kids(server)[7:] == ["new"]


def test_each_key_that_is_accepted_gets_an_hour_of_its_own(server: Server, clock: Clock) -> None:
    keys = [OLD]
    source = TokenSource(client(server, private_key=lambda: keys[0]), policy=NO_PAUSES)
    server.reply = knows(OLD)
    source.invalidate(source.get())
    keys[0] = NEW
    source.invalidate(source.get())
    clock.pass_by(3000)
    server.reply = knows(NEW)
    source.invalidate(source.get())
    keys[0] = OLD
    source.invalidate(source.get())
    clock.pass_by(3000)
    source.invalidate(source.get())
    assert kids(server) == ["old", "new", "old", "new", "old", "new", "old", "new"]


class Device:
    """A key in a KMS. Its id and its public key are known only if they are given."""

    algorithm, key_id = "ES256", None

    def __init__(self, key: SigningKey, **known: Any) -> None:
        self.sign = key.sign
        vars(self).update(known)


def understands(*accepted: SigningKey) -> Callable[[Seen], Reply]:
    """A server that has these public keys."""

    def is_signed_by(key: SigningKey, assertion: str) -> bool:
        public = jwt.PyJWK({**key.public_jwk, "alg": key.algorithm})
        with suppress(jwt.InvalidSignatureError):
            return bool(jwt.decode(assertion, public, algorithms=[key.algorithm], options=NO_CHECKS))
        return False

    def reply(seen: Seen) -> Reply:
        known = any(is_signed_by(key, sent(seen)) for key in accepted)
        return replace(granted() if known else Reply({"error": "invalid_client"}, 401), headers={"Date": ""})

    return reply


DEVICES: dict[str, Callable[[SigningKey], Device]] = {
    "its id": lambda key: Device(key, key_id=key.key_id),
    "its public key": lambda key: Device(key, public_jwk=key.public_jwk),
    "neither": Device,
}


@pytest.mark.parametrize("known", DEVICES)
def test_a_device_with_an_id_or_a_public_key_can_be_distinguished_from_its_successor(
    known: str, server: Server, clock: Clock
) -> None:
    old, new = (DEVICES[known](key) for key in (OLD, NEW))
    can_be = known != "neither"
    server.reply = understands(OLD, NEW)
    store = MemoryStore()
    for device in (old, new):
        TokenSource(client(server, private_key=device), store=store).get()
    assert len(server.seen) == 2

    server.seen.clear()
    server.reply = understands(NEW)
    devices = [old, new]
    source = TokenSource(
        client(server, private_key=lambda: devices.pop(0) if devices[1:] else new), store=MemoryStore()
    )
    if can_be:
        assert source.get()
        assert len(server.seen) == 2
        return
    with pytest.raises(InvalidClient):  # the key that is read again seems to be the one that was refused
        source.get()
    clock.pass_by(59)
    with pytest.raises(InvalidClient):
        source.get()
    assert len(server.seen) == 1
    clock.pass_by(1)
    assert source.get()


@pytest.mark.parametrize(
    ("accepted", "algorithm"),
    [((), "HS256"), (("RS256", "HS512", "HS384"), "HS512"), (("PS256", "ES256"), "HS256")],
)
def test_a_secret_signs_by_the_first_algorithm_for_secrets_that_the_provider_accepts(
    accepted: Any, algorithm: str, server: Server
) -> None:
    secret = "secret-of-straw-" * 4
    registration = registration_of(
        client(server, private_key=None, client_secret=secret, auth_method="client_secret_jwt")
    )
    client_auth = ClientAuth("client_secret_jwt", assertion=Assertion(algorithms=accepted))
    registration = replace(registration, client_auth=client_auth)
    request = build_request(registration, registration.credentials(), "plain")
    assertion = str(request.fields["client_assertion"])
    claims = jwt.decode(assertion, secret, algorithms=[algorithm], options=NO_CHECKS)
    assert claims["sub"] == "client-of-straw"
    assert secret not in {str(value) for value in request.fields.values()}
