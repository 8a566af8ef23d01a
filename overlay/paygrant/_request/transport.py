"""How a token request travels: the environment's proxy, the TLS context, the transport."""

import functools
import ssl

import httpx

from paygrant._request.proxy import environment_proxy, unusable_proxy
from paygrant._request.trust import trusting_context


def new_transport(url: str) -> httpx.BaseTransport:
    """A transport for one request. A connection would survive neither the pause until the next request nor a fork.

    Raises:
        ConfigurationError: The environment names a proxy or trusted authorities that cannot be used.
    """
    variable, proxy = environment_proxy(url)
    context = tls_context() if "https:" in f"{url} {proxy}" else _trust_nobody()
    try:
        return httpx.HTTPTransport(verify=context, proxy=proxy)
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        unusable = unusable_proxy(variable, error)
    raise unusable


def _trust_nobody() -> ssl.SSLContext:
    """A context for plain http on loopback. It needs no certificates, so none are read."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@functools.cache
def tls_context() -> ssl.SSLContext:
    """One TLS context for all requests: reading the certificates takes longer than most requests."""
    return trusting_context()
