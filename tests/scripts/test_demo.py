"""``make demo``: it can be read on a terminal of the usual width."""

import sys
from pathlib import Path

import pytest

from tests.helpers.terminal import lines_of, run_on_a_terminal

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("columns", [80, 140])
def test_the_demo_breaks_no_word_on_a_terminal(columns: int) -> None:
    code, written = run_on_a_terminal([sys.executable, "-m", "scripts.demo"], columns, ROOT)
    shown = lines_of(written)
    assert code == 0
    assert max(map(len, shown)) <= columns
    words = {*" ".join(shown).split()}
    assert words >= {"provider", "client", "credentials", "lifetime", "scope", "calls", "alternative_payments"}
    assert words >= {"username,", "client_id,", "client_secret", "payments:accept", "payments:read"}
