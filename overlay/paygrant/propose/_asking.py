"""Settles what a token request holds: the credentials, what is fixed, and what the caller gives."""

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any

from paygrant._spec.names import FUNCTION_NAMES, HTTP_HEADERS, RESERVED_ARGUMENTS
from paygrant._spec.pointer import pointer_to as pointer
from paygrant._spec.reader import FORM
from paygrant.propose._find import SECRETS, Found
from paygrant.propose._node import Node, Notes, clean
from paygrant.propose._schema import CLIENT_CREDENTIALS, Field, Reader, ensure, word, words

JSON = "application/json"

_IDS = (
    "clientid", "appid", "applicationid", "consumerkey", "clientkey", "appkey", "apikeyid", "accesskeyid", "keyid",
    "accesskey", "secretid", "roleid", "partnerid", "merchantid", "userid", "username", "user", "login", "email",
    "identifier", "apikey", "accountid",
)  # fmt: skip
_OF_OTHER_GRANTS = {
    "code", "redirecturi", "refreshtoken", "codeverifier", "devicecode", "username", "password", "assertion", "state",
    "nonce", "responsetype", "clientid", "clientsecret", "clientassertion", "clientassertiontype",
}  # fmt: skip
_SECRETIVE = re.compile(
    "key$|^pin|pin$|pincode|pass(wd|code|phrase|word)|^pwd|pwd$|secret|credential|token$|otp$|signature|assertion|hmac|cert"
)
"""A name, without its spelling, of what no error should show. A field too many does no harm."""

_OF_HTTP = HTTP_HEADERS | {"accept", "accept-encoding", "accept-language", "user-agent", "authorization"}
_NAMES = {"header": r"[A-Za-z0-9-]{1,100}", "query": r"[A-Za-z0-9.:@_\[\]-]{1,100}"}


@dataclass(slots=True, repr=False, eq=False)
class Part:
    """A part of the request: where it travels, under which name, and whether it must."""

    place: str
    steps: tuple[str, ...]
    field: Field
    needed: bool

    @property
    def name(self) -> str:
        """As a spec writes it."""
        return self.steps[0] if len(self.steps) == 1 else pointer("", *self.steps)

    @property
    def word(self) -> str:
        """The name without its spelling."""
        return word(self.steps[-1])


@dataclass(slots=True, repr=False)
class Asking:
    """What is sent: each attribute as a spec says it."""

    media_type: str | None = None
    credentials: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    declared: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    request: dict[str, Any] | None = None

    @property
    def basic(self) -> bool:
        """Whether HTTP Basic is one of the ways."""
        return any(way["place"] == "basic" for way in self.credentials)


def settle(found: Found, path: str) -> Asking:
    """What a request to this endpoint holds; its path in the draft is given."""
    place = pointer("/paths", path, found.method)
    asking = Asking()
    if found.is_flow:
        asking.media_type, basic = FORM, True
        parts = [*_placeholders(found, path), *_by_the_book()]
        text = "a flow does not say how they travel: HTTP Basic first, then the body, as RFC 6749 section 2.3.1 has it?"
        found.document.notes.add("/x-token-endpoint/credentials", text)
    else:
        asking.media_type, parts = _body(found.operation, place) if found.method != "get" else (None, [])
        parts += [*_beside(found), *_placeholders(found, path)]
        keys, basic = _security(found, {each.word for each in parts})
        parts = _unique([*keys, *parts])
        _hide_keys(found, parts)
    credentials = _credentials(parts, asking, basic=basic, notes=found.document.notes)
    body = Field("object", description="What asks for a token.")
    for part in parts:
        if part in credentials:
            part.field.secret = True
        elif _is_of_another_grant(part, asking):
            continue
        elif part.word == "clientassertion":
            part.field.secret = True
        else:
            _fill(part, asking, found)
        if part.place == "body":
            _put(body, part)
        else:
            schema = part.field.schema(part.name, part.name, request=True)
            description = schema.pop("description")
            needed = {"required": True} if part.needed else {}
            declared = {"name": part.name, "in": part.place, **needed, "description": description, "schema": schema}
            asking.declared.append(declared)
    if asking.media_type:
        asking.request = body.schema("TokenRequest", request=True)
    return asking


def _by_the_book() -> list[Part]:
    """What RFC 6749 sections 2.3.1 and 4.4.2 name."""
    grant = Field(choices=["client_credentials"], description="The grant type of RFC 6749 section 4.4.2.")
    scope = Field(description="The wanted scopes, separated by spaces.")
    return [
        Part("body", ("grant_type",), grant, needed=True),
        Part("body", ("scope",), scope, needed=False),
        Part("body", ("client_id",), Field(description="The client's id."), needed=False),
        Part("body", ("client_secret",), Field(description="The client's secret."), needed=False),
    ]


