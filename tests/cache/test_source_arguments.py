"""The arguments of TokenSource."""

from typing import Any

import httpx
import pytest

from paygrant import Cryptofuse, MemoryStore, RefreshPolicy, Ripple, TokenSource
from tests.helpers.arguments import refusal
from tests.helpers.providers import make


@pytest.mark.parametrize(
    ("argument", "value", "allowed"),
    [
        ("provider", None, "a provider, such as Ripple(...)"),
        ("provider", "ripple", "a provider, such as Ripple(...)"),
        ("provider", Ripple, "a provider, such as Ripple(...)"),
        ("store", {}, "a store, such as MemoryStore()"),
        ("store", MemoryStore, "a store, such as MemoryStore()"),
        ("policy", None, "a RefreshPolicy"),
        ("policy", {"timeout": 3}, "a RefreshPolicy"),
        ("policy", RefreshPolicy, "a RefreshPolicy"),
        ("transport", "http://proxy.example", "an httpx.BaseTransport"),
        ("transport", httpx.HTTPTransport, "an httpx.BaseTransport"),
        ("transport", httpx.AsyncHTTPTransport(), "an httpx.BaseTransport"),
    ],
)
def test_a_bad_argument_of_a_source_is_refused(argument: str, value: Any, allowed: str) -> None:
    arguments: dict[str, Any] = {"provider": make(Cryptofuse), argument: value}
    assert refusal(lambda: TokenSource(**arguments), argument).endswith(f"; expected {allowed}")
