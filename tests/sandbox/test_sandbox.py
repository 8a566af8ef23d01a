"""The sandbox: each provider's endpoint as its page documents it. A real socket is used where it matters."""

import json
import logging
import re
import signal
import socket
import ssl
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module, resources
from typing import Any, cast
from unittest.mock import ANY
from urllib.parse import quote_plus

import anyio
import httpx
import jwt
import pytest

from paygrant import ConfigurationError
from paygrant._spec.reader import NormalizedSpec
from paygrant.sandbox import Client, Sandbox
from paygrant.sandbox._endpoint import Endpoint
from tests.helpers.clock import NOW, SandboxClock
from tests.helpers.specs import SPECS

CLIENT = Client("canary-id-7f3a", "canary-secret-91bc")
GRANT = {"grant_type": "client_credentials"}
IN_BODY = {"client_id": CLIENT.client_id, "client_secret": CLIENT.client_secret}
BASIC = (CLIENT.client_id, CLIENT.client_secret)
WRONG = "wrong-secret"

PATHS = {
    "alternative_payments": "/oauth/token",
    "cryptofuse": "/o/token/",
    "ripio_ramp": "/oauth2/token/",
    "ripio_widget": "/api/v1/auth",
    "ripple": "/oauth/token",
}

REQUESTS: dict[str, dict[str, Any]] = {
    "alternative_payments": {"auth": BASIC, "data": GRANT},
    "cryptofuse": {"auth": BASIC, "data": GRANT},
    "ripio_ramp": {"auth": BASIC, "data": GRANT},
    "ripio_widget": {"data": {"username": f"{CLIENT.client_id}:user:0x05", "password": CLIENT.client_secret}},
    "ripple": {"json": {**IN_BODY, **GRANT, "audience": "urn:ripplexcurrent-test:acme"}},
}

WRONG_REQUESTS: dict[str, dict[str, Any]] = {
    "alternative_payments": {"auth": (CLIENT.client_id, WRONG), "data": GRANT},
    "cryptofuse": {"auth": (CLIENT.client_id, WRONG), "data": GRANT},
    "ripio_ramp": {"auth": ("another-client", CLIENT.client_secret), "data": GRANT},
    "ripio_widget": {"data": {"username": "another-client:user:0x05", "password": CLIENT.client_secret}},
    "ripple": {"json": {**REQUESTS["ripple"]["json"], "client_secret": WRONG}},
}

GRANTED = {
    "alternative_payments": {"access_token": ANY, "expires_in": 3600, "token_type": "bearer"},
    "cryptofuse": {"access_token": ANY, "token_type": "Bearer", "expires_in": 36000, "scope": "read write"},
    "ripio_ramp": {"accessToken": ANY, "expiresIn": 36000, "tokenType": "Bearer", "scope": "read write"},
    "ripio_widget": {"succeed": True, "token": ANY, "token_type": "bearer"},
    "ripple": {
        "access_token": ANY,
        "scope": "payments:accept payments:read",
        "expires_in": 3600,
        "token_type": "Bearer",
    },
}

WRONG_CREDENTIALS = {
    "alternative_payments": (403, {"error": "invalid credentials"}),
    "cryptofuse": (401, {"error": "invalid_client"}),
    "ripio_ramp": (401, {"error": "invalid_client"}),
    "ripio_widget": (200, {"succeed": False}),
    "ripple": (400, {"error": "access_denied", "error_description": "Unauthorized"}),
}

BAD_REQUEST = {
    "alternative_payments": (400, {"error": "invalid_request"}),  # not documented
    "cryptofuse": (400, {"error": "invalid_request"}),
    "ripio_ramp": (400, {"error": "unsupported_grant_type"}),
    "ripio_widget": (400, {"error": "invalid_request"}),  # not documented
    "ripple": (400, {"error": "invalid_request", "error_description": ANY}),
}

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # loading the usual certificates takes longer than a request

each_provider = pytest.mark.parametrize("provider", PATHS)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(client=CLIENT) as sandbox:
        yield sandbox


@pytest.fixture
def clock() -> SandboxClock:
    return SandboxClock()


def get(url: str, **options: Any) -> httpx.Response:
    return httpx.get(url, trust_env=False, verify=NO_TLS, **options)


