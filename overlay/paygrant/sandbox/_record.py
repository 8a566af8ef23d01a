"""What the sandbox remembers of a request, and shows: never a secret.

Shown is only what is known to carry none. Of headers, a few standard ones; of ``Authorization``, the scheme and a
fingerprint. Of parameters, those that the spec names without ``format: password``. Of the path, whether it is one that
the sandbox serves. Everything else may hold a secret that was put in the wrong place, so it is replaced, by name and
value: ``?the-token`` is a name. And a shown value in which the client's id or secret stands, or what looks like a
token, is replaced as well.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from paygrant._secrets import fingerprint

HIDDEN = "[redacted]"
UNKNOWN = "[unknown]"

KEPT = 1000
"""Requests of a provider that are remembered; older ones are forgotten."""

_OPEN_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "host",
        "transfer-encoding",
        "user-agent",
    }
)
_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
_SCHEMES = frozenset({"basic", "bearer"})
_LONGEST = 200
_LIKE_A_TOKEN = re.compile(r"[\w-]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request as the sandbox saw it, without its secrets.

    Attributes:
        id: Its number, unique in a sandbox.
        at: When it came, in seconds since the epoch, by the sandbox's clock.
        provider: Whose endpoint was asked.
        method: The method.
        path: The path, or what is known of it.
        status: Of the answer; None where not a byte of one was sent.
        milliseconds: From its arrival until its answer began.
        headers: By name, in lower case; values that may be secret are replaced.
        parameters: Of query and body, by name; likewise.
        faults: The kinds of the faults that were applied.
    """

    id: int
    at: float
    provider: str
    method: str
    path: str
    status: int | None
    milliseconds: float
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    faults: tuple[str, ...] = ()


class Redaction:
    """Decides what of a request may be shown.

    Args:
        open_names: The parameters that carry no secret.
        fixed: Of those, the ones that have one right value; another one is not shown.
        secrets: What must not be part of a shown value.
    """

    def __init__(self, open_names: frozenset[str], fixed: Mapping[str, str], secrets: Iterable[str]) -> None:
        self._open_names = open_names
        self._fixed = fixed
        self._secrets = tuple(secrets)

    def headers(self, headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
        """The headers as they may be shown."""
        shown: dict[str, str] = {}
        for raw_name, raw_value in headers:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            if name == "authorization":
                shown[name] = _authorization(value)
            elif name in _OPEN_HEADERS:
                shown[name] = self._shown(value)
            else:
                shown[UNKNOWN] = HIDDEN
        return shown

    def parameters(self, *sources: Mapping[str, Any] | None, known: frozenset[str]) -> dict[str, str]:
        """The parameters as they may be shown."""
        shown: dict[str, str] = {}
        for source in sources:
            for name, value in (source or {}).items():
                if name in self._open_names and value == self._fixed.get(name, value):
                    shown[name] = self._shown(value)
                else:
                    shown[name if name in known else UNKNOWN] = HIDDEN
        return shown

    def _shown(self, value: object) -> str:
        if isinstance(value, dict | list):
            return HIDDEN
        text = value if isinstance(value, str) else json.dumps(value)
        if _LIKE_A_TOKEN.search(text) or any(secret in text for secret in self._secrets):
            return HIDDEN
        clipped = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
        return clipped.encode("utf-8", "replace").decode()  # JSON can hold half of a surrogate pair


def shown_method(method: str) -> str:
    """A method, where it is one."""
    return method if method in _METHODS else UNKNOWN


def _authorization(value: str) -> str:
    scheme, _, credentials = value.partition(" ")
    if scheme.lower() not in _SCHEMES or not credentials:
        return HIDDEN
    return f"{scheme} {fingerprint(credentials)}"
