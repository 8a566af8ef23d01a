"""What is particular to requests. ``test_every_client`` has what TokenAuth promises for every client."""

import io
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest
import requests
from requests.adapters import HTTPAdapter

from paygrant import TokenSource
from paygrant.adapters.requests import TokenAuth
from tests.helpers.apis import Api, token_of
from tests.helpers.clock import Clock
from tests.helpers.servers import Reply, Seen, Server


@pytest.fixture
def session(source: TokenSource) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.auth = TokenAuth(source)
        yield session


class Recorder(HTTPAdapter):
    """Writes down with which options requests are sent."""

    def __init__(self) -> None:
        super().__init__()
        self.options: list[dict[str, Any]] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        self.options.append(options)
        return super().send(request, *args, **options)


def test_a_single_call_accepts_the_auth(source: TokenSource, api: Api) -> None:
    assert requests.get(api.url, auth=TokenAuth(source), timeout=5).status_code == 200


def test_the_repetition_is_sent_with_the_options_of_the_call(session: requests.Session, api: Api) -> None:
    adapter = Recorder()
    session.mount("http://", adapter)
    api.accepted = {"token-2"}
    given: dict[str, Any] = {"timeout": (3, 7), "verify": False, "cert": __file__, "stream": True}
    with session.get(api.url, proxies={"https": "http://proxy.example"}, **given) as response:
        assert response.status_code == 200
    rejected, repeated = adapter.options
    assert repeated == rejected
    assert {**repeated, **given, "proxies": {"https": "http://proxy.example"}} == repeated


def test_history_and_hooks_see_the_calls_and_never_the_token_request(
    session: requests.Session, api: Api, server: Server
) -> None:
    seen: list[requests.Response] = []

    def hook(response: requests.Response, **_: object) -> None:
        seen.append(response)

    api.accepted = {"token-2"}
    response = session.post(api.url, json={"amount": 5}, hooks={"response": hook})

    assert seen == [response]
    assert [each.status_code for each in response.history] == [401]
    assert response.history[0].content == b'{"fault": "who are you?"}'
    credentials = server.seen[0].headers["Authorization"].removeprefix("Basic ")
    for request in (response.request, response.history[0].request):
        assert request.url == api.url
        assert "Bearer token-" in request.headers["Authorization"]
        assert credentials not in str(vars(request))
        assert "token-" not in f"{request!r} {vars(request)}"


def test_raise_for_status_uses_the_last_response(session: requests.Session, api: Api) -> None:
    api.accepted = set()
    with pytest.raises(requests.HTTPError, match="401") as fault:
        session.get(api.url).raise_for_status()
    assert fault.value.response.request.headers["Authorization"] == "Bearer token-2"
    assert "token-" not in repr(fault.value)


def test_a_streaming_call_is_repeated_and_streams(session: requests.Session, api: Api) -> None:
    content = os.urandom(1_000_000)
    api.server.reply = lambda seen: Reply(content) if token_of(seen) == "token-2" else Reply({}, 401)
    with session.get(api.url, stream=True) as response:
        assert not cast("Any", response)._content_consumed
        assert b"".join(response.iter_content(65_536)) == content
    assert api.tokens == ["token-1", "token-2"]


def test_a_call_and_its_repetition_use_one_connection(session: requests.Session, api: Api) -> None:
    session.mount("http://", adapter := HTTPAdapter(pool_connections=1, pool_maxsize=1, pool_block=True))
    api.accepted = {"token-2"}
    assert session.get(api.url, timeout=5).status_code == 200
    assert session.get(api.url, timeout=5, stream=True).content
    pools = adapter.poolmanager.pools
    assert [pools[key].num_connections for key in pools.keys()] == [1]  # noqa: SIM118 - it is no dict


