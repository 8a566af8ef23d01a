"""The public names and signatures stand in public_api.txt, so that a change of them shows in review.

When a change is meant: ``python -m tests.test_public_api`` from the repository root writes the file again.
"""

import ast
import dataclasses
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paygrant

SNAPSHOT = Path(__file__).with_name("public_api.txt")


def public_api() -> str:
    """All public names with their signatures, a line each; what belongs to a class is indented."""
    return "\n".join(line for name in sorted(paygrant.__all__) for line in _lines(name)) + "\n"


def _lines(name: str) -> Iterator[str]:
    value = getattr(paygrant, name)
    if not inspect.isclass(value):
        yield f"def {name}{inspect.signature(value)}"
        return
    yield f"class {name}({', '.join(base.__name__ for base in value.__bases__)})"
    yield f"    def __init__{inspect.signature(value.__init__)}"
    for member, annotation in sorted(_members(value).items()):
        yield f"    {_member(value, member, annotation)}"


def _members(cls: type) -> dict[str, object]:
    """The public names that a class has from us, inherited ones included, each with its annotation if it has one."""
    ours = [each for each in reversed(cls.__mro__) if each.__module__.startswith("paygrant")]
    names = {name: None for each in ours for name in vars(each)}
    annotations = {name: text for each in ours for name, text in inspect.get_annotations(each).items()}
    # A dataclass's fields are in its signature.
    fields = {field.name for field in dataclasses.fields(cls)} if dataclasses.is_dataclass(cls) else set[str]()
    members = names | annotations
    return {name: members[name] for name in members if not name.startswith("_") and name not in fields}


def _member(cls: type, name: str, annotation: object) -> str:
    value: Any = inspect.getattr_static(cls, name, None)
    if isinstance(value, classmethod):
        return f"classmethod {name}{inspect.signature(getattr(cls, name))}"
    if isinstance(value, staticmethod):
        return f"staticmethod {name}{inspect.signature(getattr(cls, name))}"
    getter: Any = getattr(value, "fget", None) or getattr(value, "func", None)  # a property, or a cached one
    if getter:
        return f"property {name}: {inspect.formatannotation(inspect.signature(getter).return_annotation)}"
    if inspect.isfunction(value):
        return f"{'async ' if inspect.iscoroutinefunction(value) else ''}def {name}{inspect.signature(value)}"
    kind = "" if annotation is None else f": {inspect.formatannotation(annotation)}"
    return f"{name}{kind} = {value!r}"


def test_the_public_api_is_the_one_on_file() -> None:
    assert public_api() == SNAPSHOT.read_text(encoding="utf-8"), f"if this is meant: python -m {__name__}"


def test_every_public_name_is_documented_and_listed() -> None:
    for name in paygrant.__all__:
        assert inspect.getdoc(getattr(paygrant, name))
    assert dir(paygrant) == sorted(paygrant.__all__)


def test_every_public_name_has_a_typed_call() -> None:
    tree = ast.parse(Path(__file__).with_name("typing_of_public_calls.py").read_text("utf-8"))
    assert {*paygrant.__all__} <= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(paygrant, "TokenSauce")


if __name__ == "__main__":
    SNAPSHOT.write_text(public_api(), encoding="utf-8")
