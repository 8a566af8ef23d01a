"""SpecProvider: which specs it reads, which arguments it needs, and that it is a value."""

import dataclasses
import json
import pickle
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from paygrant import SpecProvider
from paygrant._providers.base import registration_of
from paygrant._request.credentials import Credentials
from paygrant_clients import cryptofuse, ripio_ramp, ripple
from tests.helpers.arguments import refusal
from tests.helpers.described import described

ENDPOINTS = Path(__file__).parents[1] / "endpoints"
CREDENTIALS: dict[str, Any] = {"client_id": "id", "client_secret": "secret"}
RAMP: dict[str, Any] = {**CREDENTIALS, "environment": "sandbox"}


def spec_of(package: ModuleType) -> dict[str, Any]:
    """The spec of a generated package."""
    found: dict[str, Any] = json.loads(Path(str(package.__file__)).with_name("openapi.json").read_text("utf-8"))
    return found


# Specs


def test_a_package_its_folder_and_its_name_give_the_same_endpoint() -> None:
    by_module = SpecProvider(ripio_ramp, **RAMP)
    by_folder = SpecProvider(Path(str(ripio_ramp.__file__)).parent, **RAMP)
    assert by_module.token_url == by_folder.token_url
    assert registration_of(by_module).endpoint == registration_of(by_folder).endpoint
    assert registration_of(by_module).models == "paygrant_clients.ripio_ramp"
    assert registration_of(by_folder).models is None


def test_a_spec_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    text = refusal(lambda: SpecProvider(tmp_path / "acme.yaml", **CREDENTIALS), "spec")
    expected = "the path of a spec, or of a package that was generated from one"
    assert text == f"spec: {tmp_path / 'acme.yaml'}: the file does not exist; expected {expected}"


@pytest.mark.parametrize(
    "secret",
    [
        "sk-live-0123456789abcdef",
        "/p4ss/w0rd/of/the/client",
        '{"kty": "EC", "d": "secret"}',
        "a" * 5000,
        f"{'a' * 5000}/{'b' * 30}",
    ],
)
def test_a_secret_in_the_place_of_the_spec_is_not_shown(secret: str) -> None:
    for call in (SpecProvider, SpecProvider.from_env):
        text = refusal(lambda: call(secret), "spec")  # noqa: B023 - called at once
        assert secret not in text
        assert "this path" in text


@pytest.mark.parametrize("content", ["", "{", "[]", "7", "{}", '{"paths": {}}'])
def test_a_folder_without_a_good_spec_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "openapi.json").write_text(content, "utf-8")
    assert "cannot be read at" in refusal(lambda: SpecProvider(tmp_path, **CREDENTIALS), "spec")


def test_a_module_without_a_spec_is_refused() -> None:
    assert "cannot be read at 'json'" in refusal(lambda: SpecProvider(json, **CREDENTIALS), "spec")


def test_a_spec_that_breaks_the_rules_is_refused_with_the_findings(tmp_path: Path) -> None:
    path = tmp_path / "acme.yaml"
    path.write_text("openapi: 3.1.0\ninfo: {title: Acme, version: v1}\npaths: {}\n", "utf-8")
    assert "cannot be used; expected the path of a spec without these faults:\n" in refusal(
        lambda: SpecProvider(path, **CREDENTIALS), "spec"
    )


@pytest.mark.parametrize("spec", [None, 7, b"acme.yaml", ["acme.yaml"], SpecProvider])
def test_a_spec_must_be_a_path_or_a_package(spec: Any) -> None:
    assert "expected the path of a spec" in refusal(lambda: SpecProvider(spec, **CREDENTIALS), "spec")


# Arguments


def test_a_client_id_is_needed_if_the_request_sends_it() -> None:
    arguments: dict[str, Any] = {"client_secret": "secret", "environment": "sandbox"}
    assert "is missing" in refusal(lambda: SpecProvider(ripio_ramp, **arguments), "client_id")


def test_a_client_id_is_optional_if_the_request_does_not_send_it() -> None:
    spec = spec_of(ripple)
    spec["x-token-endpoint"]["client_authentication"] = [
        {"method": "header", "client_id": None, "client_secret": "X-Api-Key"}
    ]
    provider = described(
        spec, client_secret="secret", environment="test", base_url="https://api.example", audience="urn:x:y"
    )
    assert registration_of(provider).client_id == "acme"


def test_an_unknown_method_of_client_authentication_is_refused() -> None:
    text = refusal(lambda: SpecProvider(ripio_ramp, auth_method="query", **RAMP), "auth_method")
    assert text == "auth_method: is 'query'; expected one of: client_secret_basic"
    chosen = SpecProvider(cryptofuse, auth_method="client_secret_post", base_url="https://api.example", **CREDENTIALS)
    assert registration_of(chosen).client_auth.method == "client_secret_post"


