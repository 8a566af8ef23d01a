"""The reference has every public name, and the architecture page every package."""

import importlib
import re
from pkgutil import iter_modules

import pytest

import paygrant
from tests.helpers.examples import DOCS

REFERENCE = "\n".join(page.read_text("utf-8") for page in (DOCS / "reference").glob("*.md"))
LISTED = set(re.findall(r"\bauto(?:class|function|exception|data):: (\S+)", REFERENCE))

MODULES = {
    "paygrant": paygrant.__all__,
    "paygrant.adapters.aiohttp": ["TokenAuth"],
    "paygrant.adapters.httpx2": ["TokenAuth"],
    "paygrant.adapters.requests": ["TokenAuth"],
    "paygrant.doctor": None,
    "paygrant.generate": None,
    "paygrant.propose": ["Proposal", "propose", "template"],
    "paygrant.sandbox": None,
    "paygrant.store_contract": None,
}
"""The public modules with their names; None where ``__all__`` says them."""


@pytest.mark.parametrize("module", MODULES)
def test_the_reference_has_all_public_names_of_a_module_and_no_other(module: str) -> None:
    names = MODULES[module] or importlib.import_module(module).__all__
    listed = {name.rpartition(".")[2] for name in LISTED if name.rpartition(".")[0] == module}
    assert listed == {*names} - {"__version__"}
    assert "`paygrant.__version__`" in REFERENCE


def test_the_reference_has_the_names_of_public_modules_only() -> None:
    assert {name.rpartition(".")[0] for name in LISTED} == MODULES.keys()


def test_the_architecture_page_names_every_package() -> None:
    drawing = (DOCS / "_static/architecture.svg").read_text("utf-8")
    packages = [each.name for each in iter_modules(paygrant.__path__) if each.ispkg]
    assert packages
    for package in packages:
        assert re.search(rf"\b{package}\b", drawing), package


def test_every_module_that_the_architecture_page_names_exists() -> None:
    page = (DOCS / "architecture.md").read_text("utf-8")
    named = set(re.findall(r"`(_\w+(?:/\w+)?\.py)`", page))
    assert named
    for path in named:
        assert (DOCS.parent / "paygrant" / path).is_file(), path
