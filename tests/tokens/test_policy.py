"""RefreshPolicy: the numbers that it accepts."""

import dataclasses
from typing import Any

import pytest

from paygrant import ConfigurationError, RefreshPolicy
from tests.helpers.arguments import refusal

NUMBERS = [field.name for field in dataclasses.fields(RefreshPolicy) if field.type is float]


@pytest.mark.parametrize("argument", NUMBERS)
@pytest.mark.parametrize("value", [-1, -0.001, float("nan"), float("inf"), "10", None, True, 1j])
def test_a_policy_refuses_numbers_that_are_not_finite(argument: str, value: Any) -> None:
    text = refusal(lambda: RefreshPolicy(**{argument: value}), argument)
    assert text.startswith(f"{argument}: is {value!r}; expected a finite number ")


@pytest.mark.parametrize("value", [0, -1, 2.0, 1.5, float("nan"), float("inf"), "4", None, True, 1j])
def test_max_attempts_must_be_a_whole_number(value: Any) -> None:
    text = refusal(lambda: RefreshPolicy(max_attempts=value), "max_attempts")
    assert text == f"max_attempts: is {value!r}; expected a whole number of at least 1"
    assert RefreshPolicy(max_attempts=1)


@pytest.mark.parametrize("value", [10**400, 10**5000, -(10**5000)], ids=["large", "huge", "negative"])
@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(RefreshPolicy)])
def test_a_number_of_many_digits_is_out_of_range(name: str, value: int) -> None:
    if name == "max_attempts" and value > 0:
        return
    numbers: dict[str, Any] = {name: value}
    assert len(refusal(lambda: RefreshPolicy(**numbers), name)) < 200


@pytest.mark.parametrize(("name", "value"), [("timeout", 1e5), ("deadline", 1e10), ("default_lifetime", 1e10)])
def test_a_time_that_no_timer_takes_is_out_of_range(name: str, value: float) -> None:
    numbers: dict[str, Any] = {name: value}
    refusal(lambda: RefreshPolicy(**numbers), name)


@pytest.mark.parametrize(
    ("argument", "most"), [("timeout", "86400"), ("deadline", "86400"), ("default_lifetime", "1e+09")]
)
def test_some_times_must_not_be_zero(argument: str, most: str) -> None:
    numbers: dict[str, Any] = {argument: 0}
    text = refusal(lambda: RefreshPolicy(**numbers), argument)
    assert text.endswith(f"expected a finite number from 0.001 to {most}")
    numbers[argument] = 0.001
    assert getattr(RefreshPolicy(**numbers), argument) == 0.001


@pytest.mark.parametrize("argument", ["margin", "margin_fraction", "refusal_pause", "replacement_pause"])
def test_other_numbers_may_be_zero(argument: str) -> None:
    numbers: dict[str, Any] = {argument: 0}
    assert getattr(RefreshPolicy(**numbers), argument) == 0


def test_a_fraction_is_at_most_one() -> None:
    assert RefreshPolicy(margin_fraction=1)
    text = refusal(lambda: RefreshPolicy(margin_fraction=1.01), "margin_fraction")
    assert text.endswith("; expected a finite number from 0 to 1")


def test_policies_are_values() -> None:
    assert RefreshPolicy(timeout=3) == RefreshPolicy(timeout=3.0) != RefreshPolicy()
    assert len({RefreshPolicy(timeout=3), RefreshPolicy(timeout=3.0)}) == 1
    with pytest.raises(ConfigurationError, match="timeout"):
        dataclasses.replace(RefreshPolicy(), timeout=0)
