"""How a token request travels: the environment's proxy, the TLS context, the transport."""

import functools
import ssl
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from paygrant._arguments import invalid_argument, is_loopback


def new_transport(url: str) -> httpx.BaseTransport:
    """A transport for one request. A connection would survive neither the pause until the next request nor a fork.

    Raises:
        ConfigurationError: The environment names a proxy that cannot be used.
    """
    variable, proxy = environment_proxy(url)
    encrypted = "https:" in f"{url} {proxy}"
    try:
        return httpx.HTTPTransport(verify=tls_context() if encrypted else _trust_nobody(), proxy=proxy)
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        fault = type(error).__name__
    raise invalid_argument(variable, f"names a proxy that cannot be used ({fault})", "http://host:port")


def environment_proxy(url: str) -> tuple[str, str | None]:
    """The variable of the environment that names the proxy for an address, and the proxy. None if there is no proxy.

    A plain-http request never leaves this machine, so it uses no proxy on another one.
    """
    target = httpx.URL(url)
    direct = proxy_bypass(target.host) or proxy_bypass(target.netloc.decode())
    proxies = {} if direct else getproxies()
    scheme = target.scheme if proxies.get(target.scheme) else "all"
    proxy = proxies.get(scheme)
    if proxy and "://" not in proxy:
        proxy = f"http://{proxy}"
    usable = target.scheme == "https" or _is_local(proxy or "")
    return f"{scheme}_proxy", proxy if usable else None


def _is_local(proxy: str) -> bool:
    """Whether a proxy is on this machine. An invalid address counts too: its use gives the better error."""
    try:
        return is_loopback(urlsplit(proxy).hostname or "")
    except ValueError:
        return True


def _trust_nobody() -> ssl.SSLContext:
    """A context for plain http on loopback. It needs no certificates, so none are read."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@functools.cache
def tls_context() -> ssl.SSLContext:
    """One TLS context for all requests: reading the certificates takes longer than most requests."""
    return httpx.create_ssl_context()