def test_a_function_is_refused_if_the_spec_has_no_use_for_it() -> None:
    text = refusal(lambda: SpecProvider(ripio_ramp, authenticate=print, **RAMP), "authenticate")
    assert "is given, but the method is not 'custom'" in text


def test_a_function_must_be_given_and_hashable_if_the_spec_needs_it() -> None:
    class Unhashable:
        __hash__ = None  # type: ignore[assignment]

        def __call__(self, request: object) -> None: ...

    spec = ENDPOINTS / "custom/signed_app.yaml"
    arguments: dict[str, Any] = {**CREDENTIALS, "environment": "production", "installation_id": 7}
    assert "is missing" in refusal(lambda: SpecProvider(spec, **arguments), "authenticate")
    text = refusal(lambda: SpecProvider(spec, authenticate=Unhashable(), **arguments), "authenticate")
    assert "cannot be hashed" in text
    assert SpecProvider(spec, authenticate=print, **arguments)


def test_an_unknown_parameter_is_refused() -> None:
    text = refusal(lambda: SpecProvider(ripio_ramp, scope="read", **RAMP), "scope")
    assert text.startswith(
        "scope: is unknown; expected one of: client_id, client_secret, certificate, dpop, environment"
    )


def test_the_allowed_parameters_are_listed() -> None:
    cryptofuse_arguments: dict[str, Any] = {**CREDENTIALS, "base_url": "https://api.example"}
    text = refusal(lambda: SpecProvider(cryptofuse, scopes="read", **cryptofuse_arguments), "scopes")
    assert text.endswith(", scope")


def test_parameters_are_keywords_and_no_mapping() -> None:
    text = refusal(
        lambda: SpecProvider(ripple, parameters={"audience": "a"}, environment="test", **CREDENTIALS), "parameters"
    )
    assert text.startswith("parameters: is unknown")


def test_a_parameter_is_an_attribute() -> None:
    provider = SpecProvider(cryptofuse, base_url="https://api.example", scope=["read", "write"], **CREDENTIALS)
    assert provider.scope == "read write"  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    without: Any = SpecProvider(cryptofuse, base_url="https://api.example", scope=None, **CREDENTIALS)
    assert without.scope is None
    assert not hasattr(provider, "audience")


def test_the_only_environment_may_be_left_out() -> None:
    provider = SpecProvider(ENDPOINTS / "personio.yaml", **CREDENTIALS)
    assert provider == SpecProvider(ENDPOINTS / "personio.yaml", environment="production", **CREDENTIALS)
    assert registration_of(provider).environment == "production"


def test_an_environment_is_needed_if_there_are_several() -> None:
    text = refusal(lambda: SpecProvider(ripio_ramp, **CREDENTIALS), "environment")
    assert text == "environment: is missing; expected one of: sandbox, production"


# Values


@pytest.mark.parametrize("spec", [ripio_ramp, ENDPOINTS / "personio.yaml"], ids=["a package", "a file"])
def test_a_provider_can_be_pickled(spec: ModuleType | Path) -> None:
    environment = "sandbox" if spec is ripio_ramp else "production"
    provider = SpecProvider(spec, environment=environment, **CREDENTIALS)
    assert provider.token_url  # computed once and kept
    copy = pickle.loads(pickle.dumps(provider))
    assert copy == provider
    assert copy.spec is spec or copy.spec == spec
    assert registration_of(copy).cache_key(Credentials("secret")) == registration_of(provider).cache_key(
        Credentials("secret")
    )


def test_a_provider_can_be_changed_into_another() -> None:
    provider = SpecProvider(ripio_ramp, **RAMP)
    changed = dataclasses.replace(provider, environment="production")
    scoped = SpecProvider(cryptofuse, base_url="https://api.example", scope="read", **CREDENTIALS)
    assert dataclasses.replace(scoped).parameters == {"scope": "read"}
    change: Any = dataclasses.replace
    assert change(scoped, scope="write").parameters == {"scope": "write"}
    assert changed == SpecProvider(ripio_ramp, environment="production", **CREDENTIALS)
    assert hash(changed) != hash(provider)


def test_the_repr_of_a_provider_names_the_spec_and_shows_no_credentials() -> None:
    shown = repr(SpecProvider(ripio_ramp, client_id="canary-id", client_secret="canary-secret", environment="sandbox"))
    assert shown.startswith("<SpecProvider ripio_ramp sandbox client=")
    assert "canary" not in shown
