"""The sandbox's control API, and its record of requests without their secrets."""

import json
import logging
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import anyio
import httpx
import pytest

from paygrant._secrets import fingerprint
from paygrant.sandbox import Client, Sandbox, _control
from paygrant.sandbox._app import Journal
from paygrant.sandbox._control import _LARGEST_BODY, Control
from paygrant.sandbox._fault_kinds import KINDS
from paygrant.sandbox._record import KEPT
from paygrant.sandbox._usage import Usage

CLIENT = Client("canary-id-7f3a", "canary-secret-91bc")
BASIC = (CLIENT.client_id, CLIENT.client_secret)
GRANT = {"grant_type": "client_credentials"}
IN_BODY = {"client_id": CLIENT.client_id, "client_secret": CLIENT.client_secret}
STRANGE = "stranger-canary-55d0"
NOW = 1_800_000_000.0


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox(client=CLIENT, clock=lambda: NOW) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.reset()
    return running


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.url, trust_env=False, timeout=10) as client:
        yield client


def state(client: httpx.Client) -> Any:
    return client.get("/control").json()


def of(document: Any, provider: str) -> Any:
    (found,) = (each for each in document["providers"] if each["name"] == provider)
    return found


def ask(client: httpx.Client) -> str:
    token: str = client.post("/cryptofuse/o/token/", auth=BASIC, data=GRANT).json()["access_token"]
    return token


# ------------------------------------------------------------------------------------------------ The state


def test_the_state_contains_everything(sandbox: Sandbox, client: httpx.Client) -> None:
    sandbox.cryptofuse.date(60, times=1)
    token = ask(client)
    client.get("/cryptofuse/resource", headers={"Authorization": f"Bearer {token}"})
    sandbox.cryptofuse.fail(500, times=3, on="resource")
    response = client.get("/control")
    document = response.json()

    assert response.headers["Cache-Control"] == "no-store"
    assert [each["name"] for each in document["providers"]] == list(sandbox.providers)
    assert document["now"] == NOW
    assert of(document, "cryptofuse") == {
        "name": "cryptofuse",
        "base_url": "/cryptofuse",
        "token_method": "POST",
        "token_path": "/o/token/",
        "token_requests": 1,
        "api_calls": 1,
        "alive": 1,
        "tokens": [{"fingerprint": fingerprint(token), "issued_at": NOW, "expires_at": NOW + 36000}],
        "faults": [
            {
                "id": sandbox.cryptofuse.faults[0].id,
                "kind": "fail",
                "on": "resource",
                "times": 3,
                "status": 500,
                "retry_after": None,
            }
        ],
    }
    latest, first = document["requests"]
    assert (latest["path"], latest["status"], latest["fault"]) == ("/cryptofuse/resource", 200, None)
    assert latest["headers"]["authorization"] == f"Bearer {fingerprint(token)}"
    assert latest["id"] > first["id"]
    assert first == {
        "id": sandbox.cryptofuse.requests[0].id,
        "at": NOW,
        "provider": "cryptofuse",
        "method": "POST",
        "path": "/cryptofuse/o/token/",
        "status": 200,
        "milliseconds": sandbox.cryptofuse.requests[0].milliseconds,
        "headers": sandbox.cryptofuse.requests[0].headers,
        "parameters": GRANT,
        "fault": "date",
        "reason": None,
    }


def test_the_state_lists_the_last_hundred_requests(sandbox: Sandbox, client: httpx.Client) -> None:
    for _ in range(60):
        ask(client)
        client.get("/ripple/resource")
    last = [ask(client) for _ in range(60)][-1]
    document = state(client)

    assert len(document["requests"]) == 100
    assert document["requests"] == sorted(document["requests"], key=lambda each: each["id"], reverse=True)
    assert (of(document, "cryptofuse")["alive"], len(of(document, "cryptofuse")["tokens"])) == (120, 100)
    assert of(document, "cryptofuse")["tokens"][0]["fingerprint"] == fingerprint(last)


def test_old_requests_are_forgotten(sandbox: Sandbox, client: httpx.Client) -> None:
    for _ in range(KEPT + 1):
        client.get("/ripple/resource")

    assert len(sandbox.ripple.requests) == KEPT
    assert sandbox.ripple.api_calls == KEPT + 1


