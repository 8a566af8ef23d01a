"""Checks assertions by which a client authenticates itself (RFC 7523 section 3, OpenID Connect Core section 9)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from paygrant._secrets import compared_as_a_whole
from paygrant._spec.description import Assertion, ClientAuth
from paygrant.sandbox._jwt import (
    ASYMMETRIC,
    LEEWAY,
    SYMMETRIC,
    FirstUse,
    JwtError,
    SignedJwt,
    VerifyingKey,
    check_algorithm,
    check_id,
    check_issued,
    moment,
    read,
)

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
"""The ``client_assertion_type`` (RFC 7523 section 2.2)."""

_LONGEST = 3600.0
"""Seconds. An assertion may live this long, unless the spec says that it lives longer."""


@compared_as_a_whole
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class AssertionRules:
    """What an assertion must fit.

    Attributes:
        client_id: The client's id.
        keys: The keys that may have signed it.
        audience: The audience that a test has set, or else the URL of the token endpoint.
        is_set: Whether a test has set it.
        now: The time of the sandbox, in seconds since the epoch.
        first_use: Whether a ``jti`` is used for the first time.
        facts: The facts of each environment. One of them may be the audience.
    """

    client_id: str
    keys: Sequence[VerifyingKey]
    audience: str
    is_set: bool
    now: float
    first_use: FirstUse
    facts: Sequence[Mapping[str, str]] = ()


def accepted_algorithms(auth: ClientAuth) -> tuple[str, ...]:
    """The algorithms that an endpoint accepts for a method."""
    known = SYMMETRIC if auth.method == "client_secret_jwt" else ASYMMETRIC
    return tuple(each for each in auth.assertion.algorithms or known if each in known)


def check_assertion(text: str, auth: ClientAuth, rules: AssertionRules) -> None:
    """Check an assertion: its signature first, then its claims, and its ``jti`` last.

    Raises:
        JwtError: It is wrong.
    """
    signed = read(text)
    check_algorithm(signed, accepted_algorithms(auth))
    signed.check_signature(_candidates(signed, rules.keys))
    stated = auth.assertion
    replaced = {each.name: each for each in stated.claims}
    _check_parties(signed.claims, stated, rules, replaced)
    longest = max(_LONGEST, stated.lifetime)
    expires = _check_times(signed.claims, rules.now, longest, has_end="exp" not in replaced)
    until = (rules.now + longest if expires is None else expires) + LEEWAY
    check_id(signed.claims, lambda each: rules.first_use(each, until), required="jti" not in replaced)


def _candidates(signed: SignedJwt, keys: Sequence[VerifyingKey]) -> list[VerifyingKey]:
    """The keys that may have signed: those with the id that the header names, or else all."""
    key_id = signed.header.get("kid")
    if key_id is None:
        return list(keys)
    found = [each for each in keys if each.key_id is None or each.key_id == key_id]
    if not found:
        raise JwtError("kid: is unknown; expected the id of a key of the client")
    return found


def _check_parties(
    claims: Mapping[str, Any], stated: Assertion, rules: AssertionRules, replaced: Mapping[str, Any]
) -> None:
    """Check who made the assertion, about whom and for whom, and the claims that the spec names."""
    for name in {"iss", "sub"} - replaced.keys():
        _check_equal(claims, name, rules.client_id, "the client's id")
    for each in stated.claims:
        if each.argument == "client_id":
            _check_equal(claims, each.name, rules.client_id, "the client's id")
        elif each.argument is None and each.value is not None:
            _check_equal(claims, each.name, each.value, "the value that the spec has")
        elif each.argument is not None and each.required and claims.get(each.name) in (None, ""):
            raise JwtError(f"{each.name}: is missing; expected this claim")
    if "aud" in replaced:
        return
    audience = claims.get("aud")
    if not isinstance(audience, str):
        fault = "is missing" if audience is None else "is not one string"
        raise JwtError(f"aud: {fault}; expected one string")
    if rules.is_set or stated.audience_argument is None:
        right = rules.audience if rules.is_set else stated.audience or rules.audience
        by_fact = [each[fact] for each in rules.facts if (fact := stated.audience_fact) and fact in each]
        if by_fact and not rules.is_set:  # the sandbox serves all environments at one address
            right = audience if audience in by_fact else by_fact[0]
        _check_equal(claims, "aud", right, right)


def _check_equal(claims: Mapping[str, Any], name: str, right: object, expected: str) -> None:
    if claims.get(name) != right:
        fault = "is another one" if name in claims else "is missing"
        raise JwtError(f"{name}: {fault}; expected {expected}")


def _check_times(claims: Mapping[str, Any], now: float, longest: float, *, has_end: bool) -> float | None:
    """Check the times, and return that of the end, which may be missing unless there must be one."""
    check_issued(moment(claims, "iat", required=False), now, longest)
    begin = moment(claims, "nbf", required=False)
    if begin is not None and begin > now + LEEWAY:
        raise JwtError("nbf: is in the future by the sandbox's clock; expected a time in the past")
    expires = moment(claims, "exp", required=has_end)
    if expires is not None:
        if expires <= now - LEEWAY:
            raise JwtError("exp: has passed by the sandbox's clock; expected a later time")
        if expires > now + longest + LEEWAY:
            raise JwtError(f"exp: is too late; expected at most {longest:.0f} seconds from now")
    return expires
