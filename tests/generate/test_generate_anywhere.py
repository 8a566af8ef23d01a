"""`paygrant.generate` with any spec: what it writes, where it writes, and that a hostile spec does no harm."""

import json
import os
import pickle
import re
import subprocess
import sys
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from paygrant import ConfigurationError, PaygrantError, SpecProvider
from paygrant._providers.base import registration_of
from paygrant._spec.reader import read_endpoint
from paygrant.generate import GenerationError, SpecError, generate, packages, read_spec
from scripts.generate.__main__ import PACKAGES, ROOT
from scripts.generate.tree import read_files
from tests.helpers.specs import (
    DECLARED,
    ENDPOINT,
    FIELD,
    GRANTED,
    POST,
    REQUEST,
    RESPONSE,
    RESPONSES,
    SECRET,
    broken,
)

RIPPLE = ROOT / "specs/ripple.yaml"
CREDENTIALS = {"client_id": "id", "client_secret": "secret"}

HOSTILE = (
    '"""\nimport pathlib; pathlib.Path("canary").touch()\n"""',
    '\\"""\nimport pathlib; pathlib.Path("canary").touch()\n#',
    "'''\nimport pathlib; pathlib.Path('canary').touch()\n'''",
    '"); import pathlib; pathlib.Path("canary").touch() #',
    "'); import pathlib; pathlib.Path('canary').touch() #",
    "{__import__('pathlib').Path('canary').touch()}",
    '{__import__("pathlib").Path("canary").touch()}',
    "{{ cycler.__init__.__globals__.os.popen('touch canary') }}",
    "{% include '/etc/passwd' %}",
    "\\N{BULLET} \\x41 \\u00e9 \\",
    "ends with a backslash \\",
    'ends with a quote "',
    "x" * 300 + "\\" * 41 + '"' * 7,
    "$(touch canary) `touch canary` %s %(a)s {0}",
    "# noqa\n# type: ignore",
    "\u00e9\u4e2d \U0001f600",
)
ONE_LINE = tuple(text.replace("\n", ";") for text in HOSTILE)


def written(folder: Path, changes: dict[str, Any], *, name: str = "acme", spec: str = "ripple") -> Path:
    """Write a spec of this project with other values at some JSON Pointers."""
    path = folder / f"{name}.yaml"
    path.write_text(broken("", changes, "", spec).text)
    return path


