"""Finds the documents in a text: the text itself, or the fenced code blocks of a Markdown page.

The text is not trusted: size, depth, aliases and tags are limited. The documents are plain JSON data, and nothing in
them is checked.
"""

import json
import math
import re
from contextlib import suppress
from typing import Any, cast

import yaml
from markdown_it import MarkdownIt
from yaml.composer import Composer

from paygrant._spec.document import is_array, is_object
from paygrant._text import one_line

MAX_VALUES = 1 << 20
"""Values in a document. A YAML alias counts as often as it repeats a value."""

MAX_DEPTH = 100
"""Levels of mappings and sequences; Python cannot follow many more."""

_LONGEST_NUMBER = 1024
"""Bits. A float goes no further, and Python does not write an int of more than 4,300 digits."""

OPENAPI, METADATA = "openapi|swagger", "token_endpoint"
"""The keys of an OpenAPI document, and that of the metadata of an authorization server (RFC 8414)."""

_TAGS = {"!", *(f"tag:yaml.org,2002:{name}" for name in ("str", "binary", "timestamp"))}
"""The tags that make a string. Generators of documents write them."""

_FENCE = re.compile("^(```|~~~)", re.MULTILINE)
_MARKDOWN = MarkdownIt("zero", {"maxNesting": MAX_DEPTH}).enable(["fence", "list", "blockquote"]).disable("inline")


def documents_in(text: str, keys: str = OPENAPI) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the documents in a text that have one of these keys, and the faults of those that cannot be parsed."""
    documents = list[dict[str, Any]]()
    faults = list[str]()
    for block in _blocks(text, keys):
        try:
            data = _parsed(block)
        except yaml.MarkedYAMLError as error:
            line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
            faults.append(f"{error.problem}{line}")
        except RecursionError:
            faults.append(f"there are more than {MAX_DEPTH} levels")
        except yaml.YAMLError as error:
            faults.append(one_line(str(error), 100))
        except ValueError:
            faults.append("a number is invalid or has too many digits")
        else:
            if is_object(data) and any(key in data for key in keys.split("|")):
                documents.append(data)
    return documents, faults


def _blocks(text: str, keys: str) -> list[str]:
    """The texts that seem to have one of the keys. Examples of other things are not parsed."""
    in_json = re.compile(rf"""(^|[{{,])[ \t]*["']?({keys})["']?\s*:""", re.MULTILINE)
    in_yaml = re.compile(rf"""^(--- )?(\{{[ \t]*)?["']?({keys})["']?\s*:""", re.MULTILINE)

    def is_likely(block: str) -> bool:
        return bool((in_json if block.lstrip().startswith("{") else in_yaml).search(block))

    # In a YAML document, a fence can only be in a description, where it is indented.
    if not _FENCE.search(text) and is_likely(text):
        return [text]
    return [token.content for token in _MARKDOWN.parse(text) if token.type == "fence" and is_likely(token.content)]


def _parsed(text: str) -> Any:
    """The data of a text in JSON or YAML."""
    if text.lstrip().startswith("{"):
        with suppress(json.JSONDecodeError):  # YAML can start with a brace, too
            return _as_json(json.loads(text))
    return _as_json(_Loader(text).get_single_data())


def _as_json(value: Any, depth: int = 0) -> Any:
    """A value with a string for each key, and for each value that JSON does not have."""
    if depth > MAX_DEPTH:
        raise RecursionError
    if isinstance(value, int) and value.bit_length() > _LONGEST_NUMBER:  # YAML has hexadecimal ones of any length
        raise ValueError("a number has too many digits")
    if isinstance(value, dict):
        mapping = cast("dict[object, Any]", value)
        return {str(_as_json(key, depth)): _as_json(each, depth + 1) for key, each in mapping.items()}
    if is_array(value):
        return [_as_json(each, depth + 1) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


class _Loader(Composer, yaml.CSafeLoader):
    """Follows aliases up to a limit, refuses tags of anything but strings, and reads a date as a string.

    libyaml parses the text, for speed. Nodes are composed in Python, where they can be counted.
    """

    depth: int = 0
    count: int = 0

    def __init__(self, text: str) -> None:
        yaml.CSafeLoader.__init__(self, text)
        Composer.__init__(self)
        self.sizes = dict[str, int]()

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = cast("Any", self).peek_event()
        mark: Any = event.start_mark
        anchor: str = getattr(event, "anchor", None) or ""
        before = self.count
        self.depth += 1
        self.count += self.sizes.get(anchor, 0) + 1 if isinstance(event, yaml.AliasEvent) else 1
        if fault := self._fault(event, anchor):
            raise yaml.MarkedYAMLError(None, None, fault, mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        self.sizes.setdefault(anchor, self.count - before)
        return node

    def _fault(self, event: Any, anchor: str) -> str:
        """Why this value is refused; an empty string for one that is allowed."""
        if (getattr(event, "tag", None) or "!") not in _TAGS:
            return "there is a tag that is not allowed"
        if isinstance(event, yaml.AliasEvent) and anchor not in self.sizes:
            return "an alias refers to itself or to nothing"
        if self.depth > MAX_DEPTH:
            return f"there are more than {MAX_DEPTH} levels"
        return f"there are more than {MAX_VALUES} values" if self.count > MAX_VALUES else ""


def _as_string(_loader: _Loader, node: yaml.Node) -> str:
    return str(node.value)


for _tag in _TAGS - {"!"}:
    _Loader.add_constructor(_tag, _as_string)
