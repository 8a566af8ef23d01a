"""What a run of mutmut shows: the table of the results, and the lines that a change concerns."""

import pytest

from scripts.mutation import changed_lines, table, verdicts

RESULTS = """
    paygrant._cache.lock.x_hold__mutmut_1: killed
    paygrant._cache.lock.x_hold__mutmut_2: survived
    paygrant._request.send.x_send__mutmut_1: no tests
    paygrant._request.send.x_send__mutmut_2: segfault
"""


def test_the_results_are_counted_by_package() -> None:
    assert table(verdicts(RESULTS)).splitlines() == [
        "| package | killed | survived | timeout | no tests | not checked | segfault |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| `_cache` | 1 | 1 | 0 | 0 | 0 | 0 |",
        "| `_request` | 0 | 0 | 0 | 1 | 0 | 1 |",
        "| all | 1 | 1 | 0 | 1 | 0 | 1 |",
    ]


FUNCTION = """
    def read(self, most: int = 1) -> int:
        if (
            most > 2
        ):
            return call(
                most,
                3,
            )
        return most
""".strip("\n").splitlines()


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("= 1", "= 2", range(len(FUNCTION))),
        ("> 2", ">= 2", range(1, 4)),
        ("3,", "4,", range(4, 8)),
        ("return most", "return None", range(8, 9)),
    ],
)
def test_a_change_concerns_the_lines_of_its_statement(old: str, new: str, lines: range) -> None:
    changed = [line.replace(old, new) for line in FUNCTION]
    assert changed_lines(FUNCTION, changed) == lines
