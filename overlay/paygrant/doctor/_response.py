"""The checks of the provider's response to one token request."""

import re
from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from paygrant._arguments import check_url
from paygrant._errors import (
    ConfigurationError,
    InvalidClient,
    MalformedResponse,
    ProviderUnavailable,
    RateLimited,
    TokenError,
    TokenRequestRejected,
)
from paygrant._request.lifetime import jwt_claims, jwt_time, lifetime_at
from paygrant._request.outcome import first_at
from paygrant._request.response import RawResponse
from paygrant._secrets import fingerprint
from paygrant._spec.pointer import value_at
from paygrant._tokens.lifecycle import Grant
from paygrant.doctor._finding import Code, Finding, difference, failed, ok, skipped, span, warning
from paygrant.doctor._keys import advice_on_assertion, advice_on_certificate
from paygrant.doctor._redaction import described, fields_of

if TYPE_CHECKING:
    from paygrant.doctor._context import Context

_NO_RESPONSE = "there was no response"
_SAYS_NOTHING = "the response says nothing about the credentials"

_SHORT, _LONG = 60.0, 31 * 86400.0
"""Seconds. A lifetime outside these limits is probably in another unit, or a point in time."""

_CODES: tuple[tuple[type[TokenError], Code], ...] = (
    (TokenRequestRejected, "refused"),
    (RateLimited, "unavailable"),
    (ProviderUnavailable, "unavailable"),
    (MalformedResponse, "malformed"),
)

_BY_ERROR = {
    "invalid_scope": "Request only scopes that this client was granted.",
    "unsupported_grant_type": "This endpoint does not support the client credentials grant. Check base_url.",
    "unauthorized_client": "This client may not use the client credentials grant. Ask the provider to allow it.",
}
"""Advice by error code (RFC 6749 section 5.2)."""

_BY_STATUS: dict[int, str] = {
    HTTPStatus.NOT_FOUND: "There is no token endpoint at this URL. Check base_url and its path.",
    HTTPStatus.METHOD_NOT_ALLOWED: "There is no token endpoint at this URL. Check base_url and its path.",
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "The proxy needs credentials: http://user:password@host:port.",
}


def clock(context: "Context") -> Iterator[Finding]:
    """This machine's clock agrees with the server's."""
    response = context.attempt.response
    if response is None or response.date is None:
        yield skipped("the response has no Date header" if response else _NO_RESPONSE)
        return
    ahead = (response.received - response.date).total_seconds()
    if abs(ahead) <= context.policy.margin:
        yield ok(f"agrees with the server's Date within {span(abs(ahead) + 1)}")
        return
    yield warning(
        f"this machine's clock is {difference(ahead)} the server's Date",
        "Synchronize it (NTP). With a wrong clock, valid certificates and tokens seem to have expired.",
    )


def redirect(context: "Context") -> Iterator[Finding]:
    """The response is not a redirect."""
    response = context.attempt.response
    if response is None:
        yield skipped(_NO_RESPONSE)
    elif response.is_redirect:
        target = context.reader().redact(response.redirect_target(context.provider.token_url))
        yield failed("malformed", f"status {response.status} redirects to {target}", _redirect_advice(context, target))
    else:
        yield ok("no redirect")


def _redirect_advice(context: "Context", target: str) -> str:
    """What to configure, if that leads to the target of a redirect."""
    argument = "base_url" if "base_url" in context.variable_names else "token_url"
    address, path, rest = target.partition(context.endpoint.path)
    if argument == "token_url" and "://" in target:  # the argument is the whole address
        address, path, rest = target, "/", ""
    if not path or rest:
        where = f"{context.endpoint.path} under it" if argument == "base_url" else "exactly this address"
        return f"Check that {argument} is the provider's API: a token request goes to {where}, and does not follow redirects."
    try:
        return f"If that is the provider's URL, set {context.variable_names[argument]}={check_url(argument, address)}."
    except ConfigurationError as error:
        return f"No secret can be sent there: {str(error).partition('; ')[0]}."


def token_response(context: "Context") -> Iterator[Finding]:
    """The response contains a token."""
    attempt = context.attempt
    outcome, response = attempt.outcome, attempt.response
    if response and response.is_redirect:
        yield skipped("redirect must pass first")
        return
    seen = described(response, context.reader(response)) if response else str(outcome)
    if isinstance(outcome, Grant):
        yield ok(seen)
        return
    code: Code = next(code for kind, code in _CODES if isinstance(outcome, kind))
    yield failed(code, seen, _advice(context, outcome, response))


def _advice(context: "Context", error: TokenError, response: RawResponse | None) -> str:  # noqa: PLR0911 - one for each kind of error
    """Advice for a response without a token."""
    if response is None:
        return (
            advice_on_certificate(context)
            or "The server is reachable, but sends no HTTP response in time. Try again, then ask the provider."
        )
    if isinstance(error, RateLimited):
        wait = f"Wait {span(error.retry_after)}." if error.retry_after else "Wait."
        return f"{wait} Processes that share a store send fewer requests."
    if isinstance(error, ProviderUnavailable):
        return "This looks like a failure of the provider. Try again, and look at its status page."
    if type(error) is TokenRequestRejected and error.error in _BY_ERROR:
        return _BY_ERROR[error.error]
    if response.status in _BY_STATUS:
        return _BY_STATUS[response.status]
    if isinstance(error, InvalidClient):
        return (
            advice_on_assertion(context)
            or "Check that id and secret are complete, belong to this provider and environment, and are not revoked."
        )
    if response.is_html:
        return "Another server responds here: a proxy, a login page, or a wrong base_url."
    if isinstance(error, MalformedResponse):
        return _malformed_advice(context, error, response)
    return "Show this response to the provider, with the time and the header that names the request."


