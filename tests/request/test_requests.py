"""What goes over the wire: the five requests byte for byte, Basic's two encodings, redirects, proxies, time limits."""

import json
import os
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from paygrant import (
    AlternativePayments,
    ConfigurationError,
    Cryptofuse,
    InvalidClient,
    MalformedResponse,
    ProviderUnavailable,
    RefreshPolicy,
    RipioRamp,
    RipioWidget,
    Ripple,
    TokenRequestRejected,
    TokenSource,
)
from paygrant._providers.base import Provider
from paygrant._request.proxy import is_exempt
from paygrant._request.transport import tls_context
from tests.helpers.providers import CLIENT_SECRET, GRANTED, USER, ask, each_provider, make
from tests.helpers.servers import Reply, Seen, Server, granted, read_request, serve, serve_raw

FORM = "application/x-www-form-urlencoded"
BASIC = "Basic Y2xpZW50LW9mLXN0cmF3OnNlY3JldC1vZi1zdHJhdw=="

AWKWARD = "s% :+/é&=\"'<>\\?#"
"""A secret of which each character means something to some encoding."""
AWKWARD_PLAIN = "Basic Y2xpZW50LW9mLXN0cmF3OnMlIDorL8OpJj0iJzw+XD8j"
AWKWARD_FORM = "Basic Y2xpZW50LW9mLXN0cmF3OnMlMjUrJTNBJTJCJTJGJUMzJUE5JTI2JTNEJTIyJTI3JTNDJTNFJTVDJTNGJTIz"

GRANT = json.dumps(granted().document).encode()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(GRANT), GRANT)


class Request(NamedTuple):
    """A request as the provider documents it."""

    path: str
    content_type: str
    authorization: str | None
    body: bytes


DOCUMENTED: dict[type[Provider], Request] = {
    RipioRamp: Request("/oauth2/token/", FORM, BASIC, b"grant_type=client_credentials"),
    RipioWidget: Request(
        "/api/v1/auth",
        FORM,
        None,
        b"username=client-of-straw%3A7f1d2a3e-5f0b-4c55-9a52-0f6a6f2f1a01%3A0x05&password=secret-of-straw",
    ),
    Ripple: Request(
        "/oauth/token",
        "application/json",
        None,
        b'{"audience":"urn:ripplexcurrent-test:acme","grant_type":"client_credentials",'
        b'"client_id":"client-of-straw","client_secret":"secret-of-straw"}',
    ),
    AlternativePayments: Request("/oauth/token", FORM, BASIC, b"grant_type=client_credentials"),
    Cryptofuse: Request("/o/token/", FORM, BASIC, b"grant_type=client_credentials&scope=read+write"),
}


def request_of(kind: type[Provider], server: Server, **changes: Any) -> Seen:
    """What arrives when a provider's token is asked for."""
    server.reply = Reply(GRANTED[kind]("the-token"))
    assert ask(make(kind, base_url=server.base_url, **changes)).access_token == "the-token"
    (seen,) = server.seen
    return seen


def authorizations(server: Server) -> list[str | None]:
    return [seen.headers.get("Authorization") for seen in server.seen]


def takes_only(authorization: str) -> Callable[[Seen], Reply]:
    """A server that knows the client by one encoding of its credentials."""
    refusal = Reply({"error": "invalid_client"}, 401)
    return lambda seen: granted() if seen.headers["Authorization"] == authorization else refusal


# The requests as documented


@each_provider
def test_a_request_is_the_documented_one_byte_for_byte(kind: type[Provider], server: Server) -> None:
    seen = request_of(kind, server)
    documented = DOCUMENTED[kind]
    assert (seen.method, seen.path, seen.body) == ("POST", documented.path, documented.body)
    assert dict(seen.headers) == {
        "Host": server.base_url.removeprefix("http://"),
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": f"paygrant/{version('paygrant')}",
        "Content-Type": documented.content_type,
        "Content-Length": str(len(documented.body)),
        **({"Authorization": documented.authorization} if documented.authorization else {}),
    }


