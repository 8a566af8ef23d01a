"""TokenAuth for httpx2, the successor of httpx. Needs the extra: ``pip install "paygrant[httpx2]"``.

    from paygrant.adapters.httpx2 import TokenAuth

    api = httpx2.Client(base_url="https://...", auth=TokenAuth(source))

It imports httpx2, which nothing else in this package does.
"""

from paygrant._auth.httpx import AuthFlows
from paygrant._errors import lacking

try:
    import httpx2
except ModuleNotFoundError as missing:
    raise lacking(__name__, missing, "httpx2") from missing

__all__ = ["TokenAuth"]


class TokenAuth(AuthFlows[httpx2.Request, httpx2.Response], httpx2.Auth):
    """Authorizes requests by bearer tokens, for ``httpx2.Client`` and ``httpx2.AsyncClient``.

    Arguments, errors and promises are those of ``paygrant.TokenAuth``.
    """
