"""Ripple: the audience, which is a URN."""

from typing import Any

import pytest

from paygrant import Ripple, ripple_audience
from paygrant._providers.base import registration_of
from tests.helpers.arguments import refusal
from tests.helpers.providers import make


@pytest.mark.parametrize(
    ("environment", "tenant_id", "audience"),
    [
        ("test", "acme", "urn:ripplexcurrent-test:acme"),
        ("uat", "acme", "urn:ripplexcurrent-uat:acme"),
        ("production", "acme", "urn:ripplexcurrent-prod:acme"),
        ("prod", "acme", "urn:ripplexcurrent-prod:acme"),
        ("test", "rn.us.ca.san_francisco", "urn:ripplexcurrent-test:rn.us.ca.san_francisco"),
        ("test", "a:b:c", "urn:ripplexcurrent-test:a:b:c"),
        ("test", "-._~!$&'()*+,;=@", "urn:ripplexcurrent-test:-._~!$&'()*+,;=@"),
        ("test", "a%20b", "urn:ripplexcurrent-test:a%20b"),
        ("test", "acme/eu", "urn:ripplexcurrent-test:acme/eu"),
    ],
)
def test_an_audience_is_built_from_environment_and_tenant(environment: str, tenant_id: str, audience: str) -> None:
    assert ripple_audience(environment, tenant_id) == audience


BAD_TENANTS = [
    *["a b", " acme", "acme ", "a%b", "a%2", "a%zz", "acmé", "\u212aelvin", "a#b", "a?=b", "a?+b", "a\\b", 'a"b'],
    *["a<b>", "a[b]", "a{b}", "a|b", "a^b", "a`b", "/acme", ":acme", "acme:", "a::b"],
]


@pytest.mark.parametrize("tenant_id", BAD_TENANTS)
def test_a_tenant_that_cannot_stand_in_a_urn_is_refused(tenant_id: str) -> None:
    for call in (lambda: ripple_audience("test", tenant_id), lambda: make(Ripple, tenant_id=tenant_id)):
        text = refusal(call, "tenant_id")
        assert text.startswith("tenant_id: cannot be part of a URN; expected parts of letters, digits")


@pytest.mark.parametrize(
    ("value", "fault"), [("", "is empty"), ("a\nb", "holds a control character"), (7, "is of type int")]
)
def test_a_tenant_must_be_a_string(value: Any, fault: str) -> None:
    for call in (lambda: ripple_audience("test", value), lambda: make(Ripple, tenant_id=value)):
        assert fault in refusal(call, "tenant_id")


@pytest.mark.parametrize("environment", ["sandbox", "TEST", "", None])
def test_an_audience_needs_a_known_environment(environment: Any) -> None:
    assert "expected one of: test, uat, production, prod" in refusal(
        lambda: ripple_audience(environment, "acme"), "environment"
    )


def test_ripple_needs_a_tenant_or_an_audience_and_not_both() -> None:
    audience = "urn:ripplexcurrent-test:acme"
    assert "is missing" in refusal(lambda: make(Ripple, tenant_id=None), "tenant_id")
    assert "is given together with audience" in refusal(lambda: make(Ripple, audience=audience), "tenant_id")
    assert (
        registration_of(make(Ripple, tenant_id=None, audience=audience)).arguments
        == registration_of(make(Ripple)).arguments
    )


@pytest.mark.parametrize(
    "audience",
    [
        *["urn:ripplexcurrent-test:acme", "URN:RippleXCurrent-Test:acme", "urn:ripplenetxcurrent-test:acme"],
        *["urn:another-namespace:acme", "urn:ab:c", f"urn:{'n' * 32}:acme", "urn:a-b:c/d"],
    ],
)
def test_a_given_audience_is_sent_unchanged(audience: str) -> None:
    assert registration_of(make(Ripple, tenant_id=None, audience=audience)).arguments == {"audience": audience}


@pytest.mark.parametrize(
    "audience",
    [
        *["acme", "https://example.com", "urn:", "urn:acme", "urn:ripplexcurrent-test", "urn:ripplexcurrent-test:"],
        *[f"urn:{'n' * 33}:acme", "urn:a:acme", "urn:-ab:acme", "urn:ab-:acme", "urn:a_b:acme", "urn:é-b:acme"],
        *["urn:ripplexcurrent-test:a b", "urn:ripplexcurrent-test:a::b", " urn:ripplexcurrent-test:acme"],
        *["urn:ripplexcurrent-te\u017ft:acme", "urn:ripplexcurrent-test:acme?+x", "urn:ripplexcurrent-test:acme#x"],
    ],
)
def test_an_audience_must_be_a_urn(audience: str) -> None:
    text = refusal(lambda: make(Ripple, tenant_id=None, audience=audience), "audience")
    assert text.startswith("audience: is not a URN; expected urn:ripplexcurrent-{environment}:{tenant}")


@pytest.mark.parametrize(
    ("environment", "audience", "named", "wanted"),
    [
        ("test", "urn:ripplexcurrent-prod:acme", "prod", "test"),
        ("test", "urn:ripplexcurrent-uat:acme", "uat", "test"),
        ("uat", "urn:ripplenetxcurrent-test:acme", "test", "uat"),
        ("production", "URN:RIPPLEXCURRENT-TEST:acme", "TEST", "prod"),
        ("production", "urn:ripplexcurrent-production:acme", "production", "prod"),
    ],
)
def test_an_audience_of_another_environment_is_refused(
    environment: str, audience: str, named: str, wanted: str
) -> None:
    text = refusal(lambda: make(Ripple, tenant_id=None, environment=environment, audience=audience), "audience")
    assert text == f"audience: is of the environment {named!r}; expected {wanted!r}"
