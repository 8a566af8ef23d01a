"""The reader of normalized specs: what it takes out of one, and how it finds the one of a generated package."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import paygrant_clients
from paygrant import SpecProvider
from paygrant._spec.description import ClientAuth, Server
from paygrant._spec.document import load
from paygrant._spec.lint import lint
from paygrant._spec.parts import Source
from paygrant._spec.reader import FORM, JSON, RESPONSE, NormalizedSpec, endpoint_of, spec_of
from tests.helpers.specs import ENDPOINT, GRANTED, POST, SPECS
from tests.helpers.specs import RESPONSE as RESPONSE_POINTER

NAMES = [path.stem for path in SPECS]


def spec(name: str) -> NormalizedSpec:
    return spec_of(f"paygrant_clients.{name}")


def test_what_openapi_says_is_read() -> None:
    ripple = spec("ripple")
    assert (ripple.name, ripple.method, ripple.path, ripple.media_type) == ("ripple", "POST", "/oauth/token", JSON)
    assert ripple.operation_pointer == POST
    assert ripple.servers[0] == (
        "test",
        Server("https://auth-test.rnc.ripplenet.com", {"audience_environment": "test"}),
    )
    assert (ripple.declared, ripple.security, ripple.statuses) == ([], [()], ["200", "400"])
    assert [field.at for field in ripple.fields(RESPONSE)] == ["/access_token", "/scope", "/expires_in", "/token_type"]
    assert next(ripple.fields(RESPONSE)).pointer == f"{RESPONSE_POINTER}/properties/access_token"
    granted = next(ripple.examples())
    assert (granted.pointer, granted.status, granted.name) == (f"{GRANTED}/value", "200", "granted")


def test_each_alternative_of_the_security_has_its_schemes() -> None:
    assert (spec("cryptofuse").media_type, spec("cryptofuse").security) == (FORM, [("basic",), ()])


def test_headers_are_known_where_a_status_has_a_response_of_its_own() -> None:
    headers = [spec(name).response_headers(429) for name in ("cryptofuse", "alternative_payments", "ripple")]
    assert headers == [{"Retry-After"}, frozenset(), None]


@pytest.mark.parametrize("name", NAMES)
def test_the_sources_and_deviations_are_those_of_the_spec(name: str) -> None:
    provenance = spec(name).data["x-provenance"]
    assert (spec(name).sources, spec(name).deviations) == (provenance["sources"], provenance["deviations"])


def test_what_the_extension_says_is_read() -> None:
    cryptofuse = spec("cryptofuse")
    assert cryptofuse.client_auth == (
        ClientAuth("client_secret_basic"),
        ClientAuth("client_secret_post", "client_id", "client_secret"),
    )
    assert cryptofuse.limits == [(100, 60), (1000, 3600), (5000, 86400)]
    assert cryptofuse.parameter_sources["scope"] == Source(None, "scope", "read write", ())
    assert cryptofuse.place_of("client_auth", 1, "client_id") == f"{ENDPOINT}/client_authentication/1/client_id"


def test_the_description_of_a_package_is_read_once() -> None:
    assert endpoint_of("paygrant_clients.ripple") is endpoint_of("paygrant_clients.ripple")


def python(code: str, *path: Path) -> str:
    folders = [
        Path(paygrant_clients.__file__).parents[2] / "overlay",
        Path(paygrant_clients.__file__).parents[1],
        *path,
    ]
    setup = f"import sys; sys.path[:0] = {[str(folder) for folder in folders]}"
    done = subprocess.run([sys.executable, "-c", f"{setup}\n{code}"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_no_extra_is_needed_to_read_a_package() -> None:
    code = "from paygrant._spec.reader import endpoint_of; endpoint_of('paygrant_clients.ripple')"
    assert python(f"{code}; print([name for name in ('yaml', 'jsonschema') if name in sys.modules])") == "[]"


def test_a_package_may_be_in_a_zip_file(tmp_path: Path) -> None:
    source = Path(paygrant_clients.__file__).parent / "ripple"
    with zipfile.ZipFile(tmp_path / "clients.zip", "w") as file:
        for path in source.rglob("*"):
            file.write(path, f"zipped/{path.relative_to(source.parent)}")
        file.writestr("zipped/__init__.py", "")
    code = "from paygrant._spec.reader import endpoint_of; print(endpoint_of('zipped.ripple').path)"
    assert python(code, tmp_path / "clients.zip") == "/oauth/token"


@pytest.mark.parametrize(
    ("package", "error"),
    [("json", FileNotFoundError), ("sys", FileNotFoundError), ("paygrant_clients", FileNotFoundError)],
)
def test_a_package_without_a_spec_is_an_error(package: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        spec_of(package)


@pytest.mark.parametrize("package", ["no_such_package", "paygrant_clients.no_such_provider", "no_such.package"])
def test_a_package_that_does_not_exist_is_an_error(package: str) -> None:
    with pytest.raises(ModuleNotFoundError):
        spec_of(package)


def test_the_data_of_a_package_is_that_of_its_file() -> None:
    file = Path(paygrant_clients.__file__).parent / "ripple/openapi.json"
    assert spec("ripple").data == json.loads(file.read_text("utf-8"))


def test_a_byte_order_mark_is_no_part_of_a_spec(tmp_path: Path) -> None:
    spec = tmp_path / "ripple.yaml"
    text = next(path for path in SPECS if path.stem == "ripple").read_text(encoding="utf-8")
    spec.write_text(text, encoding="utf-8-sig")
    assert lint(spec) == []
    folder = tmp_path / "ripple"
    folder.mkdir()
    (folder / "openapi.json").write_text(json.dumps(load(spec)), encoding="utf-8-sig")
    arguments: dict[str, Any] = {"client_id": "a", "client_secret": "b", "environment": "test", "audience": "urn:a:b"}
    assert SpecProvider(folder, **arguments).token_url == SpecProvider(spec, **arguments).token_url
