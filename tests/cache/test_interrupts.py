"""Exceptions that a signal handler raises, such as KeyboardInterrupt, at any line of a call for a token."""

import linecache
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import paygrant
from paygrant import ClientCredentials, MemoryStore, RefreshPolicy, TokenError, TokenSource
from paygrant._cache.renewal import Renewal
from tests.helpers.servers import Server

OURS = str(Path(paygrant.__file__).parent / "_cache")


class Interrupted(BaseException):
    """What a signal handler raises."""


def interrupted(call: Callable[[], object], position: int) -> bool:
    """Call a function, and raise at this line of the cache, or at this beginning of a function; whether it was reached.

    No signal is handled between a block and the release of its lock, where the interpreter shows the line again.
    """
    left = position

    def tracer() -> Any:
        locked = set[int]()

        def trace(frame: FrameType, event: str, _argument: object) -> Any:
            nonlocal left
            code, line = frame.f_code, frame.f_lineno
            if not code.co_filename.startswith(OURS):
                return None
            if event == "call":
                left -= 1
                inner = tracer()
            elif event == "line" and line not in locked:
                left -= 1
                inner = trace
            else:
                return trace
            if event == "line" and linecache.getline(code.co_filename, line).lstrip().startswith("with "):
                locked.add(line)
            if left < 0:
                sys.settrace(None)
                raise Interrupted
            return inner

        return trace

    before = sys.gettrace()
    sys.settrace(tracer())
    try:
        call()
    except Interrupted:
        return True
    finally:
        sys.settrace(before)
    return False


def test_the_next_call_gets_its_token_wherever_the_last_one_was_interrupted(server: Server) -> None:
    store, position, more = MemoryStore(), 0, True
    while more:
        provider = ClientCredentials(client_id=f"c{position}", client_secret="s", token_url=f"{server.base_url}/t")
        source = TokenSource(provider, store=store, policy=RefreshPolicy(deadline=5))
        more = interrupted(source.get, position)
        token = source.get()
        assert token.access_token.startswith("token-")
        source.invalidate(token)
        assert source.get() != token
        position += 1
    assert position > 50


def test_a_renewal_whose_launch_was_interrupted_is_launched_for_the_others_and_runs_once() -> None:
    renewal, launches, runs = Renewal(0.0, lambda _: TokenError("late")), list[Callable[[], None]](), list[bool]()

    def start(run: Callable[[], None]) -> None:
        launches.append(run)
        if len(launches) == 1:
            raise Interrupted

    with pytest.raises(Interrupted):
        renewal.launch(start, lambda: runs.append(renewal.begins()))
    for run in launches:
        run()
    assert runs == [True, False]
