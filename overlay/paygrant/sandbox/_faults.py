"""The faults of one provider that are switched on, and which of them applies to a request.

``_fault_kinds`` says which kinds of faults there are and what they do.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from starlette.responses import Response

from paygrant._arguments import check_choice, check_whole, invalid_argument
from paygrant.sandbox._endpoint import Endpoint
from paygrant.sandbox._fault_kinds import KINDS, FaultKind, Proceed, RequestHandler, Stage, Target, check_size


class Fault:
    """A fault that was switched on. As a context manager, it is restored at the end of the block.

    Attributes:
        id: Its number, unique in a sandbox.
        kind: The name of its kind, such as ``"fail"``.
        on: The endpoint that it applies to: ``"token"`` or ``"resource"``.
        times: The number of requests that it still applies to; None: until it is restored.
        parameters: Its parameters, by name.
        applied: The number of requests that it has been applied to.
    """

    def __init__(  # noqa: PLR0913 - only Faults makes one
        self,
        faults: "Faults",
        number: int,
        *,
        kind: FaultKind,
        on: Target,
        times: int | None,
        parameters: Mapping[str, Any],
        arguments: Mapping[str, Any],
    ) -> None:
        self.id = number
        self.kind = kind.name
        self.on: Target = on
        self.times = times
        self.parameters = parameters
        self.applied = 0
        self.stage = kind.stage
        self._faults = faults
        self._effect = kind.effect
        self._arguments = arguments

    async def apply(self, handler: RequestHandler, proceed: Proceed) -> Response | None:
        """The response with this fault; None if the fault does not apply to this request."""
        response = await self._effect(handler, proceed, **self._arguments)
        self.applied += response is not None
        return response

    def restore(self) -> None:
        """Switch it off. Nothing happens if it is off already."""
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
    """The faults of one provider that are switched on. Safe to use from any thread."""

    def __init__(self, endpoint: Endpoint, numbers: Iterator[int], changed: Callable[[], None]) -> None:
        self._endpoint = endpoint
        self._numbers = numbers
        self._changed = changed
        self._lock = threading.Lock()
        self._on: dict[int, Fault] = {}

    def switch_on(self, name: str, /, *, on: Target = "token", times: int | None = None, **given: object) -> Fault:
        """Switch on a fault, by the name of its kind.

        Raises:
            ConfigurationError: The kind or an argument is unknown, or an argument is invalid.
        """
        check_choice("kind", name, KINDS)
        kind = KINDS[name]
        check_choice("on", on, kind.targets)
        check_size("times", times)
        if times is not None:
            check_whole("times", times, least=1)
        for unknown in given.keys() - {parameter.name for parameter in kind.parameters}:
            expected = ", ".join(["on", "times", *(parameter.name for parameter in kind.parameters)])
            raise invalid_argument(unknown, "is unknown", f"one of: {expected}")
        parameters = {parameter.name: given.get(parameter.name, parameter.default) for parameter in kind.parameters}
        for parameter in kind.parameters:
            value = parameters[parameter.name]
            check_size(parameter.name, value)
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

    def take(self, stage: Stage, target: Target) -> Fault | None:
        """The fault of this stage that applies to a request, if there is one. It counts as applied once."""
        if not self._on:
            return None
        with self._lock:
            matching = [fault for fault in self._on.values() if fault.stage == stage and fault.on == target]
            if not matching:
                return None
            fault = next((each for each in matching if each.times is not None), matching[-1])
            if fault.times is not None:
                fault.times -= 1
                if not fault.times:
                    del self._on[fault.id]
            return fault

    def active(self) -> tuple[Fault, ...]:
        """The faults that are on, in the order in which they were switched on."""
        with self._lock:
            return tuple(self._on.values())

    def remove(self, number: int) -> bool:
        """Switch off a fault by its number. Returns whether it was on."""
        with self._lock:
            was_on = self._on.pop(number, None) is not None
        self._changed()
        return was_on

    def clear(self) -> None:
        """Switch off all faults."""
        with self._lock:
            self._on.clear()
        self._changed()