def _body(operation: Node, place: str) -> tuple[str | None, list[Part]]:
    """The media type, a form before JSON, and the fields that a request can fill."""
    content = dict(operation["requestBody"]["content"].items())
    if not content:
        return None, []
    form, json = (next((name for name in content if kind in name.lower()), None) for kind in ("form", "json"))
    media_type = JSON if json and not form else FORM
    name = form or json or next(iter(content))
    if len(content) > 1 or not name.startswith(media_type):
        operation.notes.add(
            f"{place}/requestBody", f"of the body's media types {', '.join(content)}, {media_type} was taken"
        )
    body = Reader().read(content[name]["schema"])
    parts = list[Part]()
    for steps, each, needed in body.leaves():
        if steps and each.kind != "array" and (len(steps) == 1 or media_type == JSON):
            parts.append(Part("body", steps, each, needed))
        elif needed:
            text = f"{'/'.join(steps) or 'the body'} is required, but nothing can fill it; it was left out"
            operation.notes.add("/components/schemas/TokenRequest", text)
    return media_type, parts


def _beside(found: Found) -> Iterator[Part]:
    """Parameters in header and query; the operation's own after those that all of the path have."""
    for each in (*found.item["parameters"].each(), *found.operation["parameters"].each()):
        place, name, needed = each["in"].text, each["name"].text, each["required"].true
        if place not in _NAMES or (place == "header" and name.lower() in _OF_HTTP):
            continue
        read = _declared(each)
        usable = re.fullmatch(_NAMES[place], name) and "_".join(words(name)) not in FUNCTION_NAMES
        if usable and read.kind not in {"object", "array"}:
            yield Part(place, (name,), read, needed)
        elif needed:
            found.document.notes.add(f"upstream {each.place}", "this parameter is required, but it was left out")


def _placeholders(found: Found, path: str) -> Iterator[Part]:
    """What stands in braces in the path; all of it must be given."""
    known = {each["name"].text: each for where in (found.item, found.operation) for each in where["parameters"].each()}
    for name in dict.fromkeys(re.findall(r"\{([^}]*)\}", path)):
        field = _declared(known[name]) if name in known else Field()
        yield Part("path", (name,), field if field.kind not in {"object", "array"} else Field(), needed=True)


def _declared(parameter: Node) -> Field:
    """The field in a parameter of the operation."""
    media = next((each["schema"] for _, each in parameter["content"].items()), parameter["schema"])
    read = Reader().read(media)
    read.description = clean(parameter["description"].text) or read.description
    return read


def _security(found: Found, names: set[str]) -> tuple[list[Part], bool]:
    """API keys that are part of the request, and whether HTTP Basic is a way to send the credentials.

    A key that all operations need, this one among them, is often no more than an oversight: it counts where nothing
    else is secret.
    """
    own = "security" in found.operation
    schemes = found.document["components"]["securitySchemes"]
    keys, basic = list[Part](), False
    for requirement in (found.operation if own else found.document)["security"].each():
        named = [schemes[name] for name, _ in requirement.items()]
        basic = basic or any(each["scheme"].text.lower() == "basic" for each in named)
        if (own or not names.intersection(SECRETS)) and not keys:
            keys = [
                Part(
                    each["in"].text,
                    (each["name"].text,),
                    Field(description=clean(each["description"].text)),
                    needed=True,
                )
                for each in named
                if each["type"].text == "apiKey"
                and re.fullmatch(_NAMES.get(each["in"].text, "(?!)"), each["name"].text)
            ]
    for each in found.operation["parameters"].each():
        text = " ".join((each["description"].text, str(each["schema"]["example"].value), str(each["example"].value)))
        basic = basic or (each["name"].text.lower() == "authorization" and "basic" in text.lower())
    return [each for each in keys if each.steps[0].lower() not in _OF_HTTP], basic


def _hide_keys(found: Found, parts: list[Part]) -> None:
    """Keep secret what a security scheme says is a key, also where it is declared as a parameter like any other."""
    schemes = [each for _, each in found.document["components"]["securitySchemes"].items()]
    keys = {(each["in"].text, each["name"].text.lower()) for each in schemes if each["type"].text == "apiKey"}
    for part in parts:
        part.field.secret = part.field.secret or (part.place, part.name.lower()) in keys


