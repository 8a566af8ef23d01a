"""Reads a spec as plain JSON data and remembers on which line each place stands; what the data must be, others say."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

import yaml

from paygrant._spec.pointer import escaped
from paygrant.generate._errors import SpecError

LARGEST = 1 << 18
"""Bytes; some thirty times the largest spec that we know of. A larger one would take seconds to read."""

DEEPEST = 64
"""Levels of mappings and sequences; more than any spec has, and fewer than Python can follow."""

RULES = {"yaml": "A spec is a mapping in plain YAML: nothing that JSON cannot say, and each key once."}

_STR = "tag:yaml.org,2002:str"
_PAIRS = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_NUMBERS = {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}


class Fault(NamedTuple):
    """A rule that is broken, the place (a JSON Pointer, RFC 6901), and a text on what stands there and what may."""

    rule: str
    place: str
    text: str


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A line of a spec that breaks a rule."""

    path: Path
    line: int
    fault: Fault

    def __str__(self) -> str:
        rule, place, text = self.fault
        return f"{self.path}:{self.line}: {rule}: #{place}: {text}"


@dataclass(frozen=True, slots=True)
class Spec:
    """A spec's data; or, where the file holds no plain YAML, None and the faults."""

    path: Path
    data: Any
    lines: Mapping[str, int]
    faults: tuple[Fault, ...] = ()

    def line(self, place: str) -> int:
        """The line on which a place stands; for one that is not there, that of the nearest one around it."""
        while place and place not in self.lines:
            place = place.rpartition("/")[0]
        return self.lines.get(place, 1)

    def findings(self, faults: Iterable[Fault]) -> list[Finding]:
        """The faults with their lines, in the order of the lines."""
        return sorted(Finding(self.path, self.line(fault.place), fault) for fault in faults)


def load(path: Path) -> dict[str, Any]:
    """The data of a spec whose further checks are someone else's business.

    Raises:
        SpecError: The file holds no plain YAML.
    """
    spec = read(path)
    if spec.faults:
        raise SpecError(spec.findings(spec.faults))
    data: dict[str, Any] = spec.data
    return data


def read(path: Path) -> Spec:
    """Reads one spec; what is wrong with the file itself comes back as faults, never as an exception."""
    try:
        return _parsed(path, _content(path))
    except yaml.MarkedYAMLError as error:
        return _unreadable(path, " ".join(filter(None, (error.context, error.problem))), error.problem_mark)
    except yaml.YAMLError as error:
        return _unreadable(path, " ".join(str(error).split()))
    except UnicodeDecodeError as error:
        return _unreadable(path, f"the file is not UTF-8 at byte {error.start}")
    except (OSError, ValueError) as error:  # a path with a NUL in it is a ValueError
        return _unreadable(path, str(getattr(error, "strerror", error)))


def _content(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise yaml.YAMLError(f"the file is larger than {LARGEST >> 10} KiB")
    return content.decode()


def _parsed(path: Path, text: str) -> Spec:
    loader = _Loader(text)
    root = loader.get_single_node()
    if not isinstance(root, yaml.MappingNode):
        raise yaml.YAMLError("there is no mapping")
    places = list(_places(loader, root))
    lines = {place: node.start_mark.line + 1 for place, node, _ in places}
    faults = tuple(_fault(place, text) for place, _, text in places if text)
    return Spec(path, None if faults else _plain(loader, root), lines, faults)


class _Loader(yaml.SafeLoader):
    """Leaves a date the text that it is in JSON, and refuses what could unfold to more than stands in the file."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = _next_event(self)
        mark: Any = event.start_mark
        if isinstance(event, yaml.AliasEvent) or event.anchor or getattr(event, "tag", None):
            raise yaml.MarkedYAMLError(None, None, "there is an anchor, an alias or a tag", mark)
        if self.depth > DEEPEST:
            raise yaml.MarkedYAMLError(None, None, f"this is nested more than {DEEPEST} levels deep", mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _next_event(loader: Any) -> Any:  # the stubs leave this untyped, and construct_document
    return loader.peek_event()


def _plain(loader: Any, node: yaml.Node) -> Any:
    return loader.construct_document(node)


def _as_text(_loader: _Loader, node: yaml.Node) -> str:
    return str(node.value)


def _whole_text(_loader: _Loader, node: yaml.Node) -> str:
    """A text; what lies beyond 16 bits, JSON writes as two escapes, and YAML reads as two characters."""
    return _PAIRS.sub(lambda pair: pair.group().encode("utf-16", "surrogatepass").decode("utf-16"), str(node.value))


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _as_text)
_Loader.add_constructor(_STR, _whole_text)


def _unreadable(path: Path, text: str, mark: yaml.Mark | None = None) -> Spec:
    return Spec(path, None, {"": mark.line + 1 if mark else 1}, (_fault("", text),))


def _fault(place: str, text: str) -> Fault:
    return Fault("yaml", place, f"{text}. {RULES['yaml']}")


def _places(loader: _Loader, node: yaml.Node, place: str = "") -> Iterator[tuple[str, yaml.Node, str]]:
    """Every place below a node: its JSON Pointer, the key or item that begins it, and what is wrong with that."""
    if isinstance(node, yaml.MappingNode):
        seen = set[str]()
        for key, value in node.value:
            below = pointer(place, key.value if isinstance(key, yaml.ScalarNode) else "")
            if key.tag != _STR:
                yield below, key, "the key is not a text (a status stands in quotes)"
            elif below in seen:
                yield below, key, "the key stands here for the second time"
            else:
                yield below, key, _number_fault(loader, value)
            seen.add(below)
            yield from _places(loader, value, below)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            below = pointer(place, index)
            yield below, item, _number_fault(loader, item)
            yield from _places(loader, item, below)


def _number_fault(loader: _Loader, node: yaml.Node) -> str:
    """What is wrong with a number; an empty text for anything else."""
    if node.tag not in _NUMBERS:
        return ""
    try:
        return "" if math.isfinite(_plain(loader, node)) else "the number is not finite"
    except (ValueError, OverflowError):
        return "the number cannot be read"


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a value is an object of JSON."""
    return isinstance(value, dict)


def is_array(value: Any) -> TypeGuard[list[Any]]:
    """Whether a value is an array of JSON."""
    return isinstance(value, list)


def pointer(place: str, *steps: str | int) -> str:
    """The JSON Pointer (RFC 6901) to what stands some steps below a place."""
    return "/".join((place, *(escaped(str(step)) for step in steps)))
