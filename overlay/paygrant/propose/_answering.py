"""Settles how answers are read: where the token and its lifetime stand, and what means that the credentials are wrong."""

import re
from dataclasses import dataclass, field
from typing import Any

from paygrant._spec.document import is_object
from paygrant._spec.pointer import pointer_to as pointer
from paygrant._spec.pointer import put, value_at
from paygrant.propose._find import TOKENS, Found
from paygrant.propose._node import Node, Notes, clean
from paygrant.propose._schema import Field, Reader, find, word

_LIFETIMES = (
    "expiresin", "expiresinseconds", "accesstokenexpiresin", "tokenexpiresin", "expiresinsec", "expiresinms",
    "expiresinmillis", "leaseduration", "ttl", "validityseconds", "lifetime", "accessexpires", "expiration",
    "expirationtime", "expirationdate", "expiresat", "expiresatutc", "expiresaton", "expireson", "expiry", "expirydate",
    "expirytime", "validuntil", "expires", "exp",
)  # fmt: skip
_PLAIN_LIFETIMES = {"expiresin", "expiresinseconds"}
_DATED = re.compile("(at|eson|until|date|time|iration|iry|exp|utc)$")
_CODES = ("error", "errorcode", "code", "errortype")
_TEXTS = ("errordescription", "message", "errormessage", "detail", "details", "description", "title", "reason")
_SUCCESS = ("success", "succeed", "succeeded", "issuccess", "ok")
_REFUSAL = re.compile("credential|client|unauthori[sz]ed|authenticat", re.IGNORECASE)
_SAMPLES: dict[str, Any] = {
    "seconds": 3600,
    "milliseconds": 3600000,
    "epoch": 1893456000,
    "epoch_milliseconds": 1893456000000,
    "moment": "2030-01-01T00:00:00Z",
}
_LONGEST_SECONDS, _LONGEST_EPOCH = 1 << 30, 1 << 35
"""Lifetimes are shorter than 34 years; and as seconds since 1970 the other one lies a thousand years ahead."""


@dataclass(slots=True, repr=False)
class Answering:
    """What comes back: each attribute as a spec says it."""

    endpoint: dict[str, Any] = field(default_factory=dict[str, Any])
    responses: dict[str, Any] = field(default_factory=dict[str, Any])
    token_response: dict[str, Any] = field(default_factory=dict[str, Any])
    token_error: dict[str, Any] = field(default_factory=dict[str, Any])
    granted: dict[str, Any] = field(default_factory=dict[str, Any])


def settle(found: Found, path: str) -> Answering:
    """How answers of this endpoint are read; its path in the draft is given."""
    place = pointer("/paths", path, found.method, "responses")
    answering = Answering()
    _granted(found, answering, place)
    _refused(found, answering, place)
    return answering


def _granted(found: Found, answering: Answering, place: str) -> None:
    """The answer with a token."""
    notes = found.document.notes
    responses = dict(found.operation["responses"].items())
    status = next((each for each in ("200", "201", "2XX", "2xx", "default") if each in responses), "200")
    response = responses.get(status, Node(None, None))
    status = "201" if status == "201" else "200"
    media = _json(response)
    body = _body_with_token(media, notes)
    at, token = find(body, TOKENS) or ("/access_token", Field())
    token.kind, token.secret = "string", True
    answer: dict[str, Any] = {"access_token": [at]}
    for fact, names in (("token_type", ("tokentype",)), ("scope", ("scope", "scopes"))):
        if where := find(body, names):
            answer[fact] = [where[0]]
            where[1].hint = where[1].hint or {"token_type": "Bearer", "scope": "read"}[fact]
    if lifetime := _lifetime(body, at, token, notes):
        answer["lifetime"] = [lifetime]
    answering.endpoint["answer"] = answer
    documented = _documented(media)
    if documented is None:
        notes.add(f"{place}/{status}", "no example of a token is documented; granted was made up")
    example = body.example("TokenResponse", documented)
    if value_at(example, at) is None:
        put(example, at, "example-access-token")
    if success := find(body, _SUCCESS, "boolean"):
        answering.endpoint["success"] = {"at": success[0], "equals": True}
        put(example, success[0], value=True)
        notes.add("/x-token-endpoint/success", f"is {success[0]} true in each answer with a token, and only there?")
    answering.granted = example
    answering.token_response = body.schema("TokenResponse")
    answering.responses[status] = {
        "description": clean(response["description"].text) or "The access token.",
        **_content("TokenResponse", granted=example),
    }


def _body_with_token(media: Node, notes: Notes) -> Field:
    """The body of an answer with a token; where the document does not tell it, that of RFC 6749 section 5.1."""
    body = Field("object", description="The token and what is known of it.", fields=_fields(media))
    if not body.fields:
        body.fields = {"access_token": Field(), "token_type": Field(), "expires_in": Field("integer")}
        notes.add("/components/schemas/TokenResponse", "no field is documented: those of RFC 6749 section 5.1?")
    elif not find(body, TOKENS):
        body.fields["access_token"] = Field()
        notes.add("/x-token-endpoint/answer/access_token", "no field looks like a token; is it access_token?")
    return body


