"""Decides how responses are read: where the token and its lifetime are, and what means that the credentials are wrong."""

import re
from typing import Any

from paygrant._spec.document import is_object
from paygrant._spec.pointer import parts, pointer_to, value_at, with_value
from paygrant._spec.reader import JSON
from paygrant.propose import _field_names as names
from paygrant.propose._candidates import Candidate
from paygrant.propose._decisions import Decisions, clean
from paygrant.propose._schema import Field, SchemaReader, SpecFragment
from paygrant.propose.references import Node

_ENDS_AS_MOMENT = re.compile("(at|eson|until|date|time|iration|iry|exp|utc)$")
_CREDENTIALS = re.compile("credential|client|unauthori[sz]ed|authenticat|secret|api.?key", re.IGNORECASE)
_REFUSED = re.compile("invalid_?client|credential", re.IGNORECASE)
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_IN_OTHER_UNITS = re.compile("minute|hour|days")
_SAID = re.compile(r"[^.\n]*\b(valid for|expires? (in|after)|lifetime|lives for|time to live)\b[^.\n]*", re.IGNORECASE)
"""Matches the sentence in which a description gives the lifetime."""

_SAMPLES: dict[str, Any] = {
    "seconds": 3600,
    "milliseconds": 3600000,
    "epoch": 1893456000,
    "epoch_milliseconds": 1893456000000,
    "moment": "2030-01-01T00:00:00Z",
}
_MAX_SECONDS, _MAX_EPOCH = 1 << 30, 1 << 35
"""A larger number of seconds (34 years) counts from 1970. A larger number from 1970 (a thousand years) is in milliseconds."""

_DAY, _MINUTE_IN_MILLISECONDS, _LEAST_MILLISECONDS, _MAX_DAYS = 86_400, 60_000, 900_000, 1_000
"""A number is a lifetime in milliseconds if it is 15 minutes or more, and whole minutes. As seconds, it must not be whole
days, or must be more than 1,000 days."""


def propose_responses(candidate: Candidate, path: str) -> SpecFragment:
    """The responses of a token endpoint, which has this path in the draft. Without any, a short spec says enough."""
    if not candidate.operation["responses"]:
        text = "no response is documented; assumed: those of RFC 6749 sections 5.1 and 5.2"
        candidate.document.decisions.add("/x-token-endpoint/response", text)
        return SpecFragment({}, {}, {})
    place = pointer_to("/paths", path, candidate.method, "responses")
    fragment = SpecFragment({"responses": {}}, {}, {})
    granted = _granted(candidate, fragment, place)
    _rejected(candidate, fragment, place, granted)
    return fragment


def _granted(candidate: Candidate, fragment: SpecFragment, place: str) -> dict[str, Any]:
    """Settle the response with a token, and return its example."""
    decisions = candidate.document.decisions
    documented = dict(candidate.operation["responses"].items())
    status = next((each for each in ("200", "201", "2XX", "2xx", "default") if each in documented), "200")
    response = documented.get(status, Node.root(None))
    status = "201" if status == "201" else "200"
    media = _json(response)
    body = _body_with_token(media, decisions)
    at, token = body.find(names.TOKENS) or ("/access_token", Field())
    token.kind, token.secret = "string", True
    fields: dict[str, Any] = {"access_token": [at]}
    for fact, known, sample in (("token_type", names.TOKEN_TYPES, "Bearer"), ("scope", names.SCOPES, "read")):
        if where := body.find(known):
            fields[fact] = [where[0]]
            where[1].sample = where[1].sample or sample
    if lifetime := _lifetime(candidate, body, at, token):
        fields["lifetime"] = [lifetime]
    fragment.endpoint["response"] = fields
    given = _example(media)
    if given is None:
        decisions.add(
            f"{place}/{status}", "no example of a token response is documented; the example granted was made up"
        )
    example: dict[str, Any] = body.example("TokenResponse", given)
    if value_at(example, at) is None:
        example = with_value(example, at, "example-access-token")
    if success := body.find(names.SUCCESS_FLAGS, "boolean"):
        fragment.endpoint["success"] = {"at": success[0], "equals": True}
        example = with_value(example, success[0], value=True)
        text = f"is {success[0]} true in each response with a token, and in no other?"
        decisions.add("/x-token-endpoint/success", text)
    fragment.schemas["TokenResponse"] = body.schema("TokenResponse")
    fragment.operation["responses"][status] = {
        "description": clean(response["description"].text) or "The access token.",
        **_content("TokenResponse", granted=example),
    }
    return example