def python(code: str, *arguments: object, cwd: Path) -> str:
    """Return what a fresh interpreter prints that runs this code."""
    path = os.pathsep.join([str(cwd), *sys.path])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        cwd=cwd,
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(info.name)
from paygrant._spec.reader import endpoint_of
print(endpoint_of(sys.argv[1]).name)
"""


def test_a_spec_of_this_project_makes_the_same_package_elsewhere(tmp_path: Path) -> None:
    files = generate(str(RIPPLE), tmp_path / "deep" / "clients")
    assert read_files(tmp_path / "deep/clients/ripple") == read_files(ROOT / PACKAGES / "ripple")
    assert [path.name for path in (tmp_path / "deep/clients").iterdir()] == ["ripple"]
    assert files == sorted(path for path in (tmp_path / "deep/clients/ripple").rglob("*") if path.is_file())


def rich(folder: Path) -> Path:
    """Write a spec that has parts of the request in every place, and nested responses."""
    operation = json.loads(broken("", {}, "").text)["paths"]["/oauth/token"]["post"]
    operation["parameters"] = [
        {**DECLARED, "name": "tenant", "in": "path"},
        {**DECLARED, "name": "X-Api-Version", "schema": {"type": "string", "const": "2"}},
        {**DECLARED, "name": "verbose", "in": "query", "required": False, "schema": {"type": "boolean", "const": True}},
        {**DECLARED, "name": "page", "in": "query", "required": False, "schema": {"type": "integer", "enum": [1, 2]}},
    ]
    operation["responses"]["201"] = operation["responses"].pop("200")
    operation["responses"]["201"]["content"]["application/json"]["examples"]["granted"]["value"] = {
        "data": [{"token": "t", "ends": 1}]
    }
    operation["responses"]["403"] = {
        "description": "No.",
        "content": {
            "text/plain": {"schema": {"type": "string"}, "examples": {"wrong_credentials": {"value": "Go away"}}}
        },
    }
    identity = {
        "type": "object",
        "description": "Who asks.",
        "required": ["user"],
        "properties": {"user": SECRET, "key": SECRET, "grant_type": {**FIELD, "const": "client_credentials"}},
    }
    item = {
        "type": "object",
        "description": "One.",
        "properties": {
            "token": SECRET,
            "ends": {**FIELD, "type": "integer"},
            "version": {**FIELD, "type": "integer", "const": 1},
        },
    }
    changes = {
        "/paths": {"/{tenant}/token": {"put": operation}},
        f"{REQUEST}/required": ["auth"],
        f"{REQUEST}/properties": {
            "auth": {
                "type": "object",
                "description": "All.",
                "required": ["identity"],
                "properties": {"identity": identity},
            }
        },
        f"{RESPONSE}/properties": {"data": {"type": "array", "description": "Tokens.", "items": item}},
        f"{ENDPOINT}/client_authentication": [
            {"method": "client_secret_post", "client_id": "/auth/identity/user", "client_secret": "/auth/identity/key"}
        ],
        f"{ENDPOINT}/parameters": {
            "tenant": {"argument": "tenant"},
            "X-Api-Version": {"value": "2"},
            "verbose": {"value": True},
            "page": {"argument": "page"},
            "/auth/identity/grant_type": {"value": "client_credentials"},
        },
        f"{ENDPOINT}/response": {
            "access_token": ["/data/0/token"],
            "lifetime": [
                {"at": "/data/0/ends", "unit": "epoch", "zero_is_never": True},
                {"unit": "seconds", "constant": 86400},
            ],
        },
        f"{ENDPOINT}/invalid_client": [{"status": 403}, {"at": "/error", "equals": "access_denied"}],
        f"{ENDPOINT}/token_use": {"header": "X-Token"},
    }
    return written(folder, changes)


def test_a_client_sends_the_parts_of_a_request_in_every_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate(rich(tmp_path), tmp_path / "rich_clients")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    package, api = import_module("rich_clients.acme"), import_module("rich_clients.acme.api.token.create_token")
    models = import_module("rich_clients.acme.models")
    requests: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(201, json={"data": [{"token": "canary", "ends": 5}]})

    client = package.Client(base_url="https://example.org", httpx_args={"transport": httpx.MockTransport(respond)})
    body = models.TokenRequest.from_dict(
        {"auth": {"identity": {"user": "canary", "key": "canary", "grant_type": "client_credentials"}}}
    )
    parsed = api.sync("a/b", client=client, body=body, verbose=True, x_api_version="2")

    assert parsed.data[0].token == "canary"
    assert "canary" not in f"{parsed}{body}{parsed.data[0]!r}"
    (request,) = requests
    assert (request.method, str(request.url)) == ("PUT", "https://example.org/a%2Fb/token?verbose=true")
    assert request.headers["X-Api-Version"] == "2"
    assert json.loads(request.content)["auth"]["identity"]["user"] == "canary"
    version = import_module("rich_clients.acme.models.create_token_x_api_version")
    assert get_args(version.CreateTokenXApiVersion) == ("2",)


def test_a_spec_its_package_and_its_folder_describe_one_endpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = rich(tmp_path)
    generate(spec, tmp_path / "one_endpoint")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    arguments: dict[str, Any] = {**CREDENTIALS, "environment": "test", "tenant": "acme"}
    sources = (spec, str(spec), tmp_path / "one_endpoint/acme", import_module("one_endpoint.acme"))
    described = [registration_of(SpecProvider(source, **arguments)).endpoint for source in sources]
    assert described == [read_endpoint("acme", read_spec(spec))] * 4


def test_a_spec_without_a_body_makes_a_client(tmp_path: Path) -> None:
    secret = {"type": "string", "format": "password"}
    operation = json.loads(broken("", {}, "").text)["paths"]["/oauth/token"]["post"]
    del operation["requestBody"]
    operation["parameters"] = [{**DECLARED, "name": name, "in": "query", "schema": secret} for name in ("id", "key")]
    data = json.loads(broken("", {}, "").text)
    del data["components"]["schemas"]["TokenRequest"]
    data["paths"] = {"/token": {"get": operation}}
    data["x-token-endpoint"] |= {
        "client_authentication": [{"method": "query", "client_id": "id", "client_secret": "key"}],
        "parameters": {},
        "token_use": {"query": "access_token"},
    }
    data["x-token-endpoint"]["response"]["lifetime"] = [{"unit": "never"}]
    spec = tmp_path / "bare.yaml"
    spec.write_text(json.dumps(data))
    generate(spec, tmp_path)
    assert python(IMPORT_ALL, "bare", cwd=tmp_path) == "bare"


@pytest.mark.parametrize("name", ["Client_Id", "!#$%&'*+-.^_`|~09az"])
def test_a_header_of_any_name_is_sent_by_the_client(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {
        f"{POST}/parameters": [{**DECLARED, "name": name}],
        f"{ENDPOINT}/parameters/{name}": {"argument": "tenant"},
        f"{ENDPOINT}/token_use": {"header": name, "headers": {"X_Client": "client_id"}},
    }
    folder = tmp_path / f"header_{len(name)}"
    generate(written(tmp_path, changes), folder)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    api = import_module(f"{folder.name}.acme.api.token.create_token")
    package, models = (import_module(f"{folder.name}.acme{part}") for part in ("", ".models"))
    requests: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json={"access_token": "canary"})

    client = package.Client(base_url="https://example.org", httpx_args={"transport": httpx.MockTransport(reply)})
    body = models.TokenRequest(grant_type="client_credentials", client_id="a", client_secret="b", audience="c")
    (argument,) = {*signature(api.sync).parameters} - {"client", "body"}
    assert api.sync(client=client, body=body, **{argument: "mine"}).access_token == "canary"
    assert requests[0].headers[name] == "mine"


def test_json_of_a_vendor_and_an_error_without_a_body_make_a_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = json.loads(broken("", {}, "").text)
    operation = data["paths"]["/oauth/token"]["post"]
    vendor = "application/vnd.api+json"
    for part in (operation["requestBody"], operation["responses"]["200"]):
        part["content"] = {vendor: part["content"]["application/json"]}
    for status in {*operation["responses"]} - {"200"}:
        operation["responses"][status] = {"description": "No body."}
    operation["responses"]["401"] = {"description": "No body."}
    del data["components"]["schemas"]["TokenError"]
    data["x-token-endpoint"]["invalid_client"] = [{"status": 401}]
    data["x-token-endpoint"]["error"] = {}
    spec = tmp_path / "vendor.yaml"
    spec.write_text(json.dumps(data))
    generate(spec, tmp_path / "vendor_clients")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    package, models = (import_module(f"vendor_clients.vendor{part}") for part in ("", ".models"))
    api = import_module("vendor_clients.vendor.api.token.create_token")
    statuses = iter([200, 401])

    def reply(request: httpx.Request) -> httpx.Response:
        assert request.headers["Content-Type"] == vendor
        status = next(statuses)
        return httpx.Response(status, json={"access_token": "canary"}) if status == 200 else httpx.Response(status)

    client = package.Client(base_url="https://example.org", httpx_args={"transport": httpx.MockTransport(reply)})
    body = models.TokenRequest(grant_type="client_credentials", client_id="a", client_secret="b", audience="c")
    assert api.sync(client=client, body=body).access_token == "canary"
    assert api.sync_detailed(client=client, body=body).status_code == 401


@pytest.mark.parametrize("scheme", ["bearer", None])
def test_a_function_may_fill_fields_that_nothing_names(tmp_path: Path, scheme: str | None) -> None:
    changes: dict[str, Any] = {
        f"{ENDPOINT}/client_authentication": [{"method": "custom"}],
        f"{REQUEST}/properties/client_assertion": SECRET,
    }
    if scheme:
        changes["/components/securitySchemes"] = {"jwt": {"type": "http", "scheme": scheme}}
        changes[f"{POST}/security"] = [{"jwt": []}]
    assert read_spec(written(tmp_path, changes))["x-token-endpoint"]["client_authentication"] == [{"method": "custom"}]


def hostile_changes(texts: tuple[str, ...], lines: tuple[str, ...]) -> dict[str, Any]:
    """Return changes that put hostile texts wherever a spec may have any text."""
    prose = [
        "/info/description",
        f"{POST}/summary",
        f"{POST}/description",
        f"{RESPONSES}/200/description",
        f"{REQUEST}/description",
        f"{RESPONSE}/description",
        *(f"{REQUEST}/properties/{name}/description" for name in ("client_id", "audience", "grant_type")),
        f"{RESPONSE}/properties/scope/description",
        "/servers/0/description",
        "/tags/0/description",
        "/x-provenance/deviations/0/here",
    ]
    one_line = [
        "/info/title",
        "/info/version",
        "/servers/0/x-environment-facts/audience_environment",
        f"{GRANTED}/value/scope",
        f"{ENDPOINT}/parameters/grant_type/value",
    ]
    changes: dict[str, Any] = {place: texts[index % len(texts)] for index, place in enumerate(prose)}
    changes |= {place: lines[index % len(lines)] for index, place in enumerate(one_line)}
    changes[f"{REQUEST}/properties/grant_type/const"] = changes[f"{ENDPOINT}/parameters/grant_type/value"]
    changes[f"{REQUEST}/properties/audience/enum"] = list(lines)
    changes[f"{RESPONSE}/properties/__class__"] = {**FIELD, "description": texts[0], "const": lines[0]}
    changes[f"{RESPONSE}/properties/import"] = {**FIELD, "description": texts[-1], "enum": list(reversed(lines))}
    changes[f"{RESPONSE}/properties/1[a]@b:c-d.e"] = {**FIELD, "description": texts[1]}
    changes[f"{POST}/parameters"] = [
        {**DECLARED, "in": "query", "description": text, "name": name, "schema": {"type": "string", "enum": [*lines]}}
        for text, name in zip(texts, ("client", "unset", "url", "self", "class", "__import__"), strict=False)
    ]
    for each in changes[f"{POST}/parameters"]:
        changes[f"{ENDPOINT}/parameters/{each['name']}"] = {"argument": f"{each['name'].strip('_')}_argument"}
    changes[f"{ENDPOINT}/response/token_type"] = [
        "/token_type",
        f"/{lines[3]}".replace("/", "~1").replace("~1", "/", 1),
    ]
    changes[f"{ENDPOINT}/invalid_client"] = [
        {"status": 401},
        {"at": "/error", "equals": "access_denied"},
        {"at": "/error", "equals": lines[4]},
    ]
    return changes


@pytest.mark.parametrize("turn", range(4))
def test_no_text_of_a_spec_becomes_code(tmp_path: Path, turn: int) -> None:
    texts, lines = (kind[4 * turn :] + kind[: 4 * turn] for kind in (HOSTILE, ONE_LINE))
    inside = tmp_path / "inside"
    inside.mkdir()
    spec = tmp_path / "acme.yaml"
    data = json.loads(broken("", hostile_changes(texts, lines)).text)
    spec.write_text(json.dumps(data, ensure_ascii=False), "utf-8")

    generate(spec, inside)
    assert python(IMPORT_ALL, "acme", cwd=inside) == "acme"

    assert {path.name for path in tmp_path.iterdir()} == {"acme.yaml", "inside"}
    assert {path.name for path in inside.iterdir()} == {"acme"}
    assert json.loads((inside / "acme/openapi.json").read_text("utf-8")) == data


WATCHED = """
import json, os, sys, tempfile
from pathlib import Path
from paygrant.generate import generate
written, reached, started = set(), set(), set()

