"""Reads the OpenAPI documents in a file or at an address, within limits of size and time."""

import zlib
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import anyio
import httpx
from anyio.from_thread import start_blocking_portal

from paygrant._arguments import check_text, check_type, invalid_argument, is_link_local, is_loopback
from paygrant._errors import ConfigurationError
from paygrant._text import os_error_words
from paygrant.propose._metadata import metadata_document
from paygrant.propose.documents import METADATA, documents_in

MAX_BYTES = 5 << 20
"""About the size of the largest documents that are published."""

TIME_LIMIT = 30.0
"""Seconds, for a page as a whole."""

_MAX_REDIRECTS = 5

_ZLIB = frozenset({"gzip", "x-gzip", "deflate"})
"""The encodings that zlib unpacks (RFC 9110 section 8.4.1)."""

_EITHER_HEADER = 32
"""Makes zlib accept the header of gzip as well as its own."""

_EXPECTED = (
    "a file or an https address with an OpenAPI document (2.0 to 3.2), or with metadata of an authorization server "
    "(RFC 8414)"
)


def read(source: str | Path) -> tuple[list[dict[str, Any]], str]:
    """Return the documents in a file or at an address, and the address: an https URL, or the file's name.

    Raises:
        ConfigurationError: There are none, or they cannot be read.
    """
    check_type("source", source, str | Path, "an address or a path")
    check_text("source", str(source))
    if isinstance(source, str) and "://" in source:
        content, address = _fetched(source)
    else:
        path = Path(source)
        try:
            with path.open("rb") as file:
                content, address = file.read(MAX_BYTES + 1), path.name
        except (OSError, ValueError) as error:
            raise _invalid(f"cannot be read: {os_error_words(error)}") from None
    if len(content) > MAX_BYTES:
        raise _too_large()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _invalid(f"is not UTF-8 at byte {error.start}") from None
    documents, faults = documents_in(text)
    if not documents:
        found, _ = documents_in(text, METADATA)
        documents = [metadata_document(each) for each in found if isinstance(each[METADATA], str)]
    if not documents:
        fault = next(iter(faults), "no mapping with the key openapi, swagger or token_endpoint")
        raise _invalid(f"contains no OpenAPI document: {fault}", ", in JSON, in YAML, or in a fenced block of Markdown")
    return documents, address


def _fetched(source: str) -> tuple[bytes, str]:
    """Return the content at an address, and the last address that a redirect led to.

    A thread with an event loop of its own fetches it. There, one time limit covers the whole exchange, and it does not
    matter whether the caller runs an event loop as well.
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
    except (httpx.InvalidURL, ValueError):  # a Location can be anything
        fault = "redirects to an invalid URL"
    raise _invalid(fault)


async def _fetch(url: httpx.URL) -> tuple[bytes, str]:
    """Fetch a page; follow redirects on the same host only."""
    headers = {"Accept-Encoding": "identity"}
    with anyio.fail_after(TIME_LIMIT):  # the whole exchange; a timeout of httpx covers one read
        async with _client(headers) as client:
            for _ in range(_MAX_REDIRECTS + 1):
                async with client.stream("GET", url) as response:
                    if not response.has_redirect_location:
                        if not response.is_success:
                            raise _invalid(f"the server responded with status {response.status_code}")
                        # The query can hold a secret, and the address goes into the draft.
                        return await _body(response), str(url.copy_with(query=None, fragment=None))
                    target = _checked(urljoin(str(url), response.headers["location"]))
                if target.host != url.host or target.port != url.port:
                    raise _invalid(f"redirects to another host, {target.host!r}, which is not followed")
                url = target
    raise _invalid(f"redirects more than {_MAX_REDIRECTS} times")


def _client(headers: dict[str, str]) -> httpx.AsyncClient:
    """A client that uses the environment's proxy and trusted authorities."""
    try:
        return httpx.AsyncClient(timeout=None, headers=headers)  # noqa: S113 - see fail_after
    except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
        fault = type(error).__name__
    expected = "usable values of HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR"
    raise invalid_argument(
        "source", f"cannot be fetched with the environment's proxy or authorities ({fault})", expected
    )


def _checked(address: str) -> httpx.URL:
    """The URL to fetch: https, or http on loopback."""
    try:
        url = httpx.URL(address)
        host = url.host
    except (httpx.InvalidURL, UnicodeError):
        raise _invalid("is not a URL") from None
    if not host or url.userinfo or not (url.scheme == "https" or (url.scheme == "http" and is_loopback(host))):
        raise _invalid("is not an https address without a user name (plain http is for loopback only)")
    if is_link_local(host):
        raise _invalid("is a link-local address, such as that of a metadata service")
    return url


async def _body(response: httpx.Response) -> bytes:
    """The body of a page. A server may compress it without being asked: the limit of size is on the unpacked content."""
    coding = response.headers.get("Content-Encoding", "").strip().lower()
    if coding not in {"", "identity", *_ZLIB}:
        raise _invalid("is sent in an encoding that was not requested")
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | _EITHER_HEADER) if coding in _ZLIB else None
    content, received = bytearray(), 0
    try:
        async for chunk in response.aiter_raw():
            received += len(chunk)
            if unpacker is None:
                content += chunk
            elif not unpacker.eof:  # it would keep what follows, and copy it for each chunk
                content += unpacker.decompress(chunk, MAX_BYTES + 1 - len(content))
            if max(received, len(content)) > MAX_BYTES:
                raise _too_large()
    except zlib.error:
        raise _invalid("is damaged: it is not the gzip that its server claims") from None
    return bytes(content)


def _too_large() -> ConfigurationError:
    return _invalid(f"is larger than {MAX_BYTES >> 20} MiB")


def _invalid(fault: str, more: str = "") -> ConfigurationError:
    return invalid_argument("source", fault, _EXPECTED + more)
