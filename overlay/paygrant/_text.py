"""Text that others wrote, made fit to show: on one line, without secrets, and not too long; and names that are alike.

A secret is not searched for as it is written, because a server may repeat it in any spelling, in parts or in pieces.
The text is decoded, reduced to letters and digits, and compared in short runs. For secrets with many signs, it is also
compared with its signs.
"""

import html
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from urllib.parse import quote, quote_plus, unquote

_ALIKE = 0.8
"""How much two names have in common, from 0 to 1, if one is a typing error of the other."""

_PART = 4
"""Characters of a part of a name that may stand for the name."""

_LONGEST_TEXT = 300
"""Characters. The start of a server's text says what went wrong."""

_SEARCHED = 3 * _LONGEST_TEXT
"""Characters. A secret that begins before the limit has a run that ends before this one, in any spelling."""

_RUN = 8
"""Characters. A shorter part of a secret may occur by chance, and gives little of it away."""

_SHORT_WHOLE = 6
"""Letters and digits of a secret of common words that are searched for without the secret's signs."""

_OWN = 4
"""Characters of a run that must not belong to common words: "client secret" is part of many texts, and of some secrets."""

_DISTINCT = 3
"""Different characters of a run that gives a secret away: a line of equal signs is part of many texts."""

_WEAK = frozenset("-_.,:;/'\"()")
"""Signs of usual texts. They give nothing away."""

_MOST_SECRETS = 1 << 16
"""Characters of all secrets. The search takes a second for that many. With more, no text of a server is shown."""

_ESCAPE = 12
"""Characters of the longest usual escape of one character."""

_ROUNDS = 3
"""How often a text is decoded: a server may escape what was escaped already."""

_COMMON = re.compile(
    "access|account|allowed|api|application|auth(?:entication|enticate|orization|orize)?|basic|bearer|client|code|"
    "credentials?|demo|denied|description|error|expired|forbidden|found|grant|header|identifier|invalid|issuer|key|live|"
    "message|missing|oauth2?|password|payments?|production|provider|redirect|request|response|sandbox|scope|secret|server|"
    "service|staging|status|tenant|test|token|type|unauthorized|unknown|unsupported|user(?:name)?|wrong",
)
"""Words of the field. They give nothing away."""

_LONG_WORDS = (
    "application authenticate authentication authorization authorized credentials description identifier production "
    "unauthorized unsupported"
)
"""Words of the field of which a part alone is as long as a run."""

_quote = partial(quote, errors="surrogatepass")

_WRITTEN: tuple[Callable[[str], str], ...] = (
    str,
    partial(_quote, safe=""),
    partial(quote_plus, errors="surrogatepass"),
    html.escape,
    lambda text: json.dumps(text)[1:-1],
)
"""How a text may be written before it is encoded as base64 or in hexadecimal."""

_ESCAPED = re.compile(r"\\(?:u([0-9a-f]{4})|x([0-9a-f]{2})|([^ux]))", re.IGNORECASE)
"""An escape of JSON, JavaScript or Python."""


def one_line(text: str, limit: int | None = None) -> str:
    """Put a text on one line that is safe to print: no control characters, single spaces.

    Args:
        text: The text. Characters that cannot be printed count as spaces.
        limit: The number of characters at most, the ellipsis included; None for no limit.
    """
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if limit is None or len(line) <= limit else f"{line[: limit - 1]}…"


def similar(name: str, known: Iterable[str], *, part: bool = False) -> str | None:
    """The known name that this one is probably meant to be; None if none resembles it. Case does not count.

    Args:
        name: The name.
        known: The known names.
        part: Whether the beginning or the end of a single known name is enough, such as "prod" for "production".
    """
    from difflib import get_close_matches  # only a typing error needs it

    plain = {each.lower(): each for each in known}
    wanted = name.lower()
    swapped = [each for each in plain if sorted(each) == sorted(wanted)]
    found = swapped or get_close_matches(wanted, plain, 1, _ALIKE)
    if part and not found and len(wanted) >= _PART:
        longer = [each for each in plain if each.startswith(wanted) or each.endswith(wanted)]
        found = longer if len(longer) == 1 else []
    return plain[found[0]] if found else None


