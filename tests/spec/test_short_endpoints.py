"""Short specs of odd endpoints, against servers that grant a token to the documented request and to no other.

The endpoints are like those of real providers. The specs are in tests/endpoints/short, with hosts that do not exist.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import anyio
import httpx
import pytest
import requests

from paygrant import InvalidClient, SpecProvider, TokenAuth, TokenSource
from paygrant._spec.lint import lint
from paygrant.adapters import requests as for_requests
from paygrant.sandbox import Sandbox
from tests.helpers.servers import Reply, Seen, serve

FOLDER = Path(__file__).parents[1] / "endpoints/short"
ID, SECRET = "straw-client", "straw/secret+1"
BASIC = f"Basic {b64encode(f'{ID}:{SECRET}'.encode()).decode()}"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
KEY = "straw-subscription"
USER = {"username": "straw-user", "password": "straw-password"}
HEADERS_OF_HTTP = {"host", "accept", "accept-encoding", "user-agent", "content-length", "connection", "content-type"}


@dataclass(frozen=True)
class Asked:
    """What a request says, apart from what every request of HTTP has."""

    query: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    content_type: str | None = None
    body: Any = None


def read(seen: Seen) -> Asked:
    headers = {name.lower(): value for name, value in seen.headers.items()}
    content_type = headers.get("content-type")
    body: Any = None
    if seen.body:
        body = json.loads(seen.body) if content_type == JSON else dict(parse_qsl(seen.body.decode()))
    query = dict(parse_qsl(urlsplit(seen.path).query))
    own = {name: value for name, value in headers.items() if name not in HEADERS_OF_HTTP}
    return Asked(query, own, content_type, body)


def later(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


@dataclass(frozen=True)
class Endpoint:
    """An endpoint of a provider.

    Attributes:
        asked: The documented request, with the right secret.
        grant: The response with a token.
        lifetime: The lifetime in seconds.
        refusal: The response to wrong credentials.
        refused: The error's code and text in it.
        status: The status of the response with a token.
        refused_status: The status of the other one.
        carries: The token that a call of the API carries.
        dead: The status of the API for a dead token.
        arguments: Further arguments of the provider.
    """

    asked: Asked
    grant: Callable[[str], Any]
    lifetime: int
    refusal: Any
    refused: tuple[str, str]
    status: int = 200
    refused_status: int = 401
    carries: Callable[[Asked], str | None] = lambda call: call.headers.get("authorization", "").removeprefix("Bearer ")
    dead: int = 401
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])


def bare(call: Asked) -> str | None:
    """A token in Authorization without a word before it."""
    return call.headers.get("authorization")


ENDPOINTS: Mapping[str, Endpoint] = {
    "bbva": Endpoint(
        Asked({"grant_type": "client_credentials"}, {"authorization": BASIC}, JSON),
        lambda token: {"access_token": token, "token_type": "Bearer", "expires_in": 3600},
        3600,
        {"result": {"code": "invalid_client", "info": "Invalid client credentials"}},
        ("invalid_client", "Invalid client credentials"),
    ),
    "bkash": Endpoint(
        Asked({}, USER, JSON, {"app_key": ID, "app_secret": SECRET}),
        lambda token: {"statusCode": "0000", "id_token": token, "token_type": "Bearer", "expires_in": 3600},
        3600,
        {"statusCode": "2001", "statusMessage": "Invalid App Key"},
        ("2001", "Invalid App Key"),
        refused_status=200,
        carries=lambda call: bare(call) if call.headers.get("x-app-key") == ID else None,
        arguments=USER,
    ),
    "cashfree_payouts": Endpoint(
        Asked({}, {"x-client-id": ID, "x-client-secret": SECRET}),
        lambda token: {"status": "SUCCESS", "data": {"token": token, "expiry": int(later(600).timestamp())}},
        600,
        {"status": "ERROR", "subCode": "401", "message": "Invalid clientId"},
        ("401", "Invalid clientId"),
        refused_status=200,
    ),
    "currencycloud": Endpoint(
        Asked({}, {}, FORM, {"login_id": ID, "api_key": SECRET}),
        lambda token: {"auth_token": token},
        1800,
        {"error_code": "auth_failed", "error_messages": {"username": [{"message": "Authentication failed"}]}},
        ("auth_failed", "Authentication failed"),
        carries=lambda call: call.headers.get("x-auth-token"),
    ),
    "entra_workload": Endpoint(
        Asked(
            {},
            {},
            FORM,
            {
                "grant_type": "client_credentials",
                "client_id": ID,
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": SECRET,
                "scope": "api://straw/.default",
            },
        ),
        lambda token: {"token_type": "Bearer", "expires_in": 3599, "access_token": token},
        3599,
        {
            "error": "invalid_client",
            "error_description": "AADSTS700021: The assertion is not within its valid time range",
        },
        ("invalid_client", "AADSTS700021: The assertion is not within its valid time range"),
        arguments={"tenant": "straw-tenant", "scope": "api://straw/.default"},
    ),
    "ibm_iam": Endpoint(
        Asked({}, {}, FORM, {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": SECRET}),
        lambda token: {"access_token": token, "token_type": "Bearer", "expires_in": 3600},
        3600,
        {"errorCode": "BXNIM0415E", "errorMessage": "Provided API key could not be found."},
        ("BXNIM0415E", "Provided API key could not be found."),
        refused_status=400,
    ),
    "lark": Endpoint(
        Asked({}, {}, JSON, {"app_id": ID, "app_secret": SECRET}),
        lambda token: {"code": 0, "msg": "ok", "tenant_access_token": token, "expire": 7200},
        7200,
        {"code": 10014, "msg": "app secret invalid"},
        ("10014", "app secret invalid"),
        refused_status=200,
        dead=400,
    ),
    "monnify": Endpoint(
        Asked({}, {"authorization": BASIC}),
        lambda token: {"requestSuccessful": True, "responseBody": {"accessToken": token, "expiresIn": 3567}},
        3567,
        {"requestSuccessful": False, "responseMessage": "Invalid API key", "responseCode": "99"},
        ("99", "Invalid API key"),
    ),
    "mtn_momo": Endpoint(
        Asked({}, {"authorization": BASIC, "ocp-apim-subscription-key": KEY}),
        lambda token: {"access_token": token, "token_type": "access_token", "expires_in": 3600},
        3600,
        {"error": "login_failed", "error_description": "Bad user"},
        ("login_failed", "Bad user"),
        carries=lambda call: (
            call.headers["authorization"].removeprefix("Bearer ")
            if call.headers.get("ocp-apim-subscription-key") == KEY
            else None
        ),
        arguments={"subscription_key": KEY},
    ),
    "pesapal": Endpoint(
        Asked({}, {}, JSON, {"consumer_key": ID, "consumer_secret": SECRET}),
        lambda token: {"token": token, "expiryDate": f"{later(300):%Y-%m-%dT%H:%M:%S}.5177702Z", "error": None},
        300,
        {"error": {"code": "invalid_consumer_key_or_secret_provided", "message": "Bad keys"}, "token": None},
        ("invalid_consumer_key_or_secret_provided", "Bad keys"),
        refused_status=200,
    ),
    "portone": Endpoint(
        Asked({}, {}, JSON, {"imp_key": ID, "imp_secret": SECRET}),
        lambda token: {"code": 0, "response": {"access_token": token, "expired_at": int(later(1800).timestamp())}},
        1800,
        {"code": -1, "message": "인증에 실패하였습니다.", "response": None},
        ("-1", "인증에 실패하였습니다."),
        carries=bare,
    ),
    "sezzle": Endpoint(
        Asked({}, {}, JSON, {"public_key": ID, "private_key": SECRET}),
        lambda token: {"token": token, "expiration_date": f"{later(7200):%Y-%m-%dT%H:%M:%SZ}"},
        7200,
        [{"code": "unauthorized", "message": "The keys are wrong", "location": "authentication"}],
        ("unauthorized", "The keys are wrong"),
        status=201,
    ),
    "yodlee": Endpoint(
        Asked({}, {"api-version": "1.1", "loginname": "bob"}, FORM, {"clientId": ID, "secret": SECRET}),
        lambda token: {"token": {"accessToken": token, "issuedAt": "2030-01-01T00:00:00Z", "expiresIn": 1799}},
        1799,
        {"errorCode": "Y010", "errorMessage": "Invalid clientId or secret"},
        ("Y010", "Invalid clientId or secret"),
        status=201,
        arguments={"login_name": "bob"},
    ),
}


class StandIn:
    """A provider on a socket. Its tokens can be revoked."""

    def __init__(self, endpoint: Endpoint, path: str) -> None:
        self.endpoint = endpoint
        self.path = path
        self.granted = 0
        self.alive = set[str]()

    def __call__(self, seen: Seen) -> Reply:
        asked = read(seen)
        if urlsplit(seen.path).path != self.path:
            alive = self.endpoint.carries(asked) in self.alive
            return Reply({"ok": alive}, 200 if alive else self.endpoint.dead)
        if asked != self.endpoint.asked:
            return Reply(self.endpoint.refusal, self.endpoint.refused_status)
        self.granted += 1
        token = f"token-{self.granted}"
        self.alive.add(token)
        return Reply(self.endpoint.grant(token), self.endpoint.status)


def provider(name: str, secret: str = SECRET, **arguments: Any) -> SpecProvider[Any]:
    """The provider that a spec describes, in the first environment. It has a client id if the request has one."""
    spec = FOLDER / f"{name}.yaml"
    facts: dict[str, Any] = {"client_id": ID} if name != "ibm_iam" else {}
    text = spec.read_text("utf-8")
    if "x-environment: production" in text:
        facts["environment"] = "production"
    elif "x-environment: live" in text:
        facts["environment"] = "live"
    return SpecProvider(spec, client_secret=secret, **facts, **arguments)


@pytest.fixture(params=[*ENDPOINTS])
def name(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def stand_in(name: str) -> Iterator[tuple[StandIn, SpecProvider[Any], SpecProvider[Any]]]:
    """A provider's server, and a client of it with the right secret and with a wrong one."""
    endpoint = ENDPOINTS[name]
    with serve() as server:
        right, wrong = (
            provider(name, secret, base_url=server.base_url, **endpoint.arguments) for secret in (SECRET, "wrong-one")
        )
        found = StandIn(endpoint, urlsplit(right.token_url).path.format(**endpoint.arguments))
        server.reply = found
        yield found, right, wrong


