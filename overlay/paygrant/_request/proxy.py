"""The environment's proxy: which one a token request uses, which hosts need none, and what is wrong with one."""

import ipaddress
import os
import re
import sys
from contextlib import suppress
from functools import lru_cache
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from paygrant._arguments import invalid_argument, is_link_local, is_loopback
from paygrant._errors import ConfigurationError

_PORTS = {"http": 80, "https": 443}

_PORT = r"^([^:]*|\[.*\]):(\d{1,5})$"
"""A host and its port. An IPv6 address with a port is in brackets."""


_NAMES = (
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    "REQUEST_METHOD",  # in a CGI program, HTTP_PROXY is a header of the request
)
"""The variables that decide."""


def environment_proxy(url: str) -> tuple[str, str | None]:
    """The variable of the environment that names the proxy for an address, and the proxy. None if there is no proxy.

    A plain-http request never leaves this machine, so it uses no proxy on another one. A link-local address is no use to
    a proxy: it would be the proxy's own.
    """
    parts = urlsplit(url)
    # Reading the whole environment takes a quarter of a token's time. On macOS and Windows, the system's settings count
    # where the environment has none, and they may change.
    read = _proxy.__wrapped__ if sys.platform in {"darwin", "win32"} else _proxy
    return read(f"{parts.scheme}://{parts.netloc}", tuple(map(os.environ.get, _NAMES)))


def proxy_secrets(url: str) -> tuple[str, ...]:
    """What no text of the proxy for an address may repeat: the proxy's password, and its credentials together."""
    _, proxy = environment_proxy(url)
    try:
        parts = urlsplit(proxy or "")
    except ValueError:
        return ()
    password = unquote(parts.password or "")
    return (password, f"{unquote(parts.username or '')}:{password}") if password else ()


@lru_cache(maxsize=256)
def _proxy(origin: str, _values: tuple[str | None, ...]) -> tuple[str, str | None]:
    """The variable and the proxy for an origin, while the variables have these values."""
    target, proxies = httpx.URL(origin), getproxies()
    direct = is_link_local(target.host) or is_exempt(target, proxies.get("no", "")) or proxy_bypass(target.host)
    scheme = target.scheme if proxies.get(target.scheme) else "all"
    proxy = "" if direct else proxies.get(scheme, "").strip()
    if proxy and "://" not in proxy:
        proxy = f"http://{proxy}"
    usable = target.scheme == "https" or _is_local(proxy)
    return f"{scheme}_proxy", proxy if proxy and usable else None


def is_exempt(target: httpx.URL, no_proxy: str) -> bool:
    """Whether ``no_proxy`` lists the host of an address.

    Args:
        target: The address.
        no_proxy: Entries that commas or spaces separate: ``*``; a host, which stands for the hosts below it too;
            ``.suffix`` or ``*.suffix``; an IP address; a range such as ``10.0.0.0/8``. Each may name a port. Names are
            not resolved, so an IP address or a range counts only for an address that has an IP address as its host.
    """
    port = target.port or _PORTS[target.scheme]
    hosts = {each.lower().rstrip(".") for each in (target.host, target.raw_host.decode("ascii"))}  # also as Punycode
    entries = [each for each in re.split(r"[\s,;|]+", no_proxy.lower()) if each]
    return any(_is_listed(host, port, each) for host in hosts for each in entries)


def _is_listed(host: str, port: int, entry: str) -> bool:
    """Whether one entry of ``no_proxy`` means this host."""
    if entry == "*":
        return True
    if with_port := re.match(_PORT, entry):
        entry = with_port[1]
        if int(with_port[2]) != port:
            return False
    address = _address(host)
    with suppress(ValueError):
        network = ipaddress.ip_network(entry.replace("[", "").replace("]", ""), strict=False)
        return address is not None and address in network
    name = entry.removeprefix("*").strip(".")
    return bool(name) and (host == name or (address is None and host.endswith(f".{name}")))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """A host that is an IP address, without its zone. An IPv4 address in IPv6 counts as IPv4. None for a name."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_local(proxy: str) -> bool:
    """Whether a proxy is on this machine. An invalid address counts too: its use gives the better error."""
    try:
        return is_loopback(urlsplit(proxy).hostname or "")
    except ValueError:
        return True


def check_proxy(proxy: str) -> None:
    """Check what httpx finds only on its way: a request would fail as if the proxy were down.

    Raises:
        ValueError: There is no host, or no port has this number.
    """
    parts = urlsplit(proxy)
    if not parts.hostname or parts.port == 0:
        raise ValueError("a host or a port is missing")


def unusable_proxy(variable: str, error: Exception) -> ConfigurationError:
    """The error for a proxy of the environment that httpx refused. It does not show the proxy, which may hold a password."""
    if isinstance(error, ImportError):
        fault = "names a SOCKS proxy, which needs socksio"
        return invalid_argument(variable, fault, 'http://host:port, or socksio: pip install "httpx[socks]"')
    fault = f"names a proxy that cannot be used ({type(error).__name__})"
    return invalid_argument(variable, fault, "http://host:port, or socks5://host:port")
