"""Builds the wheel and uses it as a user would: in an empty environment, outside of the repository."""

import re
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

from tests.helpers.examples import DOCS, README, python_examples

ROOT = Path(__file__).parents[1]

WANTED = (
    "paygrant/py.typed",
    "paygrant/_spec/extensions.schema.json",
    "paygrant/_spec/normalized.schema.json",
    "paygrant/sandbox/page/icon.svg",
    "paygrant/sandbox/page/index.html",
    "paygrant/sandbox/page/page.css",
    "paygrant/sandbox/page/page.js",
    "paygrant_clients/py.typed",
    "paygrant_clients/ripple/openapi.json",
)
"""Files that the wheel must contain."""

RELATIVE_LINK = re.compile(
    r"""(?:\]\(|^\[[^\]]+\]:\s+|\b(?:src|srcset|href)=")(?!https?:|mailto:|\#)[^)"\s]+""", re.MULTILINE
)
"""A link or a picture that does not work on the package index, in Markdown's two forms or in HTML."""


def run(*command: object, cwd: Path) -> None:
    """Run a command, or end with its exit status."""
    finished = subprocess.run([str(part) for part in command], cwd=cwd, check=False)
    if finished.returncode:
        sys.exit(f"failed: {' '.join(str(part) for part in command)}")


def example(page: Path, word: str) -> str:
    """The first Python example of a page that has this word."""
    return next(each for each in python_examples(page) if word in each)


def main() -> None:
    """Build, install, run the README's example and a test that the documentation shows, and generate a client."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        pip = (sys.executable, "-m", "pip", "--quiet")
        run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT, cwd=folder)
        (wheel,) = folder.glob("*.whl")
        names = zipfile.ZipFile(wheel).namelist()
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
        if links := RELATIVE_LINK.findall(zipfile.ZipFile(wheel).read(metadata).decode()):
            sys.exit(f"the README of the wheel has relative links: {', '.join(links)}")
        if missing := set(WANTED) - set(names):
            sys.exit(f"the wheel lacks {', '.join(sorted(missing))}")
        if stray := [name for name in names if not name.startswith("paygrant")]:
            sys.exit(f"the wheel must not contain {', '.join(stray)}")

        venv.create(folder / "empty", with_pip=True)
        python = folder / "empty" / "bin" / "python"
        run(python, "-m", "pip", "install", "--quiet", f"{wheel}[sandbox]", cwd=folder)
        (folder / "example.py").write_text(example(README, "with Sandbox()"), "utf-8")
        run(python, "-W", "error", "example.py", cwd=folder)
        run(python, "-m", "pip", "install", "--quiet", f"{wheel}[cli,generate,sandbox]", "pytest", cwd=folder)
        (folder / "test_example.py").write_text(example(DOCS / "testing.md", "paygrant_sandbox"), "utf-8")
        run(python, "-m", "pytest", "--quiet", "-W", "error", "test_example.py", cwd=folder)
        run(python.with_name("paygrant"), "generate", ROOT / "specs/ripple.yaml", "--output", "clients", cwd=folder)
        run(python, "-W", "error", "-c", "from clients.ripple.environments import Environment", cwd=folder)
    print(f"{wheel.name}: installs, and does what the README says")


if __name__ == "__main__":
    main()
