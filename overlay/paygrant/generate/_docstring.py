"""Puts the texts of a spec into docstrings of generated code. They are data: whatever they hold, they stay a text.

The result has the same bytes with every Python: what is a letter is asked of one fixed version of Unicode.
"""

import textwrap
import unicodedata
from collections.abc import Iterable

from paygrant._spec.names import UNSAFE_CHARACTERS

WIDTH = 120
"""The longest line. A word that is longer, such as an address, is not cut."""


def docstring(summary: str, *blocks: str, indent: int = 0) -> str:
    """Return the source of a docstring.

    Args:
        summary: Its first paragraph.
        *blocks: Further blocks, such as ``paragraph`` and ``section`` make them; empty ones are left out.
        indent: The indentation of the code around it, in spaces.
    """
    first = paragraph(summary, width=WIDTH - indent - len('"""'))
    text = _literal("\n\n".join([first, *filter(None, blocks)]))
    margin = " " * indent
    if "\n" not in text and len(text) + len('""""""') + indent <= WIDTH:
        return f'{margin}"""{text}"""'
    return textwrap.indent(f'"""{text}\n"""', margin)


def paragraph(text: str, *, width: int, first: str = "", further: str = "") -> str:
    """Return a text as wrapped lines. ``first`` and ``further`` begin the first line and each further one."""
    return textwrap.fill(
        one_line(text),
        width,
        initial_indent=first,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )


def section(heading: str, entries: Iterable[tuple[str, str]], *, indent: int = 0) -> str:
    """Return a section such as ``Args:``, with a name and a text for each entry; empty if there is no entry."""
    width = WIDTH - indent
    lines = [
        paragraph(f"{name}: {text}" if name else text, width=width, first=" " * 4, further=" " * 8)
        for name, text in entries
    ]
    return "\n".join([f"{heading}:", *lines]) if lines else ""


def one_line(text: str) -> str:
    """Return a text on one line, without characters that control a terminal or the direction of a text."""
    plain = UNSAFE_CHARACTERS.sub("", text.replace("\n", " ").replace("\t", " "))
    return " ".join("".join(each for each in plain if not _is_invisible(each)).split())


def _literal(text: str) -> str:
    """Return a text as it stands between the quotes of a docstring."""
    plain = text.rstrip('"')
    escaped = plain.replace("\\", "\\\\").replace('"""', r"\"\"\"") + r"\"" * (len(text) - len(plain))
    return "".join(each if each == "\n" or _is_plain(each) else _escape(each) for each in escaped)


def _is_invisible(character: str) -> bool:
    return character == "\u200b" or unicodedata.ucd_3_2_0.category(character) == "Cf"


def _is_plain(character: str) -> bool:
    return character.isascii() or unicodedata.ucd_3_2_0.category(character)[0] in "LMNPS"


def _escape(character: str) -> str:
    return character.encode("ascii", "backslashreplace").decode()
