"""Rules on assertions, by which a client authenticates itself (RFC 7523). Each rule is a function."""

import keyword
from collections.abc import Iterator

from paygrant._spec.description import ASSERTION_METHODS, Assertion
from paygrant._spec.document import Document
from paygrant._spec.errors import Fault
from paygrant._spec.lint_fit import Check, Faults, faults_of, rule_of
from paygrant._spec.names import RESERVED_ARGUMENTS
from paygrant._spec.reader import NormalizedSpec

_CHECKS: dict[str, Check] = {}
_rule = rule_of(_CHECKS)


def auth_faults(document: Document) -> Iterator[Fault]:
    """Yield what breaks these rules."""
    return faults_of(document, _CHECKS)


@_rule
def claim_arguments(spec: NormalizedSpec) -> Faults:
    """An argument of a claim or an audience must be client_id, or a name that is free and not a Python keyword. If it also fills a parameter, that parameter must be a string."""
    texts = {each.argument for each in spec.endpoint.parameters if each.kind == "string"}
    others = {each.argument for each in spec.endpoint.parameters} - texts
    for index, assertion in _assertions(spec):
        for name, argument in _named_arguments(assertion):
            place = spec.place_of("client_auth", index, *name, "argument")
            if argument in RESERVED_ARGUMENTS - {"client_id"} or keyword.iskeyword(argument):
                yield place, f"{argument!r} is taken"
            elif argument in others:
                yield place, f"{argument!r} is not a string"


@_rule
def audience_fact(spec: NormalizedSpec) -> Faults:
    """The fact that is the audience of an assertion must be in x-environment-facts of each server. There must be a server."""
    for index, assertion in _assertions(spec):
        fact = assertion.audience_fact
        if fact and not (spec.servers and all(fact in server.environment_facts for _, server in spec.servers)):
            yield (
                spec.place_of("client_auth", index, "audience", "fact"),
                f"no server, or not each server, has {fact!r}",
            )


@_rule
def assertion_body(spec: NormalizedSpec) -> Faults:
    """An assertion in the body needs a requestBody."""
    for index, assertion in _assertions(spec):
        if assertion.place == "body" and spec.media_type is None:
            yield spec.place_of("client_auth", index), "the operation has no requestBody"


@_rule
def unique_methods(spec: NormalizedSpec) -> Faults:
    """Each method that signs must have one entry only: auth_method could not choose between two."""
    methods = [auth.method for auth in spec.client_auth]
    for index, _ in _assertions(spec):
        if methods[index] in methods[:index]:
            yield spec.place_of("client_auth", index, "method"), f"{methods[index]!r} is a duplicate"


@_rule
def mtls_urls(spec: NormalizedSpec) -> Faults:
    """Either all servers must have x-mtls-url, or none: a client with a certificate needs it in every environment."""
    stated = [server.mtls_url is not None for _, server in spec.servers]
    if len({*stated}) > 1:
        yield "/servers", "only some servers have x-mtls-url"


def _assertions(spec: NormalizedSpec) -> Iterator[tuple[int, Assertion]]:
    for index, auth in enumerate(spec.client_auth):
        if auth.method in ASSERTION_METHODS:
            yield index, auth.assertion


def _named_arguments(assertion: Assertion) -> Iterator[tuple[tuple[str, ...], str]]:
    """The arguments that fill claims and the audience, each with the steps to its place."""
    for claim in assertion.claims:
        if claim.argument:
            yield ("claims", claim.name), claim.argument
    if assertion.audience_argument:
        yield ("audience",), assertion.audience_argument
