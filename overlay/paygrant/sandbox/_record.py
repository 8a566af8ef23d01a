"""The record of a request, without its secrets.

A record shows only what cannot be a secret:

- the path, if it is the token endpoint's or a test has named it, or if a live token came with it;
- a few standard headers, and the scheme and a fingerprint of ``Authorization``;
- the parameters that the spec names without ``format: password``.

Everything else may be a secret in the wrong place, so its name and value are replaced: ``?the-token`` is a name. A
value is also replaced if it contains the client's id or secret, or looks like a token.
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
"""The number of requests that are kept for each provider."""

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
METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
_SCHEMES = frozenset({"basic", "bearer", "dpop"})
_LONGEST = 200
_LIKE_A_TOKEN = re.compile(r"[\w-]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A request as the sandbox saw it, without its secrets.

    Attributes:
        id: Its number, unique in a sandbox.
        at: The time of its arrival, in seconds since the epoch, by the sandbox's clock.
        provider: The provider's name.
        method: The HTTP method.
        path: The path; the unknown part of a path is replaced.
        status: The status of the response; None if the connection was closed before the response.
        milliseconds: The time from its arrival to the start of the response.
        headers: The headers by lower-case name. Values that may be secret are replaced.
        parameters: The parameters of query and body by name. Values that may be secret are replaced.
        faults: The kinds of the faults that were applied.
        reason: Why an assertion, a proof or a certificate was refused; empty if none was.
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
    reason: str = ""


class Redaction:
    """Removes secrets from a request.

    Args:
        open_names: The parameters that carry no secret.
        fixed: The right value of each parameter that has only one. Other values are not shown.
        secrets: Texts that a shown value must not contain.
    """

    def __init__(self, open_names: frozenset[str], fixed: Mapping[str, str], secrets: Iterable[str]) -> None:
        self._open_names = open_names
        self._fixed = fixed
        self._secrets = tuple(secrets)

    def headers(self, headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
        """The headers without secrets."""
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
        """The parameters without secrets."""
        shown: dict[str, str] = {}
        for source in sources:
            for name, value in (source or {}).items():
                if name in self._open_names and value == self._fixed.get(name, value):
                    shown[name] = self._shown(value)
                else:
                    shown[name if name in known else UNKNOWN] = HIDDEN
        return shown

    def shows(self, text: str) -> bool:
        """Whether a text holds no secret, judging by its form."""
        return self._shown(text) != HIDDEN

    def _shown(self, value: object) -> str:
        if isinstance(value, dict | list):
            return HIDDEN
        text = value if isinstance(value, str) else json.dumps(value)
        if _LIKE_A_TOKEN.search(text) or any(secret in text for secret in self._secrets):
            return HIDDEN
        clipped = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
        return clipped.encode("utf-8", "replace").decode()  # JSON can hold half of a surrogate pair


def shown_method(method: str) -> str:
    """The method, if it is one of HTTP."""
    return method if method in METHODS else UNKNOWN


def _authorization(value: str) -> str:
    scheme, _, credentials = value.partition(" ")
    if scheme.lower() not in _SCHEMES or not credentials:
        return HIDDEN
    return f"{scheme} {fingerprint(credentials)}"
