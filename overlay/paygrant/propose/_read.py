"""Reads the OpenAPI documents of a file or of a page, as plain JSON data; what is in them is of no interest here."""

import json
import math
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urljoin

import anyio
import httpx
import yaml
from anyio.from_thread import start_blocking_portal
from markdown_it import MarkdownIt
from yaml.composer import Composer

from paygrant._arguments import check_text, check_type, invalid_argument, is_loopback
from paygrant._errors import ConfigurationError
from paygrant._spec.document import is_object
from paygrant.propose._node import is_list

LARGEST = 5 << 20
"""Bytes. The largest documents that are published take about as much."""

MOST = 1 << 20
"""Values in a document, each counted as often as an alias of YAML repeats it."""

DEEPEST = 100
"""Levels of mappings and sequences; Python could not follow many more."""

TIME_LIMIT = 30.0
"""Seconds, for a page as a whole."""

_REDIRECTS = 5
_ALLOWED = (
    "an OpenAPI document (2.0, 3.0 or 3.1; JSON, YAML, or in a fenced block of a Markdown page) "
    f"of at most {LARGEST >> 20} MiB: a file, or an https address"
)
_OPENING_FENCE = re.compile("^(```|~~~)", re.MULTILINE)
_STR = "tag:yaml.org,2002:str"


@dataclass(frozen=True, slots=True, repr=False)
class Page:
    """The OpenAPI documents at an address: an https URL, or a file's name."""

    documents: tuple[dict[str, Any], ...]
    address: str


def read(source: str | Path) -> Page:
    """The documents in a file, or at an address.

    Raises:
        ConfigurationError: There are none, or they cannot be read.
    """
    check_type("source", source, str | Path, "an address, or a path")
    check_text("source", str(source))
    if isinstance(source, str) and "://" in source:
        content, address = _fetched(source)
    else:
        path = Path(source)
        try:
            with path.open("rb") as file:
                content, address = file.read(LARGEST + 1), path.name
        except (OSError, ValueError) as error:
            raise _refused(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > LARGEST:
        raise _refused(f"is larger than {LARGEST >> 20} MiB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(f"is not UTF-8 at byte {error.start}") from None
    documents = tuple(_documents(text, markdown=bool(re.search(r"\.(md|mdx|markdown)$", address))))
    if not documents:
        raise _refused("holds no OpenAPI document: no mapping with the key openapi or swagger")
    return Page(documents, address)


def _fetched(source: str) -> tuple[bytes, str]:
    """What stands at an address, and where it was in the end.

    In a thread with an event loop of its own: there a time limit ends whatever the server drags out, and the caller may
    have a loop as well.
    """
    url = _checked(source)
    try:
        with start_blocking_portal() as portal:
            return portal.call(_fetch, url)
    except ConfigurationError:
        raise
    except TimeoutError:
        fault = f"took longer than {TIME_LIMIT:g} s"
    except (httpx.HTTPError, OSError) as error:
        fault = f"cannot be read ({type(error).__name__})"
    except (httpx.InvalidURL, ValueError):  # a Location may be anything
        fault = "leads to what is no URL"
    raise _refused(fault)


async def _fetch(url: httpx.URL) -> tuple[bytes, str]:
    """The same, as it is carried out. Only redirects on the same host are followed."""
    headers = {"Accept-Encoding": "identity"}
    with anyio.fail_after(TIME_LIMIT):  # all of it; a time-out of httpx is for one read
        async with httpx.AsyncClient(timeout=None, headers=headers) as client:  # noqa: S113 - see fail_after
            for _ in range(_REDIRECTS + 1):
                async with client.stream("GET", url) as response:
                    if not response.has_redirect_location:
                        if not response.is_success:
                            raise _refused(f"the server answered with status {response.status_code}")
                        # A secret may stand in the query, and addresses are written down.
                        return await _body(response), str(url.copy_with(query=None, fragment=None))
                    target = _checked(urljoin(str(url), response.headers["location"]))
                if target.host != url.host or target.port != url.port:
                    raise _refused(f"redirects to another host, {target.host!r}, where it was not followed")
                url = target
    raise _refused(f"redirects more than {_REDIRECTS} times")


def _checked(address: str) -> httpx.URL:
    """An address that may be asked."""
    try:
        url = httpx.URL(address)
        host = url.host
    except (httpx.InvalidURL, UnicodeError):
        raise _refused("is no URL") from None
    if not host or url.userinfo or not (url.scheme == "https" or (url.scheme == "http" and is_loopback(host))):
        raise _refused("is no https address without a user (plain http is for loopback only)")
    return url


async def _body(response: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > LARGEST:
            break
    return bytes(content)


def _documents(text: str, *, markdown: bool) -> Iterator[dict[str, Any]]:
    """The OpenAPI documents in a text: itself, or what its fenced blocks hold."""
    markdown = markdown or bool(_OPENING_FENCE.search(text))  # in YAML, a fence in a description is indented
    if markdown:
        blocks = MarkdownIt("zero").enable("fence").parse(text)
        texts = [block.content for block in blocks if re.search("openapi|swagger", block.content)]
    else:
        texts = [text]
    for each in texts:
        try:
            data = _parsed(each)
        except ConfigurationError:
            if not markdown:
                raise
            continue  # an example of something else
        if is_object(data) and data.keys() & {"openapi", "swagger"}:
            yield data


def _parsed(text: str) -> Any:
    """The data of a text in JSON or YAML, as JSON can say it."""
    try:
        if text.lstrip().startswith("{"):
            with suppress(json.JSONDecodeError):  # such YAML there is too
                return _plain(json.loads(text))
        return _plain(_Loader(text).get_single_data())
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        fault = f"{error.problem}{line}"
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # also a number of too many digits
        fault = f"{type(error).__name__}"
    raise _refused(f"holds no OpenAPI document: {fault}")


def _plain(value: Any, depth: int = 0) -> Any:
    """A value with texts for keys, and for whatever else JSON has no words for."""
    if depth > DEEPEST:
        raise RecursionError
    if isinstance(value, dict):
        mapping = cast("dict[object, Any]", value)
        return {str(key): _plain(each, depth + 1) for key, each in mapping.items()}
    if is_list(value):
        return [_plain(each, depth + 1) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


class _Loader(Composer, yaml.CSafeLoader):
    """Follows aliases, as documents in the wild have them, but only so far; takes no tags, and a date for a text.

    libyaml reads the text, for speed; nodes are composed in Python, where they can be counted.
    """

    depth: int = 0
    count: int = 0

    def __init__(self, text: str) -> None:
        yaml.CSafeLoader.__init__(self, text)
        Composer.__init__(self)
        self.sizes = dict[str, int]()

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = cast("Any", self).peek_event()
        mark = event.start_mark
        anchor: str = getattr(event, "anchor", None) or ""
        before = self.count
        if isinstance(event, yaml.AliasEvent):
            self.count += self.sizes.get(anchor, MOST)  # not there yet: it would contain itself
        self.count += 1
        self.depth += 1
        if self.count > MOST or self.depth > DEEPEST or getattr(event, "tag", None):
            fault = f"a tag, more than {MOST} values, or more than {DEEPEST} levels"
            raise yaml.MarkedYAMLError(None, None, fault, mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        self.sizes.setdefault(anchor, self.count - before)
        return node


def _as_text(_loader: _Loader, node: yaml.Node) -> str:
    return str(node.value)


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _as_text)


def _refused(fault: str) -> ConfigurationError:
    return invalid_argument("source", fault, _ALLOWED)
