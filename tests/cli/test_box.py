"""``paygrant token NAME`` for every provider of the box, against the sandbox."""

from collections.abc import Iterator
from typing import Any

import pytest

from paygrant._providers import registry
from paygrant.sandbox import Sandbox
from tests.helpers.box import ARGUMENTS, TOKEN_URLS
from tests.helpers.command_line import forget_in_memory

OWN = {
    "ripio_widget": {"external_ref": "7f1d2a3e-5f0b-4c55-9a52-0f6a6f2f1a01", "address": "0x05"},
    "ripple": {"tenant_id": "acme"},
}
"""The arguments of the classes that have code of their own."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def test_the_command_line_knows_the_whole_box() -> None:
    assert registry.names() == sorted(TOKEN_URLS)


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize("name", TOKEN_URLS)
def test_a_token_is_printed(sandbox: Sandbox, name: str, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    forget_in_memory()
    for variable, value in getattr(sandbox, name).environ.items():
        monkeypatch.setenv(variable, value)
    for argument, value in OWN.get(name, ARGUMENTS.get(name, {})).items():
        monkeypatch.setenv(f"{name}_{argument}".upper(), value if isinstance(value, str) else " ".join(value))

    code, out, err = run("token", name)

    assert code == 0
    assert ("bound to a key of this command" in err) if name == "mastercard" else err == ""
    assert out.strip() in {token.access_token for token in getattr(sandbox, name).tokens}