def test_the_session_keeps_cookies_of_the_rejection(session: requests.Session, api: Api) -> None:
    def respond(seen: Seen) -> Reply:
        reply = api.respond(seen)
        return Reply(reply.document, reply.status, {"Set-Cookie": f"route={reply.status}{token_of(seen)}; Path=/"})

    api.accepted, api.server.reply = {"token-2"}, respond
    session.get(api.url, cookies={"mine": "1"})
    assert session.cookies["route"] == "200token-2"
    assert [seen.headers["Cookie"] for seen in api.server.seen] == ["mine=1", "mine=1"]


# Bodies


def test_a_file_is_sent_again_from_its_first_position(session: requests.Session, api: Api, tmp_path: Path) -> None:
    content = os.urandom(200_000)
    path = tmp_path / "receipt.pdf"
    path.write_bytes(content)
    api.accepted = {"token-2"}
    with path.open("rb") as file:
        file.seek(1000)
        assert session.post(api.url, data=file).status_code == 200
    assert [seen.body for seen in api.server.seen] == [content[1000:]] * 2


def test_a_bytearray_is_repeated(session: requests.Session, api: Api) -> None:
    api.accepted = {"token-2"}
    body: Any = bytearray(b"twice")
    assert session.post(api.url, data=body).status_code == 200
    assert [seen.body for seen in api.server.seen] == [b"twice"] * 2


def test_a_closed_file_is_not_sent_again(session: requests.Session, api: Api) -> None:
    file = io.BytesIO(b"once")

    class Closing(HTTPAdapter):
        def send(self, *args: Any, **options: Any) -> requests.Response:
            response = super().send(*args, **options)
            file.close()
            return response

    session.mount("http://", Closing())
    api.accepted = {"token-2"}
    response = session.post(api.url, data=file)
    assert response.status_code == 401
    assert response.json() == {"fault": "who are you?"}


# Prepared requests


def test_a_prepared_request_can_be_sent_again_after_its_token_has_ended(
    session: requests.Session, api: Api, server: Server, clock: Clock
) -> None:
    prepared = session.prepare_request(requests.Request("GET", api.url))
    for number in (1, 2, 3):
        api.accepted = {f"token-{number}"}
        assert [session.send(prepared).status_code for _ in range(3)] == [200] * 3
        clock.pass_by(3600)
    assert prepared.headers["Authorization"] == "Bearer token-1"
    assert len(server.seen) == 3


def test_threads_may_share_a_prepared_request(session: requests.Session, api: Api, server: Server) -> None:
    prepared = session.prepare_request(requests.Request("POST", api.url, json={"amount": 5}))
    api.accepted = {"token-2"}
    with ThreadPoolExecutor(16) as pool:
        responses = [*pool.map(session.send, [prepared] * 64)]
    assert {each.status_code for each in responses} == {200}
    assert len(server.seen) == 2


def test_a_netrc_file_does_not_replace_the_token(
    session: requests.Session, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login straw password straw\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert session.trust_env
    assert session.get(api.url).status_code == 200
    assert api.tokens == ["token-1"]


def test_the_origin_is_the_one_that_requests_connects_to(source: TokenSource) -> None:
    auth = TokenAuth(source, origins={"https://api.example.com"})
    for url in ("https://evil.example\\@api.example.com/", "https://api.example.com\\@evil.example/"):
        try:
            prepared = requests.Request("GET", url, auth=auth).prepare()
        except requests.exceptions.InvalidURL:
            continue
        host = HTTPAdapter().get_connection_with_tls_context(prepared, verify=True).host
        assert ("Authorization" in prepared.headers) == (host == "api.example.com")


def test_a_redirect_to_an_invalid_location_drops_the_token(source: TokenSource, api: Api) -> None:
    api.server.reply = Reply({}, 302, {"Location": "http://["})
    with requests.Session() as session:
        session.trust_env = False
        request = session.prepare_request(requests.Request("GET", api.url, auth=TokenAuth(source)))
        assert "Authorization" in request.headers
        with pytest.raises(ValueError, match="Invalid IPv6 URL"):  # requests itself reads the location
            session.send(request, allow_redirects=False)
    assert api.tokens == ["token-1"]
    assert "Authorization" not in request.headers