def os_error_words(error: OSError | ValueError) -> str:
    """Say what an error of the operating system means, without its number and the file's name.

    Args:
        error: The error. A path with a NUL character gives a ValueError.
    """
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def redact(secrets: Iterable[str], text: str) -> str:
    """Put a server's text on one line and cut it before the first secret.

    A secret is found in any usual spelling: escaped, as base64 or hexadecimal, reversed, with doubled letters, split
    by blanks or punctuation. A part of eight characters is enough. A shorter secret is found as a whole word, and a
    secret of nothing but common words, such as "test-token-1", as a whole. A cut text ends in ``[cut]``.
    """
    text = text.replace("\0", "")  # UTF-16 that was decoded as another encoding has one after each letter
    known = {secret for secret in secrets if secret}
    if text and sum(map(len, known)) > _MOST_SECRETS:
        return "[cut]"
    searched = text[:_SEARCHED]
    search = _Search(known, searched)
    end = min(_LONGEST_TEXT, len(text))
    if search.finds(searched):
        end = min(end, search.start(searched))
    while search.finds(text[:end]):
        end -= 1
    kept = one_line(text[:end])
    return kept if end == len(text) else f"{kept}[cut]"


class _Search:
    """Looks for some secrets in a text, and in parts of it. A secret may be long, so only what the text holds is kept.

    Args:
        secrets: The secrets.
        text: The whole text.
    """

    def __init__(self, secrets: Iterable[str], text: str) -> None:
        held = {run for each in _decoded(text) for reduced in _looked_at(_reduced(each)) for run in _runs_of(reduced)}
        held |= {run[::-1] for run in held}
        self._runs = set[str]()
        self._all_runs = set[str]()
        self._wholes = set[str]()
        self._names = set[str]()
        """Secrets such as "clientsecret". Without its signs, the name of a parameter would be one."""
        self._words: list[re.Pattern[str]] = []
        for secret in secrets:
            plain = _reduced(secret)
            self._all_runs |= {run for reduced in plain for run in _runs_of(reduced) if run in held}
            if any(any(True for _ in _telling_runs(reduced)) for reduced in plain):
                if self._all_runs:
                    self._runs |= {run for reduced in plain for run in _telling_runs(reduced) if run in held}
            elif len(whole := _without_blanks(secret)) >= _RUN:
                own = {form for form in plain if len(form) >= _SHORT_WHOLE and _COMMON.sub("", form)}
                self._wholes |= own
                self._names |= {whole, "+".join(secret.lower().split())} - own
            else:
                self._words += _words(secret)
            self._runs |= {run for encoded in _encoded(secret) for run in _runs_of(encoded) if run in held}
        self._runs |= {run[::-1] for run in self._runs}
        self._wholes |= {whole[::-1] for whole in self._wholes}
        self._names |= {name[::-1] for name in self._names}

    def finds(self, text: str) -> bool:
        """Whether a part of the text gives a secret away."""
        return any(self._finds_in(each) for each in _decoded(text))

    def _finds_in(self, text: str) -> bool:
        if any(word.search(text) for word in self._words):
            return True
        for reduced in _looked_at(_reduced(text)) if self._runs or self._wholes else ():
            if not self._runs.isdisjoint(_runs_of(reduced)) or any(whole in reduced for whole in self._wholes):
                return True
        return any(name in reduced for name in self._names for reduced in _looked_at(_with_signs(text)))

    def start(self, text: str) -> int:
        """Where the first secret begins in a text that has one."""
        end = _smallest(len(text), lambda length: self.finds(text[:length]))
        found = start = end - _smallest(end, lambda length: self.finds(text[end - length : end]))
        # A run of common words may come before the run that was found, and an escape is found as a whole only.
        while earlier := [
            each for each in range(max(0, start - _ESCAPE), start) if self._begins(text[each : each + 80])
        ]:
            start = earlier[0]
        while start < found and not text[start].isalnum() and text[start] not in "%\\&":
            start += 1
        return start

    def _begins(self, text: str) -> bool:
        """Whether a text begins with a run of a secret, even if common words explain it."""
        return any(reduced[:_RUN] in self._all_runs for each in _decoded(text) for reduced in _reduced(each))


