"""The checks of what the provider says: one token request, looked at from all sides."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
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
from paygrant._request.lifetime import lifetime_at
from paygrant._request.response import RawResponse
from paygrant._secrets import fingerprint
from paygrant._spec.pointer import value_at
from paygrant._tokens.lifecycle import Grant
from paygrant.doctor._finding import Code, Finding, failed, ok, skipped, span, warning
from paygrant.doctor._shown import media_is_html, shown

if TYPE_CHECKING:
    from paygrant.doctor._case import Case

_NO_ANSWER = "no answer came"
_NO_VERDICT = "the answer says nothing of the credentials"

_SHORT, _LONG = 60.0, 31 * 86400.0
"""Seconds. A lifetime beyond these is hardly meant: rather it is in minutes, in milliseconds, or a moment."""

_CODES: tuple[tuple[type[TokenError], Code], ...] = (
    (TokenRequestRejected, "refused"),
    (RateLimited, "unavailable"),
    (ProviderUnavailable, "unavailable"),
    (MalformedResponse, "malformed"),
)

_BY_ERROR = {
    "invalid_scope": "Ask only for scopes that this client was granted.",
    "unsupported_grant_type": "This endpoint knows no client credentials grant: check base_url.",
    "unauthorized_client": "This client may not use the client credentials grant: ask the provider to allow it.",
}
"""By RFC 6749 section 5.2."""

_BY_STATUS: dict[int, str] = {
    HTTPStatus.NOT_FOUND: "There is no token endpoint at this address: check base_url, its path too.",
    HTTPStatus.METHOD_NOT_ALLOWED: "There is no token endpoint at this address: check base_url, its path too.",
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "The proxy wants credentials: http://user:password@host:port.",
}


def clock(case: "Case") -> Iterator[Finding]:
    """This machine's clock and the server's agree."""
    answer = case.exchange.answer
    if answer is None or answer.date is None:
        yield skipped("the answer has no Date" if answer else _NO_ANSWER)
        return
    ahead = (answer.received - answer.date).total_seconds()
    if abs(ahead) <= case.policy.margin:
        yield ok(f"agrees with the server's Date within {span(abs(ahead) + 1)}")
        return
    direction = "ahead of" if ahead > 0 else "behind"
    yield warning(
        f"this machine's clock is {span(abs(ahead))} {direction} the server's Date",
        "Let it be set by the network (NTP): by a wrong clock, certificates and tokens seem to be over.",
    )


def redirect(case: "Case") -> Iterator[Finding]:
    """The server answers itself, and does not point elsewhere."""
    answer = case.exchange.answer
    if answer is None:
        yield skipped(_NO_ANSWER)
    elif _is_redirect(answer):
        target = case.judge().redact(answer.redirect_target(case.provider.token_url))
        yield failed("malformed", f"status {answer.status} points to {target}", _right_address(case, target))
    else:
        yield ok("none")


def _is_redirect(answer: RawResponse) -> bool:
    return HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST


def _right_address(case: "Case", target: str) -> str:
    """What to configure, where a redirect's target can be had by configuring."""
    base_url, path, rest = target.partition(case.endpoint.path)
    if not path or rest:
        return f"Is that the provider's API? A token request goes to {case.endpoint.path} under base_url; it is not sent on."
    try:
        return f"Set {case.names['base_url']}={check_url('base_url', base_url)}, if that is the provider's."
    except ConfigurationError as refusal:
        return f"Nothing secret is sent there: {str(refusal).partition('; ')[0]}."


def answer(case: "Case") -> Iterator[Finding]:
    """The token request brings a token."""
    exchange = case.exchange
    outcome, came = exchange.outcome, exchange.answer
    if came and _is_redirect(came):
        yield skipped("redirect comes first")
        return
    seen = shown(came, case.judge(came)) if came else str(outcome)
    if isinstance(outcome, Grant):
        yield ok(seen)
        return
    code: Code = next(code for kind, code in _CODES if isinstance(outcome, kind))
    yield failed(code, seen, _what_to_do(case, outcome, came))


def _what_to_do(case: "Case", error: TokenError, came: RawResponse | None) -> str:  # noqa: PLR0911 - one a kind of error
    """Advice for an answer without a token."""
    if came is None:
        return "The way there is open, but nobody answers in time or in HTTP: try again, then ask the provider."
    if isinstance(error, RateLimited):
        wait = f"Wait {span(error.retry_after)}." if error.retry_after else "Wait."
        return f"{wait} Processes that share a store ask less often."
    if isinstance(error, ProviderUnavailable):
        return "The provider's own fault, to all appearance: try again, and look at its status page."
    if type(error) is TokenRequestRejected and error.error in _BY_ERROR:
        return _BY_ERROR[error.error]
    if came.status in _BY_STATUS:
        return _BY_STATUS[came.status]
    if isinstance(error, InvalidClient):
        return "Are id and secret whole, of this provider and environment, and not revoked?"
    if media_is_html(came):
        return "Something else answers here: a proxy, a login page, a wrong base_url."
    if isinstance(error, MalformedResponse):
        fault = case.judge(came).redact(str(error).rpartition(", ")[2])
        return f"Of no use: {fault}. Check base_url, then show this to the provider."
    return "Show this answer to the provider, with the time and what of its headers names the request."


