"""What can go wrong at an endpoint: the table of faults, and those that are switched on.

The faults
----------
A fault is switched on for one provider, by Python (``sandbox.ripple.fail(503, times=2)``) or by the control API. It
applies to the token endpoint or to the resource (``on``), for so many requests (``times``) or until it is restored.

=============  ================================================  ====================================================
kind           parameters and their defaults                     what happens
=============  ================================================  ====================================================
``delay``      ``seconds=1.0``                                   the answer comes so much later
``fail``       ``status=503``, ``retry_after=None``              an error of this status
``html``       ``status=200``                                    a page of HTML where JSON is due
``redirect``   ``to="https://elsewhere.invalid/"``,              a redirect
               ``status=307``
``refuse``     none                                              the provider's answer to wrong credentials; on the
                                                                 resource, to a dead token
``rate_limit`` ``requests=None``, ``seconds=None``               429 for what goes beyond the limits that the provider
                                                                 documents, or beyond this one
``lifetime``   ``seconds=5``                                     tokens live so long
``odd_types``  ``oddity="lifetime_text"``                        one part of a granted answer has an odd type
``cut``        ``kept=None``                                     the body ends early: after so many bytes, or half-way
``drop``       none                                              the connection closes without a byte of an answer
``drip``       ``pace=1.0``                                      the body comes byte by byte, one in so many seconds
``date``       ``offset=3600.0``                                 the Date header is wrong by so many seconds
=============  ================================================  ====================================================

Faults of different stages add up: a delayed 503, with a wrong Date, cut half-way. Of one stage, one applies: those with
``times`` go first, in the order in which they were switched on; of the others, the latest. So
``fail(503, times=2); fail(429, times=1)`` is a script of three answers. ``fail``, ``html``, ``redirect`` and ``refuse``
are of one stage, and so are ``cut``, ``drop`` and ``drip``.

The control API
---------------
JSON, under ``/control``. Bad input is answered with 400 and ``{"error": what is wrong and what is allowed}``.

=========================================  ============================================================================
``GET /control``                           the state: clock, providers, tokens alive, faults, the last 100 requests
``GET /control/events``                    the same as ``text/event-stream``, again whenever something has changed
``GET /control/faults``                    the table above, with each parameter's type, default and meaning
``POST /control/{provider}/faults``        ``{"kind": "fail", "on": "token", "times": 2, "status": 503}``: 201, ``{"id"}``
``DELETE /control/{provider}/faults``      restores that provider: 204
``DELETE /control/{provider}/faults/{id}`` restores one fault: 204
``POST /control/{provider}/revoke``        kills its tokens: 204
``POST /control/reset``                    faults, tokens, counts and requests of all providers: gone; ``delay``
                                           and ``drip`` end for requests under way, too: 204
=========================================  ============================================================================

It answers to loopback names in ``Host`` only, and where an ``Origin`` is sent, to its own. So no page of another site
steers it, not by a rebound name either.

To add a fault, write its function below: the decorator enters it into the table.
"""

import math
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TypeAlias, get_args

from starlette.responses import HTMLResponse, Response

from paygrant._arguments import check_choice, check_seconds, check_whole, invalid_argument
from paygrant.sandbox._endpoint import ODDITIES, Endpoint, Limit, http_date
from paygrant.sandbox._wire import CutShort, Drip, NoAnswer

Place: TypeAlias = Literal["token", "resource"]
"""Where a fault applies: the token endpoint, or the protected resource."""

PLACES: tuple[Place, ...] = get_args(Place)

Stage: TypeAlias = Literal["date", "wire", "delay", "limit", "answer", "lifetime", "types"]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""From the outside in: each one acts on what those after it answer, or stands in for them."""

_BODILESS = frozenset({204, 205, 304})
_YEARS = 1e9
"""Seconds. No clock is more wrong than that, and every date can still be written."""

_LARGEST = 2**53 - 1
"""Whole numbers up to this are the same in every JSON reader (RFC 8259 section 6), and none is too large for a queue."""


class Exchange(Protocol):
    """A request under way, as the faults see it."""

    endpoint: Endpoint
    now: float
    lifetime: int | None
    oddity: str | None

    async def pause(self, seconds: float) -> None:
        """Let time pass."""
        ...

    def refusal(self) -> Response:
        """The answer to wrong credentials, or to a dead token."""
        ...

    def error(self, status: int, headers: Mapping[str, str]) -> Response:
        """An error in the provider's own form."""
        ...


