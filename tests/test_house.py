"""The rules of the source tree hold, and each rule can fail."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from textwrap import dedent

import pytest

from tests.helpers import house
from tests.helpers.house import Module

ROOT = Path(__file__).parents[1]

MOST_ON_THE_GROUND_FLOOR = 12
MOST_LINES = 450
MOST_WORDS = 25

OLD_IDENTIFIERS = (
    "answer",
    "answers",
    "dice",
    "draft",
    "drafts",
    "flight",
    "flights",
    "judge",
    "judges",
    "lacking",
    "land",
    "landed",
    "lands",
    "lest",
    "pilot",
    "take_off",
    "tells",
    "told",
    "tolerant",
)
"""Parts of identifiers that have been replaced by the field's own words."""

OLD_PROSE = (
    "anew",
    "be it",
    "dice",
    "flights?",
    "lacking",
    "lest",
    "of no use",
    "pilots?",
    "so many",
    "tell",
    "telling",
    "tells",
    "told",
    "whoever",
)
"""Words and phrases that make a sentence hard to read, as regular expressions."""

OF_OTHER_LIBRARIES = {"_timer", "_value"}
"""Underscore names that objects of aiohttp have as well."""

MAY_CHANGE_THE_PATH = {"tests/providers/test_spec_provider.py"}
"""Test modules that import a package which they have generated themselves."""


@cache
def overlay() -> dict[str, Module]:
    return house.modules(ROOT, "overlay")


@cache
def scripts() -> dict[str, Module]:
    return house.modules(ROOT, "scripts", "scripts")


@cache
def suite() -> dict[str, Module]:
    return house.modules(ROOT, "tests", "tests")


def report(offenders: list[str]) -> None:
    """Fail with all offenders, a line each."""
    if offenders:
        pytest.fail(f"{len(offenders)} offenders:\n" + "\n".join(offenders), pytrace=False)


def test_modules_import_in_no_circle() -> None:
    report(house.circular_modules(overlay()))


def test_packages_import_in_no_circle() -> None:
    report(house.circular_rooms(overlay()))


def test_no_package_imports_private_names_of_another() -> None:
    report(house.private_imports(overlay() | scripts()))


def test_no_package_uses_private_attributes_of_another() -> None:
    report(house.private_attributes(overlay() | scripts(), OF_OTHER_LIBRARIES))


def test_few_modules_lie_on_the_ground_floor() -> None:
    report(house.ground_floor(overlay(), MOST_ON_THE_GROUND_FLOOR))


def test_no_module_is_long() -> None:
    report(house.long_modules(overlay(), MOST_LINES))


def test_nothing_changes_sys_path() -> None:
    changes = house.path_changes(overlay() | scripts() | suite())
    report([each for each in changes if each.partition(":")[0] not in MAY_CHANGE_THE_PATH])


def test_nothing_imports_a_test_module() -> None:
    report(house.imports_of_tests(overlay() | scripts() | suite()))


def test_every_module_begins_with_a_docstring() -> None:
    report(house.without_docstring(overlay() | scripts()))


def test_identifiers_have_no_old_words() -> None:
    report(house.old_identifiers(overlay() | scripts(), OLD_IDENTIFIERS))


def test_identifiers_of_tests_have_no_old_words() -> None:
    of_propose = "tests/propose/"  # paygrant.propose drafts specs
    report([each for each in house.old_identifiers(suite(), OLD_IDENTIFIERS) if not each.startswith(of_propose)])


def test_docstrings_and_comments_have_no_old_words() -> None:
    report(house.old_prose(overlay() | scripts() | suite(), OLD_PROSE))


def test_docstrings_have_short_sentences() -> None:
    report(house.long_sentences(overlay() | scripts() | suite(), MOST_WORDS))


# Each rule can fail


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., dict[str, Module]]:
    """Write modules of the package ``paygrant`` by their paths, and read them."""

    def write(**sources: str) -> dict[str, Module]:
        for name, source in {"__init__": "", **sources}.items():
            path = tmp_path / "overlay/paygrant" / f"{name.replace('__', '/') if name != '__init__' else name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(source), "utf-8")
        return house.modules(tmp_path, "overlay")

    return write


Tree = Callable[..., dict[str, Module]]


