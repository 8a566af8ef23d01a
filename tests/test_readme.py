"""The README is short, and its links lead somewhere. Its examples run in tests/docs."""

import re

import pytest

from tests.helpers.examples import README, ROOT

LINKS = re.findall(r"\]\(([^)#]+)[^)]*\)", README.read_text("utf-8"))


def test_the_readme_has_at_most_150_lines() -> None:
    assert len(README.read_text("utf-8").splitlines()) <= 150


@pytest.mark.parametrize("link", sorted({link for link in LINKS if "://" not in link}))
def test_a_relative_link_leads_to_a_file_of_the_repository(link: str) -> None:
    assert (ROOT / link).is_file()
    assert not link.startswith(("/", "."))
