"""The README's examples run."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from paygrant.sandbox import Sandbox

README = Path(__file__).parents[1] / "README.md"
EXAMPLES = list(Sybil(parsers=[PythonCodeBlockParser()]).parse(README))


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The variables that the examples read."""
    with ExitStack() as stack:
        sandbox = stack.enter_context(Sandbox())
        for name, environment in {"ripple": "test", "ripio_widget": "sandbox"}.items():
            variables = {
                "CLIENT_ID": sandbox.client_id,
                "CLIENT_SECRET": sandbox.client_secret,
                "BASE_URL": sandbox.base_url(name),
                "ENVIRONMENT": environment,
                "TENANT_ID": "acme",
            }
            for variable, value in variables.items():
                monkeypatch.setenv(f"{name.upper()}_{variable}", value)
        yield


def test_the_examples_run_and_print_what_they_say(environment: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert EXAMPLES
    promised = [line.partition("# ")[2] for line in README.read_text("utf-8").splitlines() if "print(" in line]
    for example in EXAMPLES:
        example.evaluate()
    assert capsys.readouterr().out.splitlines() == promised