@pytest.mark.parametrize(
    "back",
    [
        "from paygrant._a import x",
        "import paygrant._a as a",
        "from . import _a",
        "from ._a import x",
        "def late():\n    from paygrant import _a",
        "if TYPE_CHECKING:\n    from paygrant import _a",
        "import_module('paygrant._a')",
        "from paygrant import Thing",
    ],
)
def test_a_circle_of_modules_is_found(tree: Tree, back: str) -> None:
    lazy = "if TYPE_CHECKING:\n    from paygrant._a import Thing"
    modules = tree(_a="from paygrant import _b", _b=back, _c="import paygrant._a")
    modules["paygrant"] = Module("paygrant", "overlay/paygrant/__init__.py", lazy, is_package=True)
    [circle] = house.circular_modules(modules)
    assert circle.startswith(
        "circle: paygrant._a -> paygrant._b (overlay/paygrant/_a.py:1), paygrant._b -> paygrant._a"
    )


def test_two_circles_are_reported_apart(tree: Tree) -> None:
    a, b, c, d = ("from paygrant import _b", "from paygrant import _a", "from paygrant import _d", "import paygrant._c")
    assert len(house.circular_modules(tree(_a=a, _b=b, _c=c, _d=d))) == 2


def test_a_circle_of_packages_is_found_where_modules_have_none(tree: Tree) -> None:
    modules = tree(one__a="from paygrant.two import c", one__b="", two__c="", two__d="from paygrant.one.b import x")
    assert house.circular_modules(modules) == []
    [circle] = house.circular_rooms(modules)
    there, back = "paygrant.two (overlay/paygrant/one/a.py:1)", "paygrant.one (overlay/paygrant/two/d.py:1)"
    assert circle == f"circle: paygrant.one -> {there}, paygrant.two -> {back}"


@pytest.mark.parametrize(
    "source",
    [
        "from paygrant.cli import _options",
        "from paygrant.cli._options import Group",
        "from paygrant.cli.show import _mask",
        "from paygrant._stores.file import _sweep",
        "from paygrant._text import _cut",
        "def late():\n    import paygrant.cli._options",
        "import_module('paygrant.cli._options')",
        "from paygrant._stores import file\nfile._sweep()",
        "from paygrant._stores.file import FileStore\nFileStore._sweep",
        "import paygrant._stores.file\npaygrant._stores.file._sweep",
    ],
)
def test_a_private_name_of_another_package_is_found(tree: Tree, source: str) -> None:
    modules = tree(doctor__a=source)
    assert house.private_imports(modules)
    assert all("overlay/paygrant/doctor/a.py:" in each for each in house.private_imports(modules))


@pytest.mark.parametrize(
    "source",
    [
        "from paygrant import _text\n_text.redact()",
        "from paygrant._stores.file import FileStore",
        "from paygrant.doctor._case import _Case\n_Case._name",
        "from httpx import _x",
        "from paygrant._text import __doc__",
    ],
)
def test_open_names_may_be_imported(tree: Tree, source: str) -> None:
    assert house.private_imports(tree(doctor__a=source)) == []


@pytest.mark.parametrize("definition", ["def _sweep(self): ...", "_sweep = 1", "def f(self): self._sweep = 1"])
def test_a_private_attribute_of_another_package_is_found(tree: Tree, definition: str) -> None:
    stores = f"class FileStore:\n    {definition}"
    own = "class Own(FileStore):\n    def f(self):\n        return self._sweep, cls._sweep, super()._sweep"
    modules = tree(_stores__file=stores, doctor__a="store._sweep()", doctor__b=own, cli__a="_sweep = 1\nx._sweep")
    assert house.private_attributes(modules) == [
        "overlay/paygrant/doctor/a.py:1: uses store._sweep of paygrant._stores, paygrant.cli"
    ]
    assert house.private_attributes(modules, {"_sweep"}) == []


def test_modules_on_the_ground_floor_are_counted(tree: Tree) -> None:
    modules = tree(_a="", _b="", cli____init__="", cli__a="")
    assert house.ground_floor(modules, 3) == []
    [offender] = house.ground_floor(modules, 2)
    assert offender.startswith("3 modules on the ground floor: overlay/paygrant/__init__.py, ")


