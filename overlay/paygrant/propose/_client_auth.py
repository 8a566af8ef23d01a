"""Decides how a client authenticates: how its id and secret are sent, or that a function must compute something.

``_keys`` knows the methods that need a key or a certificate, such as private_key_jwt.
"""

import re
from typing import Any, NamedTuple, TypeAlias

from paygrant.propose import _field_names as names
from paygrant.propose._candidates import Candidate, metadata_urls
from paygrant.propose._keys import PLACE, key_methods
from paygrant.propose._metadata import AUTH_METHODS
from paygrant.propose._parts import RequestPart

_BASIC = re.compile(r"\bbasic[ -]+auth|\bhttp[ -]+basic|\bauthorization: *basic", re.IGNORECASE)

Method: TypeAlias = dict[str, Any]
"""A method of client authentication, as in ``x-token-endpoint``."""


class ClientAuthProposal(NamedTuple):
    """The methods of client authentication, the default first.

    Attributes:
        methods: As in ``x-token-endpoint``.
        holders: The parts of the request that hold the credentials.
        is_custom: Whether a function of the caller fills the holders.
    """

    methods: list[Method]
    holders: list[RequestPart]
    is_custom: bool = False


def propose_client_auth(candidate: Candidate, parts: list[RequestPart]) -> ClientAuthProposal:
    """How the client authenticates, by what the document says."""
    decisions = candidate.document.decisions
    keyed = key_methods(candidate, parts)
    holders = [each for each in parts if each.name in {method.get("client_id") for method in keyed}]
    for url in metadata_urls(candidate.document):
        decisions.add(PLACE, f"{url} says which methods the authorization server takes; paygrant new can read it, too")
    if supported := [each.text for each in candidate.document[AUTH_METHODS].each()]:
        return _joined(_supported(candidate, parts, supported, has_keys=bool(keyed)), keyed, holders)
    secret, basic = _secret(parts), _basic(candidate)
    if reason := _reason_to_compute(candidate, parts, secret):
        return _custom(candidate, parts, reason)
    if secret:
        sent = _sent(candidate, parts, secret, basic)
        return sent if secret.required else _joined(sent, keyed, holders)
    if keyed and not basic:
        return ClientAuthProposal(keyed, holders)
    if not basic:
        text = "the document does not say how the secret is sent; assumed: HTTP Basic (RFC 6749 section 2.3.1)"
        decisions.add(PLACE, text)
    elif basic == "optional":
        decisions.add(PLACE, "the document makes HTTP Basic optional; it was taken: is that right?")
    return _joined(ClientAuthProposal([{"method": "client_secret_basic"}], []), keyed, holders)


def _joined(proposal: ClientAuthProposal, methods: list[Method], holders: list[RequestPart]) -> ClientAuthProposal:
    """A proposal with further methods. Not each of them sends the client's id in the body."""
    further = [each for each in holders if each not in proposal.holders]
    for each in further:
        each.required = False
    return ClientAuthProposal([*proposal.methods, *methods], [*proposal.holders, *further])


def _supported(
    candidate: Candidate, parts: list[RequestPart], supported: list[str], *, has_keys: bool
) -> ClientAuthProposal:
    """What the metadata of the authorization server says. A secret comes first, as most clients have one."""
    secret = _secret(parts)
    methods: list[Method] = [{"method": "client_secret_basic"}] if "client_secret_basic" in supported else []
    if secret and "client_secret_post" in supported:
        sent = _sent(candidate, parts, secret, "")
        return ClientAuthProposal([*methods, *sent.methods], sent.holders)
    if methods or has_keys:
        return ClientAuthProposal(methods, [])
    return _custom(candidate, parts, "the authorization server takes no secret as it is")


def _reason_to_compute(candidate: Candidate, parts: list[RequestPart], secret: RequestPart | None) -> str:
    """Why the credentials are computed: a signature is sent, or a hash instead of the secret."""
    signature = next((each for each in parts if names.is_signature(each.normalized)), None)
    if signature and (signature.required or not (secret and secret.required)):
        return f"{signature.name} seems to be a signature"
    if signature:
        text = f"the optional {signature.name} was left out: it seems to be a signature"
        candidate.document.decisions.add(PLACE, text)
    if secret and names.HASHED.search(secret.field.description):
        return f"{secret.name} seems to be a hash"
    return ""