def test_no_header_is_sent_twice() -> None:
    def answer(connection: socket.socket) -> None:
        requests.append(read_request(connection))
        connection.sendall(ANSWER)

    requests: list[bytes] = []
    with serve_raw(answer) as base_url:
        ask(make(Cryptofuse, base_url=base_url))
    (request,) = requests
    head, _, body = request.partition(b"\r\n\r\n")
    line, *headers = head.split(b"\r\n")
    names = [header.partition(b":")[0].lower() for header in headers]
    assert line == b"POST /o/token/ HTTP/1.1"
    assert len(names) == len(set(names))
    assert body == DOCUMENTED[Cryptofuse].body


def test_ripple_gets_its_fields_in_the_documented_order(server: Server) -> None:
    pairs = json.loads(request_of(Ripple, server).body, object_pairs_hook=list)
    assert [name for name, _ in pairs] == ["audience", "grant_type", "client_id", "client_secret"]


def test_ripple_gets_a_whole_audience_as_it_was_given(server: Server) -> None:
    seen = request_of(Ripple, server, tenant_id=None, audience="urn:ripplexcurrent-test:acme:eu/1%20a")
    assert json.loads(seen.body)["audience"] == "urn:ripplexcurrent-test:acme:eu/1%20a"


def test_the_widget_gets_client_user_and_address_as_its_user_name(server: Server) -> None:
    seen = request_of(RipioWidget, server, address="addr é+/")
    assert parse_qsl(seen.body.decode(), strict_parsing=True) == [
        ("username", f"client-of-straw:{USER}:addr é+/"),
        ("password", CLIENT_SECRET),
    ]


def test_cryptofuse_takes_the_credentials_in_the_body_and_then_nowhere_else(server: Server) -> None:
    seen = request_of(Cryptofuse, server, credentials_in="body")
    assert seen.body == (
        b"grant_type=client_credentials&scope=read+write&client_id=client-of-straw&client_secret=secret-of-straw"
    )
    assert "Authorization" not in seen.headers


@pytest.mark.parametrize(
    ("scope", "body"),
    [
        ((), b"grant_type=client_credentials"),
        (("admin",), b"grant_type=client_credentials&scope=admin"),
        ("write read", b"grant_type=client_credentials&scope=write+read"),
        (["read", "https://example.com/a"], b"grant_type=client_credentials&scope=read+https%3A%2F%2Fexample.com%2Fa"),
        ({"write", "read", "admin"}, b"grant_type=client_credentials&scope=admin+read+write"),
    ],
)
def test_cryptofuse_is_asked_for_the_wanted_scopes(scope: Any, body: bytes, server: Server) -> None:
    assert request_of(Cryptofuse, server, scope=scope).body == body


@pytest.mark.parametrize(
    ("kind", "field", "changes"),
    [
        (Cryptofuse, "client_secret", {"credentials_in": "body"}),
        (RipioWidget, "password", {}),
        (Ripple, "client_secret", {}),
    ],
)
def test_a_secret_in_the_body_arrives_as_it_is(
    kind: type[Provider], field: str, changes: dict[str, Any], server: Server
) -> None:
    body = request_of(kind, server, client_secret=AWKWARD, **changes).body.decode()
    fields = json.loads(body) if kind is Ripple else dict(parse_qsl(body, strict_parsing=True))
    assert fields[field] == AWKWARD


def test_a_base_url_with_a_path_keeps_it(server: Server) -> None:
    ask(make(Cryptofuse, base_url=f"{server.base_url}/gateway/v2/"))
    assert server.seen[0].path == "/gateway/v2/o/token/"


