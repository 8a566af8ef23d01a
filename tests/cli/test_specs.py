"""``paygrant generate`` and ``paygrant new``, in this process."""

import subprocess
import sys
from pathlib import Path

import pytest

from paygrant.cli import main
from paygrant.generate import lint
from paygrant.propose import template

SPEC = Path(__file__).parents[2] / "specs/ripple.yaml"
DOCUMENT = """
openapi: 3.0.3
info: {title: Acme Pay, version: "1"}
servers: [{url: https://auth.acme.example}]
paths:
  /oauth/token:
    post:
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema:
              type: object
              properties:
                grant_type: {type: string, enum: [client_credentials]}
                client_id: {type: string}
                client_secret: {type: string}
      responses:
        200:
          description: ok
          content:
            application/json:
              schema:
                type: object
                properties: {access_token: {type: string}, expires_in: {type: integer}}
"""


def test_generate_writes_a_package_and_prints_its_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", str(SPEC), "--output", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    files = {Path(line) for line in out.splitlines()}
    assert tmp_path / "ripple/environments.py" in files
    assert files == {path for path in (tmp_path / "ripple").rglob("*") if path.is_file()}
    assert err == ""


def test_generate_says_what_is_wrong_with_a_spec_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "acme.yaml"
    bad.write_text(SPEC.read_text("utf-8").replace("unit: seconds", "unit: minutes"), "utf-8")
    assert main(["generate", str(bad), "--output", str(tmp_path / "out")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{bad}:" in err
    assert "token-endpoint" in err
    assert not (tmp_path / "out").exists()


def test_new_prints_a_normalized_spec_and_what_a_person_must_decide(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = tmp_path / "openapi.yaml"
    document.write_text(DOCUMENT, "utf-8")
    assert main(["new", str(document)]) == 0
    out, err = capsys.readouterr()
    *decisions, name = err.splitlines()
    assert name == "paygrant: to save as acme_pay.yaml"
    assert decisions
    assert all(line.startswith("paygrant: to decide: ") for line in decisions)
    spec = tmp_path / "acme_pay.yaml"
    spec.write_text(out, "utf-8")
    assert lint(spec) == []


def test_new_says_why_there_is_no_proposal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = tmp_path / "openapi.yaml"
    document.write_text("openapi: 3.0.3\ninfo: {title: a, version: b}\npaths: {}\n", "utf-8")
    assert main(["new", str(document)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("paygrant: URL_OR_FILE: ")
    assert "Traceback" not in err


def test_new_describes_the_operation_that_the_caller_chooses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = tmp_path / "openapi.yaml"
    document.write_text(DOCUMENT.replace("paths:", "paths:\n  /v1/authorize: {post: {responses: {}}}"), "utf-8")
    assert main(["new", str(document), "--operation", "POST /v1/authorize"]) == 0
    assert "  /v1/authorize:\n" in capsys.readouterr().out
    assert main(["new", str(document), "--operation", "POST /v1/other"]) == 2
    assert capsys.readouterr().err.startswith("paygrant: --operation: is not in the document; expected method and path")


@pytest.mark.parametrize("name", ["form", "basic", "json"])
def test_new_prints_a_short_template(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "--template", name]) == 0
    out, err = capsys.readouterr()
    assert out == template(name)
    assert len(out.splitlines()) <= 25
    assert err == ""


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["x.yaml", "--template", "form"],
        ["--template", "form", "--operation", "POST /x"],
        ["--operation", "POST /x"],
    ],
)
def test_new_wants_a_document_or_a_template(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", *arguments]) == 2
    assert "expected URL_OR_FILE, which may have an --operation, or --template alone" in capsys.readouterr().err


def test_new_refuses_an_empty_document_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", ""]) == 2  # a variable that is not set
    assert capsys.readouterr().err.startswith("paygrant: URL_OR_FILE: is empty")


@pytest.mark.parametrize(("command", "module"), [("generate", "openapi_spec_validator"), ("new", "markdown_it")])
def test_a_missing_extra_is_named(command: str, module: str, tmp_path: Path) -> None:
    arguments = [command, str(SPEC), *(["--output", str(tmp_path)] if command == "generate" else [])]
    program = (
        f"import sys; sys.modules[{module!r}] = None; from paygrant.cli import main; sys.exit(main({arguments!r}))"
    )
    done = subprocess.run((sys.executable, "-c", program), check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert 'pip install "paygrant[generate]"' in done.stderr
    assert "Traceback" not in done.stderr
