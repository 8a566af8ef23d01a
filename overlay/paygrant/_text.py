"""Cutting secrets out of what a server says, however it spells them."""

import html
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable
from functools import partial
from urllib.parse import quote, quote_plus

_LONGEST_TEXT = 300
"""Of a server's own words, so much is worth reading."""

_DISTINCTIVE = 8
"""Characters. A shorter secret may be part of a word by chance."""

_quote = partial(quote, errors="surrogatepass")

_SPELLINGS: tuple[Callable[[str], str], ...] = (
    str,
    _quote,
    partial(quote_plus, errors="surrogatepass"),
    partial(_quote, safe=""),
    partial(_quote, safe="!~*'()"),  # JavaScript's encodeURIComponent
    lambda text: _quote(_quote(text, safe=""), safe=""),
    html.escape,
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),  # as PHP does
    lambda text: b64encode(_bytes(text)).decode().rstrip("="),
    lambda text: _bytes(text).hex(),
)
"""How a server may write a text that it was sent."""

_UNCHANGED = re.compile(rf"[\w.~-]{{{_DISTINCTIVE},}}", re.ASCII)
"""What no escaping changes: of a secret that is written in yet another way, so much can still be told."""


def redact(secrets: Iterable[str], text: str) -> str:
    """A stranger's text on one line, cut where any of the secrets begins, in any spelling a server may echo."""
    text = text.replace("\0", "")  # of UTF-16, read as something else
    spellings = {each for secret in secrets if secret for each in _spellings(secret)}
    starts = [found.start() for spelling in spellings if (found := _occurrence(spelling, text))]
    end = min([*starts, _LONGEST_TEXT, len(text)])
    kept = " ".join("".join(each if each.isprintable() else " " for each in text[:end]).split())
    return kept if end == len(text) else f"{kept}[cut]"


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _spellings(secret: str) -> set[str]:
    """What gives a secret away."""
    return {spell(secret) for spell in _SPELLINGS}.union(_UNCHANGED.findall(secret))


def _occurrence(spelling: str, text: str) -> re.Match[str] | None:
    """Where a secret stands in a text; a short one counts as a whole word only, lest "id" cut "invalid_client"."""
    pattern = re.escape(spelling)
    whole = pattern if len(spelling) >= _DISTINCTIVE else rf"(?<!\w){pattern}(?!\w)"
    return re.search(whole, text, re.IGNORECASE)  # %2f is %2F