def test_a_netrc_file_adds_no_credentials(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert "Authorization" not in request_of(Ripple, server).headers


def test_a_cookie_is_not_sent_back(server: Server) -> None:
    server.reply = Reply(granted().document, headers={"Set-Cookie": "session=1; Path=/"})
    source = TokenSource(make(Cryptofuse, base_url=server.base_url))
    source.invalidate(source.get())
    source.get()
    assert [seen.headers.get("Cookie") for seen in server.seen] == [None, None]


# Basic: plain, form, and auto


@pytest.mark.parametrize("kind", [RipioRamp, AlternativePayments, Cryptofuse])
@pytest.mark.parametrize(
    ("encoding", "authorization"), [("plain", AWKWARD_PLAIN), ("form", AWKWARD_FORM), ("auto", AWKWARD_PLAIN)]
)
def test_basic_credentials_are_encoded_as_told(
    kind: type[Provider], encoding: str, authorization: str, server: Server
) -> None:
    seen = request_of(kind, server, client_secret=AWKWARD, basic_encoding=encoding)
    assert seen.headers["Authorization"] == authorization


def test_auto_tries_form_once_where_plain_is_refused(server: Server) -> None:
    server.reply = takes_only(AWKWARD_FORM)
    assert ask(make(Cryptofuse, base_url=server.base_url, client_secret=AWKWARD)).access_token == "token-1"
    assert authorizations(server) == [AWKWARD_PLAIN, AWKWARD_FORM]
    assert server.seen[0].body == server.seen[1].body


def test_auto_starts_with_the_encoding_that_worked_last(server: Server) -> None:
    source = TokenSource(make(Cryptofuse, base_url=server.base_url, client_secret=AWKWARD))
    for accepted in (AWKWARD_FORM, AWKWARD_FORM, AWKWARD_PLAIN, AWKWARD_PLAIN):
        server.reply = takes_only(accepted)
        source.invalidate(source.get())
    assert authorizations(server) == [
        *(AWKWARD_PLAIN, AWKWARD_FORM),
        *(AWKWARD_FORM,),
        *(AWKWARD_FORM, AWKWARD_PLAIN),
        *(AWKWARD_PLAIN,),
    ]


def test_auto_gives_up_when_both_encodings_are_refused(server: Server) -> None:
    server.reply = takes_only("Basic nothing")
    source = TokenSource(make(Cryptofuse, base_url=server.base_url, client_secret=AWKWARD))
    for _ in range(2):  # the refusal is remembered: no third request
        with pytest.raises(InvalidClient):
            source.get()
    assert authorizations(server) == [AWKWARD_PLAIN, AWKWARD_FORM]


def test_auto_asks_once_where_both_encodings_are_the_same_bytes(server: Server) -> None:
    server.reply = takes_only("Basic nothing")
    with pytest.raises(InvalidClient):
        ask(make(Cryptofuse, base_url=server.base_url, client_secret="Only-unreserved_characters.123"))
    assert len(server.seen) == 1


def test_auto_asks_once_where_the_credentials_are_in_the_body(server: Server) -> None:
    server.reply = Reply({"error": "invalid_client"}, 401)
    with pytest.raises(InvalidClient):
        ask(make(Cryptofuse, base_url=server.base_url, client_secret=AWKWARD, credentials_in="body"))
    assert authorizations(server) == [None]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply({"error": "invalid_scope"}, 400), TokenRequestRejected),
        (Reply({"error": "busy"}, 503), ProviderUnavailable),
        (Reply(b"<html>"), MalformedResponse),
    ],
)
def test_auto_tries_form_for_no_other_reason(reply: Reply, kind: type[Exception], server: Server) -> None:
    server.reply = reply
    with pytest.raises(kind):
        ask(make(Cryptofuse, base_url=server.base_url, client_secret=AWKWARD))
    assert authorizations(server) == [AWKWARD_PLAIN]


@pytest.mark.parametrize(
    ("encoding", "sent", "accepted"), [("plain", AWKWARD_PLAIN, AWKWARD_FORM), ("form", AWKWARD_FORM, AWKWARD_PLAIN)]
)
def test_a_named_encoding_is_the_only_one_tried(encoding: str, sent: str, accepted: str, server: Server) -> None:
    server.reply = takes_only(accepted)
    with pytest.raises(InvalidClient):
        ask(make(Cryptofuse, base_url=server.base_url, client_secret=AWKWARD, basic_encoding=encoding))
    assert authorizations(server) == [sent]


def test_a_client_id_with_a_colon_goes_form_encoded(server: Server) -> None:
    request = request_of(Cryptofuse, server, client_id="a:b", client_secret="c", basic_encoding="form")
    assert request.headers["Authorization"] == "Basic YSUzQWI6Yw=="  # a%3Ab:c


# Redirects


