"""What tests of the command line share: canaries, the outcome of a run, and what a server received."""

import json
from typing import Any, NamedTuple

from paygrant._cache import registry
from tests.helpers.servers import Server

SECRET = "secret-canary-91bc"
TOKEN = "token-canary-d04e"


class Ran(NamedTuple):
    code: int
    out: str
    err: str


def sent(server: Server, at: int = -1) -> Any:
    return json.loads(server.seen[at].body)


def forget_in_memory() -> None:
    """Forget the tokens in memory, which another process would not have."""
    registry._store.clear()
