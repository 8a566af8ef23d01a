"""Hostile specs: none gets a secret to another host, forges a log line, or gives anything but a finding or a refusal."""

import copy
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import paygrant_clients.ripple
from paygrant import (
    ClientCredentials,
    ConfigurationError,
    MemoryStore,
    PaygrantError,
    RefreshPolicy,
    SpecProvider,
    TokenAuth,
    TokenSource,
)
from paygrant._spec.document import is_array, is_object
from paygrant._spec.lint import lint
from tests.helpers.keys import pem
from tests.helpers.secrets import CREDENTIALS

GIVEN: dict[str, Any] = {**CREDENTIALS}

GENERATED: dict[str, Any] = json.loads(Path(paygrant_clients.ripple.__path__[0], "openapi.json").read_text("utf-8"))
[PATH] = GENERATED["paths"]

# Ripple's spec has few of the words that a spec may have. So it gets the others here.
GENERATED["paths"][PATH]["post"]["responses"]["401"] = {"description": "No body."}
GENERATED["components"]["schemas"]["TokenRequest"]["properties"] |= {
    name: {"type": "string", "description": "A part of the world."} for name in ("region", "zone")
}
for _name in ("client_id", "client_secret"):
    GENERATED["components"]["schemas"]["TokenRequest"]["required"].remove(_name)
for _server in GENERATED["servers"]:
    _server["x-mtls-url"] = _server["url"].replace("https://", "https://mtls.")
GENERATED["x-token-endpoint"] |= {
    "client_authentication": [
        {"method": "client_secret_post", "client_id": "client_id", "client_secret": "client_secret"},
        {
            "method": "private_key_jwt",
            "algorithms": ["ES256", "RS256"],
            "audience": {"argument": "issuer"},
            "lifetime": 30,
            "claims": {"sub": {"argument": "user"}, "scope": {"value": "read"}, "jti": None},
            "in": "body",
            "name": "assertion",
        },
        {"method": "client_secret_jwt", "audience": {"value": "https://issuer.example"}, "claims": {"n": {"value": 1}}},
        {"method": "tls_client_auth", "client_id": "client_id"},
    ],
    "token_use": {
        "header": "X-Token",
        "prefix": "Token",
        "rejected_statuses": [401, 403],
        "headers": {"Client_Id": "client_id", "X-Audience": "audience"},
        "single_use": True,
        "persist": False,
    },
}
GENERATED["x-token-endpoint"]["parameters"] |= {
    "region": {"argument": "region", "excludes": ["zone"]},
    "zone": {"argument": "zone"},
}