def basic(case: "Case") -> Iterator[Finding]:
    """HTTP Basic in the encoding that the server understands."""
    if case.registration.client_auth.place != "basic":
        yield ok("not used: the credentials travel in the body")
        return
    if len(case.encodings) == 1:
        yield ok("plain and form-encoded are the same for these credentials")
        return
    first, *others = case.exchanges
    if not others:
        accepted = isinstance(first.outcome, Grant)
        yield ok(f"{_named(first.encoding)} is accepted") if accepted else skipped(_NO_VERDICT)
        return
    second = others[0]
    seen = f"{_named(first.encoding)} is refused, {_named(second.encoding)} "
    if isinstance(second.outcome, InvalidClient):
        yield ok(f"{seen}as well: the encoding is not to blame")
    elif not isinstance(second.outcome, Grant):
        yield skipped(f"{seen}brought no verdict")
    elif case.exchange is second:
        yield warning(f"{seen}is accepted", f'basic_encoding="{second.encoding}" saves a request.')
    else:
        advice = f'basic_encoding="{second.encoding}", or "auto", which finds it.'
        yield failed("refused", f"{seen}is accepted", advice)


def _named(encoding: str) -> str:
    return "form-encoded" if encoding == "form" else encoding


def environment(case: "Case") -> Iterator[Finding]:
    """The credentials are known in this environment. They are never tried in another one."""
    outcome = case.exchange.outcome
    here = case.registration.environment
    others = [each for each in case.endpoint.servers if each != here]
    if isinstance(outcome, Grant):
        yield ok(f"{here}: the credentials are known there" if here else "the provider documents none")
    elif not isinstance(outcome, InvalidClient):
        yield skipped(_NO_VERDICT if case.exchange.answer else _NO_ANSWER)
    elif not others:
        yield ok("the provider documents none")
    else:
        yield warning(
            f"refused in {here!r}; a refusal looks the same when the credentials are for {' or '.join(map(repr, others))}",
            f"Look up where they were made: {case.names['environment']} has to say the same. They were not tried elsewhere.",
        )


def parameters(case: "Case") -> Iterator[Finding]:
    """What the caller gives beside the credentials, such as the audience, fits the environment."""
    arguments = case.registration.arguments
    given = [each for each in case.endpoint.parameters if each.argument in arguments]
    facts = case.registration.environment_facts
    told: list[str] = []
    for each in given:
        value = str(arguments[each.argument or ""])
        told.append(f"{each.name} {fingerprint(value) if each.secret else value}")
        word = facts.get(f"{each.name}_environment")
        if word and word not in re.split(r"[^A-Za-z0-9]+", value):
            yield warning(
                f"{told.pop()} does not name the environment {word!r}", "Is it the one that the provider gave you?"
            )
    if told or not given:
        yield ok(", ".join(told) or "none is needed")


def expiry(case: "Case") -> Iterator[Finding]:
    """How long the token lives, by whose word, and whether that can be."""
    came, grant = case.granted
    document, lifetime = came.document, grant.lifetime
    said = [each for each in case.endpoint.response.lifetime if not each.at or value_at(document, each.at) is not None]
    used = next((each for each in said if lifetime_at(each, document, came) is not None), None)
    if used is None:
        places = ", ".join(_place(each) for each in said or case.endpoint.response.lifetime)
        yield warning(
            f"{places} {'cannot be read' if said else 'is not there'}: {span(lifetime)} are assumed",
            "RefreshPolicy(default_lifetime=...) sets what is assumed, in seconds.",
        )
        return
    seen = f"{_place(used)} says {span(lifetime)}"
    own = _own_end(grant.token.access_token)
    if not _SHORT <= lifetime <= _LONG:
        unit = "minutes" if lifetime < _SHORT else "milliseconds, or a moment"
        yield warning(f"{seen}, which is hardly meant", f"Ask the provider. Could it be {unit}?")
    elif own and abs(left := came.seconds_until(own) - lifetime) > case.policy.margin:
        words = "later" if left > 0 else "earlier"
        yield warning(
            f"{seen}, but the token's own exp claim is {span(abs(left))} {words}", "Ask the provider which counts."
        )
    else:
        yield ok(seen)


def _place(where: Any) -> str:
    """Where a lifetime stands, and in which unit."""
    if where.at is None:
        return "the documentation"
    return f"the exp claim of the token at {where.at}" if where.unit == "jwt_exp" else f"{where.at} ({where.unit})"


def _own_end(token: str) -> datetime | None:
    """When a token ends by its own word, if it is a JWT."""
    import jwt

    try:
        return datetime.fromtimestamp(float(jwt.decode(token, options={"verify_signature": False})["exp"]), UTC)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError):
        return None