def _smallest(most: int, holds: Callable[[int], bool]) -> int:
    """The smallest number for which something holds, if it holds for all larger ones."""
    least = 0
    while least < most:
        middle = (least + most) // 2
        least, most = (least, middle) if holds(middle) else (middle + 1, most)
    return least


def _decoded(text: str) -> Iterator[str]:
    """A text as it is, and without its escapes, as often as there are some."""
    yield text
    yield text.encode("latin-1", "ignore").decode("utf-8", "ignore")
    for _ in range(_ROUNDS):
        before = text
        for decode in (_unescaped, unquote, html.unescape):
            after = decode(text)
            if after != text:
                yield after
            text = after
        if text == before:
            return


def _unescaped(text: str) -> str:
    def character(escape: re.Match[str]) -> str:
        code = escape[1] or escape[2]
        return chr(int(code, 16)) if code else " " if escape[3] in "nrtbf" else escape[3]

    return _ESCAPED.sub(character, text) if "\\" in text else text


def _reduced(text: str) -> set[str]:
    """The letters and digits of a text, those of ASCII alone, which no wrong encoding changes, and those with the signs."""
    letters = "".join(filter(str.isalnum, text.lower()))
    return {letters, "".join(filter(str.isascii, letters))} | _with_signs(text)


def _with_signs(text: str) -> set[str]:
    """A text without its blanks, and also without its hyphens, because a secret may be split by them."""
    whole = _without_blanks(text)
    return {whole, whole.replace("-", "")}


def _without_blanks(text: str) -> str:
    return "".join(text.lower().split())


def _looked_at(forms: set[str]) -> Iterator[str]:
    """What is compared with the secrets: the forms of a text, also without the second of two equal letters."""
    for reduced in forms:
        yield reduced
        yield re.sub(r"(.)\1", r"\1", reduced)


def _runs_of(reduced: str) -> Iterator[str]:
    return (reduced[start : start + _RUN] for start in range(len(reduced) - _RUN + 1))


def _telling_runs(reduced: str) -> Iterator[str]:
    """The runs of a secret that common words and signs do not explain."""
    own = [each not in _WEAK for each in reduced]
    for word in _COMMON.finditer(reduced):
        own[word.start() : word.end()] = [False] * len(word[0])
    return (
        run
        for start, run in enumerate(_runs_of(reduced))
        if sum(own[start : start + _RUN]) >= _OWN
        and run not in _LONG_WORDS
        and (run.isalnum() or len({*run}) >= _DISTINCT)
    )


def _encoded(secret: str) -> Iterator[str]:
    """A secret in base64, at any place in what was encoded, and in hexadecimal, reduced to letters and digits."""
    for written in dict.fromkeys(write(secret) for write in _WRITTEN):
        for way in (written, written[::-1]):
            raw = way.encode(errors="surrogatepass")
            yield raw.hex()
            for encoded in _base64(raw):
                yield from _reduced(encoded)
                for twice in _base64(encoded.encode()):
                    yield from _reduced(twice)


def _base64(raw: bytes) -> Iterator[str]:
    """Base64 of some bytes after none, one or two others, without the characters that depend on what is around."""
    for shift in range(3):
        encoded = b64encode(bytes(shift) + raw).decode()
        yield encoded[-(-shift * 8 // 6) : (shift + len(raw)) * 8 // 6]


def _words(secret: str) -> Iterator[re.Pattern[str]]:
    """What matches a short secret: it must be a whole word, so "id" does not cut "invalid_client"."""
    raw = secret.encode(errors="surrogatepass")
    for written in {secret, secret[::-1], raw.hex(), b64encode(raw).decode().rstrip("=")}:
        yield re.compile(rf"(?<!\w){re.escape(written)}(?!\w)", re.IGNORECASE)
