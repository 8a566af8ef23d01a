"""The prose of the README and of the documentation keeps the rules: short sentences, no words to avoid, links with a text."""

import re
from collections.abc import Iterator

import pytest

from tests.helpers.examples import PAGES, ROOT

MOST_WORDS = 25
TEXTS = {**PAGES, **{name: ROOT / name for name in ("CHANGELOG.md", "specs/README.md")}}
AVOIDED = re.compile(
    r"\b(told|tells?|lest|whoever|anew|be it|of no use|so many|flights?|drafts? requests?)\b", re.IGNORECASE
)


def sentences(text: str) -> Iterator[str]:
    """The sentences outside of code; a cell of a table is one of its own."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    for paragraph in re.split(r"\n\s*\n|\n(?=[-*|#:]|\d+\. )", text):
        for cell in paragraph.split("|"):
            yield from re.split(r"(?<=[.!?:;])\s+", cell.strip())


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_is_plain(name: str) -> None:
    for sentence in sentences(TEXTS[name].read_text("utf-8")):
        assert len(sentence.split()) <= MOST_WORDS, sentence
        assert not AVOIDED.search(sentence), sentence


@pytest.mark.parametrize("name", TEXTS)
def test_a_link_has_a_text(name: str) -> None:
    assert "[](" not in TEXTS[name].read_text("utf-8")  # Sphinx would fill in a title, other viewers show nothing
