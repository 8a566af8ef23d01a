"""Secrets that a test can search for: an id, a secret and a token, each with a part that no encoding hides."""

from base64 import b64encode
from collections.abc import Iterator

from tests.helpers.servers import Seen

CORES = ("idcanary7f3a", "seccanary91bc", "tokcanaryd04e")
"""What ``found`` always searches for. It knows each spelling in which these can stand in a text."""

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


def plant(name: str, *texts: str) -> None:
    """Let ``found`` search for further texts, which are made during a test, until ``uproot``."""
    _planted.update({trace.lower(): name for text in texts for trace in traces(text)})


def uproot() -> None:
    """Search for the fixed canaries only."""
    _planted.clear()


_planted: dict[str, str] = {}


def found(text: str) -> set[str]:
    """The cores that stand in a text, in any spelling."""
    text = text.lower()
    return {core for trace, core in (TRACES | _planted).items() if trace in text}


def echo(seen: Seen) -> str:
    """What a server received, and what it might make of it."""
    return f"{seen.headers.get('Authorization')} {seen.body!r} {ID} {SECRET}"