def test_the_specs_are_short_and_clean(name: str) -> None:
    path = FOLDER / f"{name}.yaml"
    assert len(path.read_text("utf-8").splitlines()) <= 25
    assert lint(path) == []


def test_every_spec_has_an_endpoint() -> None:
    assert {each.stem for each in FOLDER.glob("*.yaml")} == {*ENDPOINTS}


def test_a_token_lives_as_long_as_the_provider_says(name: str, stand_in: Any) -> None:
    _, right, _ = stand_in
    token = TokenSource(right).get()
    assert token.access_token == "token-1"
    assert token.expires_at
    assert abs((token.expires_at - later(ENDPOINTS[name].lifetime)).total_seconds()) < 10


def test_wrong_credentials_give_the_code_and_the_text(name: str, stand_in: Any) -> None:
    _, _, wrong = stand_in
    with pytest.raises(InvalidClient) as caught:
        TokenSource(wrong).get()
    assert (caught.value.error, caught.value.error_description) == ENDPOINTS[name].refused


def test_calls_of_the_api_survive_a_revocation(stand_in: Any) -> None:
    server, right, _ = stand_in
    source = TokenSource(right)
    base = right.base_url

    async def call() -> int:
        async with httpx.AsyncClient(auth=TokenAuth(source)) as client:
            return (await client.get(f"{base}/payments")).status_code

    for _ in range(2):
        with httpx.Client(auth=TokenAuth(source)) as client:
            assert client.post(f"{base}/payments", json={"amount": 1}).status_code == 200
        assert requests.get(f"{base}/payments", auth=for_requests.TokenAuth(source), timeout=10).status_code == 200
        assert anyio.run(call) == 200
        server.alive.clear()
    assert server.granted == 2


def test_the_sandbox_serves_them_all() -> None:
    with Sandbox(specs=[FOLDER / f"{name}.yaml" for name in ENDPOINTS]) as sandbox:
        for name, endpoint in ENDPOINTS.items():
            handle = getattr(sandbox, name)
            source = TokenSource(SpecProvider(FOLDER / f"{name}.yaml", **handle.arguments, **endpoint.arguments))
            with httpx.Client(base_url=handle.base_url, auth=TokenAuth(source)) as client:
                assert client.get("/payments").status_code == 200
            with handle.refuse():
                source.invalidate(source.get())
                with pytest.raises(InvalidClient):
                    source.get()
