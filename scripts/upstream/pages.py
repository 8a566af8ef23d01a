"""Fetches pages as text, within limits of size and time.

A page that cannot be read becomes a PageError. It does not stop the other pages.
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

MAX_BYTES = 1 << 20
"""Bytes of a page. The known pages have some thousand."""
CONCURRENCY = 4
"""Pages at once: a light load for the providers' servers."""
MAX_REDIRECTS = 3
"""Redirects within one origin. A documentation site adds a slash, or renames a page."""
HEADERS = {
    "User-Agent": f"paygrant-upstream/{version('paygrant')} (checks whether documentation pages have changed)",
    "Accept": "text/markdown, text/plain;q=0.9, text/html;q=0.5, */*;q=0.1",
    "Accept-Encoding": "identity",  # the limit of size must hold for the unpacked content, too
}


@dataclass(frozen=True, slots=True)
class Page:
    """A page's text, and the URL that a redirect led to; an empty string without a redirect."""

    text: str
    moved_to: str = ""


class PageError(Exception):
    """The reason why a page could not be read."""

    state = "not read"


class PageGone(PageError):
    """The server does not have the page any more."""

    state = "gone"


class PageMoved(PageError):
    """The server redirects to another origin: another scheme, host or port."""

    state = "moved"


def fetch_all(urls: Iterable[str], seconds: float) -> dict[str, Page | PageError]:
    """Fetch every page; the time limit in seconds is for each."""
    return anyio.run(_fetch_all, urls, seconds)


def read_all(urls: Iterable[str], folder: Path) -> dict[str, Page | PageError]:
    """Read every page from a folder, at host/path, where ``wget --force-directories`` saves it."""
    return {url: _saved(httpx.URL(url), folder) for url in urls}


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()  # slow: it reads more than a hundred certificates


async def _fetch_all(urls: Iterable[str], seconds: float) -> dict[str, Page | PageError]:
    pages: dict[str, Page | PageError] = {}
    limiter = anyio.CapacityLimiter(CONCURRENCY)

    async def fetch(url: str) -> None:
        try:
            async with limiter:
                with anyio.fail_after(seconds):  # the whole exchange; a timeout of httpx covers one read
                    pages[url] = await _fetch(client, url)
        except PageError as error:
            pages[url] = error
        except TimeoutError:
            pages[url] = PageError(f"no response within {seconds:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:  # a Location can be anything
            pages[url] = PageError(f"{type(error).__name__}: {error}")

    client = httpx.AsyncClient(headers=HEADERS, timeout=None, verify=_tls())  # noqa: S113 - see fail_after
    async with client, anyio.create_task_group() as tasks:
        for url in urls:
            tasks.start_soon(fetch, url)
    return pages


async def _fetch(client: httpx.AsyncClient, url: str) -> Page:
    here = start = httpx.URL(url)
    for _ in range(MAX_REDIRECTS + 1):
        async with client.stream("GET", here) as response:
            if response.has_redirect_location:
                here = here.join(response.headers["Location"])
                if (here.scheme, here.netloc) != (start.scheme, start.netloc):
                    raise PageMoved(f"the server redirects to {here}")
                continue
            if response.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
                raise PageGone(f"status {response.status_code}")
            if response.status_code != HTTPStatus.OK:
                raise PageError(f"status {response.status_code}")
            if encoding := response.headers.get("Content-Encoding"):
                raise PageError(f"encoded as {encoding}, which was not requested")
            content = bytearray()
            async for chunk in response.aiter_raw():
                content += chunk
                if len(content) > MAX_BYTES:
                    raise PageError(f"larger than {MAX_BYTES} bytes")
            return Page(_text(bytes(content), here), "" if here == start else str(here))
    raise PageError(f"more than {MAX_REDIRECTS} redirects, the last to {here}")


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
    except AssertionError as error:  # HTMLParser raises it for a malformed declaration
        raise PageError(f"not HTML: {error}") from None
    return "".join(reader.pieces)


_OPENING = {f"h{level}": "\n# " for level in range(1, 7)} | {"li": "\n- ", "tr": "\n|", "code": "`"}
_CLOSING = {"td": " |", "th": " |", "code": "`"}
_INLINE = {"a", "abbr", "b", "em", "i", "span", "strong", "td", "th"}
_UNSEEN = {"script", "style", "template", "svg", "nav", "footer", "thead"}


class _Html(HTMLParser):
    """Extracts the text of an HTML page, with the Markdown marks that prose.py reads."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self.inside = Counter[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the signature of the base class
        """Begin an element."""
        self._mark(_OPENING, tag)
        self.inside[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        """End an element."""
        self.inside -= Counter([tag])  # never below zero
        self._mark(_CLOSING, tag)

    def handle_data(self, data: str) -> None:
        """Keep the text within elements."""
        if not _UNSEEN & self.inside.keys():
            self.pieces.append(data if "pre" in self.inside else " ".join(f"_{data}_".split())[1:-1])

    def _mark(self, marks: dict[str, str], tag: str) -> None:
        if _UNSEEN & self.inside.keys() or ("pre" in self.inside and tag == "code"):
            return
        if tag not in _INLINE and tag not in marks:
            self.pieces.append(" " if {"td", "th"} & self.inside.keys() else "\n")  # a cell is one line
        self.pieces.append(marks.get(tag, ""))