def _unique(parts: list[Part]) -> list[Part]:
    """One part of each name: what is in the path, then a field of the body, then what was declared last."""
    in_path = {part.name for part in parts if part.place == "path"}
    in_body = {part.steps[0] for part in parts if part.place == "body"}
    beside = {part.name: part for part in parts if part.place != "body" and part.name not in in_body | in_path}
    body = [part for part in parts if part.place == "body" and part.steps[0] not in in_path]
    return [*(part for part in parts if part.place == "path"), *beside.values(), *body]


def _credentials(parts: list[Part], asking: Asking, *, basic: bool, notes: Notes) -> list[Part]:
    """Settle how the credentials travel. Gives the parts that hold them."""
    place = "/x-token-endpoint/credentials"
    secret = _likeliest(parts, SECRETS)
    client = _likeliest([each for each in parts if secret and each is not secret and each.place == secret.place], _IDS)
    if secret and secret.place != "path":
        way = {"place": secret.place} | ({"client_id": client.name} if client else {}) | {"client_secret": secret.name}
        asking.credentials.append(way)
        if basic and secret.needed:
            notes.add(place, f"HTTP Basic is documented too; {secret.name} is required, and goes in the {secret.place}")
        elif basic:
            asking.credentials.insert(0, {"place": "basic"})
            if client:
                client.needed = False
    elif basic:
        asking.credentials.append({"place": "basic"})
    elif any(part.word == "clientassertion" for part in parts):
        asking.credentials.append({"place": "computed"})
        notes.add(
            place, "a client_assertion (RFC 7523) must be computed: by the function authenticate that a caller gives"
        )
    else:
        asking.credentials.append({"place": "basic"})
        notes.add(place, "nothing says where the secret goes: HTTP Basic, as RFC 6749 section 2.3.1 has it?")
    return [each for each in (client, secret) if each and each.place == asking.credentials[-1]["place"]]


def _likeliest(parts: list[Part], names: tuple[str, ...]) -> Part | None:
    fitting = [each for each in parts if each.word in names and each.field.kind == "string"]
    return min(fitting, key=lambda each: names.index(each.word), default=None)


def _is_of_another_grant(part: Part, asking: Asking) -> bool:
    """Whether a part is not sent here: it belongs to another grant, or another way of sending the credentials."""
    computed = asking.credentials[0]["place"] == "computed"
    if part.word == "clientassertion":
        return not computed or part.place != "body"
    return not part.needed and part.word in _OF_OTHER_GRANTS and not (computed and part.word == "clientassertiontype")


def _fill(part: Part, asking: Asking, found: Found) -> None:
    """Say what fills a part: a value that is fixed, or an argument."""
    place = pointer("/x-token-endpoint/parameters", part.name)
    field = part.field
    if part.word == "granttype" and field.kind == "string":
        values = [each for each in (*field.choices, field.hint) if isinstance(each, str)]
        fitting = [each for each in values if word(each) == CLIENT_CREDENTIALS]
        field.const = next(iter(fitting or field.choices), "client_credentials")
        if not fitting and CLIENT_CREDENTIALS not in word(field.description):
            found.document.notes.add(place, f"the value client_credentials is not documented; {field.const!r} is sent")
    elif len(field.choices) == 1:
        field.const = field.choices[0]
    if field.const is not None:
        asking.parameters[part.name] = {"value": field.const}
        return
    field.secret = field.secret or any(_SECRETIVE.search(word(step)) for step in part.steps)
    argument = _argument(part, {each.get("argument") for each in asking.parameters.values()})
    asking.parameters[part.name] = {"argument": argument}
    known = f"; known scopes: {', '.join(found.scopes[:20])}" if found.scopes and argument == "scope" else ""
    needed = "required" if part.needed else "optional"
    found.document.notes.add(
        place, f"the caller gives {argument} ({needed}): keep it, fix its value, or drop it{known}"
    )


def _argument(part: Part, taken: set[str | None]) -> str:
    """A name in Python that nothing else has: the field's, with all that it stands in, with its place, or a number."""
    whole = words(" ".join(part.steps))
    names = chain(
        (words(part.steps[-1]), whole, [part.place, *whole]), ([part.place, *whole, str(n)] for n in count(2))
    )
    fitting = (name for name in map("_".join, names) if re.fullmatch("[a-z][a-z0-9]*(_[a-z0-9]+)*", name))
    return next(name for name in fitting if name not in RESERVED_ARGUMENTS | taken and not keyword.iskeyword(name))


def _put(body: Field, part: Part) -> None:
    ensure(body, pointer("", *part.steps), part.field)
    for step in part.steps:
        if part.needed:
            body.needed.add(step)
        body = body.fields[step]
