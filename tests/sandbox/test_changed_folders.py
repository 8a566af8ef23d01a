"""The folder of a generated package that was changed by hand: it is refused, or it works."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import paygrant_clients.ripple
from paygrant import ConfigurationError
from paygrant._providers.registry import find
from paygrant.cli import main
from paygrant.sandbox import Sandbox

Change = Callable[[dict[str, Any]], object]


def folder(path: Path, change: Change) -> Path:
    document = json.loads(Path(paygrant_clients.ripple.__path__[0], "openapi.json").read_text("utf-8"))
    change(document)
    path.mkdir()
    (path / "openapi.json").write_text(json.dumps(document), "utf-8")
    return path


def in_endpoint(**more: Any) -> Change:
    return lambda document: document["x-token-endpoint"].update(more)


def in_request(**more: Any) -> Change:
    return lambda document: document["components"]["schemas"]["TokenRequest"].update(more)


def with_field(schema: Any) -> Change:
    return lambda document: document["components"]["schemas"]["TokenRequest"]["properties"].update(scope=schema)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (in_endpoint(client_authentication=[]), "has client_auth without a value"),
        (in_endpoint(response={"access_token": []}), "has response without a value"),
        (in_endpoint(token_use={"rejected_statuses": []}), "has token_use without a value"),
        (in_endpoint(parameters={"audience": {"argument": "https://a"}}), "has an argument whose name cannot be used"),
        (
            in_endpoint(parameters={"audience": {"argument": "environment"}}),
            "has an argument whose name cannot be used",
        ),
        (in_endpoint(parameters={"audience": {"argument": "class"}}), "has an argument whose name cannot be used"),
    ],
)
def test_an_endpoint_without_what_it_needs_is_refused(tmp_path: Path, change: Change, fault: str) -> None:
    path = folder(tmp_path / "acme", change)
    for use in (lambda: find(str(path)), lambda: Sandbox(specs=[path])):
        with pytest.raises(ConfigurationError, match=f"^spec: {fault}"):
            use()
    assert main(["providers", str(path)]) == 2


@pytest.mark.parametrize(
    "change",
    [
        in_request(type="https://"),
        in_request(type=1.5),
        in_request(required=[{}]),
        with_field({"type": ["string"]}),
        with_field({}),
        with_field([]),
        in_request(allOf=[{"$ref": "#"}]),
        with_field({"type": "string", "$ref": "file:///etc/passwd"}),
    ],
)
def test_a_schema_that_checks_no_request_is_refused(tmp_path: Path, change: Change) -> None:
    with pytest.raises(ConfigurationError, match=r"^specs: has 'acme', which cannot be served"):
        Sandbox(specs=[folder(tmp_path / "acme", change)])


def test_a_text_of_a_schema_may_begin_with_a_dollar_sign(tmp_path: Path) -> None:
    schema = {"type": "string", "description": "$ref and more", "examples": ["$ref"]}
    Sandbox(specs=[folder(tmp_path / "acme", with_field(schema))])


def test_a_schema_is_checked_once_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    Sandbox()
    checked = list[object]()
    monkeypatch.setattr(Draft202012Validator, "check_schema", checked.append)
    Sandbox()
    assert checked == []