def _sent(candidate: Candidate, parts: list[RequestPart], secret: RequestPart, basic: str) -> ClientAuthProposal:
    """The secret is a part of the request; HTTP Basic may be an alternative."""
    decisions = candidate.document.decisions
    client = _client_id(parts, secret)
    for other in parts:
        if other is not secret and not other.required and names.is_certain_secret(other.normalized):
            decisions.add(PLACE, f"the optional {other.name} seems to be a secret, too; it was left out")
    found = {"client_id": client.name if client else None, "client_secret": secret.name}
    method = "client_secret_post" if secret.place == "body" else secret.place
    methods: list[Method] = [{"method": method, **{part: name for part, name in found.items() if name != part}}]
    if basic and secret.required:
        text = (
            f"HTTP Basic is documented, too; the required {secret.name} is sent in the {secret.place}: is that right?"
        )
        decisions.add(PLACE, text)
    elif basic:
        methods.insert(len(methods) if basic in {"optional", "everywhere"} else 0, {"method": "client_secret_basic"})
        if client:
            client.required = False
        text = f"HTTP Basic and {secret.name} in the {secret.place} are documented: is the first one here right?"
        if candidate.is_flow:
            text = "a flow does not say how credentials are sent; assumed: HTTP Basic, or else the body (RFC 6749 section 2.3.1)"
        decisions.add(PLACE, text)
    return ClientAuthProposal(methods, [secret, *([client] if client else [])])


def _custom(candidate: Candidate, parts: list[RequestPart], reason: str) -> ClientAuthProposal:
    """A function of the caller computes the credentials. It also fills what they cover."""
    text = f"{reason}: each caller must pass a function as authenticate, which computes it"
    candidate.document.decisions.add(PLACE, text)
    secret = _secret(parts)
    holders = [
        each
        for each in parts
        if each is secret
        or names.is_signature(each.normalized)
        or each.normalized in {names.ASSERTION, *names.COMPANIONS}
        or (secret is None and each.normalized in names.CLIENT_IDS)
    ]
    client = _client_id(parts, secret) if secret else None
    return ClientAuthProposal([{"method": "custom"}], [*holders, *([client] if client else [])], is_custom=True)


def _secret(parts: list[RequestPart]) -> RequestPart | None:
    """The part that holds the secret. A secret in a path is an argument."""
    fitting = [
        (rank, not each.normalized.startswith("client"), index, each)
        for index, each in enumerate(parts)
        if (rank := names.secret_rank(each.normalized)) is not None
        and each.field.kind == "string"
        and each.place != "path"
    ]
    return min(fitting, default=(None,))[-1]


def _client_id(parts: list[RequestPart], secret: RequestPart) -> RequestPart | None:
    """The part beside the secret that holds the client's id."""
    known = names.client_ids(secret.normalized)
    fitting = [
        each
        for each in parts
        if each is not secret
        and each.place == secret.place
        and each.normalized in known
        and each.field.kind == "string"
    ]
    return min(fitting, key=lambda each: known.index(each.normalized), default=None)


def _basic(candidate: Candidate) -> str:
    """How HTTP Basic is documented: ``here``, ``optional``, ``everywhere`` in the document, or not at all."""
    if candidate.is_flow:
        return "here"  # RFC 6749 section 2.3.1
    operation = candidate.operation
    own = "security" in operation
    schemes = candidate.document["components"]["securitySchemes"]
    requirements = [*(operation if own else candidate.document)["security"].each()]
    if any(schemes[name]["scheme"].text.lower() == "basic" for each in requirements for name, _ in each.items()):
        return "optional" if not all(each.value for each in requirements) else "here" if own else "everywhere"
    headers = [each for each in operation["parameters"].each() if each["name"].text.lower() == "authorization"]
    shown = (
        f"{each['description'].text} {each['schema']['example'].value} {each['example'].value}" for each in headers
    )
    described = (operation["summary"].text, operation["description"].text, operation["requestBody"]["description"].text)
    said = any("basic" in each.lower() for each in shown) or any(map(_BASIC.search, described))
    return "here" if said else ""