Proceed: TypeAlias = Callable[[], Awaitable[Response]]
Effect: TypeAlias = Callable[..., Awaitable[Response | None]]
"""Takes the exchange, what follows, and the parameters; None leaves this request alone."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a kind of fault.

    Attributes:
        name: Its name.
        type: ``number``, ``integer``, ``text`` or ``choice``.
        default: What it is where nothing is given; None is allowed only where it is the default.
        meaning: One line.
        check: Takes name and value; raises ConfigurationError.
        choices: The values, of a choice.
    """

    name: str
    type: Literal["number", "integer", "text", "choice"]
    default: float | str | None
    meaning: str
    check: Callable[[str, Any], None]
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: a line of the table."""

    name: str
    stage: Stage
    meaning: str
    parameters: tuple[Parameter, ...]
    places: tuple[Place, ...]
    effect: Effect = field(repr=False)
    prepare: Callable[..., dict[str, Any]] = field(repr=False)
    """Makes of the parameters, once, what the effect takes."""


KINDS: dict[str, Kind] = {}
"""The table."""


def _as_given(_endpoint: Endpoint, **parameters: Any) -> dict[str, Any]:
    return parameters


def kind(
    stage: Stage,
    *parameters: Parameter,
    places: tuple[Place, ...] = PLACES,
    prepare: Callable[..., dict[str, Any]] = _as_given,
) -> Callable[[Effect], Effect]:
    """Enters a function into the table: its name is the kind's name, its docstring the kind's meaning."""

    def enter(effect: Effect) -> Effect:
        name = effect.__name__
        KINDS[name] = Kind(name, stage, str(effect.__doc__), parameters, places, effect, prepare)
        return effect

    return enter


# ---------------------------------------------------------------------------------------------------- Checks


def _check_size(argument: str, value: object) -> None:
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise invalid_argument(argument, "is too large", f"numbers up to {_LARGEST}")


def _seconds(argument: str, value: Any) -> None:
    check_seconds(argument, value, most=_YEARS)


def _offset(argument: str, value: Any) -> None:
    check_seconds(argument, value, least=-_YEARS, most=_YEARS)


def _some_seconds(argument: str, value: Any) -> None:
    check_seconds(argument, value, least=0.001, most=_YEARS)


def _count(argument: str, value: Any) -> None:
    check_whole(argument, value, least=0)


def _lifetime(argument: str, value: Any) -> None:
    _count(argument, value)
    _seconds(argument, value)


def _at_least_one(argument: str, value: Any) -> None:
    check_whole(argument, value, least=1)


def _status(argument: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 200 <= value <= 599:  # noqa: PLR2004 - RFC 9110
        raise invalid_argument(argument, f"is {value!r}", "a status from 200 to 599")


def _redirect_status(argument: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 300 <= value <= 399:  # noqa: PLR2004 - RFC 9110
        raise invalid_argument(argument, f"is {value!r}", "a status from 300 to 399")


def _header(argument: str, value: Any) -> None:
    if not (isinstance(value, str) and value and value.isascii() and value.isprintable()):
        raise invalid_argument(argument, f"is {value!r}", "printable ASCII, for a header")


def _retry_after(argument: str, value: Any) -> None:
    if isinstance(value, str):
        _header(argument, value)
    else:
        _seconds(argument, value)


def _oddity(argument: str, value: Any) -> None:
    check_choice(argument, value, ODDITIES)


# ----------------------------------------------------------------------------------------------- The table


@kind("date", Parameter("offset", "number", 3600.0, "seconds; below zero, the server's clock is behind", _offset))
async def date(exchange: Exchange, proceed: Proceed, *, offset: float) -> Response:
    """The Date header is wrong by so many seconds."""
    response = await proceed()
    response.headers["Date"] = http_date(exchange.now + offset)
    return response


@kind("wire", Parameter("kept", "integer", None, "bytes of the body that come; none: half of it", _count))
async def cut(_exchange: Exchange, proceed: Proceed, *, kept: int | None) -> Response:
    """The connection closes before the body is complete."""
    whole = await proceed()
    return CutShort(whole, len(whole.body) // 2 if kept is None else kept)


@kind("wire")
async def drop(_exchange: Exchange, proceed: Proceed) -> Response:
    """The connection closes without a byte of an answer; the request was carried out all the same."""
    await proceed()
    return NoAnswer()


@kind("wire", Parameter("pace", "number", 1.0, "seconds between two bytes", _some_seconds))
async def drip(exchange: Exchange, proceed: Proceed, *, pace: float) -> Response:
    """The body comes byte by byte."""
    return Drip(await proceed(), lambda: exchange.pause(pace))


@kind("delay", Parameter("seconds", "number", 1.0, "seconds", _seconds))
async def delay(exchange: Exchange, proceed: Proceed, *, seconds: float) -> Response:
    """The answer comes so much later."""
    await exchange.pause(seconds)
    return await proceed()


class Limiter:
    """Sliding windows: tells when a request may come again, if it comes too early."""

    def __init__(self, limits: tuple[Limit, ...]) -> None:
        self._windows = [(limit, deque[float](maxlen=limit.requests)) for limit in limits]

    def wait(self, now: float) -> float:
        """Seconds until the next request may come; 0 lets this one in."""
        waits = (seen[0] + limit.seconds - now for limit, seen in self._windows if len(seen) == limit.requests)
        wait = max([0.0, *waits])
        if not wait:
            for _, seen in self._windows:
                seen.append(now)
        return wait


def _limiter(endpoint: Endpoint, requests: int | None, seconds: float | None) -> dict[str, Any]:
    if (requests is None) != (seconds is None):
        raise invalid_argument("requests", "stands alone" if seconds is None else "is missing", "requests and seconds")
    given = None if requests is None or seconds is None else (Limit(requests, seconds),)
    limits = given or endpoint.limits
    if not limits:
        raise invalid_argument(
            "requests", "is missing", f"requests and seconds, because {endpoint.name} documents no limit"
        )
    return {"limiter": Limiter(limits)}


@kind(
    "limit",
    Parameter("requests", "integer", None, "so many; none: as the provider documents it", _at_least_one),
    Parameter("seconds", "number", None, "in so many seconds; none: as the provider documents it", _some_seconds),
    prepare=_limiter,
)
async def rate_limit(exchange: Exchange, _proceed: Proceed, *, limiter: Limiter) -> Response | None:
    """429 for requests beyond the limits."""
    wait = limiter.wait(exchange.now)
    if not wait:
        return None
    told = {"Retry-After": str(math.ceil(wait))} if exchange.endpoint.tells_retry_after else {}
    return exchange.error(HTTPStatus.TOO_MANY_REQUESTS, told)


@kind(
    "answer",
    Parameter("status", "integer", 503, "the status, from 200 to 599", _status),
    Parameter(
        "retry_after", "text", None, "Retry-After: seconds, rounded up, or any text, such as an HTTP date", _retry_after
    ),
)
async def fail(exchange: Exchange, _proceed: Proceed, *, status: int, retry_after: float | str | None) -> Response:
    """The endpoint answers with an error of this status."""
    told = retry_after if isinstance(retry_after, str | None) else str(math.ceil(retry_after))
    headers = {} if told is None else {"Retry-After": told}
    return Response(None, status, headers) if status in _BODILESS else exchange.error(status, headers)


@kind("answer", Parameter("status", "integer", 200, "the status, from 200 to 599", _status))
async def html(_exchange: Exchange, _proceed: Proceed, *, status: int) -> Response:
    """A page of HTML comes where JSON is due, as from a proxy."""
    return HTMLResponse("" if status in _BODILESS else "<!doctype html><title>Maintenance</title>", status)


@kind(
    "answer",
    Parameter("to", "text", "https://elsewhere.invalid/", "the address in Location", _header),
    Parameter("status", "integer", 307, "the status, from 300 to 399", _redirect_status),
)
async def redirect(_exchange: Exchange, _proceed: Proceed, *, to: str, status: int) -> Response:
    """The endpoint sends the client elsewhere."""
    return Response(None, status, {"Location": to})


@kind("answer")
async def refuse(exchange: Exchange, _proceed: Proceed) -> Response:
    """Good credentials count as wrong, good tokens as dead."""
    return exchange.refusal()


@kind("lifetime", Parameter("seconds", "integer", 5, "seconds", _lifetime), places=("token",))
async def lifetime(exchange: Exchange, proceed: Proceed, *, seconds: int) -> Response:
    """Tokens live so long."""
    exchange.lifetime = seconds
    return await proceed()


@kind(
    "types",
    Parameter("oddity", "choice", "lifetime_text", "which part of the answer, and how", _oddity, tuple(ODDITIES)),
    places=("token",),
)
async def odd_types(exchange: Exchange, proceed: Proceed, *, oddity: str) -> Response:
    """One part of a granted answer has an odd type."""
    exchange.oddity = oddity
    return await proceed()


# ------------------------------------------------------------------------------------- Those that are on


class Fault:
    """A fault that was switched on. As a context manager, it is restored at the end of the block.

    Attributes:
        id: Its number, unique in a sandbox.
        kind: Its name in the table.
        on: Where it applies, ``"token"`` or ``"resource"``.
        times: For how many more requests; None: until it is restored.
        parameters: Its parameters, by name.
        applied: To how many requests it was applied.
    """

    def __init__(  # noqa: PLR0913 - made in one place, below
        self,
        faults: "Faults",
        number: int,
        *,
        kind: Kind,
        on: Place,
        times: int | None,
        parameters: Mapping[str, Any],
        arguments: Mapping[str, Any],
    ) -> None:
        self.id = number
        self.kind = kind.name
        self.on: Place = on
        self.times = times
        self.parameters = parameters
        self.applied = 0
        self.stage = kind.stage
        self._faults = faults
        self._effect = kind.effect
        self._arguments = arguments

    async def apply(self, exchange: Exchange, proceed: Proceed) -> Response | None:
        """Answer in its way; None where this request is left alone."""
        response = await self._effect(exchange, proceed, **self._arguments)
        self.applied += response is not None
        return response

    def restore(self) -> None:
        """Switch it off; nothing happens where it is off."""
        self._faults.remove(self.id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.restore()

    def __repr__(self) -> str:
        given = "".join(f" {name}={value!r}" for name, value in self.parameters.items())
        return f"<Fault {self.id}: {self.kind}{given} on={self.on} times={self.times}>"


class Faults:
    """The faults of one provider that are on. For any thread."""

    def __init__(self, endpoint: Endpoint, numbers: Iterator[int], changed: Callable[[], None]) -> None:
        self._endpoint = endpoint
        self._numbers = numbers
        self._changed = changed
        self._lock = threading.Lock()
        self._on: dict[int, Fault] = {}

    def switch_on(self, name: str, /, *, on: Place = "token", times: int | None = None, **given: object) -> Fault:
        """Switch on a fault by its name in the table.

        Raises:
            ConfigurationError: There is no such kind, or an argument is unknown or wrong.
        """
        check_choice("kind", name, KINDS)
        kind = KINDS[name]
        check_choice("on", on, kind.places)
        _check_size("times", times)
        if times is not None:
            check_whole("times", times, least=1)
        for unknown in given.keys() - {parameter.name for parameter in kind.parameters}:
            allowed = ", ".join(["on", "times", *(parameter.name for parameter in kind.parameters)])
            raise invalid_argument(unknown, "is unknown", f"one of: {allowed}")
        parameters = {parameter.name: given.get(parameter.name, parameter.default) for parameter in kind.parameters}
        for parameter in kind.parameters:
            value = parameters[parameter.name]
            _check_size(parameter.name, value)
            if value is not None or parameter.default is not None:
                parameter.check(parameter.name, value)
        arguments = kind.prepare(self._endpoint, **parameters)
        fault = Fault(
            self,
            next(self._numbers),
            kind=kind,
            on=on,
            times=times,
            parameters=parameters,
            arguments=arguments,
        )
        with self._lock:
            self._on[fault.id] = fault
        self._changed()
        return fault

    def take(self, stage: Stage, place: Place) -> Fault | None:
        """The fault that applies to a request at this stage, if one does; that counts as once."""
        if not self._on:
            return None
        with self._lock:
            matching = [fault for fault in self._on.values() if fault.stage == stage and fault.on == place]
            if not matching:
                return None
            fault = next((each for each in matching if each.times is not None), matching[-1])
            if fault.times is not None:
                fault.times -= 1
                if not fault.times:
                    del self._on[fault.id]
            return fault

    def active(self) -> tuple[Fault, ...]:
        """Those that are on, in the order in which they were switched on."""
        with self._lock:
            return tuple(self._on.values())

    def remove(self, number: int) -> bool:
        """Switch one off; whether it was on."""
        with self._lock:
            was_on = self._on.pop(number, None) is not None
        self._changed()
        return was_on

    def clear(self) -> None:
        """Switch all off."""
        with self._lock:
            self._on.clear()
        self._changed()