def test_a_long_module_is_found(tree: Tree) -> None:
    assert house.long_modules(tree(_a="x = 1\n" * 3, _b="x = 1\n" * 2), 2) == ["overlay/paygrant/_a.py: 3 lines"]


@pytest.mark.parametrize(
    "source",
    [
        "sys.path.insert(0, 'x')",
        "sys.path.append('x')",
        "sys.path += ['x']",
        "sys.path[:0] = ['x']",
        "sys.path = []",
        "del sys.path[0]",
        "site.addsitedir('x')",
        "monkeypatch.syspath_prepend('x')",
        "from sys import path",
    ],
)
def test_a_change_of_the_path_is_found(tree: Tree, source: str) -> None:
    assert [each.partition(": ")[0] for each in house.path_changes(tree(_a=source))] == ["overlay/paygrant/_a.py:1"]


def test_a_reader_of_the_path_is_no_offender(tree: Tree) -> None:
    assert house.path_changes(tree(_a="for each in sys.path: print(os.path.join(each, 'x'))")) == []


@pytest.mark.parametrize(
    "source", ["from tests.conftest import Clock", "import tests.auth.test_auth", "from .test_b import x"]
)
def test_an_import_of_a_test_module_is_found(tmp_path: Path, source: str) -> None:
    folder = tmp_path / "tests/auth"
    folder.mkdir(parents=True)
    (tmp_path / "tests/conftest.py").touch()
    (folder / "test_auth.py").touch()
    (folder / "test_b.py").touch()
    (folder / "helpers.py").write_text("def test_double(): ...", "utf-8")
    (folder / "test_a.py").write_text(source, "utf-8")
    (folder / "test_c.py").write_text("from tests.auth.helpers import test_double", "utf-8")
    [offender] = house.imports_of_tests(house.modules(tmp_path, "tests", "tests"))
    assert offender.startswith("tests/auth/test_a.py:1: imports ")


def test_a_module_without_a_docstring_is_found(tree: Tree) -> None:
    modules = tree(__init__='"""Yes."""', _a="", _b="# a comment", _c="'''Yes.'''\nx = 1", _d='"""   """')
    assert house.without_docstring(modules) == [f"overlay/paygrant/{each}.py" for each in ("_a", "_b", "_d")]


@pytest.mark.parametrize(
    "source",
    [
        "class PendingFlight: ...",
        "class Flight: ...",
        "def _take_off(): ...",
        "async def take_off_now(): ...",
        "flight = 1",
        "self.flight = 1",
        "def f(flight): ...",
        "lambda flight: 1",
        "import x as flight",
        "for flight in x: ...",
    ],
)
def test_an_old_identifier_is_found(tree: Tree, source: str) -> None:
    assert len(house.old_identifiers(tree(_a=source), OLD_IDENTIFIERS)) == 1


def test_other_identifiers_are_no_offenders(tree: Tree) -> None:
    source = "class Draft202012Validator: ...\nisland = landing = dicey = 1\nfile.tell()\nother.flight()"
    assert house.old_identifiers(tree(_a=source), OLD_IDENTIFIERS) == []


@pytest.mark.parametrize(
    "source",
    ['"""A class\n\ntells more."""', "x = 1  # lest it breaks", "class A:\n    x = 1\n    '''So many seconds.'''"],
)
def test_old_prose_is_found(tree: Tree, source: str) -> None:
    assert len(house.old_prose(tree(_a=source), OLD_PROSE)) == 1


def test_other_texts_are_no_offenders(tree: Tree) -> None:
    assert house.old_prose(tree(_a='"""A teller, lester."""\nx = "told"'), OLD_PROSE) == []


@pytest.mark.parametrize("end", [".", ":", ";", "?", "!", "\n\n", "\n\nArgs:\n    x: The"])
def test_a_long_sentence_is_found(tree: Tree, end: str) -> None:
    words = " word" * 24
    for more, offenders in (("", 0), (" word", 1)):
        modules = tree(_a=f'"""A{words}{more}{end} Then{words} ``code of many words``."""')
        assert len(house.long_sentences(modules, 25)) == offenders + 1
    assert house.long_sentences(tree(_a=f'"""\n- A{words}{words}\n"""\nx = "A{words}{words}."'), 25) == []