@pytest.fixture
def other() -> Iterator[Server]:
    """Another host, to which nothing may be sent."""
    with serve() as server:
        yield server


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_not_followed(status: int, server: Server, other: Server) -> None:
    server.reply = Reply({}, status, {"Location": f"{other.base_url}/o/token/"})
    with pytest.raises(MalformedResponse, match=f"status {status}, .* {other.base_url}/o/token/") as caught:
        ask(make(Cryptofuse, base_url=server.base_url))
    assert (caught.value.status, caught.value.retryable) == (status, False)
    assert len(server.seen) == 1
    assert other.seen == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["{}/o/token", "/o/token", "../token"])
def test_a_redirect_on_the_same_host_is_not_followed_and_named_in_full(
    status: int, location: str, server: Server
) -> None:
    server.reply = Reply({}, status, {"Location": location.format(server.base_url)})
    with pytest.raises(MalformedResponse, match=f"{server.base_url}/o/token,"):
        ask(make(Cryptofuse, base_url=server.base_url))
    assert len(server.seen) == 1


@each_provider
def test_no_provider_is_followed_elsewhere(kind: type[Provider], server: Server, other: Server) -> None:
    server.reply = Reply({}, 307, {"Location": other.base_url})
    with pytest.raises(MalformedResponse, match=other.base_url):
        ask(make(kind, base_url=server.base_url))
    assert len(server.seen) == 1
    assert other.seen == []


def test_a_redirect_that_holds_the_secret_is_named_without_it(server: Server) -> None:
    server.reply = Reply({}, 302, {"Location": f"https://elsewhere.example/?client_secret={CLIENT_SECRET}"})
    with pytest.raises(MalformedResponse, match=r"https://elsewhere\.example/\?client_secret=") as caught:
        ask(make(Cryptofuse, base_url=server.base_url))
    assert CLIENT_SECRET not in str(caught.value)


# The environment's proxies


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_a_request_goes_through_the_proxy_of_the_environment(
    variable: str, scheme: str, server: Server, other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, other.base_url.replace("http://", scheme))
    ask(make(Cryptofuse, base_url=server.base_url))
    assert [seen.path for seen in other.seen] == [f"{server.base_url}/o/token/"]
    assert server.seen == []


