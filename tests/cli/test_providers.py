"""``paygrant providers``."""

import inspect
import json
from typing import Any

import pytest

import paygrant
from paygrant import ClientCredentials, Ripple, providers
from paygrant._providers import registry
from paygrant._providers.base import Provider, description_of, kind_of
from paygrant.cli import _catalog

pytestmark = pytest.mark.usefixtures("user", "nothing_leaks")


def test_the_providers_are_the_public_classes() -> None:
    public: list[Any] = [getattr(paygrant, name) for name in paygrant.__all__]
    kinds = {each for each in public if inspect.isclass(each) and Provider in each.__mro__ and "_package" in vars(each)}
    kinds.remove(ClientCredentials)  # it has no spec
    kinds |= {getattr(providers, name) for name in providers.__all__}
    assert {registry.class_of(name) for name in registry.names()} == kinds
    for name in registry.names():
        assert description_of(registry.class_of(name)).name == name


def test_providers_are_shown_with_base_urls_and_variables(run: Any) -> None:
    code, out, err = run("providers")
    assert (code, err) == (0, "")
    lines = [line.split(maxsplit=1) for line in out.splitlines()]
    for name in registry.names():
        kind = registry.class_of(name)
        for environment, server in description_of(kind).servers.items():
            assert [environment, server.url] in lines
        for each in _catalog.parameters(registry.kind_named(name)):
            variable = each.variable
            if each.secret:
                variable = f"{variable}_FILE or {variable}"
            assert [each.option, variable] in lines
    assert "HTTP Basic or fields of the body" in out


def test_providers_are_shown_as_json(run: Any) -> None:
    shown = {each["name"]: each for each in json.loads(run("providers", "--json").out)}
    assert list(shown) == registry.names()
    ripple = shown["ripple"]
    assert ripple["class"] == "Ripple"
    assert ripple["environments"]["test"] == "https://auth-test.rnc.ripplenet.com"
    assert ripple["auth_methods"] == ["client_secret_post"]
    assert ripple["path"] == "/oauth/token"
    by_name = {each["name"]: each for each in ripple["parameters"]}
    assert by_name["environment"] == {
        "name": "environment",
        "option": "--environment",
        "variable": "RIPPLE_ENVIRONMENT",
        "choices": ["test", "uat", "production"],
        "default": None,
        "required": True,
        "secret": False,
        "help": '"test", "uat" or "production".',
    }
    assert by_name["client_secret"]["option"] == "--client-secret-file"
    parameters = {each["name"]: each for each in shown["cryptofuse"]["parameters"]}
    assert parameters["scope"]["default"] == "read write"
    assert parameters["basic_encoding"]["help"].endswith("or auto.")
    assert parameters["base_url"]["help"] == "The base URL. The documentation names none."


def test_every_parameter_has_help() -> None:
    for name in registry.names():
        assert all(each.help for each in _catalog.parameters(registry.kind_named(name)))


def test_providers_are_shown_even_if_python_drops_docstrings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ripple, "__doc__", None)
    assert _catalog.summary(kind_of(Ripple)) == "Ripple"
    assert _catalog.parameters(kind_of(Ripple))[-1].help == ""
