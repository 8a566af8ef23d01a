"""The sandbox's faults: what a client sees of each, and how a TokenSource handles it."""

import copy
import inspect
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, get_args

import anyio
import httpx
import jwt
import pytest

from paygrant import (
    ConfigurationError,
    Cryptofuse,
    InvalidClient,
    MalformedResponse,
    MemoryStore,
    ProviderUnavailable,
    RateLimited,
    RefreshPolicy,
    TokenAuth,
    TokenSource,
)
from paygrant.sandbox import Client, Fault, ProviderHandle, Sandbox, _fault_kinds
from paygrant.sandbox._endpoint import ODDITIES, Limit
from paygrant.sandbox._fault_kinds import KINDS, STAGES, Limiter
from paygrant.sandbox._handle import Oddity
from tests.helpers.clock import NOW, SandboxClock

CLIENT = Client("canary-id-7f3a", "canary-secret-91bc")
PATH = "/o/token/"
GRANT = {"grant_type": "client_credentials"}
BASIC = (CLIENT.client_id, CLIENT.client_secret)


@pytest.fixture(scope="module")
def hands() -> SandboxClock:
    return SandboxClock()


@pytest.fixture(scope="module")
def running(hands: SandboxClock) -> Iterator[Sandbox]:
    with Sandbox(client=CLIENT, clock=hands) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox, hands: SandboxClock) -> Sandbox:
    hands.now = NOW
    running.reset()
    return running