def test_the_kinds_are_listed_with_their_parameters(client: httpx.Client) -> None:
    kinds = {each["kind"]: each for each in client.get("/control/faults").json()}

    assert kinds.keys() == KINDS.keys()
    assert kinds["fail"]["on"] == ["token", "resource"]
    assert kinds["lifetime"]["on"] == ["token"]
    assert kinds["fail"]["meaning"] == "The response is an error with this status."
    assert kinds["fail"]["parameters"][0] == {
        "name": "status",
        "type": "integer",
        "default": 503,
        "meaning": "the status, from 200 to 599",
        "choices": [],
    }
    assert "lifetime_text" in kinds["odd_types"]["parameters"][0]["choices"]


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_can_be_switched_on_with_its_defaults(sandbox: Sandbox, client: httpx.Client, name: str) -> None:
    response = client.post("/control/cryptofuse/faults", json={"kind": name})
    (fault,) = sandbox.cryptofuse.faults

    assert (response.status_code, response.json()) == (201, {"id": fault.id})
    assert (fault.kind, fault.on, fault.times) == (name, "token", None)
    assert fault.parameters == {each.name: each.default for each in KINDS[name].parameters}


def test_faults_are_switched_on_and_off(sandbox: Sandbox, client: httpx.Client) -> None:
    posted = [
        client.post(
            "/control/ripple/faults", json={"kind": "fail", "status": 500, "times": 2, "on": "resource"}
        ).json()["id"]
        for _ in range(3)
    ]
    one_off = client.delete(f"/control/ripple/faults/{posted[0]}")
    left = [fault.id for fault in sandbox.ripple.faults]
    again = client.delete(f"/control/ripple/faults/{posted[0]}")
    all_off = client.delete("/control/ripple/faults")

    assert (one_off.status_code, one_off.content, left) == (204, b"", posted[1:])
    assert (again.status_code, again.json()) == (404, {"error": "no fault with this id is switched on"})
    assert (all_off.status_code, sandbox.ripple.faults) == (204, ())


def test_tokens_are_revoked_and_everything_is_reset(sandbox: Sandbox, client: httpx.Client) -> None:
    ask(client)
    revoked = client.post("/control/cryptofuse/revoke").status_code, sandbox.cryptofuse.tokens
    sandbox.ripple.fail()
    reset = client.post("/control/reset")

    assert revoked == (204, ())
    assert (reset.status_code, sandbox.token_requests("cryptofuse"), sandbox.ripple.faults) == (204, 0, ())


def test_changes_are_streamed(sandbox: Sandbox, client: httpx.Client) -> None:
    with client.stream("GET", "/control/events") as response:
        lines = (line.removeprefix("data: ") for line in response.iter_lines() if line)
        first = json.loads(next(lines))
        sandbox.ripple.fail()
        second = json.loads(next(lines))
        sandbox.ripple.revoke()
        third = json.loads(next(lines))
        sandbox.ripple.restore()
        fourth = json.loads(next(lines))
        sandbox.ripple.fail().restore()
        fifth = json.loads(next(lines))
        ask(client)
        sixth = json.loads(next(lines))
        sandbox.reset()
        seventh = json.loads(next(lines))

    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert first.keys() == state(client).keys()
    assert [len(of(each, "ripple")["faults"]) for each in (first, second, third, fourth)] == [0, 1, 1, 0]
    assert [len(each["requests"]) for each in (fifth, sixth, seventh)] == [0, 1, 0]


def test_without_a_change_nothing_is_streamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_control, "_PAUSE", 0)
    journal = Journal(lambda: NOW)

    async def listen() -> int:
        heard = 0
        with anyio.move_on_after(0.05):
            async for _ in Control({}, journal, Usage(Client(), {}, {}))._changes():
                heard += 1
        return heard

    assert anyio.run(listen) == 1


