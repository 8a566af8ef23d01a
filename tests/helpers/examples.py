"""The examples of the README and of the documentation. This module is the only one that reads and runs them.

A block of ``python`` runs in the namespace of its page. A comment behind ``print(...)`` says what it prints, where
``...`` stands for any text. A block of ``console`` holds commands, each behind ``$``. Below a command stands what it
prints, if the page shows that.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from importlib.metadata import metadata
from io import StringIO
from pathlib import Path
from typing import Any, Self

import httpx
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "overlay/docs"
PAGES = {path.relative_to(ROOT).as_posix(): path for path in (README, *sorted(DOCS.rglob("*.md")))}

SHOWN_PORT = "8000"
"""The port of the sandbox in the pages. Their examples run on a free one."""


def python_examples(path: Path) -> list[str]:
    """The blocks of Python of a page, as text."""
    return [str(example.parsed) for example in Sybil([PythonCodeBlockParser()]).parse(path).examples()]


def block(path: Path, language: str) -> str:
    """The first block of a language on a page."""
    return blocks(path, language)[0]


def blocks(path: Path, language: str) -> list[str]:
    """The blocks of a language on a page, in their order."""
    examples = Sybil([CodeBlockParser(language, evaluator=lambda _: None)]).parse(path).examples()
    return [str(found.parsed) for found in examples]


def run_page(path: Path, *, variables: Mapping[str, str] | None = None, port: int = 0) -> dict[str, Any]:
    """Run all examples of a page in their order, in the current folder.

    Args:
        path: The page.
        variables: The environment of its commands, beside that of this process.
        port: Where a sandbox listens that the page starts.

    Returns:
        The namespace of the Python examples.
    """
    promised = [
        found for block in python_examples(path) for found in re.findall(r"\bprint\(.*\)  # (.+)$", block, re.MULTILINE)
    ]
    printed = StringIO()
    with Shell(variables or {}, port) as shell:
        document = Sybil([PythonCodeBlockParser(), CodeBlockParser("console", evaluator=shell.run)]).parse(path)
        clients = list[httpx.Client]()
        with redirect_stdout(printed):
            for example in document.examples():
                example.evaluate()
                clients += [value for value in document.namespace.values() if isinstance(value, httpx.Client)]
    for client in clients:  # some pages leave theirs open, as a service does
        client.close()
    if promised:
        lines = printed.getvalue().splitlines()
        assert len(lines) == len(promised), lines
        for line, promise in zip(lines, promised, strict=True):
            assert _matches(promise, line), f"{line!r} is not {promise!r}"
    return document.namespace


class Shell:
    """Runs the commands of a page. A command that ends in ``&`` runs until the end of the page."""

    def __init__(self, variables: Mapping[str, str], port: int) -> None:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._environment = {**os.environ, **variables, "PATH": path}
        self._port = port
        self._services = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._services.close()

    def run(self, example: Example) -> None:
        """Run a block of commands, and compare what they print."""
        for command, shown in _commands(str(example.parsed)):
            if command.startswith("pip install"):
                _check_extras(command)
            elif command.endswith("&"):
                self._services.enter_context(self._service(command.removesuffix("&").rstrip()))
            else:
                with self._start(command) as process:
                    output, errors = process.communicate(timeout=60)
                assert process.returncode == 0, f"{command}\n{output}{errors}"
                assert not shown or _matches(shown, output.strip()), f"{command}\n{output}"

    @contextmanager
    def _service(self, command: str) -> Generator[None]:
        """Run a command until the block is left; wait until it says where it listens."""
        with self._start(command) as process:
            assert process.stdout
            try:
                assert any("http://" in line for line in process.stdout), command
                yield
            finally:
                process.terminate()
                process.communicate()

    def _start(self, command: str) -> "subprocess.Popen[str]":
        command = command.replace(SHOWN_PORT, str(self._port))
        pipe = subprocess.PIPE
        return subprocess.Popen(
            ["bash", "-c", command],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            text=True,
        )


def _commands(block: str) -> Iterator[tuple[str, str]]:
    """The commands of a block, each with what the page shows below it."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, shown = part.replace("\\\n", "").partition("\n")
        yield command, shown.strip()


def _check_extras(command: str) -> None:
    """An extra that a page installs must exist."""
    known = set(metadata("paygrant").get_all("Provides-Extra") or ())
    for word in shlex.split(command):
        if found := re.fullmatch(r"paygrant\[(.+)\]", word):
            assert {*found[1].split(",")} <= known, command


def _matches(pattern: str, text: str) -> bool:
    """Whether a text is the one that a page shows, where ``...`` stands for any text."""
    return re.fullmatch(re.escape(pattern).replace(r"\.\.\.", ".*"), text, re.DOTALL) is not None