def _body_with_token(media: Node, decisions: Decisions) -> Field:
    """The body of a response with a token; without a documented one, that of RFC 6749 section 5.1."""
    body = Field("object", description="The access token and its details.", fields=_fields(media))
    if not body.fields:
        body.fields = {"access_token": Field(), "token_type": Field(), "expires_in": Field("integer")}
        decisions.add(
            "/components/schemas/TokenResponse", "no field is documented; assumed: those of RFC 6749 section 5.1"
        )
    elif not body.find(names.TOKENS):
        body.fields["access_token"] = Field()
        decisions.add("/x-token-endpoint/response/access_token", "no field looks like a token; is it access_token?")
    return body


def _lifetime(candidate: Candidate, body: Field, token_at: str, token: Field) -> dict[str, Any] | None:
    """Where the lifetime is, and its unit by name, type and example."""
    decisions, place = candidate.document.decisions, "/x-token-endpoint/response/lifetime"
    where = body.find(names.LIFETIMES)
    if where is None:
        if "jwt" in f"{token.description} {token.format}".lower() or str(token.sample).startswith("eyJ"):
            decisions.add(place, "no field holds the lifetime; the token seems to be a JWT, so its exp claim was taken")
            return {"at": token_at, "unit": "jwt_exp"}
        said = _SAID.search(f"{candidate.operation['description'].text}\n{token.description}\n{body.description}")
        hint = f" (the document says: {clean(said.group().strip(), 160)!r})" if said else ""
        decisions.add(
            place, f"no field holds the lifetime{hint}: add a field, a documented constant, jwt_exp, or never"
        )
        return None
    at, found = where
    name = names.normalized(parts(at)[-1])
    unit = _unit(name, found)
    if found.sample is None:
        found.sample = _SAMPLES[unit] if found.kind != "string" else str(_SAMPLES[unit])
    if name not in names.LIFETIMES_IN_SECONDS or unit != "seconds":
        decisions.add(place, f"{at} was taken as {unit}: is that right?")
    other = _IN_OTHER_UNITS.search(f"{name} {found.description}".lower())
    if other and "second" not in found.description.lower():
        text = f"is {at} in {other.group().rstrip('s')}s? No unit expresses that: write a constant instead"
        decisions.add(place, text)
    return {"at": at, "unit": unit}


def _unit(name: str, lifetime: Field) -> str:
    """The unit of a lifetime, or the kind of moment. The size of an example counts more than the name."""
    sample, in_seconds = lifetime.sample, name in names.LIFETIMES_IN_SECONDS
    digits = isinstance(sample, str) and sample.isdecimal() and len(sample) < len(str(_MAX_EPOCH)) * 2
    shown = int(sample) if digits or (isinstance(sample, int) and not isinstance(sample, bool)) else None
    is_moment = not in_seconds and _ENDS_AS_MOMENT.search(name) is not None
    if lifetime.format in {"date-time", "date"} or (isinstance(sample, str) and _DATE.match(sample)):
        return "moment"
    if shown is None:
        if lifetime.kind == "string" and is_moment:
            return "moment"
        shown = _MAX_SECONDS + 1 if is_moment else 0
    elif shown <= _MAX_SECONDS and _is_in_milliseconds(shown):
        return "milliseconds"
    if shown > _MAX_SECONDS:
        return "epoch" if shown <= _MAX_EPOCH else "epoch_milliseconds"
    in_milliseconds = not in_seconds and ("ms" in name or "milli" in f"{name} {lifetime.description}".lower())
    return "milliseconds" if in_milliseconds else "seconds"


def _is_in_milliseconds(shown: int) -> bool:
    """Whether the example of a lifetime is more likely in milliseconds than in seconds."""
    whole_days, rest = divmod(shown, _DAY)
    return (
        shown >= _LEAST_MILLISECONDS and not shown % _MINUTE_IN_MILLISECONDS and (rest > 0 or whole_days >= _MAX_DAYS)
    )


