"""Secrets that a test can search for: an id, a secret and a token, each with a part that no encoding hides."""

import pickle
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from pprint import pformat
from traceback import TracebackException, walk_tb

from rich.pretty import pretty_repr

from paygrant import PaygrantError
from paygrant._auth.bearer import Authorization
from paygrant._providers.ripio import WidgetURL
from tests.helpers.servers import Seen

CORES = ("idcanary7f3a", "seccanary91bc", "tokcanaryd04e")
"""What ``found`` searches for. It knows each spelling in which these can stand in a text."""

ID = f"{CORES[0]} é\"'+/%&<>\\"
SECRET = f"{CORES[1]} é\"'+/%&<>\\:="
TOKEN = f"{CORES[2]}.~+/=-_"
CREDENTIALS = {"client_id": ID, "client_secret": SECRET}


def traces(core: str) -> Iterator[str]:
    """The spellings of a core: plain, reversed, in hexadecimal and in base64."""
    raw = core.encode()
    yield core
    yield core[::-1]
    yield raw.hex()
    for shift in range(3):  # base64 depends on the number of bytes before the core
        encoded = b64encode(bytes(shift) + raw).decode()
        yield encoded[-(-shift * 8 // 6) : (shift + len(raw)) * 8 // 6]


TRACES = {trace.lower(): core for core in CORES for trace in traces(core)}


def found(text: str) -> set[str]:
    """The cores that stand in a text, in any spelling."""
    text = text.lower()
    return {core for trace, core in TRACES.items() if trace in text}


def echo(seen: Seen) -> str:
    """What a server received, and what it might make of it."""
    return f"{seen.headers.get('Authorization')} {seen.body!r} {ID} {SECRET}"


def shown(value: object) -> Iterator[str]:
    """A value as logs, debuggers and error reports show it."""
    yield from (repr(value), ascii(value), repr([value]), pformat({"value": value}), pretty_repr(value))
    if not isinstance(value, WidgetURL | Authorization):  # their text is what they are for
        yield from (str(value), f"{value}")


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
    texts += trace.format(chain=False)
    origins = (exposed(each, (*seen, error)) for each in (error.__cause__, error.__context__))
    return found("\n".join(texts)).union(*origins)
