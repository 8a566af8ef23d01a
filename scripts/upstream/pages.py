"""Fetches pages, within limits of size and time, and gives their text; what stands in it, others say.

Nothing that a server does ends the run: what keeps a page from being read is a PageError, told of that page alone.
"""

import ssl
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path

import anyio
import httpx

from paygrant._text import os_error_words

LARGEST = 1 << 20
"""Bytes; the pages that are known have some thousand."""
AT_ONCE = 4
"""Pages; the providers' servers should not notice."""
REDIRECTS = 3
"""Redirects within one origin; a documentation site adds a slash, or the page's new name."""
HEADERS = {
    "User-Agent": f"paygrant-upstream/{version('paygrant')} (looks whether documentation pages have changed)",
    "Accept": "text/markdown, text/plain;q=0.9, text/html;q=0.5, */*;q=0.1",
    "Accept-Encoding": "identity",  # so that the limit of size holds for what is received and for what it unpacks to
}


@dataclass(frozen=True, slots=True)
class Page:
    """A page's text, and the address that it was read from, where a redirect led to another one."""

    text: str
    moved_to: str = ""


class PageError(Exception):
    """A page that could not be read, and why."""

    state = "not read"


class PageGone(PageError):
    """A page that is not there any more, for good or as far as its server knows."""

    state = "gone"


class PageMoved(PageError):
    """A page that its server sends readers elsewhere for: to another host, or to another scheme or port."""

    state = "moved"


def fetch_all(urls: Iterable[str], seconds: float) -> dict[str, Page | PageError]:
    """Every page, or what kept it from being read within so many seconds."""
    return anyio.run(_fetch_all, urls, seconds)


def read_all(urls: Iterable[str], folder: Path) -> dict[str, Page | PageError]:
    """Every page, out of a folder where it lies at host/path, as `wget --force-directories` puts it."""
    return {url: _saved(httpx.URL(url), folder) for url in urls}


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()  # which reads some hundred certificates


async def _fetch_all(urls: Iterable[str], seconds: float) -> dict[str, Page | PageError]:
    pages: dict[str, Page | PageError] = {}
    limiter = anyio.CapacityLimiter(AT_ONCE)

    async def fetch(url: str) -> None:
        try:
            async with limiter:
                with anyio.fail_after(seconds):  # all of it; a time-out of httpx is for one read
                    pages[url] = await _fetch(client, url)
        except PageError as error:
            pages[url] = error
        except TimeoutError:
            pages[url] = PageError(f"not there after {seconds:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:  # a Location may be anything
            pages[url] = PageError(f"{type(error).__name__}: {error}")

    client = httpx.AsyncClient(headers=HEADERS, timeout=None, verify=_tls())  # noqa: S113 - see fail_after
    async with client, anyio.create_task_group() as tasks:
        for url in urls:
            tasks.start_soon(fetch, url)
    return pages


async def _fetch(client: httpx.AsyncClient, url: str) -> Page:
    here = start = httpx.URL(url)
    for _ in range(REDIRECTS + 1):
        async with client.stream("GET", here) as response:
            if response.has_redirect_location:
                here = here.join(response.headers["Location"])
                if (here.scheme, here.netloc) != (start.scheme, start.netloc):
                    raise PageMoved(f"its server points to {here}")
                continue
            if response.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
                raise PageGone(f"status {response.status_code}")
            if response.status_code != HTTPStatus.OK:
                raise PageError(f"status {response.status_code}")
            if encoding := response.headers.get("Content-Encoding"):
                raise PageError(f"encoded as {encoding}, which was not asked for")
            content = bytearray()
            async for chunk in response.aiter_raw():
                content += chunk
                if len(content) > LARGEST:
                    raise PageError(f"larger than {LARGEST} bytes")
            return Page(_text(bytes(content), here), "" if here == start else str(here))
    raise PageError(f"more than {REDIRECTS} redirects, the last to {here}")


def _saved(url: httpx.URL, folder: Path) -> Page | PageError:
    path = folder / url.netloc.decode() / (url.path.strip("/") or "index.html")
    try:
        return Page(_text(path.read_bytes(), url))
    except OSError as error:
        return PageError(f"{path}: {os_error_words(error)}")
    except PageError as error:
        return error


def _text(content: bytes, url: httpx.URL) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PageError(f"not UTF-8: byte {error.start} is 0x{content[error.start]:02x}") from None
    if not text.lstrip()[:15].lower().startswith(("<!doctype html", "<html")):
        return text
    if url.path.endswith(".md"):
        raise PageError("HTML instead of Markdown")
    reader = _Html()
    try:
        reader.feed(text)
    except AssertionError as error:  # how HTMLParser says that a declaration is malformed
        raise PageError(f"not HTML: {error}") from None
    return "".join(reader.pieces)


_OPENING = {f"h{level}": "\n# " for level in range(1, 7)} | {"li": "\n- ", "tr": "\n|", "code": "`"}
_CLOSING = {"td": " |", "th": " |", "code": "`"}
_INLINE = {"a", "abbr", "b", "em", "i", "span", "strong", "td", "th"}
_UNSEEN = {"script", "style", "template", "svg", "nav", "footer", "thead"}


class _Html(HTMLParser):
    """Gives the text of an HTML page, with as much of Markdown's marks as the reader of prose looks at."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self.inside = Counter[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - HTMLParser's
        """Begins an element."""
        self._mark(_OPENING, tag)
        self.inside[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        """Ends an element."""
        self.inside -= Counter([tag])  # never below zero
        self._mark(_CLOSING, tag)

    def handle_data(self, data: str) -> None:
        """Takes the text between."""
        if not _UNSEEN & self.inside.keys():
            self.pieces.append(data if "pre" in self.inside else " ".join(f"_{data}_".split())[1:-1])

    def _mark(self, marks: dict[str, str], tag: str) -> None:
        if _UNSEEN & self.inside.keys() or ("pre" in self.inside and tag == "code"):
            return
        if tag not in _INLINE and tag not in marks:
            self.pieces.append(" " if {"td", "th"} & self.inside.keys() else "\n")  # a cell is one line
        self.pieces.append(marks.get(tag, ""))
