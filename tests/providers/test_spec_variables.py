"""SpecProvider.from_env: each argument of a spec has a variable, whatever its type, and a prefix may be chosen."""

import json
import pickle
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from paygrant import ClientCredentials, RipioRamp, Ripple, SpecProvider
from paygrant._providers.base import registration_of
from paygrant_clients import ripio_ramp, ripple
from tests.helpers.arguments import refusal

ENDPOINTS = Path(__file__).parents[1] / "endpoints"
SECRET = "canary-secret-0d3f"
RAMP = {"RIPIO_RAMP_CLIENT_ID": "id", "RIPIO_RAMP_CLIENT_SECRET": SECRET, "RIPIO_RAMP_ENVIRONMENT": "sandbox"}
ACME = {
    "ACME_CLIENT_ID": "id",
    "ACME_CLIENT_SECRET": SECRET,
    "ACME_ENVIRONMENT": "test",
    "ACME_AUDIENCE": "urn:x:y",
    "ACME_LEVEL": "2",
    "ACME_SHARE": "0.5",
    "ACME_DRY": "true",
}
FIELDS: dict[str, dict[str, Any]] = {
    "level": {"type": "integer", "enum": [1, 2]},
    "share": {"type": "number"},
    "dry": {"type": "boolean"},
    "pin": {"type": "string", "format": "password"},
}


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    """A spec, called acme, with an argument of each type."""
    document = deepcopy(json.loads(Path(str(ripple.__file__)).with_name("openapi.json").read_text("utf-8")))
    properties = document["components"]["schemas"]["TokenRequest"]["properties"]
    for name, schema in FIELDS.items():
        properties[name] = {**schema, "description": f"The {name}."}
        document["x-token-endpoint"]["parameters"][name] = {"argument": name}
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme/openapi.json").write_text(json.dumps(document), "utf-8")
    return tmp_path / "acme"


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets variables."""

    def set_variables(variables: dict[str, str], **more: str) -> None:
        for name, value in {**variables, **more}.items():
            monkeypatch.setenv(name, value)

    return set_variables


def test_the_name_of_the_spec_begins_the_variables(environ: Callable[..., None]) -> None:
    environ(RAMP)
    made = SpecProvider.from_env(ripio_ramp)
    assert made == SpecProvider(ripio_ramp, client_id="id", client_secret=SECRET, environment="sandbox")
    assert type(made) is SpecProvider
    assert pickle.loads(pickle.dumps(made)) == made


def test_each_argument_of_the_spec_has_a_variable_of_its_type(acme: Path, environ: Callable[..., None]) -> None:
    environ(ACME, ACME_DRY="FALSE", ACME_BASE_URL="https://gateway.example")
    made = SpecProvider.from_env(acme)
    assert made.parameters == {"audience": "urn:x:y", "level": 2, "share": 0.5, "dry": False}
    assert made.base_url == "https://gateway.example"
    assert registration_of(made).name == "acme"


def test_an_override_of_the_spec_wins(acme: Path, environ: Callable[..., None]) -> None:
    environ(ACME, ACME_LEVEL="not a number")
    assert SpecProvider.from_env(acme, level=1, share=2).parameters["level"] == 1


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("LEVEL", "two", "is 'two'; expected a whole number"),
        ("LEVEL", "2.0", "is '2.0'; expected a whole number"),
        ("LEVEL", "3", "is none of the choices; expected one of: 1, 2"),
        ("LEVEL", "9" * 30, "is of type str; expected a whole number"),
        ("SHARE", "nan", "is 'nan'; expected a number"),
        ("SHARE", "1e999", "is a number that JSON cannot carry"),
        ("SHARE", "1.2.3", "is '1.2.3'; expected a number"),
        ("DRY", "1", "is '1'; expected true or false"),
        ("DRY", SECRET, "is '"),
        ("ENVIRONMENT", "live", "is 'live'; expected one of: test, uat, production"),
        ("AUDIENCE", "a\nb", "holds a control character"),
        ("CLIENT_SECRET", "a\nb", "holds a control character"),
        ("BASE_URL", "http://example.com", "is plain http"),
    ],
)
def test_a_bad_value_names_the_variable(
    acme: Path, environ: Callable[..., None], name: str, value: str, text: str
) -> None:
    environ(ACME, **{f"ACME_{name}": value})
    found = refusal(lambda: SpecProvider.from_env(acme), f"ACME_{name}")
    assert found.startswith(f"environment variable ACME_{name}: {text}")


def test_missing_variables_are_all_named(acme: Path, environ: Callable[..., None]) -> None:
    environ({"ACME_ENVIRONMENT": "test"})
    text = refusal(lambda: SpecProvider.from_env(acme), "ACME_CLIENT_ID")
    assert text.endswith("expected a value for each of ACME_CLIENT_ID, ACME_CLIENT_SECRET (or ..._FILE), ACME_AUDIENCE")


def test_a_spec_is_needed() -> None:
    from_env: Any = SpecProvider.from_env
    assert refusal(from_env, "spec").startswith("spec: is missing")
    assert "absent.yaml: the file does not exist" in refusal(lambda: SpecProvider.from_env("absent.yaml"), "spec")


def test_another_secret_of_the_spec_may_be_in_a_file(acme: Path, environ: Callable[..., None], tmp_path: Path) -> None:
    (tmp_path / "pin").write_text("1234\n", "utf-8")
    environ(ACME, ACME_PIN_FILE=str(tmp_path / "pin"))
    assert SpecProvider.from_env(acme).parameters["pin"] == "1234"
    environ(ACME, ACME_PIN_FILE=str(tmp_path / "absent"))
    assert "cannot be read" in refusal(lambda: SpecProvider.from_env(acme), "ACME_PIN_FILE")
    environ(ACME, ACME_PIN_FILE=str(tmp_path / "pin"), ACME_PIN="1234")
    assert "is set together with ACME_PIN" in refusal(lambda: SpecProvider.from_env(acme), "ACME_PIN_FILE")


# A prefix


@pytest.mark.parametrize("prefix", ["SHOP2", "shop2", "SHOP2_"])
def test_a_prefix_replaces_the_name(environ: Callable[..., None], prefix: str) -> None:
    variables = {name.replace("RIPIO_RAMP", "SHOP2"): value for name, value in RAMP.items()}
    environ(variables)
    assert SpecProvider.from_env(ripio_ramp, prefix).environment == "sandbox"
    assert RipioRamp.from_env(prefix) == RipioRamp(client_id="id", client_secret=SECRET, environment="sandbox")
    text = refusal(lambda: Ripple.from_env(prefix=prefix, environment="test"), "SHOP2_TENANT_ID")
    assert "SHOP2_TENANT_ID: is missing" in text


def test_two_clients_of_one_provider_have_variables_each(environ: Callable[..., None]) -> None:
    environ(RAMP, SHOP2_CLIENT_ID="other", SHOP2_CLIENT_SECRET=SECRET, SHOP2_ENVIRONMENT="production")
    assert RipioRamp.from_env().client_id == "id"
    assert RipioRamp.from_env("SHOP2").client_id == "other"


@pytest.mark.parametrize("prefix", ["", "2SHOP", "a b", "a=b", "é", "a\nb", 7, "A-B"])
def test_a_prefix_that_no_variable_can_have_is_refused(prefix: Any) -> None:
    refusal(lambda: Ripple.from_env(prefix), "prefix")
    refusal(lambda: SpecProvider.from_env(ripio_ramp, prefix), "prefix")


def test_client_credentials_have_variables(environ: Callable[..., None]) -> None:
    url = "https://auth.example/token"
    environ({"SHOP_CLIENT_ID": "id", "SHOP_CLIENT_SECRET": SECRET, "SHOP_TOKEN_URL": url, "SHOP_SCOPE": "a b"})
    made = ClientCredentials.from_env("SHOP", parameters={"audience": "x"})
    assert made == ClientCredentials(
        client_id="id", client_secret=SECRET, token_url=url, scope=["a", "b"], parameters={"audience": "x"}
    )


def test_a_bad_prefix_is_not_repeated_if_it_is_long() -> None:
    assert SECRET not in refusal(lambda: Ripple.from_env(f"{SECRET}{SECRET}-"), "prefix")
