"""Loads a spec's file as plain JSON data, and knows the line of each place in it. Other modules know what the data means."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import yaml

from paygrant._spec.errors import FILE, Fault, Finding, SpecError
from paygrant._spec.pointer import pointer_to
from paygrant._text import one_line, os_error_words

LARGEST = 1 << 18
"""Bytes. The largest known spec has a thirtieth of it. A larger file would take seconds to read."""

DEEPEST = 64
"""Levels of mappings and sequences. No spec needs as many, and Python can follow more."""

RULES = {"yaml": "A spec is one mapping in plain YAML: only what JSON can express, and no key twice."}

_STR = "tag:yaml.org,2002:str"
_PAIRS = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_NUMBERS = {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}


@dataclass(frozen=True, slots=True)
class Document:
    """A spec's data and the lines of its places. Where the file is not plain YAML, the data is None and there are faults."""

    path: Path
    data: Any
    lines: Mapping[str, int]
    faults: tuple[Fault, ...] = ()

    def line(self, place: str) -> int:
        """Return the line of a place. A place that does not exist has the line of the nearest one around it."""
        while place and place not in self.lines:
            place = place.rpartition("/")[0]
        return self.lines.get(place, 1)

    def findings(self, faults: Iterable[Fault]) -> list[Finding]:
        """Return the faults with their lines, in the order of the lines."""
        lines = ((None if fault.rule == FILE else self.line(fault.place), fault) for fault in faults)
        return sorted(Finding(self.path, line, fault) for line, fault in lines)


def load(path: Path) -> dict[str, Any]:
    """Load the data of a spec. The lint rules are not applied.

    Raises:
        SpecError: The file is not plain YAML.
    """
    document = read(path)
    if document.faults:
        raise SpecError(document.findings(document.faults))
    data: dict[str, Any] = document.data
    return data


def read(path: Path, content: bytes | None = None) -> Document:
    """Read a spec's file. What is wrong with the file becomes a fault of the document, never an exception.

    Args:
        path: The file.
        content: What the file contains, if it has been read already.
    """
    try:
        return _parsed(path, _text(path, content))
    except yaml.MarkedYAMLError as error:
        return _unreadable(path, " ".join(filter(None, (error.context, error.problem))), error.problem_mark)
    except yaml.YAMLError as error:
        return _unreadable(path, one_line(str(error)))
    except UnicodeDecodeError as error:
        return _unreadable(path, f"the file is not UTF-8 at byte {error.start}")
    except FileNotFoundError:
        return _no_file(path, "the file does not exist")
    except (OSError, ValueError) as error:  # a ValueError: the path holds a NUL
        return _no_file(path, f"the file cannot be read ({os_error_words(error)})")


def _text(path: Path, content: bytes | None) -> str:
    if content is None:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise yaml.YAMLError(f"the file is larger than {LARGEST >> 10} KiB")
    return content.decode("utf-8-sig")


def _parsed(path: Path, text: str) -> Document:
    loader = _Loader(text)
    root = loader.get_single_node()
    if not isinstance(root, yaml.MappingNode):
        raise yaml.YAMLError("the file is not a mapping")
    places = list(_places(loader, root))
    lines = {place: node.start_mark.line + 1 for place, node, _ in places}
    faults = tuple(_fault(place, text) for place, _, text in places if text)
    return Document(path, None if faults else _plain(loader, root), lines, faults)


class _Loader(yaml.SafeLoader):
    """Keeps a date as the string that it is in JSON. Refuses aliases, which could repeat a value without end."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = _next_event(self)
        mark: Any = event.start_mark
        if isinstance(event, yaml.AliasEvent) or event.anchor or getattr(event, "tag", None):
            raise yaml.MarkedYAMLError(None, None, "anchors, aliases and tags are not allowed", mark)
        if self.depth > DEEPEST:
            raise yaml.MarkedYAMLError(None, None, f"the file is nested more than {DEEPEST} levels deep", mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _next_event(loader: Any) -> Any:  # the stubs do not type this method, nor construct_document
    return loader.peek_event()


def _plain(loader: Any, node: yaml.Node) -> Any:
    return loader.construct_document(node)


def _as_text(_loader: _Loader, node: yaml.Node) -> str:
    return str(node.value)


def _whole_text(_loader: _Loader, node: yaml.Node) -> str:
    """Join the two halves of a character beyond 16 bits. JSON escapes them one by one, and YAML reads two characters."""
    return _PAIRS.sub(lambda pair: pair.group().encode("utf-16", "surrogatepass").decode("utf-16"), str(node.value))


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _as_text)
_Loader.add_constructor(_STR, _whole_text)


def _unreadable(path: Path, text: str, mark: yaml.Mark | None = None) -> Document:
    return Document(path, None, {"": mark.line + 1 if mark else 1}, (_fault("", text),))


def _no_file(path: Path, text: str) -> Document:
    return Document(path, None, {}, (Fault(FILE, "", text),))


def _fault(place: str, text: str) -> Fault:
    return Fault("yaml", place, f"{text}. {RULES['yaml']}")


def _places(loader: _Loader, node: yaml.Node, place: str = "") -> Iterator[tuple[str, yaml.Node, str]]:
    """Yield every place below a node: its JSON Pointer, the node that begins it, and what is wrong with that node."""
    if isinstance(node, yaml.MappingNode):
        seen = set[str]()
        for key, value in node.value:
            below = pointer_to(place, key.value if isinstance(key, yaml.ScalarNode) else "")
            if key.tag != _STR:
                yield below, key, "the key is not a string (put a status into quotes)"
            elif below in seen:
                yield below, key, "the key is a duplicate"
            else:
                yield below, key, _number_fault(loader, value)
            seen.add(below)
            yield from _places(loader, value, below)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            below = pointer_to(place, index)
            yield below, item, _number_fault(loader, item)
            yield from _places(loader, item, below)


def _number_fault(loader: _Loader, node: yaml.Node) -> str:
    """Return what is wrong with a number; an empty string where nothing is."""
    if node.tag not in _NUMBERS:
        return ""
    try:
        return "" if math.isfinite(_plain(loader, node)) else "the number is not finite"
    except (ValueError, OverflowError):
        return "the number cannot be read"


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a value is a JSON object."""
    return isinstance(value, dict)


def is_array(value: Any) -> TypeGuard[list[Any]]:
    """Whether a value is a JSON array."""
    return isinstance(value, list)


def object_in(data: Any, *steps: str) -> dict[str, Any]:
    """The object some steps below a value; an empty one if there is none."""
    for step in steps:
        data = data.get(step) if is_object(data) else None
    return data if is_object(data) else {}


def objects_in(data: Any, *steps: str) -> list[dict[str, Any]]:
    """The objects of the array some steps below a value; no objects if there is no array."""
    *parents, last = steps
    found = object_in(data, *parents).get(last)
    return list(filter(is_object, found)) if is_array(found) else []