def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)) and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR):
        written.add(os.path.abspath(os.fsdecode(arguments[0])))
    elif event in {"os.mkdir", "os.rename", "os.link", "os.symlink"}:
        written.update(os.path.abspath(each) for each in arguments if isinstance(each, str))
    elif event in {"os.remove", "os.rmdir"} and arguments[1] == -1:  # else within a folder that is open, and made here
        written.add(os.path.abspath(arguments[0]))
    elif event in {"socket.connect", "socket.getaddrinfo"}:
        reached.add(str(arguments))
    elif event in {"subprocess.Popen", "os.posix_spawn"}:  # from Python 3.13 on, the first may lead to the second
        started.add(" ".join([os.path.basename(arguments[1][0]), *arguments[1][1:5]]))
    elif event in {"os.system", "os.exec", "os.fork"}:
        started.add(str(arguments))

sys.addaudithook(watch)
generate(sys.argv[1], sys.argv[2])
allowed = (sys.argv[2], tempfile.gettempdir(), os.devnull)
print(json.dumps([sorted(path for path in written if not path.startswith(allowed)), sorted(reached), sorted(started)]))
"""


def test_it_writes_only_the_package_makes_no_connection_and_starts_only_ruff(tmp_path: Path) -> None:
    spec, output, scratch = (
        written(tmp_path, hostile_changes(HOSTILE, ONE_LINE)),
        tmp_path / "out",
        tmp_path / "scratch",
    )
    scratch.mkdir()
    code = f"import tempfile; tempfile.tempdir = {str(scratch)!r}\n{WATCHED}"
    written_elsewhere, reached, started = json.loads(python(code, spec, output, cwd=tmp_path))
    assert (written_elsewhere, reached) == ([], [])
    interpreter, by_libraries = Path(sys.executable).name, {"uname -p", "ldconfig -p"}
    assert set(started) - by_libraries == {f"{interpreter} -PE -m ruff {command}" for command in ("check", "format")}
    assert not list(scratch.iterdir())


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param(b"openapi: \xff\n", "not UTF-8 at byte 9", id="not UTF-8"),
        pytest.param("openapi: 3.1.0\n".encode("utf-16"), "not UTF-8", id="UTF-16"),
        pytest.param(b"openapi: a\0b\n", "special characters are not allowed", id="NUL"),
        pytest.param(b"a: " + b"[" * 100_000, "nested more than 64 levels deep", id="deep"),
        pytest.param(b"a: &a [1]\nb: [*a, *a]\n", "anchors, aliases and tags", id="bomb"),
        pytest.param(b"a: !!python/object/apply:os.system ['touch canary']\n", "tags are not allowed", id="tag"),
        pytest.param(b"a" * (1 << 20), "larger than 256 KiB", id="huge"),
        pytest.param(b"a: 1\na: 2\n", "duplicate", id="twice"),
        pytest.param(b"", "not a mapping", id="empty"),
        pytest.param(b"x: {$ref: 'file:///etc/passwd'}\n", "references: #/x/\\$ref", id="file"),
        pytest.param(b"openapi: 3.1.0\n", "sections: #: there is no x-token-endpoint", id="not normalized"),
    ],
)
def test_a_file_that_is_not_a_spec_is_an_error_with_its_place_and_writes_nothing(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    spec = tmp_path / "acme.yaml"
    spec.write_bytes(content)
    with pytest.raises(SpecError, match=complaint) as caught:
        generate(spec, tmp_path / "out")
    assert re.match(rf"{re.escape(str(spec))}:\d+: [a-z-]+: #", str(caught.value))
    assert str(caught.value).splitlines() == [str(finding) for finding in caught.value.findings]
    assert isinstance(caught.value, PaygrantError)
    copy: SpecError = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.findings) == (str(caught.value), caught.value.findings)
    assert [path.name for path in tmp_path.iterdir()] == ["acme.yaml"]


@pytest.mark.parametrize("path", ["missing.yaml", ".", "a\0b.yaml", "x" * 300])
def test_a_path_without_a_file_is_an_error_with_the_path(tmp_path: Path, path: str) -> None:
    with pytest.raises(SpecError, match=r": the file (does not exist$|cannot be read \()"):
        generate(tmp_path / path, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["..", "a b", "class", "a-b", "Acme", "a.b", "\u00e9", "_a", "__init__"])
def test_a_file_name_that_cannot_be_a_package_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SpecError, match="file-name: #: "):
        generate(written(tmp_path, {}, name=name), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    spec = tmp_path / "ripple.yaml"
    spec.write_bytes(b"\xef\xbb\xbf" + RIPPLE.read_bytes())
    assert read_spec(spec) == read_spec(RIPPLE)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A generated package."""
    generate(RIPPLE, tmp_path / "out")
    return tmp_path / "out/ripple"


