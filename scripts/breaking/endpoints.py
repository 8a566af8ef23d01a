"""Compares descriptions of token endpoints. Each part has a function that says what its changes mean for users.

Values are compared by their repr: 1 == True in Python, but not in a request.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias, TypeVar

from paygrant._spec.description import ClientAuth, Parameter, TokenEndpoint, TokenUse
from scripts.breaking.change import Change, Weight

_Found: TypeAlias = Iterator[tuple[Weight, str, str]]
_Part: TypeAlias = Callable[[TokenEndpoint, TokenEndpoint], _Found]

_Each = TypeVar("_Each")

_HOST = re.compile(r"//|\w\.[^\W\d]|(\d+\.){3}\d|^\[|^[\w.-]+:\d+(/|$)|localhost", re.IGNORECASE)
"""Matches what looks like an address, or like a host without scheme. It matches too much rather than too little."""

_OTHER_REQUEST = "gateways, allow-lists and mocks see a different request"


def endpoint_changes(old: Mapping[str, TokenEndpoint], new: Mapping[str, TokenEndpoint]) -> Iterator[Change]:
    """Yield the differences between two sets of endpoints, each with its name."""
    for name in sorted(old.keys() - new.keys()):
        yield Change(Weight.BREAKING, name, "the provider is removed", "its class and its client are removed as well")
    for name in sorted(new.keys() - old.keys()):
        yield Change(Weight.FINE, name, "a new provider", "nobody uses it yet")
    for name in sorted(old.keys() & new.keys()):
        for part in _PARTS:
            for weight, what, why in part(old[name], new[name]):
                yield Change(weight, name, what, why)


def _hosts(old: TokenEndpoint, new: TokenEndpoint) -> _Found:
    yield from _environments(old, new)
    for environment in old.servers.keys() & new.servers.keys():
        before, after = old.servers[environment], new.servers[environment]
        if before.url != after.url:
            yield (
                Weight.SECRET,
                f"{environment}: {before.url} becomes {after.url}",
                "the secret goes to another address",
            )
        if before.mtls_url != after.mtls_url:
            what = f"{environment}: with a certificate, {before.mtls_url} becomes {after.mtls_url}"
            yield Weight.SECRET, what, "clients with a certificate use another address"
        for fact, value in before.environment_facts.items():
            if (found := after.environment_facts.get(fact)) != value:
                weight = Weight.SECRET if _HOST.search(value) or _HOST.search(found or "") else Weight.BREAKING
                yield weight, f"{environment}: {fact} {value} becomes {found}", "what is built from it changes"


def _environments(old: TokenEndpoint, new: TokenEndpoint) -> _Found:
    for environment in old.servers.keys() - new.servers.keys():
        yield Weight.BREAKING, f"the environment {environment} is removed", "environment= refuses it"
    for environment in new.servers.keys() - old.servers.keys():
        # Without environments, callers gave the base URL.
        weight = Weight.FINE if old.servers else Weight.BREAKING
        why = "callers choose it by its name" if old.servers else "environment= is required now"
        yield weight, f"a new environment, {environment}", why


def _credentials(old: TokenEndpoint, new: TokenEndpoint) -> _Found:
    default = old.client_auth[0], new.client_auth[0]
    pairs = _pairs(old.client_auth, new.client_auth, repr, lambda auth: auth.method, lambda _: True)
    for before, after in dict.fromkeys([default, *pairs]):
        if before and after:
            if before != after:
                what = f"credentials are sent {_how(after)} instead of {_how(before)}"
                yield Weight.SECRET, what, "the secret is sent in another place"
        elif before:
            yield Weight.BREAKING, f"credentials are no longer sent {_how(before)}", "auth_method= refuses it"
        elif after and after != new.client_auth[0]:
            yield Weight.FINE, f"credentials may be sent {_how(after)}", "only if callers choose it"


def _pairs(
    old: Sequence[_Each], new: Sequence[_Each], *keys: Callable[[_Each], object]
) -> Iterator[tuple[_Each | None, _Each | None]]:
    """Pair old values with new ones that have the same key, by the first key first. Then yield removed and added values alone."""
    removed, added = list(old), list(new)
    for key in keys:
        for before in tuple(removed):
            after = next((each for each in added if key(each) and key(each) == key(before)), None)
            if after is not None:
                removed.remove(before)
                added.remove(after)
                yield before, after
    yield from ((before, None) for before in removed)
    yield from ((None, after) for after in added)


def _how(auth: ClientAuth) -> str:
    names = "".join(f" {name}" for name in (auth.client_id, auth.client_secret) if name)
    encoding = "" if auth.encoding == "auto" else f" in the encoding {auth.encoding}"
    return f"by {auth.method}{names}{encoding}"


def _address(old: TokenEndpoint, new: TokenEndpoint) -> _Found:
    for what in ("path", "method", "media_type", "content_type", "accept"):
        before, after = getattr(old, what), getattr(new, what)
        if before != after:
            yield Weight.BREAKING, f"{what} {before} becomes {after}", _OTHER_REQUEST


def _binding(old: TokenEndpoint, new: TokenEndpoint) -> _Found:
    if old.token_use.dpop != new.token_use.dpop:
        what = "tokens are bound to a key" if new.token_use.dpop else "tokens are no longer bound to a key"
        yield Weight.BREAKING, what, "each API call needs a proof, or needs none"
    if new.needs_certificate and not old.needs_certificate:
        yield Weight.BREAKING, "connections need a certificate", "a source without one is refused"
    if old.needs_certificate and not new.needs_certificate:
        yield Weight.FINE, "connections need no certificate", "callers may still show one"


def _parameters(old: TokenEndpoint, new: TokenEndpoint) -> _Found:
    keys: tuple[Callable[[Parameter], object], ...] = (
        lambda each: (each.name, each.argument),
        lambda each: each.argument,
        lambda each: each.name,
        lambda each: each.secret,
    )
    for before, after in _pairs(old.parameters, new.parameters, *keys):
        if before and after:
            yield from _travel(before, after)
            yield from _parameter(before, after)
            yield from _exclusions(before, after)
        elif after:
            yield _added(after)
        elif before:
            yield _removed(before)


def _travel(old: Parameter, new: Parameter) -> _Found:
    """Yield changes of where a parameter is sent, and of who may see it."""
    name, weight = new.name, Weight.SECRET if old.secret or new.secret else Weight.BREAKING
    if old.name != new.name:
        yield weight, f"{old.name} is sent as {new.name}", _OTHER_REQUEST
    if old.place != new.place:
        yield weight, f"{name} is sent in the {new.place}, not the {old.place}", _OTHER_REQUEST
    if old.secret and not new.secret:
        yield Weight.SECRET, f"{name} is no longer secret", "errors may repeat it"
    if new.secret and not old.secret:
        yield Weight.FINE, f"{name} is secret", "errors do not repeat it"


def _parameter(old: Parameter, new: Parameter) -> _Found:
    name = new.name
    if old.argument != new.argument:
        yield (
            Weight.BREAKING,
            f"{name} is filled by {new.argument}, not {old.argument}",
            "callers have to give another argument",
        )
    if repr(old.value) != repr(new.value):
        yield Weight.BREAKING, f"{name} is {new.value!r}, not {old.value!r}", "the token may be another one"
    if new.argument and new.required and not old.required:
        yield Weight.BREAKING, f"{name} is required", "callers have to give it"
    if old.required and not new.required:
        yield Weight.FINE, f"{name} is optional", "callers may still give it"
    if (old.kind, new.kind) == ("integer", "number"):
        yield Weight.FINE, f"{name} takes every number", "callers may still give integers"
    elif old.kind != new.kind:
        yield Weight.BREAKING, f"{name} is of type {new.kind}, not {old.kind}", "other values are refused"
    gone = [each for each in map(repr, old.choices) if each not in map(repr, new.choices)]
    if new.choices and (gone or not old.choices):
        yield Weight.BREAKING, f"{name} no longer takes {', '.join(gone) or 'anything'}", "callers may give it"


def _exclusions(old: Parameter, new: Parameter) -> _Found:
    for other in {*new.excludes} - {*old.excludes}:
        yield Weight.BREAKING, f"{new.name} excludes {other}", "callers may give both"
    for other in {*old.excludes} - {*new.excludes}:
        yield Weight.FINE, f"{new.name} no longer excludes {other}", "callers may give both"


def _added(new: Parameter) -> tuple[Weight, str, str]:
    if new.argument and new.required:
        return Weight.BREAKING, f"a new required parameter, {new.name}", f"callers have to give {new.argument}"
    if new.argument:
        return Weight.FINE, f"a new optional parameter, {new.name}", "callers may leave it out"
    return Weight.BREAKING, f"a new fixed parameter, {new.name}", _OTHER_REQUEST


def _removed(old: Parameter) -> tuple[Weight, str, str]:
    why = f"{old.argument}= is refused" if old.argument else _OTHER_REQUEST
    return Weight.BREAKING, f"the parameter {old.name} is removed", why


def _response(old: TokenEndpoint, new: TokenEndpoint) -> _Found:
    # Another value that is read as the token, such as a refresh token, would be sent with every API call.
    for fact, weight in (("access_token", Weight.SECRET), ("token_type", Weight.BREAKING), ("scope", Weight.BREAKING)):
        before, after = getattr(old.response, fact), getattr(new.response, fact)
        yield from _places(fact, before, after, "a response that has it only there is misread", weight)
    if old.response.lifetime != new.response.lifetime:
        yield Weight.FINE, "the lifetime is read in another way", "tokens are renewed at other times"


def _token_use(old: TokenEndpoint, new: TokenEndpoint) -> _Found:
    before, after = old.token_use, new.token_use
    if _where(before) != _where(after):
        what = f"the token is sent in {_where(after)}, not {_where(before)}"
        yield Weight.SECRET, what, "the token is sent in another place"
    for status in {*before.rejected_statuses} - {*after.rejected_statuses}:
        yield Weight.BREAKING, f"{status} no longer rejects a token", "a dead token is not replaced"
    for status in {*after.rejected_statuses} - {*before.rejected_statuses}:
        yield Weight.FINE, f"{status} rejects a token", "more dead tokens are replaced"
    for name in before.headers.keys() - after.headers.keys():
        yield Weight.BREAKING, f"API calls no longer have {name}", "the API may want it"
    for name, argument in after.headers.items():
        if before.headers.get(name) != argument:
            yield Weight.SECRET, f"API calls have {name}, which {argument} fills", "the API gets another value"
    if before.single_use != after.single_use:
        what = "each token is used once" if after.single_use else "a token is used more than once"
        yield Weight.BREAKING, what, "the number of token requests changes"
    if before.persist and not after.persist:
        yield Weight.BREAKING, "tokens are no longer persisted", "processes share none"
    if after.persist and not before.persist:
        yield Weight.SECRET, "tokens are persisted", "stores outside the process get them"


def _where(use: TokenUse) -> str:
    if use.header is None:
        return f"the query as {use.query}"
    return f"the header {use.header}" + (f" after {use.prefix}" if use.prefix else "")


def _conditions(old: TokenEndpoint, new: TokenEndpoint) -> _Found:
    if repr(old.success) != repr(new.success):
        weight = Weight.BREAKING if new.success else Weight.FINE
        why = "a response with a token may be refused" if new.success else "more responses give a token"
        yield weight, f"success is {new.success}, not {old.success}", why
    # Their order does not matter.
    before, after = ([*map(repr, endpoint.invalid_client)] for endpoint in (old, new))
    yield from _places("invalid_client", before, after, "except InvalidClient no longer sees it")
    for fact in ("code", "description"):
        before, after = getattr(old.error, fact), getattr(new.error, fact)
        yield from _places(f"the error's {fact}", before, after, "errors lose it", Weight.BREAKING)


def _places(
    fact: str, before: Sequence[str], after: Sequence[str], loss: str, otherwise: Weight | None = None
) -> _Found:
    """Yield the changes of a list of places. `otherwise` is the weight if another place is now read first; None: no change."""
    for place in before:
        if place not in after:
            yield Weight.BREAKING, f"{fact} no longer read at {place}", loss
    for place in after:
        earlier = before[: before.index(place)] if place in before else before
        overtaken = [each for each in earlier if each not in after[: after.index(place)]]
        if overtaken and otherwise is not None:
            what = f"{fact} read at {place} rather than at {', '.join(overtaken)}"
            yield otherwise, what, "a response with both gives another value"
        elif place not in before:
            yield Weight.FINE, f"{fact} also read at {place}", "more responses are understood"


_PARTS: tuple[_Part, ...] = (
    _hosts,
    _credentials,
    _binding,
    _address,
    _parameters,
    _response,
    _token_use,
    _conditions,
)