def test_a_stream_does_not_keep_the_sandbox_from_ending(caplog: pytest.LogCaptureFixture) -> None:
    with Sandbox() as sandbox, httpx.stream("GET", f"{sandbox.url}/control/events", trust_env=False) as response:
        lines = response.iter_lines()
        next(lines)
        sandbox.__exit__(None, None, None)
        with pytest.raises(httpx.TransportError):
            list(lines)

    assert [each for each in caplog.records if each.levelno > logging.INFO] == []


# ---------------------------------------------------------------------------------------- Who may steer it


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1", "[::1]:8080", "127.0.0.2", "sandbox.localhost"])
def test_loopback_host_names_are_accepted(client: httpx.Client, host: str) -> None:
    assert client.get("/control", headers={"Host": host}).status_code == 200
    assert client.get("/control", headers={"Host": host, "Origin": f"http://{host}"}).status_code == 200


@pytest.mark.parametrize(
    "host", ["rebound.example", "127.0.0.1.example", "192.0.2.1", "", "[", "[::1", "a@127.0.0.1.b"]
)
@pytest.mark.parametrize("path", ["/control", "/control/events", "/control/nothing"])
def test_other_host_names_are_refused(client: httpx.Client, host: str, path: str) -> None:
    response = client.get(path, headers={"Host": host})

    assert response.status_code == 403
    assert response.json()["error"].startswith("Host: expected a loopback name")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1", "http://localhost", "", "https://{host}"]
)
def test_a_page_of_another_origin_cannot_control_the_sandbox(
    sandbox: Sandbox, client: httpx.Client, origin: str
) -> None:
    ask(client)
    headers = {"Origin": origin.format(host=client.base_url.netloc.decode())}
    responses = [
        client.post("/control/cryptofuse/faults", json={"kind": "fail"}, headers=headers),
        client.post("/control/cryptofuse/revoke", headers=headers),
        client.get("/control", headers=headers),
    ]

    assert [response.status_code for response in responses] == [403] * 3
    assert responses[0].json() == {"error": "Origin: expected the sandbox's own origin"}
    assert (len(sandbox.cryptofuse.tokens), sandbox.cryptofuse.faults) == (1, ())


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "kind: is missing; expected one of: "),
        ({"kind": "explode"}, "kind: is 'explode'; expected one of: "),
        ({"kind": ["fail"]}, "kind: is of type list; expected one of: "),
        ({"kind": "fail", "status": "500"}, "status: is '500'; expected a whole number from 200 to 599"),
        ({"kind": "fail", "status": True}, "status: is True"),
        ({"kind": "fail", "status": None}, "status: is None"),
        ({"kind": "fail", "times": 0}, "times: is 0; expected a whole number of at least 1"),
        ({"kind": "fail", "on": {}}, "on: is of type dict; expected one of: token, resource"),
        ({"kind": "fail", "self": 1}, "self: is unknown; expected one of: on, times, status, retry_after"),
        ({"kind": "fail", "name": 1}, "name: is unknown; expected one of: on, times"),
        ({"kind": "fail", "seconds": 1}, "seconds: is unknown; expected one of: on, times"),
        ({"kind": "fail", "retry_after": [1]}, "retry_after: is of type list"),
        ({"kind": "redirect", "to": "a\r\nb"}, "to: is 'a\\r\\nb'"),
        ({"kind": "redirect", "to": 1}, "to: is 1"),
        ({"kind": "odd_types", "oddity": {}}, "oddity: is of type dict"),
        ({"kind": "delay", "seconds": "1"}, "seconds: is '1'"),
        ({"kind": "delay", "seconds": 10**400}, "seconds: is too large; expected a number of at most 9007199254740991"),
        ({"kind": "delay", "times": 2**53}, "times: is too large; expected a number of at most 9007199254740991"),
        ({"kind": "date", "offset": -(10**400)}, "offset: is too large"),
        ({"kind": "rate_limit", "requests": 10**20, "seconds": 1}, "requests: is too large"),
        ([], "body: is not a JSON object"),
    ],
)
def test_the_error_for_invalid_input_says_what_is_expected(
    sandbox: Sandbox, client: httpx.Client, body: Any, message: str
) -> None:
    response = client.post("/control/cryptofuse/faults", json=body)

    assert response.status_code == 400
    assert response.json()["error"].startswith(message)
    assert sandbox.cryptofuse.faults == ()


