"""The five requests as the providers document them, byte for byte."""

import dataclasses
import json
import socket
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import pytest

from paygrant import (
    AlternativePayments,
    Cryptofuse,
    RipioRamp,
    RipioWidget,
    Ripple,
    SpecProvider,
    TokenSource,
    UnsignedRequest,
)
from paygrant._providers.base import Provider, registration_of
from paygrant._request.build import build_request
from paygrant._request.credentials import Credentials
from tests.helpers.arguments import refusal
from tests.helpers.providers import AWKWARD, CLIENT_SECRET, USER, ask, each_provider, make, request_of
from tests.helpers.servers import RAW_GRANT, Reply, Server, granted, read_request, serve_raw

FORM = "application/x-www-form-urlencoded"
BASIC = "Basic Y2xpZW50LW9mLXN0cmF3OnNlY3JldC1vZi1zdHJhdw=="


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


# The requests as documented


@each_provider
def test_a_request_matches_the_documentation_byte_for_byte(kind: type[Provider], server: Server) -> None:
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
    def respond(connection: socket.socket) -> None:
        requests.append(read_request(connection))
        connection.sendall(RAW_GRANT)

    requests: list[bytes] = []
    with serve_raw(respond) as base_url:
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


def test_ripple_gets_a_given_audience_unchanged(server: Server) -> None:
    seen = request_of(Ripple, server, tenant_id=None, audience="urn:ripplexcurrent-test:acme:eu/1%20a")
    assert json.loads(seen.body)["audience"] == "urn:ripplexcurrent-test:acme:eu/1%20a"


def test_the_user_name_of_the_widget_joins_client_user_and_address(server: Server) -> None:
    seen = request_of(RipioWidget, server, address="addr é+/")
    assert parse_qsl(seen.body.decode(), strict_parsing=True) == [
        ("username", f"client-of-straw:{USER}:addr é+/"),
        ("password", CLIENT_SECRET),
    ]


def test_auth_method_the_body_are_sent_nowhere_else(server: Server) -> None:
    seen = request_of(Cryptofuse, server, auth_method="client_secret_post")
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
def test_cryptofuse_gets_the_requested_scopes(scope: Any, body: bytes, server: Server) -> None:
    assert request_of(Cryptofuse, server, scope=scope).body == body


@pytest.mark.parametrize(
    ("kind", "field", "changes"),
    [
        (Cryptofuse, "client_secret", {"auth_method": "client_secret_post"}),
        (RipioWidget, "password", {}),
        (Ripple, "client_secret", {}),
    ],
)
def test_a_secret_in_the_body_arrives_unchanged(
    kind: type[Provider], field: str, changes: dict[str, Any], server: Server
) -> None:
    body = request_of(kind, server, client_secret=AWKWARD, **changes).body.decode()
    fields = json.loads(body) if kind is Ripple else dict(parse_qsl(body, strict_parsing=True))
    assert fields[field] == AWKWARD


def test_the_path_of_a_base_url_is_kept(server: Server) -> None:
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


def test_a_request_without_a_media_type_has_no_body() -> None:
    request = UnsignedRequest("GET", "https://api.example/token", "id", "secret", None, fields={"a": "b"})
    assert request.body == b""
    assert request.address == request.url


def test_a_missing_function_for_the_credentials_is_refused() -> None:
    spec = Path(__file__).parents[1] / "endpoints/custom/signed_app.yaml"
    provider = SpecProvider(
        spec, client_id="id", client_secret="secret", environment="production", authenticate=print, installation_id=7
    )
    registration = dataclasses.replace(registration_of(provider), authenticate=None)
    assert "is missing" in refusal(lambda: build_request(registration, Credentials("secret"), "plain"), "authenticate")


@pytest.mark.parametrize("path", ["/tenants/../token", "/tenants/./token", "/token/.."])
def test_a_request_does_not_go_to_another_path_than_the_one_described(path: str) -> None:
    registration = registration_of(make(Cryptofuse))
    registration = dataclasses.replace(registration, token_url=f"https://auth.example{path}")
    text = refusal(lambda: build_request(registration, registration.credentials(), "plain"), "parameters")
    assert text == "parameters: lead to another path; expected values other than . and .. in a path"