class Recorder(httpx.BaseTransport):
    """Notes where requests go."""

    def __init__(self) -> None:
        self.hosts: list[tuple[str, str]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.hosts.append((request.url.scheme, request.url.host))
        return httpx.Response(200, json={"access_token": "t", "expires_in": 3600})


def folder(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """A folder as ``paygrant generate`` makes it, whose openapi.json was changed."""
    document = copy.deepcopy(GENERATED)
    change(document)
    path.mkdir(exist_ok=True)
    (path / "openapi.json").write_text(json.dumps(document), "utf-8")
    return path


def with_path(path: str) -> Callable[[dict[str, Any]], object]:
    return lambda document: document.update(paths={path: document["paths"][PATH]})


def hosts(spec: Path, **more: Any) -> list[tuple[str, str]]:
    """Where the token requests of a spec go."""
    recorder = Recorder()
    arguments: dict[str, Any] = {**GIVEN, "environment": "test", "audience": "urn:a:b", **more}
    with suppress(PaygrantError):
        provider = SpecProvider(spec, **arguments)
        TokenSource(provider, store=MemoryStore(), policy=RefreshPolicy(max_attempts=1), transport=recorder).get()
    return recorder.hosts


HOSTILE_PATHS = [
    *(
        "@evil.example/oauth/token",
        ".evil.example/oauth/token",
        ":pw@evil.example/t",
        ":8@evil.example/t",
        "-evil.example",
    ),
    *(
        "//evil.example/t",
        "\\evil.example/t",
        "/\\evil.example/t",
        "\\\\evil.example",
        "evil.example",
        "#@evil.example",
    ),
    *(
        "{audience}",
        "{audience}@evil.example/t",
        ".{audience}/t",
        "/t\n.evil.example",
        "\n@evil.example/t",
        "\t/t",
        " /t",
    ),
    *(
        "/t\r\nHost: evil.example",
        "/t\u2028forged",
        ":443",
        "%40evil.example/t",
        "\u3002evil.example/t",
        "\uff0fevil",
        "/t#x",
    ),
]


@pytest.mark.parametrize("path", HOSTILE_PATHS, ids=ascii)
@pytest.mark.parametrize("base_url", [None, "http://localhost", "https://api.example", "https://api.example/v1"])
def test_a_path_that_leads_elsewhere_is_refused(tmp_path: Path, path: str, base_url: str | None) -> None:
    spec = folder(tmp_path / "acme", with_path(path))
    with pytest.raises(ConfigurationError) as caught:
        SpecProvider(spec, **GIVEN, environment="test", audience="urn:a:b", base_url=base_url)
    assert caught.value.argument in {"spec", "token_url"}
    assert hosts(spec, base_url=base_url) == []


HOSTILE_HEADERS: list[Callable[[dict[str, Any]], object]] = [
    lambda document: document["x-token-endpoint"].update(token_use={"header": "Host"}),
    lambda document: document["x-token-endpoint"].update(token_use={"headers": {"host": "client_id"}}),
    lambda document: document["x-token-endpoint"].update(
        client_authentication=[{"method": "header", "client_id": "HOST", "client_secret": "X-Key"}]
    ),
    lambda document: (
        document["x-token-endpoint"]["parameters"].update(Host={"value": "evil.example"}),
        document["paths"][PATH]["post"].update(
            parameters=[{"in": "header", "name": "Host", "required": True, "schema": {"type": "string"}}]
        ),
    ),
]


@pytest.mark.parametrize("change", HOSTILE_HEADERS)
def test_a_header_that_leads_elsewhere_is_refused(tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    spec = folder(tmp_path / "acme", change)
    with pytest.raises(ConfigurationError, match="a header that HTTP itself sets") as caught:
        SpecProvider(spec, **GIVEN, environment="test", audience="urn:a:b")
    assert caught.value.argument == "spec"


@pytest.mark.parametrize("base_url", ["http://localhost", "https://api.example/v1"])
@given(path=st.text(st.sampled_from("/\\@.:?#%{}[]\n\t eEvil1-\u3002\uff0f\uff20"), max_size=12))
@settings(max_examples=60, deadline=None, database=None)
def test_no_path_leads_elsewhere(base_url: str, path: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    spec = folder(tmp_path_factory.getbasetemp() / "acme", with_path(path))
    expected = httpx.URL(base_url)
    assert {*hosts(spec, base_url=base_url)} <= {(expected.scheme, expected.host)}


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://evil.example",
            "https://",
            "https://me:pw@evil.example",
            "https://a\\@evil.example",
            "ftp://a.example",
        ),
        *("https://a.example#", "https://{audience}.example", "https://a.example\n", "//evil.example", 5, None, ["a"]),
    ],
    ids=ascii,
)
def test_a_hostile_server_is_refused(tmp_path: Path, url: Any) -> None:
    spec = folder(tmp_path / "acme", lambda document: document["servers"][0].update(url=url))
    environment = GENERATED["servers"][0]["x-environment"]
    with pytest.raises(ConfigurationError):
        SpecProvider(spec, **GIVEN, environment=environment, audience="urn:a:b")


@pytest.mark.parametrize(
    "name", ["acme\npaygrant ERROR forged", "acme\x1b[2J", "acme\r", "acme\u2028b", "ac\u202eme"], ids=ascii
)
def test_a_name_that_forges_log_lines_is_refused(tmp_path: Path, name: str) -> None:
    spec = folder(tmp_path / name, lambda _: None)
    with pytest.raises(ConfigurationError, match=r"^spec: has name") as caught:
        SpecProvider(spec, **GIVEN, environment="test", audience="urn:a:b")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["test\nforged", "test\x1b[2J"], ids=ascii)
def test_an_environment_that_forges_log_lines_is_refused(tmp_path: Path, name: str) -> None:
    spec = folder(tmp_path / "acme", lambda document: document["servers"][0].update({"x-environment": name}))
    with pytest.raises(ConfigurationError, match=r"^spec: has servers"):
        SpecProvider(spec, **GIVEN, environment=name, audience="urn:a:b")


