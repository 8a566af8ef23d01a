"""Compares descriptions of token endpoints, part by part: one function a part says what its change means to users."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from paygrant_clients.description import Credentials, Parameter, TokenEndpoint
from scripts.breaking.change import Change, Weight

_Found: TypeAlias = Iterator[tuple[Weight, str, str]]
_Part: TypeAlias = Callable[[TokenEndpoint, TokenEndpoint], _Found]

_OTHER_REQUEST = "gateways, allow-lists and mocks see another request"


def endpoint_changes(old: Mapping[str, TokenEndpoint], new: Mapping[str, TokenEndpoint]) -> Iterator[Change]:
    """What differs between two sets of endpoints, by their names."""
    for name in sorted(old.keys() - new.keys()):
        yield Change(Weight.BREAKING, name, "the provider is gone", "its class and its client go with it")
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
        for fact, value in before.facts.items():
            if (found := after.facts.get(fact)) != value:
                weight = Weight.SECRET if "://" in value else Weight.BREAKING
                yield weight, f"{environment}: {fact} {value} becomes {found}", "what is built from it changes"


def _environments(old: TokenEndpoint, new: TokenEndpoint) -> _Found:
    for environment in old.servers.keys() - new.servers.keys():
        yield Weight.BREAKING, f"the environment {environment} is gone", "environment= refuses it"
    for environment in new.servers.keys() - old.servers.keys():
        # Where there was none at all, callers gave the host.
        weight = Weight.FINE if old.servers else Weight.BREAKING
        why = "callers choose it by its name" if old.servers else "environment= is required now"
        yield weight, f"a new environment, {environment}", why


def _credentials(old: TokenEndpoint, new: TokenEndpoint) -> _Found:
    before, after = old.credentials[0], new.credentials[0]
    if before != after:
        what = f"credentials go {_way(after)} instead of {_way(before)}"
        yield Weight.SECRET, what, "the secret travels in another place"
    for way in old.credentials[1:]:
        if way not in new.credentials:
            yield Weight.BREAKING, f"credentials no longer go {_way(way)}", "credentials_in= refuses it"
    for way in new.credentials[1:]:
        if way not in old.credentials:
            yield Weight.FINE, f"credentials may go {_way(way)}", "only where callers ask for it"


def _way(way: Credentials) -> str:
    names = "".join(f" {name}" for name in (way.client_id, way.client_secret) if name)
    return f"by {way.place}{names}"


def _address(old: TokenEndpoint, new: TokenEndpoint) -> _Found:
    for what in ("path", "method", "media_type"):
        before, after = getattr(old, what), getattr(new, what)
        if before != after:
            yield Weight.BREAKING, f"{what} {before} becomes {after}", _OTHER_REQUEST


def _parameters(old: TokenEndpoint, new: TokenEndpoint) -> _Found:
    before, after = ({each.name: each for each in endpoint.parameters} for endpoint in (old, new))
    for name in sorted(before.keys() | after.keys()):
        yield from _parameter(name, before.get(name), after.get(name))


def _parameter(name: str, old: Parameter | None, new: Parameter | None) -> _Found:
    if old is None or new is None:
        yield _came(name, new) if new else _went(name, old)
        return
    if old.place != new.place:
        weight = Weight.SECRET if old.secret or new.secret else Weight.BREAKING
        yield weight, f"{name} goes into the {new.place}, not the {old.place}", _OTHER_REQUEST
    if old.argument != new.argument:
        yield Weight.BREAKING, f"{name} is filled by {new.argument}, not {old.argument}", "callers give other arguments"
    if old.value != new.value:
        yield Weight.BREAKING, f"{name} is {new.value!r}, not {old.value!r}", "another token may come of it"
    if new.argument and new.required and not old.required:
        yield Weight.BREAKING, f"{name} is required", "callers have to give it"
    if old.required and not new.required:
        yield Weight.FINE, f"{name} is optional", "callers may go on giving it"
    if old.kind != new.kind:
        yield Weight.BREAKING, f"{name} is of type {new.kind}, not {old.kind}", "other values are refused"
    if new.choices and (gone := set(old.choices or ("anything",)) - set(new.choices)):
        yield Weight.BREAKING, f"{name} no longer takes {', '.join(map(str, sorted(gone)))}", "callers may give it"


def _came(name: str, new: Parameter | None) -> tuple[Weight, str, str]:
    if new and new.argument and new.required:
        return Weight.BREAKING, f"a new required parameter, {name}", f"callers have to give {new.argument}"
    if new and new.argument:
        return Weight.FINE, f"a new optional parameter, {name}", "callers may leave it out"
    return Weight.BREAKING, f"a new fixed parameter, {name}", _OTHER_REQUEST


def _went(name: str, old: Parameter | None) -> tuple[Weight, str, str]:
    why = f"{old.argument}= is refused" if old and old.argument else _OTHER_REQUEST
    return Weight.BREAKING, f"the parameter {name} is gone", why


def _answer(old: TokenEndpoint, new: TokenEndpoint) -> _Found:
    for fact in ("access_token", "token_type", "scope"):
        before, after = getattr(old.answer, fact), getattr(new.answer, fact)
        yield from _places(fact, before, after, "an answer that has it only there is misread")
    if old.answer.lifetime != new.answer.lifetime:
        yield Weight.FINE, "the lifetime is read otherwise", "tokens are renewed at other times"
    if old.use != new.use:
        yield Weight.SECRET, f"the token is used as {new.use}, not {old.use}", "the token travels in another place"


def _verdict(old: TokenEndpoint, new: TokenEndpoint) -> _Found:
    if old.success != new.success:
        weight = Weight.BREAKING if new.success else Weight.FINE
        why = "an answer that gave a token may be refused" if new.success else "more answers give a token"
        yield weight, f"success is {new.success}, not {old.success}", why
    yield from _places(
        "invalid_client", old.invalid_client, new.invalid_client, "except InvalidClient no longer sees it"
    )
    for fact in ("code", "description"):
        before, after = getattr(old.error, fact), getattr(new.error, fact)
        yield from _places(f"the error's {fact}", before, after, "errors lose it")


def _places(fact: str, before: tuple[Any, ...], after: tuple[Any, ...], loss: str) -> _Found:
    for place in before:
        if place not in after:
            yield Weight.BREAKING, f"{fact} no longer read at {place}", loss
    for place in after:
        if place not in before:
            yield Weight.FINE, f"{fact} also read at {place}", "more answers are understood"


_PARTS: tuple[_Part, ...] = (_hosts, _credentials, _address, _parameters, _answer, _verdict)