@pytest.mark.parametrize(
    ("content", "media_type", "status", "message"),
    [
        (b'{"kind": "fail"}', "text/plain", 415, "Content-Type: expected application/json"),
        (b"kind=fail", "application/x-www-form-urlencoded", 415, "Content-Type: expected application/json"),
        (b"{", "application/json", 400, "body: is not a JSON object"),
        (b"null", "application/json", 400, "body: is not a JSON object"),
        (b"\xff", "application/json", 400, "body: is not a JSON object"),
        (b"[" * 60_000, "application/json", 400, "body: is not a JSON object"),
        (b" " * (_LARGEST_BODY + 1), "application/json", 413, "body: expected at most 65536 bytes"),
        (b'{"kind": "delay", "seconds": NaN}', "application/json", 400, "seconds: is nan"),
    ],
)
def test_a_body_must_be_json_and_small(
    client: httpx.Client, content: bytes, media_type: str, status: int, message: str
) -> None:
    response = client.post("/control/cryptofuse/faults", content=content, headers={"Content-Type": media_type})

    assert response.status_code == status
    assert response.json()["error"].startswith(message)
    assert of(state(client), "cryptofuse")["faults"] == []


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("POST", "/control/acme/faults", 404, "unknown provider; expected one of: airwallex, alternative_payments, "),
        ("POST", "/control/acme/revoke", 404, "unknown provider"),
        ("DELETE", "/control/acme/faults", 404, "unknown provider"),
        ("DELETE", "/control/acme/faults/1", 404, "unknown provider"),
        ("DELETE", "/control/ripple/faults/x", 404, "no fault with this id is switched on"),
        ("DELETE", f"/control/ripple/faults/{'9' * 5000}", 404, "no fault with this id is switched on"),
        ("GET", "/control/nothing", 404, "Not Found"),
        ("GET", "/control/", 404, "Not Found"),
        ("PUT", "/control", 405, "Method Not Allowed"),
        ("GET", "/control/reset", 405, "Method Not Allowed"),
    ],
)
def test_errors_are_json(client: httpx.Client, method: str, path: str, status: int, message: str) -> None:
    response = client.request(method, path)

    assert response.status_code == status
    assert response.json()["error"].startswith(message)


