"""The kinds of faults that the sandbox knows: what each does, its parameters and their checks.

A fault is switched on for one provider: in Python (``sandbox.ripple.fail(503, times=2)``) or through the control API.
It applies to the token endpoint or to the resource (``on``). It stays on for a number of requests (``times``) or until
it is restored.

=============  ================================================  ====================================================
kind           parameters and their defaults                     what happens
=============  ================================================  ====================================================
``delay``      ``seconds=1.0``                                   the response is late by this time
``fail``       ``status=503``, ``retry_after=None``              the response is an error with this status
``html``       ``status=200``                                    the response is an HTML page instead of JSON
``redirect``   ``to="https://elsewhere.invalid/"``,              the response is a redirect
               ``status=307``
``refuse``     none                                              the response to wrong credentials; on the resource,
                                                                 the response to a revoked token
``rate_limit`` ``requests=None``, ``seconds=None``               status 429 for requests beyond this limit, or beyond
                                                                 the limits that the provider documents
``lifetime``   ``seconds=5``                                     tokens live for this time
``odd_types``  ``oddity="lifetime_text"``                        one field of a token response has an unusual type
``cut``        ``kept=None``                                     the connection closes after this many bytes of the
                                                                 body, or after half of it
``drop``       none                                              the connection closes before the response
``drip``       ``pace=1.0``                                      the body arrives byte by byte, with this pause
                                                                 (seconds) before each
``date``       ``offset=3600.0``                                 the Date header is wrong by this time
``clock_skew`` ``seconds=30.0``                                  the sandbox's clock is wrong by this time: the Date
                                                                 header, and the check of assertions and proofs
``nonce``      ``requests=None``, ``seconds=None``               DPoP proofs must have a nonce, which changes after
                                                                 this many requests or this time
``reject_jti`` none                                              assertions and DPoP proofs count as used before
=============  ================================================  ====================================================

Faults of different stages add up: a response can be late, have status 503 and a wrong Date, and end half-way. Of each
stage, one fault applies to a request. Faults with ``times`` go first, in the order in which they were switched on. If
there are none, the latest fault applies. So ``fail(503, times=2); fail(429, times=1)`` is a script of three responses.
``fail``, ``html``, ``redirect`` and ``refuse`` share a stage, and so do ``cut``, ``drop`` and ``drip``.

To add a fault, write its function below. The decorator ``kind`` enters it into the table.
"""

import math
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any, Literal, Protocol, TypeAlias, get_args

from starlette.responses import HTMLResponse, Response

from paygrant._arguments import check_choice, check_seconds, check_whole, invalid_argument, shown
from paygrant.sandbox._client_auth import Nonces
from paygrant.sandbox._endpoint import ODDITIES, Endpoint, Limit, http_date
from paygrant.sandbox._wire import CutShort, Drip, NoResponse

Target: TypeAlias = Literal["token", "resource"]
"""Where a fault applies: the token endpoint, or the protected resource."""

TARGETS: tuple[Target, ...] = get_args(Target)

Stage: TypeAlias = Literal[
    "date", "clock", "nonce", "wire", "delay", "limit", "response", "replay", "lifetime", "types"
]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""In the order in which they apply. Each stage changes the response of the later stages, or replaces it."""

BODILESS = frozenset({204, 205, 304})
"""The statuses whose responses have no body."""

_YEARS = 1e9
"""Seconds, about 30 years. A larger offset could leave the years that an HTTP date can express."""

_LARGEST = 2**53 - 1
"""The largest whole number that all JSON readers agree on (RFC 8259 section 6)."""


class RequestHandler(Protocol):
    """What handles one request, as the faults see it."""

    endpoint: Endpoint
    now: float
    lifetime: int | None
    oddity: str | None
    skew: float
    nonces: Nonces | None
    replayed: bool

    async def pause(self, seconds: float) -> None:
        """Wait."""
        ...

    def refusal(self) -> Response:
        """The response to wrong credentials, or to a revoked token."""
        ...

    def error(self, status: int, headers: Mapping[str, str]) -> Response:
        """An error response in the provider's format."""
        ...


Proceed: TypeAlias = Callable[[], Awaitable[Response]]
Effect: TypeAlias = Callable[..., Awaitable[Response | None]]
"""Takes the handler, the function that runs the later stages, and the parameters. None: the fault does not apply."""


