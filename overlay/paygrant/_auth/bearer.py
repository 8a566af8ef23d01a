"""What is the same wherever a token is put on requests: who may see it, and what follows when the API rejects it.

No HTTP client is known here. ``_auth`` is the shell for httpx; those for other clients are in ``adapters``.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit

import httpx

from paygrant._arguments import check_type, check_url, checked, refused
from paygrant._cache.source import TokenSource
from paygrant._tokens.token import Token

if TYPE_CHECKING:
    from paygrant._cache.renewal import Flight

Origin = tuple[str, str, int | None]
"""Scheme, host and port (RFC 6454 section 4): the host in ASCII, the scheme's own port as None."""

_OWN_PORTS = {"http": 80, "https": 443}


class Authorization(str):
    """The value of an Authorization header, for clients that show their headers: whole, but masked in its repr."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{self.partition(' ')[0]} ...'"


class BearerAuth:
    """What every ``TokenAuth`` is made with, and how it decides. The arguments are told in ``_auth``."""

    @checked
    def __init__(
        self,
        source: TokenSource,
        *,
        origins: Iterable[str] | None = None,
        rejected_statuses: Iterable[int] = frozenset({401}),
    ) -> None:
        check_type("source", source, TokenSource, "a TokenSource")
        self._source = source
        self._origins = None if origins is None else frozenset(_check_origins(origins))
        self._rejected_statuses = frozenset(_check_statuses(rejected_statuses))
        use = source.provider.endpoint.token_use
        self._header, self._query = use.header, use.query or ""

    def _instead_of(self, token: Token, status: int, request: Any) -> "Token | Flight | None":
        """What to send in place of a token that was answered with this status; None where the answer stands.

        The request is the one that was answered: after a redirect the token may not be on it.
        """
        if status not in self._rejected_statuses:
            self._learn(token, status)
            return None
        return self._source._cache.replace(token) if self._carries(request, token) else None

    def _carries(self, request: Any, token: Token) -> bool:
        """Whether this very token is on a request."""
        if self._header is not None:
            return bool(request.headers.get(self._header) == token.authorization)
        return parameter(self._query, token.access_token) in urlsplit(str(request.url)).query.split("&")

    def _with_token(self, url: str, token: Token) -> str:
        """An address with the token in its query, in place of an earlier one; all else is left as it is, to the byte."""
        parts = urlsplit(url)
        others = [each for each in parts.query.split("&") if each and not each.startswith(parameter(self._query, ""))]
        return urlunsplit(parts._replace(query="&".join([*others, parameter(self._query, token.access_token)])))

    def _learn(self, token: Token, status: int) -> None:
        """Note whether the API accepts a replacement."""
        cache = self._source._cache
        if status in self._rejected_statuses:
            cache.stand(token)
        elif token is cache.replacement:  # else nothing is to be learnt, and no lock to be waited for
            cache.accept(token)


def parameter(name: str, value: str) -> str:
    """A part of a query."""
    return f"{quote(name, safe='')}={quote(value, safe='')}"


def origin(scheme: str, host: str, port: int | None) -> Origin:
    """An origin, of whatever a client's URL has."""
    return scheme, host, None if port == _OWN_PORTS.get(scheme) else port


def _check_origins(origins: Iterable[str]) -> Iterable[Origin]:
    """Origins as texts, each a URL without a path."""
    allowed = "a set of texts such as 'https://api.example.com'"
    check_type("origins", origins, list | tuple | set | frozenset, allowed)
    for each in origins:
        url = httpx.URL(check_url("origins", each))
        if url.path != "/":
            raise refused("origins", f"holds {each!r}, which has a path", f"allowed is {allowed}")
        yield origin(url.scheme, url.raw_host.decode(), url.port)


def _check_statuses(statuses: Iterable[int]) -> Iterable[int]:
    """Statuses of client errors."""
    allowed = "a set of whole numbers from 400 to 499"
    check_type("rejected_statuses", statuses, list | tuple | set | frozenset, allowed)
    for status in statuses:
        if status not in range(400, 500):
            raise refused("rejected_statuses", f"holds {status!r}", f"allowed is {allowed}")
        yield status