@pytest.mark.parametrize("name", ["acme\nforged.yaml", "acme\x1b[2J.yaml"], ids=ascii)
def test_a_file_that_forges_log_lines_is_a_finding(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(yaml.safe_dump(GENERATED, sort_keys=False), "utf-8")
    findings = lint(path)
    assert findings
    assert all(str(each).isprintable() for each in findings)


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example\\@evil.example/t",
        "https://a.example@evil.example/t",
        "https://a.example/t\n",
        "https://a.example/ t",
    ],
    ids=ascii,
)
def test_a_token_url_that_leads_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^token_url: "):
        ClientCredentials(**GIVEN, token_url=url)


# Any change of a spec


def test_the_spec_that_is_changed_is_normalized(tmp_path: Path) -> None:
    path = tmp_path / "acme.yaml"
    path.write_text(json.dumps(GENERATED), "utf-8")
    assert lint(path) == []


def places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document."""
    below: list[tuple[Any, Any]] = []
    if is_object(value):
        below = [*value.items()]
    elif is_array(value):
        below = [*enumerate(value)]
    return [place, *(each for key, part in below for each in places(part, (*place, key)))]


PLACES = [each for each in places(GENERATED) if each]
ODD: list[Any] = [
    *(
        None,
        True,
        0,
        -1,
        1e400,
        10**400,
        "",
        "\n",
        "\ud800",
        "@evil.example/t",
        "{x}",
        "X\r\nY: z",
        "/a/*/b",
        "~2",
        "custom",
        "none",
        "client_secret_basic",
        "private_key_jwt",
        "application/vnd.x+json",
        "http://169.254.169.254",
        "client_id",
    ),
    *([], {}, [[]], [{}], {"": ""}, {"a\nb": 1}, [None], {"$ref": "file:///etc/passwd"}),
]


def changed(place: tuple[Any, ...], value: Any) -> Callable[[dict[str, Any]], object]:
    def change(document: dict[str, Any]) -> None:
        *way, last = place
        inner: Any = document
        for step in way:
            inner = inner[step]
        if value is Ellipsis:
            del inner[last]
        else:
            inner[last] = value

    return change


def outcome(source: TokenSource) -> str:
    """What comes of a request, in words."""
    try:
        return repr(source.get())
    except PaygrantError as error:
        return str(error)


odd_changes = st.builds(changed, st.sampled_from(PLACES), st.sampled_from([*ODD, ...]))


BY_METHOD: dict[str, dict[str, Any]] = {
    "client_secret_post": GIVEN,
    "client_secret_jwt": GIVEN,
    "private_key_jwt": {"client_id": "id", "private_key": pem("ES256"), "issuer": "https://i.example", "user": "u"},
}
"""What each method of client authentication takes."""


@given(change=odd_changes, method=st.sampled_from([*BY_METHOD]))
@settings(max_examples=200, deadline=None, database=None)
def test_a_changed_folder_works_or_is_refused(
    change: Any, method: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    spec = folder(tmp_path_factory.getbasetemp() / "acme", change)
    recorder = Recorder()
    with suppress(ConfigurationError):
        provider = SpecProvider(spec, **BY_METHOD[method], auth_method=method, environment="test", audience="urn:a:b")
        repr(provider)
        source = TokenSource(provider, store=MemoryStore(), policy=RefreshPolicy(max_attempts=1), transport=recorder)
        TokenAuth(source)
        assert "the renewal failed by" not in outcome(source)  # that is an exception that nobody expected
    assert {*recorder.hosts} <= {("https", httpx.URL(each["url"]).host) for each in GENERATED["servers"]}


@given(change=odd_changes)
@settings(max_examples=40, deadline=None, database=None)
def test_a_changed_spec_works_or_has_findings(change: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    document = copy.deepcopy(GENERATED)
    change(document)
    path = tmp_path_factory.getbasetemp() / "acme.yaml"
    path.write_text(json.dumps(document), "utf-8")
    findings = lint(path)
    assert all("\n" not in str(each) for each in findings)


@given(text=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
@settings(max_examples=60, deadline=None, database=None)
def test_a_file_of_anything_has_findings(text: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "acme.yaml"
    path.write_bytes(text)
    assert lint(path)
    with pytest.raises(ConfigurationError):
        SpecProvider(path, **GIVEN)
