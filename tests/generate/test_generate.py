"""The pipeline from specs to packages as `make generate` runs it, and the packages in generated/."""

import asyncio
import importlib
import inspect
import json
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import traceback
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, get_args

import attrs
import httpx
import pytest
import yaml
from jinja2 import Environment

import paygrant_clients
from paygrant._spec.reader import endpoint_of, read_endpoint
from paygrant.generate import _client, read_spec
from paygrant.generate._client import write_client
from paygrant.generate._mask import MaskError, mask_fields, mask_package
from scripts.generate.__main__ import PACKAGES, ROOT, main
from scripts.generate.tree import read_files

PROVIDERS = sorted(path.stem for path in (ROOT / "specs").glob("*.yaml"))
LONG_AGO = 1_500_000_000
EARLIER = 1_600_000_000


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the pipeline needs, in the state after `make generate`."""
    root = tmp_path_factory.mktemp("pristine")
    for folder in ("specs", "scripts", "overlay"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / file, root / file)
    for path in root.rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    assert _make(root) == f"generated {', '.join(PROVIDERS)}: {len(read_files(root / PACKAGES))} files changed"
    for path in (*(root / ".make").rglob("*"), *(root / PACKAGES).rglob("*")):
        os.utime(path, (EARLIER, EARLIER))
    return root


@pytest.fixture
def project(pristine: Path, tmp_path: Path) -> Path:
    return shutil.copytree(pristine, tmp_path / "project")


def _make(root: Path) -> str:
    """Return what the pipeline prints when make runs it with the tools of this environment. `-o` keeps make from updating them."""
    tools = Path(sys.prefix)
    stamps = [option for name in (".light", ".ready") for option in ("-o", str(tools / name))]
    command = ["make", "--silent", "-j4", *stamps, f"VENV={tools}", "generate"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True, env=environment)
    return done.stdout.strip()


def _written(root: Path) -> set[str]:
    """Return the files that were written since the project was made."""
    return {name for name in read_files(root / PACKAGES) if (root / PACKAGES / name).stat().st_mtime != EARLIER}


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_a_second_run_generates_nothing(project: Path) -> None:
    assert _make(project) == ""
    assert _written(project) == set()


def test_a_changed_spec_generates_one_provider_and_writes_only_what_differs(project: Path) -> None:
    _edit(project / "specs/ripple.yaml", "An error code.", "What went wrong.")
    assert _make(project) == "generated ripple: 2 files changed"
    assert _written(project) == {"ripple/openapi.json", "ripple/models/token_error.py"}
    assert _make(project) == ""


def test_what_the_last_run_wrote_is_not_needed_for_the_next(project: Path) -> None:
    packages = project / PACKAGES
    before = read_files(packages)
    (packages / "__init__.py").write_text("raise RuntimeError\n", "utf-8")
    folders = os.pathsep.join([str(packages.parent), str(project / "overlay")])
    done = subprocess.run(
        [sys.executable, "-m", "scripts.generate"],
        cwd=project,
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": folders},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"generated {', '.join(PROVIDERS)}: 1 files changed\n"
    assert read_files(packages) == before


def test_a_changed_pipeline_generates_everything_and_another_process_writes_the_same_bytes(project: Path) -> None:
    (project / "overlay/paygrant/generate/_mask.py").touch()
    assert _make(project) == f"generated {', '.join(PROVIDERS)}: 0 files changed"


def test_the_committed_packages_are_what_the_specs_make(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    assert capsys.readouterr().out == "generated/paygrant_clients is current\n"


def test_a_package_without_a_spec_is_removed(project: Path) -> None:
    cache = project / PACKAGES / "ripple/models/__pycache__"
    cache.mkdir()
    (cache / "token_error.cpython-311.pyc").touch()
    (project / "specs/ripple.yaml").unlink()
    assert main([], project) == 0
    assert not (project / PACKAGES / "ripple").exists()
    assert (project / PACKAGES / "cryptofuse").exists()


def test_the_check_shows_every_file_that_differs_and_writes_nothing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packages = project / PACKAGES
    _edit(packages / "ripple/client.py", "class Client:", "class Client:  # by hand")
    _edit(project / "specs/cryptofuse.yaml", "A short text about the error.", "A text.")
    (packages / "ripio_ramp/py.typed").unlink()
    (packages / "ripio_ramp/extra.py").touch()
    (packages / "__init__.py").write_bytes((packages / "__init__.py").read_bytes().rstrip())
    (packages / "__pycache__").mkdir()
    (packages / "__pycache__/__init__.cpython-311.pyc").touch()
    before = read_files(project)

    assert main(["--check"], project) == 1
    lines = capsys.readouterr().out.splitlines()
    assert {line.removeprefix("--- generated/paygrant_clients/") for line in lines if line.startswith("---")} == {
        "__init__.py",
        "cryptofuse/models/token_error.py",
        "cryptofuse/openapi.json",
        "ripple/client.py",
    }
    assert "-class Client:  # by hand" in lines
    assert "+class Client:" in lines
    assert any(line.startswith("+") and line.endswith(": A text.") for line in lines)
    assert "generated/paygrant_clients/ripio_ramp/py.typed: missing" in lines
    assert "generated/paygrant_clients/ripio_ramp/extra.py: not wanted" in lines
    assert not any("__pycache__" in line for line in lines)
    assert read_files(project) == before


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        pytest.param(
            ("specs/ripple.yaml", "type: integer", '$ref: "#/components/schemas/Nowhere"'),
            r"ripple: warning: .*\n(.*\n)*.*TokenResponse",
            id="warning",
        ),
        pytest.param(
            ("specs/ripple.yaml", "openapi: 3.1.0", "openapi: 9"),
            r"ripple: error: .*\n(.*\n)*.*openapi",
            id="error",
        ),
        pytest.param(
            ("specs/ripple.yaml", "openapi: 3.1.0", "openapi: ["),
            r"ripple\.yaml:\d+: yaml: #: ",
            id="not YAML",
        ),
    ],
)
def test_a_failed_run_shows_the_reason_and_writes_nothing(
    project: Path, capsys: pytest.CaptureFixture[str], edit: tuple[str, str, str], complaint: str
) -> None:
    file, old, new = edit
    _edit(project / "specs/cryptofuse.yaml", "A short text about the error.", "A text.")
    _edit(project / file, old, new)
    assert main([], project) == 1
    assert re.search(complaint, capsys.readouterr().err)
    assert _written(project) == set()


def test_another_version_of_the_generator_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = ["httpx<1,>=0.27", "openapi-python-client==0.1.2; extra == 'generate'"]

    def requires(name: str) -> list[str]:
        return needed

    monkeypatch.setattr(_client, "requires", requires)
    assert main([], project) == 1
    assert re.search(r"needs openapi-python-client 0\.1\.2, but .* is installed", capsys.readouterr().err)
    assert _written(project) == set()


@pytest.fixture(scope="session")
def raw(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """The client that the generator writes for a spec with secrets in unusual places, and its models."""
    spec = read_spec(ROOT / "specs/ripple.yaml")
    schemas = spec["components"]["schemas"]
    schemas["Secret"] = {"type": "string", "format": "password"}
    schemas["TokenResponse"]["properties"] |= {
        "elsewhere": {"$ref": "#/components/schemas/Secret"},
        "several": {"type": "array", "items": {"type": "string", "format": "password"}},
        "inside": {"type": "object", "properties": {"pin": {"type": "string", "format": "password"}}},
    }
    schemas["Inherited"] = {"allOf": [{"$ref": "#/components/schemas/TokenRequest"}, {"type": "object"}]}
    folder = tmp_path_factory.mktemp("raw")
    return folder / "client", write_client(spec, folder / "client")


def test_the_templates_of_the_generator_are_compiled_once(
    raw: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert raw[0].is_dir()  # its making compiled them

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a template is compiled again")

    monkeypatch.setattr(Environment, "compile", refuse)
    write_client(read_spec(ROOT / "specs/ripple.yaml"), tmp_path / "client")


def test_a_secret_is_masked_wherever_the_spec_declares_one(raw: tuple[Path, Any], tmp_path: Path) -> None:
    folder = shutil.copytree(raw[0], tmp_path / "client")
    mask_package(folder, raw[1])
    shown = {
        name: set(
            re.findall(r"^    (\w+): (?!.*repr=False)", (folder / f"models/{name}.py").read_text("utf-8"), re.MULTILINE)
        )
        for name in ("token_response", "token_response_inside", "inherited")
    }
    assert shown == {
        "token_response": {"scope", "expires_in", "token_type"},
        "token_response_inside": set[str](),
        "inherited": set[str](),
    }


@pytest.mark.parametrize("name", ["client.py", "errors.py", "types.py", "models/token_response.py"])
def test_masking_fails_where_the_expected_code_is_missing(raw: tuple[Path, Any], tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(raw[0], tmp_path / "client")
    (folder / name).write_text('"""The generator writes something else now."""\n', "utf-8")
    with pytest.raises(MaskError):
        mask_package(folder, raw[1])


def test_masking_keeps_the_rest_of_a_field() -> None:
    source = 'class A:\n    a: str\n    b: int = 1\n    c: dict[str, int] = field(\n        factory=dict, kw_only=True\n    )\n    d: str = "\u2028"\n'
    assert mask_fields(source, "A", ["a", "b", "c"]) == (
        "class A:\n    a: str = field(repr=False)\n    b: int = field(default=1, repr=False)\n"
        '    c: dict[str, int] = field(factory=dict[str, int], kw_only=True, repr=False)\n    d: str = "\u2028"\n'
    )
    with pytest.raises(MaskError, match="A has no e, f to mask"):
        mask_fields(source, "A", ["a", "f", "e"])


def _spec(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = yaml.safe_load((ROOT / f"specs/{name}.yaml").read_text("utf-8"))
    return spec


def _module(name: str) -> Any:
    return importlib.import_module(f"paygrant_clients.{name}")


def _generated_classes() -> Iterator[type[Any]]:
    for info in pkgutil.walk_packages(paygrant_clients.__path__, "paygrant_clients."):
        module = importlib.import_module(info.name)
        for _, each in inspect.getmembers(module, inspect.isclass):
            if each.__module__ == info.name:
                yield each


_CLIENT_SHOWS = {"raise_on_unexpected_status", "_base_url", "_timeout", "_verify_ssl", "_follow_redirects"}
_SHOWN = {
    "AuthenticatedClient": _CLIENT_SHOWS | {"prefix", "auth_header_name"},
    "Client": _CLIENT_SHOWS,
    "File": {"file_name", "mime_type"},
    "Response": {"status_code", "parsed"},
    "TokenError": set[str](),
}


def _shown(generated: type[attrs.AttrsInstance]) -> set[str]:
    """Return the fields that may be printed: those of a schema that do not have format: password."""
    if generated.__name__ in _SHOWN:
        return _SHOWN[generated.__name__]
    schema = _spec(generated.__module__.split(".")[1])["components"]["schemas"][generated.__name__]
    wire_names = {wire for wire, each in schema["properties"].items() if each.get("format") != "password"}
    return {_python_name(wire) for wire in wire_names}


@pytest.mark.parametrize(
    "generated",
    [each for each in _generated_classes() if attrs.has(each)],
    ids=lambda each: f"{each.__module__}.{each.__name__}",
)
def test_no_generated_class_prints_a_secret(generated: type[attrs.AttrsInstance]) -> None:
    fields = attrs.fields(generated)
    instance: Any = generated(**{field.alias: f"canary-{field.name}" for field in fields if field.init})
    if "additional_properties" in attrs.fields_dict(generated):
        instance["canary-additional_properties"] = "canary-additional_properties"
    assert set(re.findall(r"canary-(\w+)", f"{instance!r} {instance!s} {instance}")) == _shown(generated)


def test_the_test_above_covers_all_kinds_of_generated_classes() -> None:
    others = {each.__name__ for each in _generated_classes() if not attrs.has(each) and not is_dataclass(each)}
    assert others == {"Unset", "UnexpectedStatus", "_Arguments"}


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_client_in_use_prints_no_token(name: str) -> None:
    client = _module(name).AuthenticatedClient(base_url="https://example.org", token="canary-token", verify_ssl=False)
    assert client.get_httpx_client().headers["Authorization"] == "Bearer canary-token"
    assert "canary" not in repr(client)


@pytest.mark.parametrize("name", PROVIDERS)
def test_an_unexpected_status_keeps_its_body_and_does_not_print_it(name: str) -> None:
    error = _module(f"{name}.errors").UnexpectedStatus(500, b"canary")
    assert error.content == b"canary"
    assert str(error) == "Unexpected status code: 500"
    assert "canary" not in repr(error) + "".join(traceback.format_exception(error))


@pytest.mark.parametrize("name", PROVIDERS)
def test_the_environments_and_the_json_of_a_package_are_those_of_the_spec(name: str) -> None:
    spec = _spec(name)
    endpoint = endpoint_of(f"paygrant_clients.{name}")
    assert endpoint._asdict() == read_endpoint(name, spec)._asdict()
    environments = [server["x-environment"] for server in spec.get("servers", [])]
    assert list(endpoint.servers) == environments
    assert list(get_args(getattr(_module(f"{name}.environments"), "Environment", None))) == environments

    document = json.loads((ROOT / PACKAGES / name / "openapi.json").read_text("utf-8"))
    read = spec["x-provenance"]["sources"][0]["read"].isoformat()
    assert document["x-provenance"]["sources"][0]["read"] == read
    assert list(document) == list(spec)
    assert document["paths"] == spec["paths"]
    assert document["components"] == spec["components"]


def test_an_endpoints_description_has_the_facts_of_the_spec() -> None:
    widget, ripple, cryptofuse = (
        endpoint_of(f"paygrant_clients.{name}") for name in ("ripio_widget", "ripple", "cryptofuse")
    )
    assert widget.success
    assert widget.servers["sandbox"].url == "https://b2b-widget-onramp-api.sandbox.ripio.com"
    assert widget.servers["sandbox"].environment_facts == {"widget_url": "https://b2b-widget-onramp.sandbox.ripio.com"}
    assert (widget.success.at, widget.success.equals) == ("/succeed", True)
    assert [(lifetime.at, lifetime.unit) for lifetime in widget.response.lifetime] == [("/token", "jwt_exp")]
    assert list(ripple.servers) == ["test", "uat", "production"]
    assert (ripple.path, ripple.success, ripple.client_auth[0].method) == ("/oauth/token", None, "client_secret_post")
    assert {each.name: each.value or each.argument for each in ripple.parameters} == {
        "grant_type": "client_credentials",
        "audience": "audience",
    }
    assert (cryptofuse.path, cryptofuse.servers) == ("/o/token/", {})
    assert [each.method for each in cryptofuse.client_auth] == ["client_secret_basic", "client_secret_post"]
    assert cryptofuse.invalid_client[0].status == 401


def _examples() -> Iterator[Any]:
    for name in PROVIDERS:
        spec = _spec(name)
        (path,) = spec["paths"].values()
        (operation,) = path.values()
        for status, response in operation["responses"].items():
            for content in response.get("content", {}).values():
                for title, example in content.get("examples", {}).items():
                    number = 500 if status == "default" else int(status)
                    yield pytest.param(name, number, example["value"], id=f"{name}-{status}-{title}")


@pytest.mark.parametrize(("name", "status", "example"), [*_examples()])
def test_the_functions_send_the_request_and_read_the_documented_responses(name: str, status: int, example: Any) -> None:
    requests: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(status, json=example)

    package, models = _module(name), _module(f"{name}.models")
    client = package.AuthenticatedClient(
        base_url="https://example.org",
        token="straw",
        prefix="Basic",
        httpx_args={"transport": httpx.MockTransport(respond)},
    )
    spec = _spec(name)
    ((path, item),) = spec["paths"].items()
    ((method, operation),) = item.items()
    parameters = [each["name"] for each in operation.get("parameters", ()) if each.get("required")]
    arguments: dict[str, Any] = {_python_name(each): _straw(each) for each in parameters}
    if request := spec["components"]["schemas"].get("TokenRequest"):
        fields = {_python_name(each): _straw(each) for each in request["required"]}
        arguments["body"] = models.TokenRequest(**fields)
    create_token = _module(f"{name}.api.token.create_token")

    parsed = create_token.sync(client=client, **arguments)
    assert type(parsed) is (models.TokenResponse if status < 300 else models.TokenError)
    assert parsed.to_dict() == example
    assert asyncio.run(create_token.asyncio(client=client, **arguments)) == parsed
    assert [(each.method, each.url.path) for each in requests] == [(method.upper(), path)] * 2


def _python_name(wire: str) -> str:
    """The name that the generator makes of a name in the spec."""
    return re.sub("(?=[A-Z])", "_", wire).lower().replace("-", "_")


def _straw(name: str) -> str:
    return "client_credentials" if name == "grant_type" else "straw"


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_client_without_credentials_is_accepted_where_the_spec_allows_it(name: str) -> None:
    package = _module(name)
    client = inspect.signature(_module(f"{name}.api.token.create_token").sync_detailed).parameters["client"]
    ((_, operation),) = next(iter(_spec(name)["paths"].values())).items()
    insists = operation["security"] in ([{"basic": []}], [{"basic": [], "certificate": []}])
    assert client.annotation == (
        package.AuthenticatedClient if insists else package.AuthenticatedClient | package.Client
    )


@pytest.mark.parametrize("name", ["", *PROVIDERS])
def test_every_package_is_marked_as_typed(name: str) -> None:
    assert (ROOT / PACKAGES / name / "py.typed").exists()
