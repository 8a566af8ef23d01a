"""TokenAuth for httpx2, the successor of httpx. It needs the extra: ``pip install "paygrant[httpx2]"``.

    from paygrant.adapters.httpx2 import TokenAuth

    api = httpx2.Client(base_url="https://...", auth=TokenAuth(source))

Nothing else in this package imports httpx2.
"""

from paygrant._auth.httpx import AuthFlows, HeadersBySentName
from paygrant._errors import missing_extra

try:
    import httpx2
except ModuleNotFoundError as missing:
    raise missing_extra(__name__, missing, "httpx2") from missing

__all__ = ["TokenAuth"]


class TokenHeaders(HeadersBySentName, httpx2.Headers):
    """The headers of a request with a token in a header of its own."""


class TokenAuth(AuthFlows[httpx2.Request, httpx2.Response], httpx2.Auth):
    """Authorizes requests by bearer tokens, for ``httpx2.Client`` and ``httpx2.AsyncClient``.

    It has the arguments, errors and promises of ``paygrant.TokenAuth``.
    """

    _headers = TokenHeaders
