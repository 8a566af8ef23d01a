"""``python -m paygrant`` is the command line."""

import runpy
from pathlib import Path

import pytest

import paygrant

MAIN = Path(str(paygrant.__file__)).with_name("__main__.py")


def test_the_module_runs_the_command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["paygrant", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(MAIN), run_name="__main__")
    assert ended.value.code == 0
    assert paygrant.__version__ in capsys.readouterr().out


def test_an_import_of_the_module_runs_nothing() -> None:
    assert "main" in runpy.run_path(str(MAIN), run_name="imported")