@dataclass(frozen=True, slots=True)
class FaultParameter:
    """A parameter of a kind of fault.

    Attributes:
        name: Its name.
        type: ``number``, ``integer``, ``text`` or ``choice``.
        default: The value if none is given. None is a valid value only if it is the default.
        meaning: One line for people.
        check: Takes name and value; raises ConfigurationError.
        choices: The valid values, if the type is ``choice``.
    """

    name: str
    type: Literal["number", "integer", "text", "choice"]
    default: float | str | None
    meaning: str
    check: Callable[[str, Any], None]
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A kind of fault: one row of the table."""

    name: str
    stage: Stage
    meaning: str
    parameters: tuple[FaultParameter, ...]
    targets: tuple[Target, ...]
    effect: Effect = field(repr=False)
    prepare: Callable[..., dict[str, Any]] = field(repr=False)
    """Turns the parameters into the arguments of the effect, when the fault is switched on."""


KINDS: dict[str, FaultKind] = {}
"""The table, by name."""


def _as_given(_endpoint: Endpoint, **parameters: Any) -> dict[str, Any]:
    return parameters


def kind(
    stage: Stage,
    *parameters: FaultParameter,
    targets: tuple[Target, ...] = TARGETS,
    prepare: Callable[..., dict[str, Any]] = _as_given,
) -> Callable[[Effect], Effect]:
    """Enter a function into the table: its name becomes the kind's name, its docstring the kind's meaning."""

    def enter(effect: Effect) -> Effect:
        name = effect.__name__
        KINDS[name] = FaultKind(name, stage, str(effect.__doc__), parameters, targets, effect, prepare)
        return effect

    return enter


# The checks of the parameters


def check_size(argument: str, value: object) -> None:
    """Refuse a number that is too large for JSON."""
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise invalid_argument(argument, "is too large", f"a number of at most {_LARGEST}")


_seconds = partial(check_seconds, most=_YEARS)
_offset = partial(check_seconds, least=-_YEARS, most=_YEARS)
_some_seconds = partial(check_seconds, least=0.001, most=_YEARS)
_count = partial(check_whole, least=0)
_at_least_one = partial(check_whole, least=1)
_oddity = partial(check_choice, choices=ODDITIES)
_redirect_status = partial(check_whole, least=300, most=399)
check_status = partial(check_whole, least=200, most=599)
"""Refuses what cannot be the status of a final response (RFC 9110 section 15)."""


def _lifetime(argument: str, value: Any) -> None:
    _count(argument, value)
    _seconds(argument, value)


def check_header(argument: str, value: Any) -> None:
    """Refuse what cannot be the value of a header."""
    if not (isinstance(value, str) and value and value.isascii() and value.isprintable()):
        raise invalid_argument(argument, f"is {shown(value)}", "printable ASCII, as in an HTTP header")


def _retry_after(argument: str, value: Any) -> None:
    if isinstance(value, str):
        check_header(argument, value)
    else:
        _seconds(argument, value)


# The table


@kind("date", FaultParameter("offset", "number", 3600.0, "seconds; below zero, the Date is in the past", _offset))
async def date(handler: RequestHandler, proceed: Proceed, *, offset: float) -> Response:
    """The Date header is wrong by this many seconds."""
    response = await proceed()
    response.headers["Date"] = http_date(handler.now + offset)
    return response


@kind("clock", FaultParameter("seconds", "number", 30.0, "seconds; below zero, the clock is behind", _offset))
async def clock_skew(handler: RequestHandler, proceed: Proceed, *, seconds: float) -> Response:
    """The clock is ahead: the Date header shows it, and assertions and proofs are checked by it."""
    handler.skew = seconds
    response = await proceed()
    response.headers["Date"] = http_date(handler.now + seconds)
    return response


def _nonces(_endpoint: Endpoint, requests: int | None, seconds: float | None) -> dict[str, Any]:
    from paygrant.sandbox._dpop import ChangingNonces

    return {"nonces": ChangingNonces(requests, seconds)}


@kind(
    "nonce",
    FaultParameter("requests", "integer", None, "another nonce comes after this many; empty: never", _at_least_one),
    FaultParameter("seconds", "number", None, "another nonce comes after this time; empty: never", _some_seconds),
    prepare=_nonces,
)
async def nonce(handler: RequestHandler, proceed: Proceed, *, nonces: Nonces) -> Response:
    """DPoP proofs must have a nonce, which each response gives."""
    handler.nonces = nonces
    response = await proceed()
    response.headers["DPoP-Nonce"] = nonces.latest(handler.now)
    return response


@kind("wire", FaultParameter("kept", "integer", None, "bytes of the body that are sent; empty: half of it", _count))
async def cut(_handler: RequestHandler, proceed: Proceed, *, kept: int | None) -> Response:
    """The connection closes before the body is complete."""
    whole = await proceed()
    return CutShort(whole, len(whole.body) // 2 if kept is None else kept)


@kind("wire")
async def drop(_handler: RequestHandler, proceed: Proceed) -> Response:
    """The connection closes before the response. The request is still carried out."""
    await proceed()
    return NoResponse()


@kind("wire", FaultParameter("pace", "number", 1.0, "seconds before each byte", _some_seconds))
async def drip(handler: RequestHandler, proceed: Proceed, *, pace: float) -> Response:
    """The body arrives byte by byte."""
    return Drip(await proceed(), lambda: handler.pause(pace))


@kind("delay", FaultParameter("seconds", "number", 1.0, "seconds until the response", _seconds))
async def delay(handler: RequestHandler, proceed: Proceed, *, seconds: float) -> Response:
    """The response is late."""
    await handler.pause(seconds)
    return await proceed()


class Limiter:
    """Counts requests in sliding windows, and says how long a request that comes too early has to wait."""

    def __init__(self, limits: tuple[Limit, ...]) -> None:
        self._lock = threading.Lock()
        self._windows = [(limit, deque[float](maxlen=limit.requests)) for limit in limits]

    def wait(self, now: float) -> float:
        """The seconds until a request is accepted; 0 accepts and counts this one."""
        with self._lock:
            waits = (seen[0] + limit.seconds - now for limit, seen in self._windows if len(seen) == limit.requests)
            wait = max([0.0, *waits])
            if not wait:
                for _, seen in self._windows:
                    seen.append(now)
            return wait


def _limiter(endpoint: Endpoint, requests: int | None, seconds: float | None) -> dict[str, Any]:
    if (requests is None) != (seconds is None):
        fault = "is set without seconds" if seconds is None else "is missing"
        raise invalid_argument("requests", fault, "both requests and seconds")
    given = None if requests is None or seconds is None else (Limit(requests, seconds),)
    limits = given or endpoint.limits
    if not limits:
        raise invalid_argument(
            "requests", "is missing", f"both requests and seconds, because {endpoint.name} documents no limit"
        )
    return {"limiter": Limiter(limits)}


@kind(
    "limit",
    FaultParameter("requests", "integer", None, "accepted requests; empty: as the provider documents", _at_least_one),
    FaultParameter("seconds", "number", None, "in this many seconds; empty: as the provider documents", _some_seconds),
    prepare=_limiter,
)
async def rate_limit(handler: RequestHandler, _proceed: Proceed, *, limiter: Limiter) -> Response | None:
    """Requests beyond the limit get status 429."""
    wait = limiter.wait(handler.now)
    if not wait:
        return None
    headers = {"Retry-After": str(math.ceil(wait))} if handler.endpoint.sends_retry_after else {}
    return handler.error(HTTPStatus.TOO_MANY_REQUESTS, headers)


@kind(
    "response",
    FaultParameter("status", "integer", 503, "the status, from 200 to 599", check_status),
    FaultParameter(
        "retry_after",
        "text",
        None,
        "Retry-After header: seconds (rounded up), or any text such as an HTTP date",
        _retry_after,
    ),
)
async def fail(handler: RequestHandler, _proceed: Proceed, *, status: int, retry_after: float | str | None) -> Response:
    """The response is an error with this status."""
    value = retry_after if isinstance(retry_after, str | None) else str(math.ceil(retry_after))
    headers = {} if value is None else {"Retry-After": value}
    return Response(None, status, headers) if status in BODILESS else handler.error(status, headers)


@kind("response", FaultParameter("status", "integer", 200, "the status, from 200 to 599", check_status))
async def html(_handler: RequestHandler, _proceed: Proceed, *, status: int) -> Response:
    """The response is an HTML page instead of JSON, as from a proxy."""
    return HTMLResponse("" if status in BODILESS else "<!doctype html><title>Maintenance</title>", status)


@kind(
    "response",
    FaultParameter("to", "text", "https://elsewhere.invalid/", "the URL in the Location header", check_header),
    FaultParameter("status", "integer", 307, "the status, from 300 to 399", _redirect_status),
)
async def redirect(_handler: RequestHandler, _proceed: Proceed, *, to: str, status: int) -> Response:
    """The response is a redirect."""
    return Response(None, status, {"Location": to})


@kind("response")
async def refuse(handler: RequestHandler, _proceed: Proceed) -> Response:
    """Right credentials count as wrong, and valid tokens as revoked."""
    return handler.refusal()


@kind("replay")
async def reject_jti(handler: RequestHandler, proceed: Proceed) -> Response:
    """Assertions and DPoP proofs count as used before."""
    handler.replayed = True
    return await proceed()


@kind("lifetime", FaultParameter("seconds", "integer", 5, "seconds that a token lives", _lifetime), targets=("token",))
async def lifetime(handler: RequestHandler, proceed: Proceed, *, seconds: int) -> Response:
    """Tokens live for this many seconds."""
    handler.lifetime = seconds
    return await proceed()


@kind(
    "types",
    FaultParameter("oddity", "choice", "lifetime_text", "which field, and which type", _oddity, tuple(ODDITIES)),
    targets=("token",),
)
async def odd_types(handler: RequestHandler, proceed: Proceed, *, oddity: str) -> Response:
    """One field of a token response has an unusual type."""
    handler.oddity = oddity
    return await proceed()
