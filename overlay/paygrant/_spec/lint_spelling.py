"""Finds typing errors in a spec: a word or a name that nothing knows, next to one that it resembles.

The check looks at a spec as its author wrote it, before it is completed. So it takes nothing for granted.
"""

from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from paygrant._spec.complete_schemas import is_pointer, places, pointers, resolved
from paygrant._spec.completion import host_variables, only_operation
from paygrant._spec.document import Document, is_array, is_object, object_in, objects_in
from paygrant._spec.errors import Fault
from paygrant._spec.lint_shape import normalized_errors
from paygrant._spec.names import names_in_braces
from paygrant._spec.pointer import any_item, field_at, parts, pointer_to
from paygrant._spec.reader import ENDPOINT, ERROR, REQUEST, RESPONSE, SCHEMAS
from paygrant._text import similar

SPELLING, UNDECLARED = "spelling", "undeclared-fields"
"""The rules."""

_LISTED = "A body that lists its fields should list each field that is sent."

_MOST = 20
"""Unknown fields that are looked at. In a large spec, comparing all names would take seconds."""

_SENT_IN = {"client_secret_post": "body", "header": "header", "query": "query"}
"""The methods of client authentication that have names, and where these are."""


def misspelt_words(document: Document) -> Iterator[Fault]:
    """Yield each word of OpenAPI or of an extension that is misspelt."""
    for error in normalized_errors(document):
        place = pointer_to("", *error.absolute_path)
        if error.validator == "additionalProperties" and is_object(error.instance) and place != SCHEMAS:
            known: Mapping[str, Any] = error.schema.get("properties", {}) if is_object(error.schema) else {}
            for word in error.instance.keys() - known.keys():
                if meant := similar(word, known):
                    yield _fault(pointer_to(place, word), f"{word!r} is not known here; did you mean {meant!r}?")


def misspelt_fields(document: Document) -> Iterator[Fault]:
    """Yield each field that ``x-token-endpoint`` names in another way than the request or the response."""
    for each in _fields(document.data):
        if each.meant:
            yield _fault(each.place, f"the {each.part} has no {each.name!r}; did you mean {each.meant!r}?")


def undeclared_fields(document: Document) -> Iterator[Fault]:
    """Yield each field that is sent, and that is not among the listed fields of the body."""
    for each in _fields(document.data):
        if each.part == "body" and not each.meant:
            yield Fault(UNDECLARED, each.place, f"the body has no {each.name!r}. {_LISTED}")


def _fault(place: str, text: str) -> Fault:
    return Fault(SPELLING, place, text)


class _Unknown(NamedTuple):
    """A name that the request or the response does not have, and the one that is probably meant."""

    place: str
    part: str
    name: str
    meant: str | None


class _Named(NamedTuple):
    """A part of the request that ``x-token-endpoint`` names."""

    place: str
    part: str
    at: str


def _fields(data: Any) -> Iterator[_Unknown]:
    """What ``x-token-endpoint`` names, and the request or the response does not have."""
    endpoint, only = object_in(data, ENDPOINT), only_operation(data)
    if only and endpoint:
        path, item, method = only
        operation: Any = item[method] or {}
        schemas = object_in(data, "components", "schemas")
        unknown = _in_request(endpoint, operation, schemas, host_variables(data).union(names_in_braces(path)))
        yield from islice(unknown, _MOST)
        yield from _in_responses(endpoint, operation, schemas)


def _in_request(
    endpoint: Mapping[str, Any], operation: Mapping[str, Any], schemas: Mapping[str, Any], in_address: set[str]
) -> Iterator[_Unknown]:
    body = _content_schema(operation.get("requestBody"), schemas) or schemas.get(REQUEST)
    beside = objects_in(operation, "parameters")
    known = {"body": places(body), "header": set[str](), "query": set[str]()}
    for each in beside:
        known.setdefault(str(each.get("in")), set()).add(str(each.get("name")))
    named = [*_named(endpoint, {str(each.get("name")) for each in beside} | in_address)]
    for place, part, at in named:
        if known[part] and at not in known[part]:
            candidates = known[part] - {each.at for each in named if each.part == part}
            if part == "body" and "parameters" not in endpoint:
                candidates = {each for each in candidates if not _is_fixed(body, each)}
            meant = _similar_place(at, candidates)
            yield _Unknown(place, part, _shown(at), meant and _shown(meant))


def _named(endpoint: Mapping[str, Any], beside: Collection[str]) -> Iterator[_Named]:
    """Each part of the request that client authentication or ``parameters`` names."""
    methods: Any = endpoint.get("client_authentication")
    for index, each in enumerate(methods if is_array(methods) else ()):
        part = _SENT_IN.get(str(each.get("method"))) if is_object(each) else None
        for argument in ("client_id", "client_secret") if part else ():
            name = each.get(argument, argument)
            if isinstance(name, str):
                place = pointer_to("", ENDPOINT, "client_authentication", index, argument)
                yield _Named(place, str(part), field_at(name) if part == "body" else name)
    for name in object_in(endpoint, "parameters"):
        if name not in beside:
            yield _Named(pointer_to("", ENDPOINT, "parameters", name), "body", field_at(name))


def _in_responses(
    endpoint: Mapping[str, Any], operation: Mapping[str, Any], schemas: Mapping[str, Any]
) -> Iterator[_Unknown]:
    stated = [_content_schema(each, schemas) for each in object_in(operation, "responses").values()]
    known = {each for schema in (*stated, schemas.get(RESPONSE), schemas.get(ERROR)) for each in places(schema)}
    facts = dict(_places_in_responses(endpoint))
    taken = {any_item(each) for several in facts.values() for each in several}
    for place, several in facts.items():
        if several and not known & {any_item(each) for each in several}:
            meant = _similar_place(any_item(several[0]), known - taken)
            if meant:
                yield _Unknown(place, "response", several[0], meant)


def _places_in_responses(endpoint: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """The first place of each fact in ``x-token-endpoint``, and the places in a response where the fact may be."""
    for section, facts in (("response", ("access_token", "token_type", "scope")), ("error", ("code", "description"))):
        for fact in facts:
            yield pointer_to("", ENDPOINT, section, fact, 0), pointers(endpoint.get(section), fact)
    ends = [each.get("at") for each in objects_in(endpoint, "response", "lifetime")]
    yield pointer_to("", ENDPOINT, "response", "lifetime", 0, "at"), [each for each in ends if is_pointer(each)]


def _content_schema(part: Any, schemas: Mapping[str, Any]) -> Any:
    """The schema of a body, or the one that it refers to."""
    first = object_in(next(iter(object_in(part, "content").values()), None))
    return resolved(first.get("schema"), schemas)


def _is_fixed(schema: Any, at: str) -> bool:
    """Whether a field always has the same value, so that nothing needs to name it."""
    above = [name for step in parts(at) for name in ("properties", step)]
    return "const" in object_in(schema, *above)


def _similar_place(at: str, known: Collection[str]) -> str | None:
    """The place that differs from this one in one step, which resembles the step here; None if there is none."""
    steps = at.split("/")
    for place in sorted(known):
        others = place.split("/")
        differing = [(here, there) for here, there in zip(steps, others, strict=False) if here != there]
        if len(steps) == len(others) and len(differing) == 1 and similar(differing[0][0], [differing[0][1]]):
            return place
    return None


def _shown(at: str) -> str:
    """A field as ``x-token-endpoint`` names it."""
    return at[1:] if at.startswith("/") and at.count("/") == 1 else at