def post(url: str, **options: Any) -> httpx.Response:
    return httpx.post(url, trust_env=False, verify=NO_TLS, **options)


def ask(sandbox: Sandbox, provider: str, **request: Any) -> httpx.Response:
    return post(sandbox.base_url(provider) + PATHS[provider], **request)


def call(sandbox: Sandbox, provider: str, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return get(f"{sandbox.base_url(provider)}/resource", headers=headers)


def token_of(response: httpx.Response) -> str:
    document: dict[str, str] = response.json()
    (token,) = (document[name] for name in ("access_token", "accessToken", "token") if name in document)
    return token


def spec_of(provider: str) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads((resources.files("paygrant_clients") / provider / "openapi.json").read_text())
    return spec


def without(request: dict[str, Any], parameter: str) -> dict[str, Any]:
    return {
        key: {name: text for name, text in value.items() if name != parameter} if key in {"data", "json"} else value
        for key, value in request.items()
    }


def with_more(request: dict[str, Any], **parameters: str) -> dict[str, Any]:
    return {key: {**value, **parameters} if key in {"data", "json"} else value for key, value in request.items()}


def test_the_installed_specs_are_served(sandbox: Sandbox) -> None:
    assert sorted(sandbox.providers) == [spec.stem for spec in SPECS]


@each_provider
def test_a_documented_request_gets_the_documented_response(sandbox: Sandbox, provider: str) -> None:
    response = ask(sandbox, provider, **REQUESTS[provider])

    assert (response.status_code, response.json()) == (200, GRANTED[provider])
    assert response.headers["Cache-Control"] == "no-store"


@each_provider
def test_each_token_request_gets_a_new_token(sandbox: Sandbox, provider: str) -> None:
    tokens = {token_of(ask(sandbox, provider, **REQUESTS[provider])) for _ in range(3)}

    assert len(tokens) == 3


@each_provider
def test_wrong_credentials_get_the_documented_response(sandbox: Sandbox, provider: str) -> None:
    response = ask(sandbox, provider, **WRONG_REQUESTS[provider])

    assert (response.status_code, response.json()) == WRONG_CREDENTIALS[provider]


@pytest.mark.parametrize("provider", ["alternative_payments", "cryptofuse", "ripio_ramp"])
@pytest.mark.parametrize(
    "authorization", [None, "Bearer token", "Basic", "Basic !", "Basic /w==", "Basic Og==", b"Basic \xe9"]
)
def test_malformed_basic_credentials_are_wrong_credentials(
    sandbox: Sandbox, provider: str, authorization: str | bytes | None
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    response = ask(sandbox, provider, data=GRANT, headers=headers)

    assert (response.status_code, response.json()) == WRONG_CREDENTIALS[provider]


@each_provider
@pytest.mark.parametrize(
    "change",
    [
        {"content": b""},
        {"content": b"\xff", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        {"content": b"[" * 100_000, "headers": {"Content-Type": "application/json"}},
        {"content": b"[]", "headers": {"Content-Type": "application/json"}},
        {"content": b"{}", "headers": {"Content-Type": "text/plain"}},
        {"content": b"{}", "headers": {"Content-Type": "application/json; ="}},
        {"content": b"{}", "headers": {"Content-Type": "application/json; a=b=c"}},
    ],
    ids=["empty", "no-text", "bottomless", "list", "wrong-type", "odd-parameter", "odder-parameter"],
)
def test_a_body_that_cannot_be_read_is_a_bad_request(sandbox: Sandbox, provider: str, change: dict[str, Any]) -> None:
    auth = {key: value for key, value in REQUESTS[provider].items() if key == "auth"}
    response = ask(sandbox, provider, **auth, **change)

    assert (response.status_code, response.json()) == BAD_REQUEST[provider]


@pytest.mark.parametrize("provider", ["alternative_payments", "ripio_ramp"])
@pytest.mark.parametrize("authorization", ["", "Basic", "Bearer token"])
def test_without_basic_credentials_the_body_is_not_checked(sandbox: Sandbox, provider: str, authorization: str) -> None:
    response = ask(sandbox, provider, content=b"", headers={"Authorization": authorization})

    assert (response.status_code, response.json()) == WRONG_CREDENTIALS[provider]


@each_provider
def test_the_other_media_type_is_a_bad_request(sandbox: Sandbox, provider: str) -> None:
    other = {"data": "json", "json": "data"}
    request = {other.get(key, key): value for key, value in REQUESTS[provider].items()}
    response = ask(sandbox, provider, **request)

    assert (response.status_code, response.json()) == BAD_REQUEST[provider]


@pytest.mark.parametrize(
    ("provider", "parameter"),
    [
        ("alternative_payments", "grant_type"),
        ("cryptofuse", "grant_type"),
        ("ripio_ramp", "grant_type"),
        ("ripio_widget", "username"),
        ("ripio_widget", "password"),
        ("ripple", "grant_type"),
        ("ripple", "audience"),
    ],
)
def test_a_missing_parameter_is_a_bad_request(sandbox: Sandbox, provider: str, parameter: str) -> None:
    response = ask(sandbox, provider, **without(REQUESTS[provider], parameter))

    assert (response.status_code, response.json()) == BAD_REQUEST[provider]


@each_provider
def test_an_undocumented_parameter_is_a_bad_request(sandbox: Sandbox, provider: str) -> None:
    in_body = ask(sandbox, provider, **with_more(REQUESTS[provider], undocumented=""))
    in_query = ask(sandbox, provider, **REQUESTS[provider], params={"scope": "read"})

    assert (in_body.status_code, in_body.json()) == BAD_REQUEST[provider]
    assert (in_query.status_code, in_query.json()) == BAD_REQUEST[provider]


@pytest.mark.parametrize("provider", ["alternative_payments", "cryptofuse", "ripio_ramp", "ripple"])
def test_another_grant_type_is_a_bad_request(sandbox: Sandbox, provider: str) -> None:
    response = ask(sandbox, provider, **with_more(REQUESTS[provider], grant_type="password"))

    assert (response.status_code, response.json()) == BAD_REQUEST[provider]


def test_a_repeated_parameter_is_a_bad_request(sandbox: Sandbox) -> None:
    repeated = {"grant_type": ["client_credentials", "client_credentials"]}
    response = ask(sandbox, "cryptofuse", auth=BASIC, data=repeated)

    assert (response.status_code, response.json()) == BAD_REQUEST["cryptofuse"]


def test_cryptofuse_accepts_credentials_in_the_body_too(sandbox: Sandbox) -> None:
    good = ask(sandbox, "cryptofuse", data={**GRANT, **IN_BODY})
    wrong = ask(sandbox, "cryptofuse", data={**GRANT, **IN_BODY, "client_secret": WRONG})

    assert (good.status_code, good.json()) == (200, GRANTED["cryptofuse"])
    assert (wrong.status_code, wrong.json()) == WRONG_CREDENTIALS["cryptofuse"]


def test_credentials_in_two_places_are_a_bad_request(sandbox: Sandbox) -> None:
    response = ask(sandbox, "cryptofuse", auth=BASIC, data={**GRANT, **IN_BODY})

    assert (response.status_code, response.json()) == BAD_REQUEST["cryptofuse"]


def test_the_requested_scope_is_granted(sandbox: Sandbox) -> None:
    response = ask(sandbox, "cryptofuse", auth=BASIC, data={**GRANT, "scope": "read write admin"})

    assert response.json()["scope"] == "read write admin"


@each_provider
def test_the_resource_accepts_only_valid_tokens_of_its_own_provider(sandbox: Sandbox, provider: str) -> None:
    token = token_of(ask(sandbox, provider, **REQUESTS[provider]))
    neighbour = "ripple" if provider != "ripple" else "cryptofuse"

    good = call(sandbox, provider, token)
    bare = get(f"{sandbox.base_url(provider)}/resource")
    unknown = call(sandbox, provider, token + "x")
    foreign = call(sandbox, neighbour, token)

    assert (good.status_code, good.json()) == (200, {"provider": provider})
    assert (bare.status_code, bare.headers["WWW-Authenticate"]) == (401, f'Bearer realm="{provider}"')
    assert unknown.status_code == 401
    assert unknown.headers["WWW-Authenticate"] == f'Bearer realm="{provider}", error="invalid_token"'
    assert foreign.status_code == 401


def test_revoke_ends_the_tokens_of_one_provider() -> None:
    with Sandbox(client=CLIENT) as sandbox:
        tokens = {name: token_of(ask(sandbox, name, **REQUESTS[name])) for name in PATHS}
        sandbox.ripple.revoke()

        statuses = {name: call(sandbox, name, token).status_code for name, token in tokens.items()}

    assert statuses == {**dict.fromkeys(PATHS, 200), "ripple": 401}


def test_refused_requests_and_calls_are_counted_too() -> None:
    with Sandbox(client=CLIENT) as sandbox:
        ask(sandbox, "ripple", **REQUESTS["ripple"])
        ask(sandbox, "ripple", **WRONG_REQUESTS["ripple"])
        ask(sandbox, "ripple", content=b"")
        call(sandbox, "ripple", "unknown")
        call(sandbox, "ripple", "unknown")

        assert (sandbox.token_requests("ripple"), sandbox.api_calls("ripple")) == (3, 2)
        assert (sandbox.token_requests("cryptofuse"), sandbox.api_calls("cryptofuse")) == (0, 0)


@pytest.mark.parametrize(
    ("provider", "lifetime", "lives"),
    [
        ("ripple", None, 3600),
        ("cryptofuse", None, 36000),
        ("ripio_widget", None, 3600),
        ("ripio_ramp", 5, 5),
        ("ripio_widget", 5, 5),
    ],
)
def test_a_token_lives_as_long_as_its_response_says(
    clock: SandboxClock, provider: str, lifetime: int | None, lives: int
) -> None:
    with Sandbox(client=CLIENT, lifetime=lifetime, clock=clock) as sandbox:
        response = ask(sandbox, provider, **REQUESTS[provider])
        token = token_of(response)
        clock.now = NOW + lives - 0.1
        before = call(sandbox, provider, token).status_code
        clock.now = NOW + lives
        after = call(sandbox, provider, token).status_code

    if provider == "ripio_widget":
        assert jwt.decode(token, options={"verify_signature": False, "verify_exp": False})["exp"] == NOW + lives
    else:
        assert lives in response.json().values()
    assert (before, after) == (200, 401)


def test_every_response_has_the_date_of_the_sandboxs_clock(clock: SandboxClock) -> None:
    with Sandbox(client=CLIENT, clock=clock) as sandbox:
        responses = [
            ask(sandbox, "ripple", **REQUESTS["ripple"]),
            call(sandbox, "ripple", "x"),
            get(sandbox.base_url("ripple")),
        ]

    assert [response.headers.get_list("Date") for response in responses] == [["Fri, 15 Jan 2027 08:00:00 GMT"]] * 3


def test_a_lifetime_can_be_a_point_in_time() -> None:
    data = spec_of("ripple")
    data["x-token-endpoint"]["response"]["lifetime"] = [{"at": "/expires_at", "unit": "moment"}]
    endpoint = Endpoint(NormalizedSpec("ripple", data), client=CLIENT, basic_decoding="plain", lifetime=None)
    request = endpoint.requests.read(
        {"content-type": "application/json"}, "", json.dumps(REQUESTS["ripple"]["json"]).encode()
    )

    assert endpoint.respond(request, NOW).document["expires_at"] == "2027-01-15T09:00:00+00:00"
    assert endpoint.respond(request, NOW, oddity="lifetime_null").document["expires_at"] is None


@pytest.mark.parametrize("decoding", ["plain", "form"])
def test_special_characters_are_accepted_in_one_encoding_only(decoding: Any) -> None:
    awkward = Client("id é+", "s% :+/é%3D~*&=")
    plain = f"{awkward.client_id}:{awkward.client_secret}"
    form = f"{quote_plus(awkward.client_id)}:{quote_plus(awkward.client_secret)}"
    with Sandbox(client=awkward, basic_decoding=decoding) as sandbox:
        statuses = {
            encoding: ask(
                sandbox,
                "ripio_ramp",
                data=GRANT,
                headers={"Authorization": f"Basic {b64encode(text.encode()).decode()}"},
            ).status_code
            for encoding, text in (("plain", plain), ("form", form))
        }

    assert statuses == {**dict.fromkeys(["plain", "form"], 401), decoding: 200}


def test_a_path_must_match_exactly(sandbox: Sandbox) -> None:
    base_url = sandbox.base_url("ripio_ramp")

    assert post(f"{base_url}/oauth2/token", **REQUESTS["ripio_ramp"]).status_code == 401  # a path of the API
    assert get(f"{base_url}/oauth2/token/").status_code == 405


def test_the_log_has_one_line_for_each_request_and_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(0), Sandbox(client=CLIENT) as sandbox:
        tokens = [token_of(ask(sandbox, provider, **REQUESTS[provider])) for provider in PATHS]
        call(sandbox, "ripple", tokens[-1])
        ask(sandbox, "ripple", params={"token": tokens[-1]}, **WRONG_REQUESTS["ripple"])
        get(f"{sandbox.base_url('ripple')}/a%0Ab?{tokens[-1]}")
        get(f"{sandbox.url}/{tokens[-1]}")
        get(f"{sandbox.url}/")
        get(f"{sandbox.url}/control")

    lines = [record.getMessage() for record in caplog.records if record.name == "paygrant.sandbox"]
    assert lines == [
        *(f"POST /{provider}{path} 200" for provider, path in PATHS.items()),
        "GET /ripple/resource 200",
        "POST /ripple/oauth/token 400",
        "GET /ripple/[unknown] 404",
        "GET /[unknown] 404",
    ]
    of_the_client = ("httpx", "httpcore")
    served = [record.getMessage() for record in caplog.records if not record.name.startswith(of_the_client)]
    for secret in (CLIENT.client_id, CLIENT.client_secret, b64encode(":".join(BASIC).encode()).decode(), *tokens):
        assert secret not in "\n".join(served)


def test_uvicorn_logs_only_errors_and_other_servers_log_as_usual(caplog: pytest.LogCaptureFixture) -> None:
    beneath = logging.getLogger("uvicorn.error")
    before = list(beneath.filters)
    with caplog.at_level(0), Sandbox() as sandbox:
        address = httpx.URL(sandbox.url)
        with socket.create_connection((address.host, address.port or 0), timeout=10) as connection:
            connection.sendall(b"no HTTP\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
        beneath.info("a user's own server says")

    messages = [each.getMessage() for each in caplog.records if each.name.startswith("uvicorn")]
    assert messages == ["Invalid HTTP request received.", "a user's own server says"]
    assert beneath.filters == before


def test_credentials_are_not_shown(sandbox: Sandbox) -> None:
    assert CLIENT.client_secret not in repr(CLIENT)
    assert CLIENT.client_secret not in repr(sandbox)


def test_the_app_works_without_a_socket() -> None:
    sandbox = Sandbox()

    async def ask_in_process() -> httpx.Response:
        transport = httpx.ASGITransport(sandbox.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
            return await client.post(
                "/cryptofuse/o/token/", data=GRANT, auth=(sandbox.client_id, sandbox.client_secret)
            )

    assert anyio.run(ask_in_process).json() == GRANTED["cryptofuse"]


@pytest.mark.parametrize(
    ("headers", "fault"),
    [
        ({"Origin": "https://evil.example"}, "Origin: expected the sandbox's own origin"),
        ({"Origin": "null"}, "Origin: expected the sandbox's own origin"),
        ({"Host": "rebound.example"}, "Host: expected a loopback name"),
        ({"Host": "rebound.example", "Origin": "http://rebound.example"}, "Host: expected a loopback name"),
    ],
)
@pytest.mark.parametrize("path", ["/ripple/oauth/token", "/ripple/resource", "/ripple/nothing", "/", "/nothing"])
def test_a_page_of_another_site_reaches_nothing(
    sandbox: Sandbox, path: str, headers: dict[str, str], fault: str
) -> None:
    sandbox.reset()
    for method in ("POST", "GET", "OPTIONS"):
        response = httpx.request(method, sandbox.url + path, headers=headers, trust_env=False)
        assert response.status_code == 403
        assert response.json()["error"].startswith(fault)
    assert (sandbox.ripple.token_requests, sandbox.ripple.api_calls, sandbox.ripple.requests) == (0, 0, ())


@pytest.mark.parametrize("path", ["/ripple/oauth/token", "/ripple/resource"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_is_read_up_to_a_limit_only(sandbox: Sandbox, path: str, *, chunked: bool) -> None:
    sandbox.reset()
    size, sent, chunk = 200 << 20, 0, b"x" * (1 << 16)
    kind = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    host, port = sandbox.url.removeprefix("http://").split(":")
    method = "GET" if path.endswith("resource") else "POST"
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{kind}\r\n\r\n".encode())
        with suppress(OSError):
            while sent < size:
                connection.sendall(b"10000\r\n" + chunk + b"\r\n" if chunked else chunk)
                sent += len(chunk)
        with suppress(OSError):
            assert connection.recv(64).startswith(b"HTTP/1.1 413 ")
    assert sent < 32 << 20
    assert sandbox.ripple.requests[-1].status == 413
    assert sandbox.ripple.token_requests + sandbox.ripple.api_calls == 1


BAD: list[tuple[dict[str, Any], str]] = [
    ({"lifetime": -1}, "lifetime: is -1; expected a whole number of at least 0"),
    ({"lifetime": 1.5}, "lifetime: is 1.5; expected a whole number of at least 0"),
    ({"lifetime": True}, "lifetime: is True; expected a whole number of at least 0"),
    ({"lifetime": "60"}, "lifetime: is '60'; expected a whole number of at least 0"),
    ({"lifetime": 10**10}, "lifetime: is 10000000000; expected a finite number"),
    ({"lifetime": 10**5000}, "lifetime: is of type int; expected a finite number"),
    ({"client": ("me", "s")}, "client: is of type tuple; expected a Client"),
    ({"client": Client}, "client: is of type type; expected a Client"),
    ({"client": ""}, "client: is of type str; expected a Client"),
    ({"client": Client(client_id="")}, "client.client_id: is empty"),
    ({"client": Client(client_id="a:b")}, "client.client_id: holds ':'"),
    ({"client": Client(client_secret=cast("Any", 7))}, "client.client_secret: is of type int"),
    ({"port": 99999}, "port: is 99999; expected a whole number from 0 to 65535"),
    ({"port": -1}, "port: is -1; "),
    ({"port": "80"}, "port: is '80'; "),
    ({"port": True}, "port: is True; "),
    ({"port": None}, "port: is None; "),
    ({"host": 3}, "host: is of type int; expected an address"),
    ({"host": None}, "host: is of type NoneType; expected an address"),
    ({"host": "example.com"}, "host: is 'example.com'; expected an address of this machine"),
    ({"host": ""}, "host: is ''; expected an address of this machine"),
    ({"specs": "acme.yaml"}, "specs: is one path; expected a list of paths"),
    ({"specs": 3}, "specs: is of type int; expected a list of paths"),
    ({"specs": [3]}, "specs: is of type int; expected a list of paths"),
    ({"specs": ["nowhere.yaml"]}, "spec: "),
    ({"clock": 3}, "clock: is of type int; expected a function"),
    ({"clock": None}, "clock: is of type NoneType; expected a function"),
    ({"basic_decoding": []}, "basic_decoding: is of type list; expected one of: plain, form"),
    ({"foo": 1}, "got an unexpected keyword argument 'foo'; expected the arguments specs, client, basic_decoding, "),
]


@pytest.mark.parametrize(("arguments", "fault"), BAD)
def test_a_bad_argument_of_a_sandbox_is_a_configuration_error(arguments: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Sandbox(**arguments)
    assert str(caught.value).startswith(fault)


def test_a_bad_argument_of_a_fault_is_a_configuration_error(sandbox: Sandbox) -> None:
    ripple: Any = sandbox.ripple
    calls: list[Callable[[], object]] = [
        lambda: ripple.fail(foo=1),
        lambda: ripple.fail(503, 2),
        lambda: ripple.delay("1"),
        lambda: ripple.drop(3),
        lambda: ripple.lifetime(-1),
        lambda: ripple.odd_types(1),
        lambda: ripple.rate_limit(1, 2, 3),
        lambda: ripple.redirect(status=10**5000),
        lambda: ripple.fail(retry_after=[10**5000]),
    ]
    for call in calls:
        with pytest.raises(ConfigurationError):
            call()


def test_delayed_acknowledgements_do_not_slow_a_kept_connection(sandbox: Sandbox) -> None:
    with httpx.Client(trust_env=False, verify=NO_TLS) as client:
        responses = [client.post(sandbox.base_url("ripple") + PATHS["ripple"], content=b"") for _ in range(10)]

    assert min(response.elapsed.total_seconds() for response in responses[3:]) < 0.03


def test_a_sandbox_can_be_entered_again() -> None:
    sandbox = Sandbox(client=CLIENT)
    for _ in range(2):
        with sandbox:
            assert ask(sandbox, "ripple", **REQUESTS["ripple"]).status_code == 200
    assert sandbox.token_requests("ripple") == 2


def test_after_its_block_the_port_is_closed() -> None:
    with Sandbox() as sandbox:
        address = httpx.URL(sandbox.base_url("ripple"))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.host, address.port or 0))
    with pytest.raises(RuntimeError, match="not running"):
        sandbox.base_url("ripple")


def test_it_listens_on_other_loopback_addresses() -> None:
    with Sandbox(client=CLIENT, host="::1") as sandbox:
        assert sandbox.base_url("ripple").startswith("http://[::1]:")
        assert ask(sandbox, "ripple", **REQUESTS["ripple"]).status_code == 200


def test_the_error_for_an_unknown_provider_lists_the_known_providers(sandbox: Sandbox) -> None:
    with pytest.raises(ConfigurationError, match=r"provider: .*'acme'.*alternative_payments, .*ripple"):
        sandbox.base_url("acme")


def test_an_unknown_decoding_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"basic_decoding: .*plain, form"):
        Sandbox(basic_decoding="base64")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


NEEDS_AN_EXTRA = 'paygrant.sandbox needs {}; to get it: pip install "paygrant[sandbox]"'


@pytest.mark.parametrize("module", ["starlette", "uvicorn", "jsonschema"])
def test_without_the_extra_the_error_names_it(module: str) -> None:
    program = f"import sys; sys.modules[{module!r}] = None; from paygrant.sandbox import Sandbox"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == f"ImportError: {NEEDS_AN_EXTRA.format(module)}"


def test_without_the_extra_the_command_prints_one_line() -> None:
    program = """
import runpy, sys
from tests.helpers.specs import SPECS
sys.modules["starlette"] = None
sys.argv = ["paygrant.sandbox"]
runpy.run_module("paygrant.sandbox", run_name="__main__", alter_sys=True)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stdout, ended.stderr) == (
        2,
        "",
        f"paygrant: {NEEDS_AN_EXTRA.format('starlette')}\n",
    )


def test_an_import_error_of_our_own_is_not_reported_as_a_missing_extra() -> None:
    program = "import sys; sys.modules['paygrant.sandbox._app'] = None; from paygrant.sandbox import Sandbox"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert ended.stderr.splitlines()[-1].startswith("ModuleNotFoundError: ")


def test_the_package_has_all_names_in_its_list() -> None:
    package = import_module("paygrant.sandbox")

    assert dir(package) == package.__all__
    assert all(getattr(package, name) for name in package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'sandbx'"):
        _ = package.sandbx


def test_the_command_prints_base_urls_and_ends_quietly_on_ctrl_c() -> None:
    command = [sys.executable, "-m", "paygrant.sandbox"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        said = [process.stdout.readline() for _ in range(len(SPECS) + 2)]
        urls = dict(re.findall(r"^(\w+) +(http://127\.0\.0\.1:\d+/\w+)$", "".join(said), re.MULTILINE))
        response = post(
            urls["cryptofuse"] + PATHS["cryptofuse"],
            data=GRANT,
            auth=("sandbox-client", "sandbox-secret"),
        )
        process.send_signal(signal.SIGINT)
        rest, log = process.communicate(timeout=10)

    assert [*urls] == [spec.stem for spec in SPECS]
    assert re.fullmatch(r"page +http://127\.0\.0\.1:\d+/\n", said[-2])
    assert response.json() == GRANTED["cryptofuse"]
    assert "sandbox-client" in said[-1]
    assert "sandbox-secret" in said[-1]
    assert (process.returncode, rest) == (0, "")
    assert [line.split(" ", 2)[2] for line in log.splitlines()] == ["POST /cryptofuse/o/token/ 200"]


def test_the_command_refuses_an_invalid_port() -> None:
    command = [sys.executable, "-m", "paygrant.sandbox", "--port", "65536"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].endswith("port: is 65536; expected a whole number from 0 to 65535")


def test_the_command_reports_a_port_that_is_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "paygrant.sandbox", "--port", port]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert f"cannot listen on 127.0.0.1, port {port}" in ended.stderr
    assert "Traceback" not in ended.stderr
