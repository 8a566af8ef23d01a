"""The arguments of TokenAuth."""

from typing import Any

import pytest

from paygrant import Cryptofuse, TokenAuth, TokenSource
from tests.helpers.arguments import refusal
from tests.helpers.providers import make

STATUSES = "a set of whole numbers from 400 to 499"
ORIGINS = "a set of strings such as 'https://api.example.com'"


@pytest.mark.parametrize(
    ("argument", "value", "allowed"),
    [
        ("source", None, "a TokenSource"),
        ("source", make(Cryptofuse), "a TokenSource"),
        ("origins", "https://api.example.com", ORIGINS),
        ("origins", 7, ORIGINS),
        ("origins", ["https://api.example.com/v1"], ORIGINS),
        ("origins", ["api.example.com"], "https://host"),
        ("origins", ["http://api.example.com"], "https://host"),
        ("origins", ["https://name@api.example.com"], "https://host"),
        ("origins", [None], "https://host"),
        ("rejected_statuses", 401, STATUSES),
        ("rejected_statuses", [200], STATUSES),
        ("rejected_statuses", [500], STATUSES),
        ("rejected_statuses", ["401"], STATUSES),
        ("rejected_statuses", [401, True], STATUSES),
    ],
)
def test_a_bad_argument_of_an_auth_is_refused(argument: str, value: Any, allowed: str) -> None:
    arguments: dict[str, Any] = {"source": TokenSource(make(Cryptofuse)), argument: value}
    assert f"; expected {allowed}" in refusal(lambda: TokenAuth(**arguments), argument)
