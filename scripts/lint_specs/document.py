"""Reads a spec as plain JSON data and remembers on which line each place stands; what the data must be, others say."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

import yaml

RULES = {"yaml": "A spec is a mapping in plain YAML: nothing that JSON cannot say, and each key once."}


class Fault(NamedTuple):
    """A rule that is broken, the place (a JSON Pointer, RFC 6901), and a text on what stands there and what may."""

    rule: str
    place: str
    text: str


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


def read(path: Path) -> Spec:
    """Reads one spec; what is wrong with the file itself comes back as faults, never as an exception."""
    try:
        text = path.read_bytes()
        for token in yaml.scan(text, Loader=_Loader):
            if isinstance(token, yaml.AnchorToken | yaml.AliasToken | yaml.TagToken):
                return _unreadable(path, "there is an anchor, an alias or a tag", token.start_mark)
        loader = _Loader(text)
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            return _unreadable(path, "there is no mapping")
        places = list(_places(root))
        lines = {place: node.start_mark.line + 1 for place, node, _ in places}
        faults = tuple(_fault(place, text) for place, _, text in places if text)
        return Spec(path, None if faults else _plain(loader, root), lines, faults)
    except yaml.MarkedYAMLError as error:
        return _unreadable(path, " ".join(filter(None, (error.context, error.problem))), error.problem_mark)
    except yaml.YAMLError as error:
        return _unreadable(path, " ".join(str(error).split()))
    except OSError as error:
        return _unreadable(path, str(error.strerror))


class _Loader(yaml.SafeLoader):
    """Leaves a date the text that it is in JSON."""


def _plain(loader: Any, root: yaml.Node) -> Any:  # the stubs leave construct_document untyped
    return loader.construct_document(root)


def _as_text(_loader: _Loader, node: yaml.Node) -> str:
    return str(node.value)


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _as_text)


def _unreadable(path: Path, text: str, mark: yaml.Mark | None = None) -> Spec:
    return Spec(path, None, {"": mark.line + 1 if mark else 1}, (_fault("", text),))


def _fault(place: str, text: str) -> Fault:
    return Fault("yaml", place, f"{text}. {RULES['yaml']}")


def _places(node: yaml.Node, place: str = "") -> Iterator[tuple[str, yaml.Node, str]]:
    """Every place below a node: its JSON Pointer, the key or item that begins it, and what is wrong with that."""
    if isinstance(node, yaml.MappingNode):
        seen = set[str]()
        for key, value in node.value:
            below = pointer(place, key.value)
            if key.tag != "tag:yaml.org,2002:str":
                yield below, key, "the key is not a text (a status stands in quotes)"
            elif below in seen:
                yield below, key, "the key stands here for the second time"
            else:
                yield below, key, ""
            seen.add(below)
            yield from _places(value, below)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            below = pointer(place, index)
            yield below, item, ""
            yield from _places(item, below)


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a value is an object of JSON."""
    return isinstance(value, dict)


def pointer(place: str, *steps: str | int) -> str:
    """The JSON Pointer (RFC 6901) to what stands some steps below a place."""
    return "/".join((place, *(str(step).replace("~", "~0").replace("/", "~1") for step in steps)))
