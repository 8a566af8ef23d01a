"""Decides what a token request contains: the credentials, the fixed values, and the arguments of the caller."""

import keyword
import re
from itertools import chain, count
from typing import Any

from paygrant._spec.names import RESERVED_ARGUMENTS
from paygrant._spec.pointer import pointer_to
from paygrant._spec.reader import FORM
from paygrant.propose import _field_names as names
from paygrant.propose._candidates import Candidate
from paygrant.propose._client_auth import ClientAuthProposal, propose_client_auth
from paygrant.propose._decisions import clean
from paygrant.propose._keys import is_of_keys
from paygrant.propose._metadata import GRANT_TYPES
from paygrant.propose._parts import RequestPart, request_parts
from paygrant.propose._schema import Field, SpecFragment


def propose_request(candidate: Candidate, path: str) -> SpecFragment:
    """The request to a token endpoint, which has this path in the draft."""
    media_type, parts = request_parts(candidate, path)
    client_auth = propose_client_auth(candidate, parts)
    if any(each["method"].endswith(("_jwt", "tls_client_auth")) for each in client_auth.methods):
        media_type = media_type or FORM  # these need a body
    grant = next((_fixed_grant(each, candidate) for each in parts if each.normalized == names.GRANT_TYPE), None)
    parts = [each for each in parts if not _is_left_out(each, client_auth, grant)]
    parameters = dict[str, dict[str, Any]]()
    body = Field("object", description="The token request.")
    for part in parts:
        if part in client_auth.holders:
            part.field.secret = True
        else:
            parameters[part.name] = _source_of(part, parameters, candidate)
        if part.place == "body":
            body.put(part.steps, part.field, required=part.required)
    declared = [_parameter(part) for part in parts if part.place != "body"]
    operation: dict[str, Any] = {"parameters": declared} if declared else {}
    if media_type:
        schema = {"$ref": "#/components/schemas/TokenRequest"}
        operation["requestBody"] = {"required": True, "content": {media_type: {"schema": schema}}}
    schemas = {"TokenRequest": body.schema("TokenRequest", request=True)} if media_type else {}
    return SpecFragment(operation, {"client_authentication": client_auth.methods, "parameters": parameters}, schemas)


def _fixed_grant(part: RequestPart, candidate: Candidate) -> str | None:
    """The fixed value of grant_type: client_credentials, or else the document's own word for it."""
    field = part.field
    if field.kind != "string":
        return None
    values = [each for each in (*field.choices, field.sample) if isinstance(each, str)]
    fitting = [each for each in values if names.normalized(each) == names.CLIENT_CREDENTIALS]
    others = [each for each in values if names.normalized(each) not in names.USER_GRANTS - {"password"}]
    field.const = next(iter((*fitting, *others)), "client_credentials")
    decisions = candidate.document.decisions
    granted = [each.text for each in candidate.document[GRANT_TYPES].each()]
    if granted and "client_credentials" not in granted:
        text = f"the authorization server grants {', '.join(granted[:10])}: does it grant client_credentials, too?"
        decisions.add(_place(part), text)
    if not fitting and names.CLIENT_CREDENTIALS not in names.normalized(field.description):
        known = f"the documented values are {clean(', '.join(values), 100)}" if values else "no value is documented"
        decisions.add(_place(part), f"{known}; {field.const!r} is sent: is that right?")
    return names.normalized(str(field.const))


def _is_left_out(part: RequestPart, client_auth: ClientAuthProposal, grant: str | None) -> bool:
    """Whether a part is not in the spec: it belongs to another grant or method, or a function adds it."""
    if part in client_auth.holders:
        return client_auth.is_custom and part.place != "body"
    if is_of_keys(part) and not client_auth.is_custom:
        return True
    if grant == names.CLIENT_CREDENTIALS and part.normalized in names.GRANTS_OF_USERS:
        return True
    if part.required or (client_auth.is_custom and part.normalized == names.ASSERTION_TYPE):
        return False
    kept = {"username", "password"} if grant == "password" else set[str]()
    others = names.is_signature(part.normalized) or names.is_certain_secret(part.normalized)
    return others or part.normalized in names.OTHER_GRANTS - kept


def _source_of(part: RequestPart, parameters: dict[str, dict[str, Any]], candidate: Candidate) -> dict[str, Any]:
    """The fixed value of a part, or the argument that gives its value."""
    decisions, field = candidate.document.decisions, part.field
    if field.const is None and len(field.choices) == 1:
        field.const = field.choices[0]
        if not part.required:
            text = f"it is optional, and {field.const!r} is its only value, which is sent: keep it or drop it"
            decisions.add(_place(part), text)
    if field.const is not None:
        return {"value": field.const}
    field.secret = field.secret or any(map(names.is_sensitive, part.steps))
    argument = _argument(part, {each.get("argument") for each in parameters.values()})
    scopes = f"; known scopes: {', '.join(candidate.scopes[:20])}" if candidate.scopes and argument == "scope" else ""
    required = "required" if part.required else "optional"
    decisions.add(
        _place(part), f"each caller passes {argument} ({required}): keep it, fix its value, or drop it{scopes}"
    )
    return {"argument": argument}


def _place(part: RequestPart) -> str:
    """The place in the draft that says what fills a part."""
    return pointer_to("/x-token-endpoint/parameters", part.name)


def _argument(part: RequestPart, taken: set[str | None]) -> str:
    """A free Python name: of the field, of its whole path, of its place and path, or one of these with a number."""
    whole = names.words(" ".join(part.steps))
    numbered = ([part.place, *whole, str(number)] for number in count(2))
    joined = map("_".join, chain((names.words(part.steps[-1]), whole, [part.place, *whole]), numbered))
    fitting = (name for name in joined if re.fullmatch("[a-z][a-z0-9]*(_[a-z0-9]+)*", name))
    return next(name for name in fitting if name not in RESERVED_ARGUMENTS | taken and not keyword.iskeyword(name))


def _parameter(part: RequestPart) -> dict[str, Any]:
    """A part of path, query or header as an OpenAPI parameter."""
    schema = part.field.schema(part.name, part.name, request=True)
    required = {"required": True} if part.required else {}
    description = schema.pop("description")
    return {"name": part.name, "in": part.place, **required, "description": description, "schema": schema}