@pytest.mark.parametrize("exempt", ["127.0.0.1", "localhost,127.0.0.1", "*", "127.0.0.1:{port}"])
def test_no_proxy_leads_past_the_proxy(
    exempt: str, server: Server, other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", other.base_url)
    monkeypatch.setenv("NO_PROXY", exempt.format(port=server.base_url.rpartition(":")[2]))
    ask(make(Cryptofuse, base_url=server.base_url))
    assert [seen.path for seen in server.seen] == ["/o/token/"]
    assert other.seen == []


def test_no_proxy_for_others_leads_through_the_proxy(
    server: Server, other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", other.base_url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.2,example.com,127.0.0.1:1")
    ask(make(Cryptofuse, base_url=server.base_url))
    assert len(other.seen) == 1


@pytest.mark.parametrize("exempt", ["::1", "[::1]", "[::1]:9"])
def test_no_proxy_may_name_an_ipv6_address(exempt: str, other: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", other.base_url)
    monkeypatch.setenv("NO_PROXY", exempt)
    with pytest.raises(ProviderUnavailable, match="ConnectError"):
        ask(make(Cryptofuse, base_url="http://[::1]:9"))
    assert other.seen == []


HOSTS = [
    (RipioRamp, "sandbox", "skala-sandbox.ripio.com"),
    (RipioRamp, "production", "skala.ripio.com"),
    (RipioWidget, "sandbox", "b2b-widget-onramp-api.sandbox.ripio.com"),
    (RipioWidget, "production", "b2b-widget-onramp-api.ripio.com"),
    (Ripple, "test", "auth-test.rnc.ripplenet.com"),
    (Ripple, "uat", "auth-uat.rnc.ripplenet.com"),
    (Ripple, "production", "auth.rnc.ripplenet.com"),
    (AlternativePayments, "demo", "public-api.demo.alternativepayments.io"),
    (AlternativePayments, "production", "public-api.alternativepayments.io"),
]


@pytest.mark.parametrize(("kind", "environment", "host"), HOSTS)
def test_each_environment_is_reached_at_its_host_by_tls_alone(
    kind: type[Provider], environment: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(connection: socket.socket) -> None:
        requests.append(read_request(connection))
        connection.sendall(b"HTTP/1.1 502 No way\r\nContent-Length: 0\r\n\r\n")

    requests: list[bytes] = []
    with serve_raw(refuse) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        with pytest.raises(ProviderUnavailable, match="ProxyError: 502 No way"):
            ask(make(kind, environment=environment))
    (request,) = requests
    assert request.startswith(f"CONNECT {host}:443 HTTP/1.1\r\n".encode())
    assert b"of-straw" not in request


@pytest.mark.parametrize(
    ("url", "no_proxy", "exempt"),
    [
        ("https://api.example/t", "*", True),
        ("https://api.example/t", "other.example, *", True),
        ("https://api.example/t", "api.example", True),
        ("https://api.example./t", "API.Example.", True),
        ("https://eu.api.example/t", "api.example", True),
        ("https://eu.api.example/t", ".api.example", True),
        ("https://eu.api.example/t", "*.api.example", True),
        ("https://api.example/t", "a.example b.example api.example", True),
        ("https://myapi.example/t", "api.example", False),
        ("https://api.example/t", "eu.api.example", False),
        ("https://api.example.org/t", "api.example", False),
        ("https://api.example/t", "api.example:443", True),
        ("https://api.example:8443/t", "api.example:8443", True),
        ("https://api.example:8443/t", ".example:8443", True),
        ("https://api.example/t", "api.example:8443", False),
        ("http://localhost/t", "localhost:80", True),
        ("https://b\xfccher.example/t", "xn--bcher-kva.example", True),
        ("https://b\xfccher.example/t", "b\xfccher.example", True),
        ("https://10.1.2.3/t", "10.0.0.0/8", True),
        ("https://10.1.2.3/t", "192.168.0.0/16,10.1.2.99/24", True),
        ("https://10.1.2.3:8443/t", "10.0.0.0/8:8443", True),
        ("https://10.1.2.3/t", "10.0.0.0/8:8443", False),
        ("https://11.1.2.3/t", "10.0.0.0/8", False),
        ("https://10.1.2.3/t", "10.1.2.3", True),
        ("https://10.1.2.3/t", "0.0.0.0/0", True),
        ("https://10.1.2.3/t", "2.3,.2.3,1.2.3", False),
        ("https://10.1.2.3/t", "10.0.0.0/99", False),
        ("https://[::ffff:10.1.2.3]/t", "10.0.0.0/8", True),
        ("https://[fd00::5]/t", "fd00::/8", True),
        ("https://[fd00::5]/t", "[fd00::]/8", True),
        ("https://[fd00::5]/t", "fd00:0:0::5", True),
        ("https://[fd00::5]:8443/t", "[fd00::5]:8443", True),
        ("https://[fd00::5]/t", "[fd00::5]:8443", False),
        ("https://[fe00::5]/t", "fd00::/8,10.0.0.0/8", False),
        ("https://api.example/t", "10.0.0.0/8,::/0,0.0.0.0/0", False),
        ("https://api.example/t", "", False),
        ("https://api.example/t", ", . : *. []", False),
    ],
)
def test_no_proxy_takes_names_suffixes_ports_addresses_and_ranges(url: str, no_proxy: str, exempt: object) -> None:
    assert is_exempt(httpx.URL(url), no_proxy) is exempt


def test_a_range_in_no_proxy_leads_past_the_proxy(
    server: Server, other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", other.base_url)
    monkeypatch.setenv("NO_PROXY", "10.0.0.0/8,127.0.0.0/8")
    ask(make(Cryptofuse, base_url=server.base_url))
    assert other.seen == []


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_a_request_goes_through_a_socks_proxy(scheme: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def relay(connection: socket.socket) -> None:
        """Serve one request as a SOCKS proxy does (RFC 1928)."""
        greetings.append(connection.recv(64))
        connection.sendall(b"\x05\x00")
        greetings.append(connection.recv(64))
        connection.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        host, port = server.base_url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as target:
            target.sendall(read_request(connection))
            target.shutdown(socket.SHUT_WR)
            while data := target.recv(4096):
                connection.sendall(data)

    greetings: list[bytes] = []
    with serve_raw(relay) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.replace("http://", f"{scheme}://"))
        assert ask(make(Cryptofuse, base_url=server.base_url)).access_token == "token-1"
    assert greetings[0][:1] == greetings[1][:1] == b"\x05"
    assert len(server.seen) == 1


def test_without_socksio_the_error_for_a_socks_proxy_names_it(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setitem(sys.modules, "httpcore._sync.socks_proxy", None)
    monkeypatch.setenv("ALL_PROXY", "socks5://name:password@127.0.0.1:1")
    with pytest.raises(ConfigurationError) as caught:
        ask(make(Cryptofuse, base_url=server.base_url))
    assert str(caught.value) == (
        "all_proxy: names a SOCKS proxy, which needs socksio; "
        'expected http://host:port, or socksio: pip install "httpx[socks]"'
    )
    assert caught.value.argument == "all_proxy"


@pytest.fixture
def no_authorities(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """No variable names trusted authorities, and none are kept from before."""
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(variable, raising=False)
    tls_context.cache_clear()
    yield monkeypatch
    tls_context.cache_clear()


@pytest.mark.parametrize(
    ("variable", "content", "fault"),
    [
        ("SSL_CERT_FILE", None, "cannot be read (FileNotFoundError)"),
        ("SSL_CERT_FILE", {}, "cannot be read (IsADirectoryError)"),
        ("SSL_CERT_FILE", "", "cannot be read (SSLError)"),
        ("SSL_CERT_FILE", "no certificate", "cannot be read (SSLError)"),
        ("SSL_CERT_DIR", None, "names no folder that holds a certificate under its hash"),
        ("SSL_CERT_DIR", "", "names no folder that holds a certificate under its hash"),
        ("SSL_CERT_DIR", {"root.pem": ""}, "names no folder that holds a certificate under its hash"),
        ("SSLKEYLOGFILE", {}, "cannot be written (IsADirectoryError)"),
    ],
)
def test_trusted_authorities_that_cannot_be_read_are_a_configuration_error(
    variable: str,
    content: str | dict[str, str] | None,
    fault: str,
    tmp_path: Path,
    no_authorities: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "authorities"
    if isinstance(content, str):
        path.write_text(content)
    elif content is not None:
        path.mkdir()
        for name, text in content.items():
            (path / name).write_text(text)
    no_authorities.setenv(variable, str(path))
    with pytest.raises(ConfigurationError) as caught:
        ask(make(Ripple))
    assert str(caught.value).startswith(f"{variable}: {fault}; expected a f")
    assert caught.value.argument == variable


def test_a_folder_of_hashed_certificates_beside_a_missing_one_is_trusted(
    tmp_path: Path, no_authorities: pytest.MonkeyPatch
) -> None:
    (tmp_path / "0123abcd.0").touch()
    no_authorities.setenv("SSL_CERT_DIR", os.pathsep.join(["/nowhere", str(tmp_path)]))
    assert tls_context()


@pytest.mark.parametrize("proxy", ["ftp://name:password@127.0.0.1:1", "socks9://127.0.0.1", "http://[::1"])
def test_an_unusable_proxy_is_a_configuration_error(
    proxy: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(
        ConfigurationError, match=r"http_proxy: names a proxy that cannot be used \(.*; expected "
    ) as caught:
        ask(make(Cryptofuse, base_url=server.base_url))
    assert "password" not in str(caught.value)
    assert server.seen == []


# A transport of the caller's


class CountingTransport(httpx.HTTPTransport):
    """A real transport that notes what becomes of it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.requests: list[str] = []
        self.closed = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(str(request.url))
        return super().handle_request(request)

    def close(self) -> None:
        self.closed = True
        super().close()


def test_a_transport_is_used_and_stays_open(server: Server) -> None:
    transport = CountingTransport()
    with TokenSource(make(Cryptofuse, base_url=server.base_url), transport=transport) as source:
        source.invalidate(source.get())
        assert source.get().access_token == "token-2"
    assert transport.requests == [f"{server.base_url}/o/token/"] * 2
    assert not transport.closed
    transport.close()


def test_a_transport_stays_open_when_the_request_fails(server: Server) -> None:
    server.reply = Reply(b"", 503)
    transport = CountingTransport()
    with pytest.raises(ProviderUnavailable):
        ask(make(Cryptofuse, base_url=server.base_url), transport=transport)
    assert transport.requests
    assert not transport.closed
    transport.close()


def test_a_transport_takes_the_place_of_the_environments_proxy(
    server: Server, other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", other.base_url)
    with httpx.HTTPTransport() as transport:
        ask(make(Cryptofuse, base_url=server.base_url), transport=transport)
    assert len(server.seen) == 1
    assert other.seen == []


def test_a_transport_without_a_network_serves_as_well() -> None:
    answer = httpx.Response(200, json=granted("made-up").document)
    transport = httpx.MockTransport(lambda _: answer)
    assert ask(make(Cryptofuse), transport=transport).access_token == "made-up"


def test_a_connection_is_closed_after_the_request() -> None:
    closed = threading.Event()

    def answer(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(ANSWER)
        connection.settimeout(10)
        if connection.recv(1) == b"":
            closed.set()

    with serve_raw(answer) as base_url:
        ask(make(Cryptofuse, base_url=base_url))
        assert closed.wait(10)


# TLS


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[tuple[str, list[bytes], Path]]:
    """A server with a certificate that nobody vouches for: its base URL, what it reads, and the certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "localhost.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    read: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            read.append(read_request(secured))
            secured.sendall(ANSWER)

    with serve_raw(answer) as base_url:
        yield base_url.replace("http://127.0.0.1", "https://localhost"), read, file


def test_a_server_nobody_vouches_for_is_told_nothing(tls_server: tuple[str, list[bytes], Path]) -> None:
    base_url, read, _ = tls_server
    with pytest.raises(ProviderUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        ask(make(Cryptofuse, base_url=base_url))
    assert read == []


def test_a_transport_can_bring_its_own_trust(tls_server: tuple[str, list[bytes], Path]) -> None:
    base_url, read, certificate = tls_server
    context = ssl.create_default_context(cafile=certificate)
    with httpx.HTTPTransport(verify=context) as transport:
        assert ask(make(Cryptofuse, base_url=base_url), transport=transport).access_token == "token-1"
    assert read[0].endswith(DOCUMENTED[Cryptofuse].body)


# Time limits


def test_a_server_that_does_not_answer_in_time_is_unavailable(server: Server) -> None:
    server.hold.clear()
    start = time.monotonic()
    with pytest.raises(ProviderUnavailable, match="ReadTimeout") as caught:
        ask(make(Cryptofuse, base_url=server.base_url), policy=RefreshPolicy(timeout=0.02, max_attempts=1))
    assert time.monotonic() - start < 2
    assert (caught.value.status, caught.value.retryable) == (None, True)
    assert len(server.seen) == 1


def test_a_server_that_stops_halfway_is_unavailable() -> None:
    def stall(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"access_token": ')
        done.wait(10)

    done = threading.Event()
    with serve_raw(stall) as base_url:
        with pytest.raises(ProviderUnavailable, match="ReadTimeout"):
            ask(make(Cryptofuse, base_url=base_url), policy=RefreshPolicy(timeout=0.02, max_attempts=1))
        done.set()


@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"])
def test_an_answer_that_drips_past_the_deadline_is_not_awaited(begin: bytes) -> None:
    def drip(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(begin)
        connection.settimeout(0.02)
        for _ in range(500):  # a byte at a time, until the client has gone
            connection.sendall(b" ")
            with suppress(TimeoutError):
                if not connection.recv(1):
                    break

    with (
        serve_raw(drip) as base_url,
        pytest.raises(ProviderUnavailable, match="no complete response before the deadline"),
    ):
        ask(make(Cryptofuse, base_url=base_url), policy=RefreshPolicy(deadline=0.3))


def test_plain_http_passes_no_proxy_elsewhere(
    server: Server, provider: Cryptofuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:3128")
    assert ask(provider).access_token == "token-1"
    assert len(server.seen) == 1
