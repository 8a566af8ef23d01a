"""The search for canaries in everything that can be shown: texts, errors, the locals of their frames, pickles, logs."""

import copy
import functools
import html
import json
import logging
import pickle
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from pprint import pformat
from traceback import TracebackException, walk_tb
from types import TracebackType
from typing import Any
from urllib.parse import quote, quote_plus

import anyio
import httpx
import pytest
from rich.pretty import pretty_repr

from paygrant import ConfigurationError, Cryptofuse, MemoryStore, PaygrantError, TokenAuth, TokenSource
from paygrant._auth.bearer import Authorization, Proof
from paygrant._providers.ripio import WidgetURL
from tests.helpers.observed import span_in_json
from tests.helpers.providers import make
from tests.helpers.secrets import CREDENTIALS, echo, found
from tests.helpers.servers import Reply, Seen


def shown(value: object) -> Iterator[str]:
    """A value as logs, debuggers and error reports show it."""
    yield from (repr(value), ascii(value), repr([value]), pformat({"value": value}), pretty_repr(value))
    if not isinstance(value, WidgetURL | Authorization | Proof):  # their text is what they are for
        yield from (str(value), f"{value}")


@functools.cache
def is_of_the_tests(file: str) -> bool:
    return Path(file).is_relative_to(Path(__file__).parents[1])


def exposed(error: BaseException | None, seen: tuple[BaseException, ...] = ()) -> set[str]:
    """The canaries in all that an error carries along: its words, its fields, the locals of its frames, its origin.

    The frames of the tests are left out: a caller's own variables are its own.
    """
    if error is None or error in seen:
        return set()
    texts = [*shown(error), repr(error.args), repr(vars(error))]
    if isinstance(error, PaygrantError):
        texts.append(repr(pickle.dumps(error)))
    for frame, _ in walk_tb(error.__traceback__):
        if not is_of_the_tests(frame.f_code.co_filename):
            for value in frame.f_locals.values():
                with suppress(Exception):  # a value that cannot be shown shows nothing
                    texts += shown(value)
    trace = TracebackException.from_exception(error)
    trace.stack[:] = [frame for frame in trace.stack if not is_of_the_tests(frame.filename)]
    texts += [*trace.format(chain=False), _span_of(error)]
    origins = (exposed(each, (*seen, error)) for each in (error.__cause__, error.__context__))
    return found("\n".join(dict.fromkeys(texts))).union(*origins)


def _span_of(error: BaseException) -> str:
    """The span of a call that ends with this error. The source of the tests is left out of its traceback."""
    whole, made = error.__traceback__, None
    for frame, line in reversed(list(walk_tb(whole))):
        if not is_of_the_tests(frame.f_code.co_filename):
            made = TracebackType(made, frame, frame.f_lasti, line)
    error.__traceback__ = made
    try:
        return span_in_json(error)
    finally:
        error.__traceback__ = whole


@dataclass
class Watch(logging.Handler):
    """What was logged, and what escaped from threads and finalizers."""

    lines: list[str] = field(default_factory=list[str])
    escaped: list[object] = field(default_factory=list[object])

    def __post_init__(self) -> None:
        super().__init__(level=1)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += [self.format(record), repr(vars(record))]

    __hash__ = logging.Handler.__hash__


def elsewhere(code: str) -> Any:
    """Run a function of another file: its frames are not the caller's own."""
    scope: dict[str, Any] = {"ConfigurationError": ConfigurationError, "logging": logging}
    exec(compile(code, "elsewhere.py", "exec"), scope)
    return scope["run"]


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "upper case": str.upper,
    "repr": repr,
    "ascii": ascii,
    "JSON": json.dumps,
    "HTML": html.escape,
    "percent": quote,
    "percent, everything": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "percent, lower case": lambda text: re.sub("%..", lambda each: each[0].lower(), quote(text, safe="")),
    "percent, twice": lambda text: quote(quote(text, safe=""), safe=""),
    "encodeURIComponent": lambda text: quote(text, safe="!~*'()"),
    "repr of bytes": lambda text: repr(text.encode()),
    "repr of latin-1 bytes": lambda text: repr(text.encode("latin-1")),
    "wrong encoding": lambda text: text.encode().decode("latin-1"),
    "ASCII at any price": lambda text: text.encode("ascii", "replace").decode(),
    "HTML with numbers": lambda text: html.escape(text).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
    "HTML, twice": lambda text: html.escape(html.escape(text)),
}
"""The spellings in which a server may repeat a text."""


def echoing(status: int) -> Callable[[Seen], Reply]:
    """A reply with this status that repeats what the server received."""
    return lambda seen: Reply({"error": f"no {echo(seen)}", "error_description": f"sorry, {echo(seen)}"}, status)


def a_source(base_url: str, *, provider: Any = None, **options: Any) -> TokenSource:
    """A source of its own, with these options and those for its provider."""
    options = {"store": MemoryStore(), **options}
    return TokenSource(make(Cryptofuse, **{**CREDENTIALS, "base_url": base_url, **(provider or {})}), **options)


def of_a_call(source: TokenSource) -> object:
    with httpx.Client(auth=TokenAuth(source), trust_env=False) as client:
        return client.post("http://127.0.0.1:1", json={"amount": 5})


async def of_an_async_call(source: TokenSource) -> object:
    async with httpx.AsyncClient(auth=TokenAuth(source), trust_env=False) as client:
        return await client.post("http://127.0.0.1:1", json={"amount": 5})


DEBUG = {"debug": True}

CALLS: dict[str, Callable[[TokenSource], object]] = {
    "get": TokenSource.get,
    "aget on asyncio": lambda source: anyio.run(source.aget, backend_options=DEBUG),
    "aget on trio": lambda source: anyio.run(source.aget, backend="trio"),
    "a call": of_a_call,
    "a call on asyncio": lambda source: anyio.run(of_an_async_call, source, backend_options=DEBUG),
    "a call on trio": lambda source: anyio.run(of_an_async_call, source, backend="trio"),
}

each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def searched_failure(source: TokenSource, call: Callable[[TokenSource], object] = TokenSource.get) -> PaygrantError:
    """The error with which this call ends, searched."""
    with pytest.raises(PaygrantError) as caught:
        call(source)
    error = caught.value
    assert exposed(error) == set()
    assert error.__context__ is error.__cause__ is None
    for twin in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert (type(twin), twin.args, vars(twin)) == (type(error), error.args, vars(error))
        assert twin.__traceback__ is None
    return error


def searched_refusal(call: Callable[[], object]) -> ConfigurationError:
    """The refusal of bad arguments, searched."""
    with pytest.raises(ConfigurationError) as caught:
        call()
    assert exposed(caught.value) == set()
    assert caught.value.__context__ is None
    return caught.value