def _lifetime(body: Field, token_at: str, token: Field, notes: Notes) -> dict[str, Any] | None:
    """Where the lifetime stands, and its unit as far as name, type and example tell it."""
    place = "/x-token-endpoint/answer/lifetime"
    where = find(body, _LIFETIMES)
    if where is None:
        if "jwt" in f"{token.description} {token.form}".lower() or str(token.hint).startswith("eyJ"):
            notes.add(place, "no field tells it; the token seems to be a JWT, so its claim exp counts")
            return {"at": token_at, "unit": "jwt_exp"}
        notes.add(place, "not found: say which field tells it, a constant that is documented, jwt_exp, or never")
        return None
    at, found = where
    name = word(at.rpartition("/")[2])
    unit = _unit(name, found)
    if found.hint is None:
        found.hint = _SAMPLES[unit] if found.kind != "string" else str(_SAMPLES[unit])
    if name not in _PLAIN_LIFETIMES:
        notes.add(place, f"{at} is taken for {unit}: is it?")
    return {"at": at, "unit": unit}


def _unit(name: str, lifetime: Field) -> str:
    """What a lifetime is counted in, or that it is a moment."""
    if name in _PLAIN_LIFETIMES:
        return "seconds"
    dated = _DATED.search(name) is not None
    if lifetime.form in {"date-time", "date"} or (lifetime.kind == "string" and dated):
        return "moment"
    if "ms" in name or "milli" in f"{name} {lifetime.description}".lower():
        return "milliseconds"
    shown = lifetime.hint if isinstance(lifetime.hint, int) else _LONGEST_SECONDS + dated
    return "seconds" if shown <= _LONGEST_SECONDS else "epoch" if shown <= _LONGEST_EPOCH else "epoch_milliseconds"


def _refused(found: Found, answering: Answering, place: str) -> None:
    """The answers without a token, and which of them mean that the credentials are wrong."""
    notes = found.document.notes
    documented = {
        re.sub("(?i)xx$", "00", status): each
        for status, each in found.operation["responses"].items()
        if re.fullmatch("[45]([0-9][0-9]|XX|xx)|default", status)
    }
    body = _body_of_errors(documented, notes)
    code = find(body, _CODES, "string")
    at = code[0] if code else "/error"
    status = _refusal_status(documented, has_code=code is not None)
    given = None
    if status not in documented:
        notes.add(f"{place}/{status}", "no answer to wrong credentials is documented; this is RFC 6749 section 5.2?")
    elif (given := _documented(_json(documented[status]))) is None:
        notes.add(f"{place}/{status}", "no example of wrong credentials is documented; wrong_credentials was made up")
    if code:
        code[1].hint = "invalid_client"
    example = body.example("TokenError", given)
    if code and value_at(example, at) is None:
        put(example, at, "invalid_client")
    conditions: list[dict[str, Any]] = [{"status": 401}]
    if status == "403":
        conditions.append({"status": 403})
        notes.add("/x-token-endpoint/invalid_client", "does 403 always mean that the credentials are wrong?")
    said = value_at(example, at) if code else "invalid_client"
    conditions.append({"at": at, "equals": said})
    if value_at(answering.granted, at) == said:
        put(answering.granted, at, f"no {said}")  # an example of both would be none of either
    text = find(body, _TEXTS)
    answering.endpoint["invalid_client"] = conditions
    answering.endpoint["error"] = {"code": [at], **({"description": [text[0]]} if text else {})}
    answering.token_error = body.schema("TokenError")
    for each in sorted({*documented, status}):
        described = documented[each]["description"].text if each in documented else ""
        answering.responses[each] = {
            "description": clean(described) or ("The credentials are wrong." if each == status else "No token."),
            **_content("TokenError", **({"wrong_credentials": example} if each == status else {})),
        }


def _body_of_errors(documented: dict[str, Node], notes: Notes) -> Field:
    """All that the documented errors hold; where the document does not tell it, that of RFC 6749 section 5.2."""
    body = Field("object", description="Why no token was given.")
    for each in documented.values():
        body.absorb(Field("object", fields=_fields(_json(each))))
    if not body.fields:
        body.fields = {"error": Field(), "error_description": Field()}
        notes.add("/components/schemas/TokenError", "no field is documented: those of RFC 6749 section 5.2?")
    return body


def _refusal_status(documented: dict[str, Node], *, has_code: bool) -> str:
    """The status that says that credentials are wrong. By itself 401 and 403 can; another one needs a code beside it."""
    for status in ("401", "403", "400", "422"):
        response = documented.get(status)
        if response and (status in {"401", "403"} or has_code):
            told = f"{response['description'].text} {_documented(_json(response))}"
            if status == "401" or _REFUSAL.search(told):
                return status
    return "401"


def _json(response: Node) -> Node:
    """What a response holds as JSON; or else the first that it holds."""
    content = dict(response["content"].items())
    name = next((each for each in content if "json" in each.lower()), next(iter(content), ""))
    return response["content"][name]


def _fields(media: Node) -> dict[str, Field]:
    """The fields of a body by its schema, or else by its example."""
    return Reader().read(media["schema"]).fields or Reader().guess(_documented(media)).fields


def _documented(media: Node) -> Any:
    """The example that is given for a body; None where there is none."""
    named = [each["value"] for _, each in media["examples"].items()]
    schema = media["schema"]
    for each in (media["example"], *named, schema["example"], *schema["examples"].each()):
        if is_object(each.value) and each.value:
            return each.value
    return None


def _content(schema: str, **examples: Any) -> dict[str, Any]:
    """The content of a response."""
    named = {"examples": {name: {"value": each} for name, each in examples.items()}} if examples else {}
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}, **named}}}