def test_requests_to_the_control_api_are_neither_recorded_nor_logged(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(0):
        client.get("/control/nothing")
        document = state(client)

    assert document["requests"] == []
    assert [each for each in caplog.records if each.name == "paygrant.sandbox"] == []


# ---------------------------------------------------------------------------- What is remembered of requests


def shown(sandbox: Sandbox, client: httpx.Client, caplog: pytest.LogCaptureFixture) -> str:
    """Everything that the sandbox shows: in Python, in the control API and in its log."""
    requests = [request for name in sandbox.providers for request in getattr(sandbox, name).requests]
    tokens = [token for name in sandbox.providers for token in getattr(sandbox, name).tokens]
    log = [each.getMessage() for each in caplog.records if each.name == "paygrant.sandbox"]
    return "\n".join([repr(requests), repr(tokens), client.get("/control").text, *log])


def test_a_secret_is_never_shown_wherever_it_was_sent(
    sandbox: Sandbox, client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    token = ask(client)
    basic = b64encode(":".join(BASIC).encode()).decode()
    ripple = {**IN_BODY, **GRANT, "audience": "urn:ripplexcurrent-test:acme"}
    for secret in (*BASIC, token, STRANGE, basic):
        client.post("/ripple/oauth/token", json=ripple)
        client.post("/ripple/oauth/token", json={**ripple, secret: secret, "grant_type": secret})
        client.post("/ripple/oauth/token", json={**ripple, "client_secret": {"deep": [secret]}})
        client.post("/ripple/oauth/token", json={**ripple, "audience": [secret]})
        client.post("/ripple/oauth/token", json=[secret])
        client.post("/ripple/oauth/token", content=secret, headers={"Content-Type": "application/json"})
        client.post("/ripio_widget/api/v1/auth", data={"username": f"{secret}:user:0x05", "password": secret})
        client.post("/cryptofuse/o/token/", data={**GRANT, **IN_BODY}, params={secret: "", "client_secret": secret})
        client.get(f"/cryptofuse/resource?{secret}", headers={"Authorization": f"Bearer {secret}", "Cookie": secret})
        client.get("/cryptofuse/resource", headers={"Authorization": secret, "X-Api-Key": secret})
        client.get("/cryptofuse/resource", headers={"Authorization": f"{secret} {secret}"})
        client.request(secret.replace("=", ""), f"/cryptofuse/{secret}/{secret}")
        client.get(f"/{secret}")
    for secret in (*BASIC, token):
        client.get(
            "/ripple/resource", headers={"User-Agent": f"agent/{secret}", secret: "1", "Accept": f"{secret};q=1"}
        )
        client.post("/cryptofuse/o/token/", auth=BASIC, data={**GRANT, "scope": f"read {secret}"})
        client.post("/ripple/oauth/token", json={**ripple, "audience": f"urn:{secret}"})
    everything = shown(sandbox, client, caplog)

    assert [secret for secret in (*BASIC, token, STRANGE, basic) if secret.lower() in everything.lower()] == []
    assert everything.count("urn:ripplexcurrent-test:acme") > 0


def test_values_without_secrets_are_shown(sandbox: Sandbox, client: httpx.Client) -> None:
    data = {**GRANT, **IN_BODY, "scope": "read", "unknown": "x"}
    client.post("/cryptofuse/o/token/", data=data, headers={"User-Agent": "tests", "X-Trace": "1"})
    (request,) = sandbox.cryptofuse.requests

    assert request.parameters == {
        **GRANT,
        "client_id": "[redacted]",
        "client_secret": "[redacted]",
        "scope": "read",
        "[unknown]": "[redacted]",
    }
    assert (request.headers["user-agent"], request.headers["[unknown]"]) == ("tests", "[redacted]")
    assert (request.method, request.path, request.status) == ("POST", "/cryptofuse/o/token/", 400)


def test_the_same_credentials_have_the_same_fingerprint(sandbox: Sandbox, client: httpx.Client) -> None:
    for secret in ("a", "a", "b"):
        client.post("/cryptofuse/o/token/", auth=("id", secret), data=GRANT)
    marks = [request.headers["authorization"] for request in sandbox.cryptofuse.requests]

    assert marks[0] == marks[1] == f"Basic {fingerprint(b64encode(b'id:a').decode())}"
    assert marks[2] != marks[0]


@pytest.mark.parametrize(
    ("method", "path", "recorded"),
    [
        ("POST", "/cryptofuse/o/token", ("POST", "/cryptofuse/[unknown]", 401)),
        ("GET", "/cryptofuse/o/token/", ("GET", "/cryptofuse/o/token/", 405)),
        ("PUT", "/cryptofuse/resource", ("PUT", "/cryptofuse/resource", 401)),
        ("GET", "/cryptofuse", ("GET", "/cryptofuse/[unknown]", 404)),
        ("ODD", "/cryptofuse/resource", ("[unknown]", "/cryptofuse/resource", 401)),
    ],
)
def test_a_request_without_a_token_is_recorded(
    sandbox: Sandbox, client: httpx.Client, method: str, path: str, recorded: tuple[str, str, int]
) -> None:
    client.request(method, path)
    (request,) = sandbox.cryptofuse.requests

    assert (request.method, request.path, request.status) == recorded
    assert (sandbox.cryptofuse.token_requests, sandbox.cryptofuse.api_calls) == (0, request.status == 401)


def test_long_and_unusual_values_are_shortened_and_cleaned(sandbox: Sandbox, client: httpx.Client) -> None:
    ripple = b'{"audience": "\\ud800", "grant_type": 1, "client_id": null}'
    client.post("/ripple/oauth/token", content=ripple, headers={"Content-Type": "application/json"})
    client.post("/ripple/oauth/token", json={"audience": "a:" * 100_000})
    odd, long = sandbox.ripple.requests

    assert odd.parameters == {"audience": "?", "grant_type": "[redacted]", "client_id": "[redacted]"}
    assert long.parameters["audience"] == "a:" * 100 + "..."
    assert len(state(client)["requests"]) == 2
