"""Text that others wrote, made fit to show: on one line, without secrets, and not too long."""

import html
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable
from functools import partial
from urllib.parse import quote, quote_plus

_LONGEST_TEXT = 300
"""Characters. The start of a server's text says what went wrong."""

_DISTINCTIVE = 8
"""Characters. A shorter secret may occur by chance as a part of a word."""

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
    lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),  # PHP's json_encode
    lambda text: b64encode(_bytes(text)).decode().rstrip("="),
    lambda text: _bytes(text).hex(),
)
"""The spellings in which a server may repeat a text that it received."""

_UNCHANGED = re.compile(rf"[\w.~-]{{{_DISTINCTIVE},}}", re.ASCII)
"""The parts of a secret that no escaping changes. They give it away in a spelling that is not in the list."""


def one_line(text: str, limit: int | None = None) -> str:
    """Put a text on one line that is safe to print: no control characters, single spaces.

    Args:
        text: The text. Characters that cannot be printed count as spaces.
        limit: The number of characters at most, the ellipsis included; None for no limit.
    """
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if limit is None or len(line) <= limit else f"{line[: limit - 1]}…"


def os_error_words(error: OSError | ValueError) -> str:
    """Say what an error of the operating system means, without its number and the file's name.

    Args:
        error: The error. A path with a NUL character gives a ValueError.
    """
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def redact(secrets: Iterable[str], text: str) -> str:
    """Put a server's text on one line and cut it before the first secret.

    The secrets are found in every spelling in which a server may repeat them. A cut text ends in ``[cut]``.
    """
    text = text.replace("\0", "")  # UTF-16 that was decoded as another encoding has one after each letter
    spellings = {each for secret in secrets if secret for each in _spellings(secret)}
    starts = [found.start() for spelling in spellings if (found := _occurrence(spelling, text))]
    end = min([*starts, _LONGEST_TEXT, len(text)])
    kept = one_line(text[:end])
    return kept if end == len(text) else f"{kept}[cut]"


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _spellings(secret: str) -> set[str]:
    """All texts that give a secret away."""
    return {spell(secret) for spell in _SPELLINGS}.union(_UNCHANGED.findall(secret))


def _occurrence(spelling: str, text: str) -> re.Match[str] | None:
    """Find a secret in a text. A short secret must be a whole word: "id" does not cut "invalid_client"."""
    pattern = re.escape(spelling)
    whole = pattern if len(spelling) >= _DISTINCTIVE else rf"(?<!\w){pattern}(?!\w)"
    return re.search(whole, text, re.IGNORECASE)  # %2f is %2F