def _malformed_advice(context: "Context", error: MalformedResponse, response: RawResponse) -> str:
    """Advice for a success that cannot be used. Of a response, the names of fields are shown, no values."""
    document = response.document
    token = None if document is None else first_at(document, context.endpoint.response.access_token)
    if document is None or token or not context.has_spec:
        fault = context.reader(response).redact(str(error).rpartition(", ")[2])
        return f"The response cannot be used: {fault}. Check base_url, then show this to the provider."
    places = " or ".join(context.endpoint.response.access_token)
    fields = ", ".join(fields_of(response, context.reader(response)))
    return (
        f"The response holds no token. The spec expects it at {places}; "
        f"the response has {'the fields ' + fields if fields else 'no fields'}. "
        "response.access_token in the spec may be wrong. If it is right, check base_url."
    )


def basic(context: "Context") -> Iterator[Finding]:
    """The server accepts the encoding of HTTP Basic."""
    if context.registration.client_auth.method != "client_secret_basic":
        yield ok("not used: the credentials are not sent as HTTP Basic")
        return
    if len(context.encodings) == 1:
        yield ok("plain and form-encoded are the same for these credentials")
        return
    first, *others = context.attempts
    if not others:
        accepted = isinstance(first.outcome, Grant)
        yield ok(f"{_named(first.encoding)} is accepted") if accepted else skipped(_SAYS_NOTHING)
        return
    second = others[0]
    seen = f"{_named(first.encoding)} is refused, {_named(second.encoding)} "
    if isinstance(second.outcome, InvalidClient):
        yield ok(f"{seen}too: the encoding is not the cause")
    elif not isinstance(second.outcome, Grant):
        yield skipped(f"{seen}gave no result")
    elif context.attempt is second:
        yield warning(f"{seen}is accepted", f'Set basic_encoding="{second.encoding}" to save a request.')
    else:
        advice = f'Set basic_encoding="{second.encoding}", or "auto" to try both.'
        yield failed("refused", f"{seen}is accepted", advice)


def _named(encoding: str) -> str:
    return "form-encoded" if encoding == "form" else encoding


def environment(context: "Context") -> Iterator[Finding]:
    """The credentials belong to this environment. The doctor never tries them in another one."""
    outcome = context.attempt.outcome
    here = context.registration.environment
    others = [each for each in context.endpoint.servers if each != here]
    if isinstance(outcome, Grant):
        yield ok(f"the credentials belong to {here}" if here else "the provider has no environments")
    elif not isinstance(outcome, InvalidClient):
        yield skipped(_SAYS_NOTHING if context.attempt.response else _NO_RESPONSE)
    elif not others:
        yield ok("the provider has no other environment")
    else:
        yield warning(
            f"refused in {here!r}; the response is the same if the credentials belong to {' or '.join(map(repr, others))}",
            f"Set {context.variable_names['environment']} to the environment that the credentials were made for. "
            "They were not tried in another one.",
        )


def parameters(context: "Context") -> Iterator[Finding]:
    """The other arguments, such as the audience, fit the environment."""
    arguments = context.registration.arguments
    given = [each for each in context.endpoint.parameters if each.argument in arguments]
    facts = context.registration.environment_facts
    texts: list[str] = []
    for each in given:
        value = str(arguments[each.argument or ""])
        texts.append(f"{each.name} {fingerprint(value) if each.secret else value}")
        word = facts.get(f"{each.name}_environment")
        if word and word not in re.split(r"[^A-Za-z0-9]+", value):
            yield warning(
                f"{texts.pop()} does not name the environment {word!r}", "Check that the provider gave you this value."
            )
    if texts or not given:
        yield ok(", ".join(texts) or "no parameter is needed")


def expiry(context: "Context") -> Iterator[Finding]:
    """The lifetime of the token is known and plausible."""
    response, grant = context.granted
    document, lifetime = response.document, grant.lifetime
    present = [
        each for each in context.endpoint.response.lifetime if not each.at or value_at(document, each.at) is not None
    ]
    used = next((each for each in present if lifetime_at(each, document, response) is not None), None)
    if used is None:
        places = ", ".join(_place(each) for each in present or context.endpoint.response.lifetime)
        yield warning(
            f"{places} {'cannot be read' if present else 'is missing'}: {span(lifetime)} are assumed",
            "Set the assumed lifetime with RefreshPolicy(default_lifetime=...), in seconds.",
        )
        return
    seen = f"{_place(used)} says {span(lifetime)}"
    own = _own_end(grant.token.access_token)
    if not _SHORT <= lifetime <= _LONG:
        unit = "minutes" if lifetime < _SHORT else "milliseconds, or a point in time"
        yield warning(f"{seen}, which is not plausible", f"Ask the provider. Is the value in {unit}?")
    elif own and abs(left := response.seconds_until(own) - lifetime) > context.policy.margin:
        direction = "later" if left > 0 else "earlier"
        yield warning(
            f"{seen}, but the token's own exp claim is {span(abs(left))} {direction}",
            "Ask the provider which one is right.",
        )
    else:
        yield ok(seen)


def _place(where: Any) -> str:
    """Where a lifetime is from, and its unit."""
    if where.at is None:
        return "the documentation"
    return f"the exp claim of the token at {where.at}" if where.unit == "jwt_exp" else f"{where.at} ({where.unit})"


def _own_end(token: str) -> datetime | None:
    """The exp claim of a token, if it is a JWT that has one."""
    try:
        return jwt_time(jwt_claims(token), "exp")
    except (ValueError, TypeError, KeyError, OverflowError, OSError):
        return None
