"""Builds a token request: each value in the place that the endpoint's description states, and the credentials."""

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from paygrant._arguments import invalid_argument, is_coroutine, shown
from paygrant._request.client_auth import Encoding, basic_credentials
from paygrant._request.credentials import Credentials, clock_of
from paygrant._request.registration import ClientRegistration
from paygrant._request.unsigned import UnsignedRequest, text
from paygrant._spec.description import ASSERTION_METHODS
from paygrant._spec.reader import is_json

_TYPES: Mapping[str, Any] = {
    **dict.fromkeys(("method", "url"), str),
    "media_type": str | None,
    **dict.fromkeys(("headers", "query", "fields"), MutableMapping),
    "secrets": Sequence,
}
"""The types of the parts of a request."""

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
"""The ``client_assertion_type`` (RFC 7523 section 2.2). It is no secret, and servers repeat it."""


def build_request(registration: ClientRegistration, credentials: Credentials, encoding: Encoding) -> UnsignedRequest:
    """Build the whole token request: the fixed values, the caller's values, and the credentials.

    Raises:
        ConfigurationError: A value does not fit its place, or the function that computes the credentials failed.
    """
    endpoint, arguments = registration.endpoint, registration.arguments
    request = UnsignedRequest(
        endpoint.method, registration.token_url, registration.client_id, credentials.secret, endpoint.media_type
    )
    secrets, legible = list[str](), {_ASSERTION_TYPE}
    for each in endpoint.parameters:
        value = each.value if each.argument is None else arguments.get(each.argument)
        if value is not None:
            if each.place != "host":  # the token URL has it
                request.put(each.place, each.name, value)
            secrets.append(text(value)) if each.secret else legible.add(text(value))
    if {".", ".."} & {*urlsplit(request.url).path.split("/")}:
        raise invalid_argument("parameters", "lead to another path", "values other than . and .. in a path")
    _put_credentials(request, registration, credentials, encoding)
    values = [text(value) for part in (request.headers, request.query, request.fields) for value in part.values()]
    secrets += [value for value in values if value not in legible]
    secrets += [value.rpartition(" ")[2] for value in secrets]  # without a scheme such as Basic
    request.secrets = (*request.secrets, *secrets)
    return request


def _put_credentials(
    request: UnsignedRequest, registration: ClientRegistration, credentials: Credentials, encoding: Encoding
) -> None:
    """Let the client authenticate itself by its method."""
    client_auth, secret = registration.client_auth, credentials.secret
    if client_auth.method == "client_secret_basic":
        encoded = basic_credentials(registration.client_id, secret, encoding)
        request.headers["Authorization"] = f"Basic {encoded}"
    elif client_auth.method == "custom":
        _authenticate(request, registration)
    elif place := client_auth.place:
        for name, value in ((client_auth.client_id, registration.client_id), (client_auth.client_secret, secret)):
            if name:
                request.put(place, name, value)
    if client_auth.method in ASSERTION_METHODS:
        _assert(request, registration, credentials)
    if credentials.prover:
        request.headers["DPoP"] = credentials.prover.proof(request.method, request.url)


def _assert(request: UnsignedRequest, registration: ClientRegistration, credentials: Credentials) -> None:
    """Put a new assertion into the request. Each attempt has one of its own: a server accepts it once."""
    from paygrant._request.assertion import client_assertion

    stated = registration.client_auth.assertion
    signer = credentials.signer
    if signer is None:
        raise invalid_argument("private_key", "is missing", "a SigningKey, or a private key in PEM or as a JWK")
    arguments: Mapping[str, Any] = {**registration.arguments, "client_id": registration.client_id}
    claims = {each.name: arguments.get(each.argument) if each.argument else each.value for each in stated.claims}
    audience = registration.audience
    assertion = client_assertion(
        signer,
        registration.client_id,
        request.url if audience == registration.token_url else audience,  # arguments may have filled its path
        clock_of(registration.token_url)(),
        lifetime=stated.lifetime,
        claims=claims,
    )
    if stated.place == "header":
        request.headers["Authorization"] = f"Bearer {assertion}"
        return
    request.put("body", stated.name, assertion)
    if stated.name == "client_assertion":
        request.put("body", "client_assertion_type", _ASSERTION_TYPE)


def _authenticate(request: UnsignedRequest, registration: ClientRegistration) -> None:
    """Let the user's function compute the credentials. It may change path and query, but not the host, nor its header.

    Raises:
        ConfigurationError: The function failed, changed the host, or left what cannot be sent.
    """
    before = urlsplit(request.url)
    _call_authenticate(request, registration)
    if fault := _fault_in(request):
        raise invalid_argument("authenticate", f"the function left {fault}", "text (decode() makes it of bytes)")
    after = urlsplit(request.url)
    if (after.scheme, after.netloc) != (before.scheme, before.netloc):
        raise invalid_argument("authenticate", "the function changed the host", "another path or query")
    framing = {"host": after.netloc, "content-length": str(len(request.body))}
    for name, value in request.headers.items():
        if framing.get(name.lower()) != value:  # a signature may cover what HTTP sets
            request.put("header", name, value)
    changed = {*after.path.split("/"), after.query} - {*before.path.split("/"), ""}
    request.secrets = (*request.secrets, *changed)


def _fault_in(request: UnsignedRequest) -> str | None:
    """What a function of the user's left in a request, if it cannot be sent: bytes would be sent as "b'...'"."""
    for name, kind in _TYPES.items():
        if not isinstance(value := getattr(request, name), kind):
            return f"{type(value).__name__} as {name}"
    parts: dict[str, Mapping[Any, Any]] = {"headers": request.headers, "query": request.query}
    if request.media_type and not is_json(request.media_type):
        parts["fields"] = request.fields
    for part, values in parts.items():
        for name, value in values.items():
            if not isinstance(name, str) or not isinstance(value, str | int | float):
                return f"{type(value).__name__} in {part}[{shown(name)}]"
    fault = None if request.url.isprintable() else ValueError.__name__
    try:
        urlsplit(request.url)
        _ = request.body
    except Exception as error:  # noqa: BLE001 - a value may be anything
        fault = type(error).__name__
    return fault and f"an address or fields that cannot be written ({fault})"


def _call_authenticate(request: UnsignedRequest, registration: ClientRegistration) -> None:
    fault = "is missing"
    if registration.authenticate is not None:
        try:
            outcome = registration.authenticate(request)
        except Exception as error:  # noqa: BLE001 - a user's function; its error text may hold the secret
            fault = f"the function raised {type(error).__name__}"
        else:
            if outcome is None:
                return
            fault = f"the function returned a {type(outcome).__name__}"
            if is_coroutine(outcome):
                fault = "the function is asynchronous"
    expected = "a function that completes an UnsignedRequest in place and returns None"
    raise invalid_argument("authenticate", fault, expected)