def test_a_generated_package_is_replaced_completely(package: Path) -> None:
    (package / "models/gone.py").write_text("")
    files = generate(RIPPLE, package.parent)
    assert package / "models/gone.py" not in files
    assert not (package / "models/gone.py").exists()
    assert [path.name for path in package.parent.iterdir()] == ["ripple"]


@pytest.mark.parametrize("kind", ["folder", "module", "file", "link", "dangling link"])
def test_anything_that_was_not_generated_stays_as_it_is(tmp_path: Path, package: Path, kind: str) -> None:
    output, elsewhere = tmp_path / "other", package
    target = output / "ripple"
    output.mkdir()
    if kind == "folder":
        target.mkdir()
    elif kind == "module":
        target.mkdir()
        (target / "environments.py").write_text("# by hand\n")
    elif kind == "file":
        target.write_text("")
    else:
        target.symlink_to(elsewhere if kind == "link" else tmp_path / "nowhere")
    before = read_files(tmp_path)
    with pytest.raises(GenerationError, match="was not generated"):
        generate(RIPPLE, output)
    assert read_files(tmp_path) == before
    assert target.is_symlink() == ("link" in kind)


def test_an_output_that_is_a_file_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(GenerationError, match=r"out: .*nothing was written"):
        generate(RIPPLE, tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("folder", ["out", "new", "new/and/deep"])
def test_a_failed_run_leaves_everything_as_it_was(
    tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    def fail(*command: str, **scratch: Path) -> None:
        assert (scratch["folder"] / "ripple/client.py").exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(packages, "_ruff", fail)
    before = read_files(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        generate(RIPPLE, tmp_path / folder)
    assert read_files(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in package.parent.iterdir()] == ["ripple"]


def test_a_failed_move_restores_the_old_package(tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (package / "old.py").write_text("")
    rename = Path.rename

    def full(path: Path, target: Path) -> Path:
        if path.name == "ripple" and path.parent != package.parent:
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(GenerationError, match="No space left on device; nothing was written"):
        generate(RIPPLE, package.parent)
    assert (package / "old.py").exists()
    assert [path.name for path in package.parent.iterdir()] == ["ripple"]


def test_the_error_of_a_failed_formatter_has_its_output(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def\n")
    with pytest.raises(GenerationError, match=r"ruff format failed\n(.*\n)*.*broken\.py"):
        packages._ruff("format", folder=tmp_path)


def test_a_package_may_have_a_name_that_tools_ignore_by_default(tmp_path: Path) -> None:
    generate(written(tmp_path, {}, name="dist"), tmp_path / "build")
    formatted = (ROOT / PACKAGES / "ripple/environments.py").read_text("utf-8")
    assert (tmp_path / "build/dist/environments.py").read_text("utf-8") == formatted


@pytest.mark.parametrize("name", ["ruff", "sysconfig"])
@pytest.mark.parametrize("path", [None, os.curdir])
def test_a_package_may_have_the_name_of_a_module_and_is_never_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, path: str | None
) -> None:
    if path:  # which for the formatter would be the folder of what was generated
        monkeypatch.setenv("PYTHONPATH", path)
    generate(written(tmp_path, {}, name=name), tmp_path / "out")
    formatted = (ROOT / PACKAGES / "ripple/environments.py").read_text("utf-8")
    assert (tmp_path / f"out/{name}/environments.py").read_text("utf-8") == formatted


BLOCKED = """
import sys
sys.modules[sys.argv[1]] = None
from paygrant.generate import generate
try:
    generate(sys.argv[2], "out")
except ImportError as error:
    print(error)
"""


@pytest.mark.parametrize(
    "missing", ["yaml", "jsonschema", "referencing", "openapi_spec_validator", "openapi_python_client", "ruff"]
)
def test_a_missing_extra_is_named(tmp_path: Path, missing: str) -> None:
    assert python(BLOCKED, missing, RIPPLE, cwd=tmp_path) == (
        f'paygrant.generate needs {missing}; to get it: pip install "paygrant[generate]"'
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["missing", "file", "folder", "not JSON", "not a spec", "a list"])
def test_a_source_without_a_spec_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    source = tmp_path / "acme"
    if kind == "file":
        source.write_text("openapi: 3.1.0\n")
    elif kind != "missing":
        source.mkdir()
        content = {"not JSON": "{", "not a spec": '{"paths": {}}', "a list": "[]"}.get(kind)
        if content:
            (source / "openapi.json").write_text(content)
    with pytest.raises(ConfigurationError, match=r"^spec: ") as caught:
        SpecProvider(source, client_id="a", client_secret="b")
    assert str(source) in str(caught.value)
    assert "expected the path of a spec" in str(caught.value)
    assert caught.value.argument == "spec"


@pytest.mark.parametrize("module", ["json", "sys", "paygrant_clients"])
def test_a_module_that_was_not_generated_is_refused_by_name(module: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^spec: cannot be read at '{module}' \(FileNotFoundError\)"):
        SpecProvider(import_module(module), client_id="a", client_secret="b")