def _rejected(candidate: Candidate, fragment: SpecFragment, place: str, granted: dict[str, Any]) -> None:
    """Settle the responses without a token, and which of them mean that the credentials are wrong."""
    decisions = candidate.document.decisions
    documented = {
        re.sub("(?i)xx$", "00", status): each
        for status, each in candidate.operation["responses"].items()
        if re.fullmatch("[45]([0-9][0-9]|XX|xx)|default", status)
    }
    body = _body_of_errors(documented, decisions)
    code = body.find(names.ERROR_CODES, "string integer", items=True)
    at = code[0] if code else ""
    status, given, value = _wrong_credentials(documented, code, granted)
    if status not in documented:
        question = "no response to wrong credentials is documented; assumed: 401 (RFC 6749 section 5.2)"
        decisions.add(f"{place}/{status}", question)
    elif given is None:
        question = "no example of wrong credentials is documented; the example wrong_credentials was made up"
        decisions.add(f"{place}/{status}", question)
    conditions: list[dict[str, Any]] = [{"status": 401}]
    if status == "403":
        conditions.append({"status": 403})
        decisions.add("/x-token-endpoint/invalid_client", "does 403 always mean that the credentials are wrong?")
    if code and value is None and code[1].kind == "string" and value_at(granted, at) is None:
        listed = [each for each in code[1].choices if _REFUSED.search(each)]
        if not code[1].choices and at == "/error":
            listed = ["invalid_client"]
            text = "no code of refused credentials is documented; assumed: invalid_client (RFC 6749 section 5.2)"
            decisions.add("/x-token-endpoint/invalid_client", text)
        value = code[1].sample = next(iter(listed), None)
    example = body.example("TokenError", given)
    if value is None:
        text = f"no code of refused credentials{f' at {at}' if at else ''} is documented; their status alone counts"
        decisions.add("/x-token-endpoint/invalid_client", text)
    else:
        conditions.append({"at": at, "equals": value})
        if value_at(example, at) is None:
            example = with_value(example, at, value)
    text_at = body.find(names.ERROR_TEXTS, items=True)
    fragment.endpoint["invalid_client"] = conditions
    found = {"code": at, "description": text_at[0] if text_at else ""}
    fragment.endpoint["error"] = {fact: [pointer] for fact, pointer in found.items() if pointer}
    fragment.schemas["TokenError"] = body.schema("TokenError")
    for each in sorted({*documented, status}):
        described = documented[each]["description"].text if each in documented else ""
        fragment.operation["responses"][each] = {
            "description": clean(described) or ("The credentials are wrong." if each == status else "No access token."),
            **_content("TokenError", **({"wrong_credentials": example} if each == status else {})),
        }


def _body_of_errors(documented: dict[str, Node], decisions: Decisions) -> Field:
    """The fields of all documented errors; without any, those of RFC 6749 section 5.2."""
    body = Field("object", description="The reason for the error.")
    for each in documented.values():
        body.absorb(Field("object", fields=_fields(_json(each))))
    if not body.fields:
        body.fields = {"error": Field(), "error_description": Field()}
        decisions.add(
            "/components/schemas/TokenError", "no field is documented; assumed: those of RFC 6749 section 5.2"
        )
    return body


def _wrong_credentials(
    documented: dict[str, Node], code: tuple[str, Field] | None, granted: dict[str, Any]
) -> tuple[str, dict[str, Any] | None, str | int | None]:
    """The status for wrong credentials, its example, and the code there. 401 and 403 say it alone; 400 and 422 do not."""
    for status in ("401", "403", "400", "422"):
        response = documented.get(status)
        if not response:
            continue
        given = _example(_json(response), _CREDENTIALS)
        value = value_at(given, code[0]) if code else None
        if code and (value_at(granted, code[0]) == value or not code[1].fits(value)):
            value = None
        says_it = _CREDENTIALS.search(f"{response['description'].text} {given}")
        if status == "401" or (says_it and (status == "403" or value is not None)):
            return status, given, value
    return "401", None, None


def _json(response: Node) -> Node:
    """The JSON content of a response, or else the first content."""
    content = dict(response["content"].items())
    name = next((each for each in content if "json" in each.lower()), next(iter(content), ""))
    return response["content"][name]


def _fields(media: Node) -> dict[str, Field]:
    """The fields of a body by its schema, or else by its example."""
    return SchemaReader().read(media["schema"]).fields or SchemaReader().guess(_example(media)).fields


def _example(media: Node, about: re.Pattern[str] = re.compile("")) -> dict[str, Any] | None:
    """The documented example of a body; of several the first that is about something."""
    named = [each["value"] for each in media["examples"].values()]
    schema = media["schema"]
    listed = [each.value for each in (media["example"], *named, schema["example"], *schema["examples"].each())]
    objects: list[dict[str, Any]] = [each for each in listed if is_object(each) and each]
    return next((each for each in objects if about.search(str(each))), next(iter(objects), None))


def _content(schema: str, **examples: Any) -> dict[str, Any]:
    """The content of a response."""
    named = {"examples": {name: {"value": each} for name, each in examples.items()}} if examples else {}
    return {"content": {JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}, **named}}}