@pytest.fixture(autouse=True)
def nothing_to_complain_about(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A fault must not cause an error in the sandbox itself."""
    yield
    of_the_server = ("uvicorn", "asyncio", "paygrant.sandbox")
    assert [
        each
        for each in caplog.get_records("call")
        if each.name.startswith(of_the_server) and each.levelno > logging.INFO
    ] == []


@pytest.fixture
def endpoint(sandbox: Sandbox) -> ProviderHandle:
    return sandbox.cryptofuse


@pytest.fixture
def client(endpoint: ProviderHandle) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=endpoint.base_url, trust_env=False, timeout=10) as client:
        yield client


def ask(client: httpx.Client) -> httpx.Response:
    return client.post(PATH, auth=BASIC, data=GRANT)


def collect(response: httpx.Response, got: bytearray) -> None:
    for part in response.iter_raw():
        got += part


def call(client: httpx.Client) -> httpx.Response:
    """Call the resource with a valid token."""
    token = ask(client).json()["access_token"]
    return client.get("/resource", headers={"Authorization": f"Bearer {token}"})


def source_of(endpoint: ProviderHandle, **policy: Any) -> TokenSource:
    provider = Cryptofuse(
        client_id=endpoint.client_id, client_secret=endpoint.client_secret, base_url=endpoint.base_url
    )
    return TokenSource(provider, store=MemoryStore(), policy=RefreshPolicy(**policy))


@contextmanager
def on_a_thread(work: Callable[[], object]) -> Generator[None]:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(10)
        assert not thread.is_alive()


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


# ------------------------------------------------------------------------------- What a client sees of each


@pytest.mark.parametrize("status", [200, 400, 404, 418, 500, 503, 599])
def test_a_response_can_have_any_status(endpoint: ProviderHandle, client: httpx.Client, status: int) -> None:
    endpoint.fail(status)
    response = ask(client)

    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/json"
    assert response.json().keys() == {"error"}
    assert endpoint.tokens == ()


@pytest.mark.parametrize("status", [204, 205, 304])
@pytest.mark.parametrize("kind", ["fail", "html"])
def test_a_status_without_a_body_has_none(
    endpoint: ProviderHandle, client: httpx.Client, kind: str, status: int
) -> None:
    getattr(endpoint, kind)(status, times=1)
    response = ask(client)

    assert (response.status_code, response.content) == (status, b"")
    assert ask(client).status_code == 200


def test_the_code_of_an_error_is_the_name_of_its_status(endpoint: ProviderHandle, client: httpx.Client) -> None:
    endpoint.fail(503, times=1)
    endpoint.fail(599, times=1)

    assert [ask(client).json() for _ in range(2)] == [{"error": "service_unavailable"}, {"error": "error"}]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (3, "3"),
        (1.5, "2"),
        (1_500_000, "1500000"),
        ("soon", "soon"),
        ("Fri, 15 Jan 2027 08:00:05 GMT", "Fri, 15 Jan 2027 08:00:05 GMT"),
        (datetime(2027, 1, 15, 8, 0, 5, tzinfo=UTC), "Fri, 15 Jan 2027 08:00:05 GMT"),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(
    endpoint: ProviderHandle, client: httpx.Client, given: Any, sent: str | None
) -> None:
    endpoint.fail(429, retry_after=given)
    response = ask(client)

    assert (response.status_code, response.headers.get("Retry-After")) == (429, sent)
    assert response.json() == {"error": "too_many_requests"}


def test_a_response_can_be_html_instead_of_json(endpoint: ProviderHandle, client: httpx.Client) -> None:
    with endpoint.html():
        response = ask(client)
    with endpoint.html(502):
        assert ask(client).status_code == 502

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.text.startswith("<!doctype html>")


@pytest.mark.parametrize("kept", [None, 0, 10])
def test_a_body_can_end_early(endpoint: ProviderHandle, client: httpx.Client, kept: int | None) -> None:
    endpoint.cut(kept)
    got = bytearray()
    with (
        client.stream("POST", PATH, auth=BASIC, data=GRANT) as response,
        pytest.raises(httpx.RemoteProtocolError, match=r"without sending complete message body"),
    ):
        collect(response, got)

    length = int(response.headers["Content-Length"])
    assert response.status_code == 200
    assert len(got) == (length // 2 if kept is None else kept)
    assert endpoint.requests[-1].status == 200


def test_a_connection_is_dropped_after_the_request_was_carried_out(
    endpoint: ProviderHandle, client: httpx.Client
) -> None:
    endpoint.drop(times=1)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        ask(client)

    assert len(endpoint.tokens) == 1
    assert endpoint.requests[-1].status is None
    assert ask(client).status_code == 200


def test_a_body_can_arrive_byte_by_byte(endpoint: ProviderHandle, client: httpx.Client) -> None:
    endpoint.drip(0.001)
    with client.stream("POST", PATH, auth=BASIC, data=GRANT) as response:
        parts = list(response.iter_raw())

    assert len(parts) > 1
    assert json.loads(b"".join(parts))["access_token"] == endpoint.tokens[0].access_token
    assert int(response.headers["Content-Length"]) == sum(map(len, parts))


def test_a_redirect_has_the_given_location(endpoint: ProviderHandle, client: httpx.Client) -> None:
    endpoint.redirect("https://other.example/o/token/", times=1)
    endpoint.redirect(status=301, times=1)
    first, second = ask(client), ask(client)

    assert (first.status_code, first.headers["Location"]) == (307, "https://other.example/o/token/")
    assert (second.status_code, second.headers["Location"]) == (301, "https://elsewhere.invalid/")


def test_the_date_is_wrong_by_the_given_offset(endpoint: ProviderHandle, client: httpx.Client) -> None:
    endpoint.date(-3600, times=1)
    endpoint.date(times=1)
    responses = [ask(client) for _ in range(3)]

    assert [response.headers.get_list("Date") for response in responses] == [
        ["Fri, 15 Jan 2027 07:00:00 GMT"],
        ["Fri, 15 Jan 2027 09:00:00 GMT"],
        ["Fri, 15 Jan 2027 08:00:00 GMT"],
    ]


def test_tokens_can_have_a_short_lifetime(endpoint: ProviderHandle, client: httpx.Client, hands: SandboxClock) -> None:
    endpoint.lifetime(2, times=2)
    response = ask(client)
    alive = len(endpoint.tokens)
    hands.now += 2
    dead = len(endpoint.tokens)
    ask(client)
    hands.now += 2

    assert response.json()["expires_in"] == 2
    assert (alive, dead) == (1, 0)
    assert endpoint._provider.memory.latest(100, hands.now) == (0, ())
    assert ask(client).json()["expires_in"] == 36000


@pytest.mark.parametrize(
    ("oddity", "name", "value"),
    [
        ("lifetime_text", "expires_in", "36000"),
        ("lifetime_float", "expires_in", 36000.5),
        ("lifetime_null", "expires_in", None),
        ("token_number", "access_token", 12345),
        ("token_null", "access_token", None),
        ("type_null", "token_type", None),
        ("type_number", "token_type", 1),
    ],
)
def test_a_field_of_the_response_can_have_an_unusual_type(
    endpoint: ProviderHandle, client: httpx.Client, oddity: Oddity, name: str, value: object
) -> None:
    endpoint.odd_types(oddity)
    response = ask(client)

    assert response.status_code == 200
    assert response.json()[name] == value
    assert type(response.json()[name]) is type(value)


def test_a_token_can_come_in_an_object(endpoint: ProviderHandle, client: httpx.Client) -> None:
    endpoint.odd_types("token_object")

    assert ask(client).json()["access_token"] == {"value": endpoint.tokens[0].access_token}


def test_an_unusual_type_applies_to_a_lifetime_inside_the_token(sandbox: Sandbox) -> None:
    sandbox.ripio_widget.odd_types("lifetime_text")
    data = {"username": f"{CLIENT.client_id}:user:0x05", "password": CLIENT.client_secret}
    response = httpx.post(f"{sandbox.ripio_widget.base_url}/api/v1/auth", data=data, trust_env=False)
    claims = jwt.decode(response.json()["token"], options={"verify_signature": False, "verify_exp": False})

    assert claims["exp"] == str(int(NOW) + 3600)


def test_all_unusual_types_can_be_chosen() -> None:
    assert [*ODDITIES] == [*get_args(Oddity)]


def test_right_credentials_are_refused_until_the_fault_is_restored(
    endpoint: ProviderHandle, client: httpx.Client
) -> None:
    fault = endpoint.refuse()
    refused = [ask(client) for _ in range(3)]
    fault.restore()

    assert [(response.status_code, response.json()) for response in refused] == [(401, {"error": "invalid_client"})] * 3
    assert ask(client).status_code == 200


def test_a_token_can_be_expired_from_the_start(endpoint: ProviderHandle, client: httpx.Client) -> None:
    endpoint.lifetime(0)

    assert call(client).status_code == 401


def test_each_provider_refuses_in_its_own_format(sandbox: Sandbox) -> None:
    statuses = {
        "alternative_payments": 403,
        "cryptofuse": 401,
        "ripio_ramp": 401,
        "ripio_widget": 200,
        "ripple": 400,
    }
    for name in statuses:
        getattr(sandbox, name).refuse()
    with httpx.Client(trust_env=False) as client:
        paths = {name: sandbox._provider(name).endpoint.path for name in statuses}
        assert statuses == {
            name: client.post(sandbox.base_url(name) + path).status_code for name, path in paths.items()
        }


def test_a_response_can_be_late(endpoint: ProviderHandle, client: httpx.Client) -> None:
    endpoint.delay(0.05)

    assert ask(client).status_code == 200
    assert endpoint.requests[-1].milliseconds > 45  # the two clocks differ a little
    assert not endpoint._provider.memory._wakers


@pytest.mark.parametrize("kind", ["delay", "drip"])
@pytest.mark.parametrize("on", ["token", "resource"])
def test_a_slow_response_delays_neither_others_nor_the_end(kind: str, on: Any) -> None:
    def wait(client: httpx.Client) -> None:
        with pytest.raises(httpx.TransportError):
            client.get("/resource") if on == "resource" else ask(client)

    with Sandbox(client=CLIENT) as sandbox:
        slow = sandbox.cryptofuse
        getattr(slow, kind)(3600, on=on)
        with httpx.Client(base_url=slow.base_url, trust_env=False, timeout=60) as client:
            thread = threading.Thread(target=wait, args=(client,), daemon=True)
            # The refusal of the resource has no body, so there is nothing to drip.
            if (kind, on) == ("drip", "resource"):
                slow.fail(503, on=on)
            thread.start()
            wait_until(lambda: slow.token_requests + slow.api_calls)
            with httpx.Client(base_url=sandbox.ripple.base_url, trust_env=False, timeout=60) as other:
                assert other.get("/resource").status_code == 401
            sandbox.__exit__(None, None, None)
            thread.join(10)
            assert not thread.is_alive()


ROUTES = ["POST /cryptofuse/o/token/", "GET /cryptofuse/resource", "POST /control/cryptofuse/faults"]


def begin(sandbox: Sandbox, route: str) -> socket.socket:
    """A request whose body, one byte, is still missing. The server waits for it."""
    address = httpx.URL(sandbox.url)
    connection = socket.create_connection((address.host, address.port or 0), timeout=10)
    headers = "Content-Type: application/json", "Content-Length: 1", "Expect: 100-continue"
    connection.sendall("\r\n".join([f"{route} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode())
    assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
    return connection


@pytest.mark.parametrize("route", ROUTES)
def test_the_sandbox_ends_without_waiting_for_the_rest_of_a_request(route: str) -> None:
    with Sandbox(client=CLIENT) as sandbox:
        address = httpx.URL(sandbox.url)
        with socket.create_connection((address.host, address.port or 0)), begin(sandbox, route) as connection:
            sandbox.__exit__(None, None, None)

            assert connection.recv(65536) == b""


def test_a_client_that_disconnects_ends_its_wait(endpoint: ProviderHandle, client: httpx.Client) -> None:
    endpoint.delay(3600)
    with pytest.raises(httpx.ReadTimeout):
        client.post(PATH, timeout=0.05)
    wait_until(lambda: endpoint.requests)

    assert (endpoint.requests[-1].status, endpoint.requests[-1].faults) == (None, ("delay",))


def test_without_a_socket_a_dropped_connection_is_an_exception() -> None:
    sandbox = Sandbox()
    sandbox.ripple.drop(on="resource")

    async def ask_in_process() -> None:
        transport = httpx.ASGITransport(sandbox.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
            await client.get("/ripple/resource")

    with pytest.raises(ConnectionResetError):
        anyio.run(ask_in_process)


@pytest.mark.parametrize(
    ("name", "limits"),
    [("alternative_payments", [(5, 1)]), ("cryptofuse", [(100, 60), (1000, 3600), (5000, 86400)])],
)
def test_the_documented_limits_hold(
    sandbox: Sandbox, hands: SandboxClock, name: str, limits: list[tuple[int, int]]
) -> None:
    getattr(sandbox, name).rate_limit(on="resource")
    with httpx.Client(base_url=sandbox.base_url(name), trust_env=False) as client:

        def rush() -> tuple[int, httpx.Response]:
            let_in = 0
            while (response := client.get("/resource")).status_code == 401:
                let_in += 1
            return let_in, response

        requests, seconds = limits[0]
        let_in, refused = rush()
        hands.now += seconds - 0.5
        still_refused = client.get("/resource")
        hands.now += 0.5
        again, _ = rush()

    assert (let_in, refused.status_code, again) == (requests, 429, requests)
    assert still_refused.status_code == 429
    documented = {"alternative_payments": None, "cryptofuse": str(seconds)}
    assert refused.headers.get("Retry-After") == documented[name]
    assert still_refused.headers.get("Retry-After") == (documented[name] and "1")
    assert [(limit.requests, limit.seconds) for limit in sandbox._provider(name).endpoint.limits] == limits


def test_all_limits_hold_at_once() -> None:
    limiter = Limiter((Limit(2, 10), Limit(3, 100)))

    assert [limiter.wait(now) for now in (0, 1, 1, 10, 11, 100)] == [0, 0, 9, 0, 89, 0]


def test_a_limit_can_be_given(sandbox: Sandbox) -> None:
    limit = sandbox.ripple.rate_limit(1, 60, on="resource")
    with httpx.Client(base_url=sandbox.ripple.base_url, trust_env=False) as client:
        responses = [client.get("/resource") for _ in range(2)]

    assert [response.status_code for response in responses] == [401, 429]
    assert responses[1].headers["Retry-After"] == "60"
    assert [request.faults for request in sandbox.ripple.requests] == [(), ("rate_limit",)]
    assert limit.applied == 1


def test_without_a_documented_limit_one_must_be_given(sandbox: Sandbox) -> None:
    for name in ("ripple", "ripio_ramp", "ripio_widget"):
        with pytest.raises(ConfigurationError, match=rf"requests: is missing; .*, because {name} documents no limit"):
            getattr(sandbox, name).rate_limit()


# ------------------------------------------------------------------------------ Which apply, and how often


def test_a_fault_applies_the_given_number_of_times(endpoint: ProviderHandle, client: httpx.Client) -> None:
    fault = endpoint.fail(times=2)
    before = fault.times
    statuses = [ask(client).status_code for _ in range(3)]

    assert statuses == [503, 503, 200]
    assert (before, fault.times, fault.applied, endpoint.faults) == (2, 0, 2, ())


def test_a_fault_lasts_as_long_as_its_block(endpoint: ProviderHandle, client: httpx.Client) -> None:
    with endpoint.fail(500) as fault:
        during = ask(client).status_code, endpoint.faults
    fault.restore()

    assert during == (500, (fault,))
    assert (ask(client).status_code, endpoint.faults) == (200, ())


def test_a_fault_applies_to_one_endpoint(endpoint: ProviderHandle, client: httpx.Client) -> None:
    endpoint.fail(500, on="resource")
    at_the_resource = call(client)
    endpoint.restore()
    endpoint.refuse(on="resource")
    refused = call(client)

    assert at_the_resource.status_code == 500
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="cryptofuse", error="invalid_token"'
    assert (endpoint.token_requests, endpoint.api_calls) == (2, 2)


def test_a_fault_applies_to_one_provider(sandbox: Sandbox, client: httpx.Client) -> None:
    sandbox.ripple.fail()

    assert ask(client).status_code == 200


def test_counted_faults_apply_first_in_order_then_the_latest_of_the_others(
    endpoint: ProviderHandle, client: httpx.Client
) -> None:
    endpoint.fail(500)
    endpoint.fail(501, times=1)
    endpoint.fail(502, times=1)
    endpoint.fail(503)

    assert [ask(client).status_code for _ in range(4)] == [501, 502, 503, 503]


def test_faults_of_different_stages_add_up(endpoint: ProviderHandle, client: httpx.Client) -> None:
    endpoint.date(-60)
    endpoint.drip(0.001)
    endpoint.delay(0.001)
    endpoint.rate_limit(1, 60)
    endpoint.lifetime(7)
    endpoint.odd_types("lifetime_text")
    first, second = ask(client), ask(client)

    assert first.json()["expires_in"] == "7"
    assert second.status_code == 429
    assert {first.headers["Date"], second.headers["Date"]} == {"Fri, 15 Jan 2027 07:59:00 GMT"}
    assert [request.faults for request in endpoint.requests] == [
        ("date", "drip", "delay", "lifetime", "odd_types"),
        ("date", "drip", "delay", "rate_limit"),
    ]


def test_a_fault_that_does_not_apply_is_not_counted(endpoint: ProviderHandle, client: httpx.Client) -> None:
    endpoint.fail(times=1)
    endpoint.lifetime(7, times=1)

    assert ask(client).status_code == 503
    assert ask(client).json()["expires_in"] == 7


def test_a_reset_deletes_everything(sandbox: Sandbox, endpoint: ProviderHandle, client: httpx.Client) -> None:
    call(client)
    endpoint.fail()
    sandbox.ripple.fail()
    sandbox.reset()

    assert (endpoint.faults, endpoint.tokens, endpoint.requests, sandbox.ripple.faults) == ((), (), (), ())
    assert (endpoint.token_requests, endpoint.api_calls) == (0, 0)


class Meanwhile(SandboxClock):
    """A clock that calls a function when it is first read, which is during a request."""

    def __init__(self) -> None:
        super().__init__()
        self.to_do: list[Callable[[], object]] = []

    def __call__(self) -> float:
        while self.to_do:
            self.to_do.pop()()
        return super().__call__()


def test_a_request_that_ends_after_a_reset_leaves_no_trace() -> None:
    clock = Meanwhile()
    with (
        Sandbox(client=CLIENT, clock=clock) as sandbox,
        httpx.Client(base_url=sandbox.base_url("cryptofuse"), trust_env=False) as client,
    ):
        endpoint = sandbox.cryptofuse
        token = ask(client).json()["access_token"]

        def reset() -> None:
            sandbox.reset()
            endpoint.fail(times=1)
            endpoint.fail(times=1, on="resource")

        clock.to_do.append(reset)
        called = client.get("/resource", headers={"Authorization": f"Bearer {token}"})
        sandbox.reset()
        clock.to_do.append(reset)
        asked = ask(client)

        assert (called.status_code, asked.status_code) == (200, 200)
        assert (endpoint.token_requests, endpoint.api_calls, endpoint.requests, endpoint.tokens) == (0, 0, (), ())
        assert len(endpoint.faults) == 2


@pytest.mark.parametrize("route", ROUTES[:2])
def test_a_request_that_started_before_a_reset_is_not_counted(
    sandbox: Sandbox, endpoint: ProviderHandle, route: str
) -> None:
    with begin(sandbox, route) as connection:
        sandbox.reset()
        connection.sendall(b"x")

        assert connection.recv(65536).startswith(b"HTTP/1.1 40")
        assert (endpoint.token_requests, endpoint.api_calls, endpoint.requests) == (0, 0, ())


@pytest.mark.parametrize("kind", ["delay", "drip"])
def test_a_reset_ends_the_wait_for_a_response(
    sandbox: Sandbox, endpoint: ProviderHandle, client: httpx.Client, kind: str
) -> None:
    getattr(endpoint, kind)(3600)
    responses: list[httpx.Response] = []
    with on_a_thread(lambda: responses.append(ask(client))):
        wait_until(lambda: endpoint._provider.memory._wakers)
        sandbox.reset()

    assert [response.json().keys() for response in responses] == [ask(client).json().keys()]
    assert endpoint.token_requests == len(endpoint.requests) == len(endpoint.tokens) == 1


@pytest.mark.parametrize("kind", ["delay", "drip"])
def test_a_wait_that_begins_after_a_reset_ends_at_once(kind: str) -> None:
    clock = Meanwhile()
    with (
        Sandbox(client=CLIENT, clock=clock) as sandbox,
        httpx.Client(base_url=sandbox.base_url("cryptofuse"), trust_env=False) as client,
    ):
        getattr(sandbox.cryptofuse, kind)(3600)
        clock.to_do.append(sandbox.reset)

        assert ask(client).status_code == 200


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_delays_work_without_a_socket(backend: str) -> None:
    sandbox = Sandbox()
    sandbox.ripple.delay(0.001, on="resource")

    async def ask_in_process() -> int:
        transport = httpx.ASGITransport(sandbox.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
            return (await client.get("/ripple/resource")).status_code

    assert anyio.run(ask_in_process, backend=backend) == 401


def test_the_resource_refuses_revoked_tokens(
    endpoint: ProviderHandle, client: httpx.Client, hands: SandboxClock
) -> None:
    token = ask(client).json()["access_token"]
    endpoint.revoke()

    assert client.get("/resource", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert endpoint.tokens == ()
    hands.now += 36000
    assert ask(client).status_code == 200


def test_expired_tokens_are_forgotten_in_any_order(
    endpoint: ProviderHandle, client: httpx.Client, hands: SandboxClock
) -> None:
    ask(client)
    with endpoint.lifetime(2):
        ask(client)
        ask(client)
    hands.now += 2
    ask(client)

    assert len(endpoint._provider.memory._tokens) == 2


def test_faults_can_be_switched_during_requests(endpoint: ProviderHandle, client: httpx.Client) -> None:
    done = threading.Event()

    def switch() -> None:
        while not done.is_set():
            with endpoint.fail(503, times=3), endpoint.date(5):
                assert endpoint.faults is not None

    with on_a_thread(switch):
        statuses = {ask(client).status_code for _ in range(100)}
        done.set()

    assert statuses <= {200, 503}


# --------------------------------------------------------------------------------------- What a user holds


def test_a_provider_is_an_attribute(sandbox: Sandbox) -> None:
    assert sandbox.ripple.name == "ripple"
    assert sandbox.ripple.base_url == sandbox.base_url("ripple")
    assert (sandbox.ripple.client_id, sandbox.ripple.client_secret) == BASIC
    assert set(sandbox.providers) < set(dir(sandbox))
    assert CLIENT.client_secret not in repr(sandbox.ripple)
    with pytest.raises(AttributeError, match=r"the sandbox has no provider 'rippel'; expected one of: .*ripple"):
        _ = sandbox.rippel
    with pytest.raises(AttributeError):
        copy.copy(Sandbox.__new__(Sandbox)).ripple  # noqa: B018 - an attribute is asked for


def test_a_fault_shows_what_it_is(endpoint: ProviderHandle) -> None:
    fault = endpoint.fail(500, times=2, on="resource")

    assert repr(fault) == f"<Fault {fault.id}: fail status=500 retry_after=None on=resource times=2>"


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_has_a_method_with_its_parameters_and_defaults(name: str) -> None:
    kind = KINDS[name]
    signature = inspect.signature(getattr(ProviderHandle, name))
    switch = {each.name: each.default for each in signature.parameters.values() if each.name != "self"}
    around = {"times": None} | ({"on": "token"} if len(kind.targets) > 1 else {})
    if name == "rate_limit":
        del around["times"]

    assert switch == {**{each.name: each.default for each in kind.parameters}, **around}


def test_each_kind_is_documented_with_its_parameters() -> None:
    for kind in KINDS.values():
        assert f"``{kind.name}``" in str(_fault_kinds.__doc__)
        for parameter in kind.parameters:
            shown = json.dumps(parameter.default) if parameter.default is not None else "None"
            assert f"``{parameter.name}={shown}``" in str(_fault_kinds.__doc__)
        assert kind.stage in STAGES
        assert kind.meaning.endswith(".")


WRONG: list[tuple[Callable[[Any], Fault], str]] = [
    (lambda on: on.fail(199), "status: is 199; expected a whole number from 200 to 599"),
    (lambda on: on.fail(status=True), "status: is True; expected a whole number from 200 to 599"),
    (lambda on: on.fail(None), "status: is None; expected a whole number from 200 to 599"),
    (lambda on: on.fail(times=0), "times: is 0; expected a whole number of at least 1"),
    (lambda on: on.fail(on="api"), "on: is 'api'; expected one of: token, resource"),
    (lambda on: on.fail(retry_after="a\r\nb"), "retry_after: is .*printable ASCII"),
    (lambda on: on.fail(retry_after=-1), "retry_after: is -1; expected a finite number"),
    (lambda on: on.fail(retry_after=datetime(2027, 1, 1)), "retry_after: is a datetime without a time zone"),  # noqa: DTZ001 - that is the point
    (lambda on: on.html(600), "status: is 600"),
    (lambda on: on.delay(-1), "seconds: is -1"),
    (lambda on: on.delay("1"), "seconds: is '1'"),
    (lambda on: on.cut(-1), "kept: is -1; expected a whole number of at least 0"),
    (lambda on: on.drip(0), "pace: is 0"),
    (lambda on: on.redirect(""), "to: is ''; expected printable ASCII"),
    (lambda on: on.redirect("https://é.example"), "to: is .*; expected printable ASCII"),
    (lambda on: on.redirect(status=200), "status: is 200; expected a whole number from 300 to 399"),
    (lambda on: on.date(2e9), "offset: is 2000000000.0"),
    (lambda on: on.lifetime(0.5), "seconds: is 0.5"),
    (lambda on: on.lifetime(10**10), "seconds: is 10000000000"),
    (lambda on: on.odd_types("odd"), "oddity: is 'odd'; expected one of: lifetime_text"),
    (lambda on: on.rate_limit(0, 1), "requests: is 0"),
    (lambda on: on.rate_limit(1, 0), "seconds: is 0"),
    (lambda on: on.rate_limit(1), "requests: is set without seconds; expected both requests and seconds"),
    (lambda on: on.rate_limit(None, 1), "requests: is missing; expected both requests and seconds"),
]


@pytest.mark.parametrize(("switch", "message"), WRONG)
def test_a_wrong_argument_is_refused(endpoint: ProviderHandle, switch: Callable[[Any], Fault], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        switch(endpoint)

    assert endpoint.faults == ()


def test_a_fault_of_the_token_endpoint_does_not_apply_to_the_resource(endpoint: ProviderHandle) -> None:
    with pytest.raises(ConfigurationError, match="on: is 'resource'; expected one of: token"):
        endpoint._provider.memory.faults.switch_on("lifetime", on="resource")


# ------------------------------------------------------------------------------ How a TokenSource handles it


def test_retries_survive_a_short_outage(endpoint: ProviderHandle, pauses: list[float]) -> None:
    endpoint.fail(503, times=1)
    endpoint.fail(429, times=1, retry_after=2)
    endpoint.drop(times=1)

    assert source_of(endpoint).get().access_token == endpoint.tokens[-1].access_token
    assert [request.status for request in endpoint.requests] == [None, 429, 200]


LASTING: list[tuple[Callable[[ProviderHandle], Fault], type[Exception]]] = [
    (lambda on: on.fail(500), ProviderUnavailable),
    (lambda on: on.fail(429, retry_after=60), RateLimited),
    (lambda on: on.refuse(), InvalidClient),
    (lambda on: on.html(), MalformedResponse),
    (lambda on: on.redirect("https://elsewhere.example/"), MalformedResponse),
    (lambda on: on.cut(), ProviderUnavailable),
    (lambda on: on.drop(), ProviderUnavailable),
    (lambda on: on.odd_types("token_number"), MalformedResponse),
    (lambda on: on.odd_types("token_object"), MalformedResponse),
    (lambda on: on.odd_types("token_null"), MalformedResponse),
    (lambda on: on.delay(3600), ProviderUnavailable),
    (lambda on: on.drip(3600), ProviderUnavailable),
]


@pytest.mark.parametrize(("switch", "error"), LASTING)
def test_a_lasting_fault_raises_the_documented_error(
    endpoint: ProviderHandle, switch: Callable[[ProviderHandle], Fault], error: type[Exception]
) -> None:
    switch(endpoint)
    # Some of these faults end only by the limits. A busy machine needs more time to respond.
    limits = {"timeout": 0.2, "deadline": 0.4} if error is ProviderUnavailable else {}
    with pytest.raises(error) as raised:
        source_of(endpoint, **limits, max_attempts=1).get()

    assert type(raised.value) is error


@pytest.mark.parametrize("oddity", ["lifetime_text", "lifetime_float"])
def test_an_unusual_lifetime_is_understood(endpoint: ProviderHandle, oddity: Oddity) -> None:
    endpoint.odd_types(oddity)
    token = source_of(endpoint).get()

    assert token.expires_at is not None


def test_a_revoked_token_is_replaced(endpoint: ProviderHandle) -> None:
    with httpx.Client(base_url=endpoint.base_url, auth=TokenAuth(source_of(endpoint)), trust_env=False) as api:
        api.get("/resource")
        endpoint.revoke()
        response = api.get("/resource")

    assert response.json() == {"provider": "cryptofuse"}
    assert (endpoint.token_requests, endpoint.api_calls) == (2, 3)
