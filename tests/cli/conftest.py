"""Fixtures of the command line: a user whose environment has what Ripple needs, and a run in this process."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from paygrant import RipioWidget
from paygrant._providers import registry
from paygrant.cli import main
from tests.helpers.command_line import SECRET, TOKEN, Ran
from tests.helpers.providers import GRANTED, USER
from tests.helpers.servers import Reply, Server, granted


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: Server) -> None:
    """A user with an empty cache folder, whose environment has all that Ripple needs."""
    names = tuple(name.upper() for name in registry.names())
    for variable in os.environ:
        if variable.startswith((*names, "PAYGRANT", "_PAYGRANT", "FORCE_COLOR")):
            monkeypatch.delenv(variable)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    variables = {
        "CLIENT_ID": "id-canary-7f3a",
        "CLIENT_SECRET": SECRET,
        "ENVIRONMENT": "test",
        "TENANT_ID": "acme",
        "BASE_URL": server.base_url,
    }
    for name, value in variables.items():
        monkeypatch.setenv(f"RIPPLE_{name}", value)
    server.reply = granted(TOKEN, scope="payments:read")


@pytest.fixture
def nothing_leaks(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Output that a test does not read contains no secret."""
    yield
    printed = "".join(capsys.readouterr())
    assert SECRET not in printed
    assert TOKEN not in printed


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str) -> Ran:
        code = main(arguments)
        out, err = capsys.readouterr()
        assert SECRET not in out + err
        assert TOKEN not in err
        assert "Traceback" not in err
        return Ran(code, out, err)

    return run


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return tmp_path / "some.env"


@pytest.fixture
def widget(server: Server, monkeypatch: pytest.MonkeyPatch) -> RipioWidget:
    server.reply = Reply(GRANTED[RipioWidget](TOKEN))
    monkeypatch.setenv("RIPIO_WIDGET_CLIENT_SECRET", SECRET)
    monkeypatch.setenv("RIPIO_WIDGET_BASE_URL", server.base_url)
    return RipioWidget.from_env(client_id="mine", environment="sandbox", external_ref=USER, address="0x05")
