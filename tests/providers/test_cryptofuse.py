"""Cryptofuse: its scope, its base URL, and its methods of client authentication."""

from typing import Any

import pytest

from paygrant import ConfigurationError, Cryptofuse
from paygrant._providers.base import registration_of
from tests.helpers.arguments import refusal
from tests.helpers.providers import make


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (["read", ""], "holds ''"),
        ("", "holds ''"),
        ("read  write", "holds ''"),
        (["read write"], "holds 'read write'"),
        (['"read"'], "holds '\"read\"'"),
        (["a\\b"], r"holds 'a\\b'"),
        (["lesé"], "holds 'lesé'"),
        (["read\n"], r"holds 'read\n'"),
        ("read\twrite", r"holds 'read\twrite'"),
        (["read", 7], "holds 7"),
        (7, "is of type int"),
        (b"read", "is of type bytes"),
        ({"read": 1}, "is of type dict"),
    ],
)
def test_a_scope_outside_rfc_6749_is_refused(value: Any, fault: str) -> None:
    text = refusal(lambda: make(Cryptofuse, scope=value), "scope")
    assert text.startswith(f"scope: {fault}; expected ")


@pytest.mark.parametrize("value", [("read", "write"), ["read", "write"], "read write", {"write", "read"}])
def test_a_scope_may_be_a_string_or_a_collection(value: Any) -> None:
    assert make(Cryptofuse, scope=value) == make(Cryptofuse)


@pytest.mark.parametrize("value", [(), None])
def test_a_request_may_name_no_scope(value: Any) -> None:
    provider = make(Cryptofuse, scope=value)
    assert provider.scope == ()
    assert registration_of(provider).arguments == {}


@pytest.mark.parametrize("value", ["header", "Basic", "", 7])
def test_an_unknown_method_of_client_authentication_is_refused(value: Any) -> None:
    assert "expected one of: client_secret_basic, client_secret_post" in refusal(
        lambda: make(Cryptofuse, auth_method=value), "auth_method"
    )


def test_cryptofuse_has_no_environment() -> None:
    assert registration_of(make(Cryptofuse)).environment is None
    with pytest.raises(
        ConfigurationError, match=r"unexpected keyword argument 'environment'; expected the arguments client_id, "
    ):
        make(Cryptofuse, environment="production")


@pytest.mark.parametrize("arguments", [{}, {"base_url": None}])
def test_cryptofuse_needs_a_base_url(arguments: dict[str, Any]) -> None:
    text = refusal(lambda: Cryptofuse(client_id="a", client_secret="b", **arguments), "base_url")
    assert "expected https://host" in text
