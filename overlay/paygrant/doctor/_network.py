"""The checks of the network: name, connection, TLS, proxy. With a proxy, name and connection are those of the proxy."""

import os
import ssl
from collections.abc import Iterator
from http import HTTPStatus
from urllib.request import getproxies

from paygrant import _clock
from paygrant._errors import ConfigurationError
from paygrant._request.trust import TRUST_VARIABLES
from paygrant._text import os_error_words
from paygrant.doctor._context import Context
from paygrant.doctor._finding import Finding, failed, ok, skipped, warning
from paygrant.doctor._route import Handshake, TunnelRefusedError

# OpenSSL's error codes for certificates (https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/)
_NOT_YET_VALID, _EXPIRED, _SELF_SIGNED = 9, 10, 18
_UNKNOWN_AUTHORITY = (_SELF_SIGNED, 19, 20, 21)
_OTHER_NAME = (62, 64)

_STRICT = range(80, 95)
"""What only strict checking (VERIFY_X509_STRICT) finds. Python 3.13 and later always check strictly."""

_STRICT_ADVICE = (
    "Python 3.13 and later check certificates strictly (RFC 5280). The certificate of an authority needs a critical "
    "basicConstraints, a keyUsage with keyCertSign and a subjectKeyIdentifier. Each certificate that it signs needs an "
    "authorityKeyIdentifier. Ask the owner of the authority to issue the certificates again."
)

_BY_CODE = {
    **dict.fromkeys(_STRICT, _STRICT_ADVICE),
    _EXPIRED: "Its owner must renew it. If it is still valid, this machine's clock is wrong: it says {now}.",
    _NOT_YET_VALID: "Check this machine's clock: it says {now}.",
    **dict.fromkeys(_OTHER_NAME, "Another server responds here. Check base_url, the hosts file and the name server."),
    **dict.fromkeys(
        _UNKNOWN_AUTHORITY,
        "Another server may respond here. If the authority is your own, set SSL_CERT_FILE=/path/to/its.pem.",
    ),
}

_NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}
_OLD_TLS = {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE"}

_BY_TUNNEL: dict[int | None, str] = {
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "It needs credentials: set {variable} to http://user:password@host:port.",
    HTTPStatus.FORBIDDEN: "It allows no connection to {host}. Ask its administrator to allow it, or add the host to no_proxy.",
}


def address(context: Context) -> Iterator[Finding]:
    """The name of the first host resolves."""
    try:
        route = context.route_or_none
    except ConfigurationError:
        route = None
    if route is None:
        yield skipped("the settings give no token URL")
        return
    host, _ = route.first_host
    name = f"the proxy {host}" if route.proxy else host
    try:
        found = context.addresses
    except OSError as error:
        hint = f"It is set in {route.variable}." if route.proxy else "If this network needs a proxy, set https_proxy."
        advice = f"Check the spelling, the name server and the VPN. {hint}"
        yield failed("unavailable", f"{name} does not resolve ({os_error_words(error).lower()})", advice)
        return
    yield ok(f"{name} is an IP address" if found == [host] else f"{name} resolves to {', '.join(found)}")


def tcp(context: Context) -> Iterator[Finding]:
    """The first host accepts connections."""
    failures: list[str] = []
    for each in context.addresses:
        began = _clock.monotonic()
        try:
            context.route.connect(each, context.policy.timeout).close()
        except OSError as error:
            failures.append(f"{each} ({os_error_words(error).lower()})")
            continue
        connected = (
            f"{context.route.first_host_name} accepts connections ({(_clock.monotonic() - began) * 1000:.0f} ms)"
        )
        if failures:
            seen = f"{connected} at {each}, but not at {', '.join(failures)}"
            yield warning(seen, "Each request tries the failing addresses first, which takes time.")
        else:
            yield ok(connected)
        return
    yield failed(
        "unavailable",
        f"{context.route.first_host_name} accepts no connection: {', '.join(failures)}",
        "Check the port, and any firewall, VPN or allow list in between.",
    )


def tls(context: Context) -> Iterator[Finding]:
    """The server has a valid certificate."""
    route = context.route
    if not route.uses_tls:
        yield ok(f"not used: {route.host} is this machine")
        return
    if route.is_opaque:
        yield ok("not checked separately: only the token request can pass this kind of proxy")
        return
    handshake = context.handshake
    if isinstance(handshake.error, TunnelRefusedError):
        yield skipped("the proxy does not open a tunnel")
    elif handshake.error:
        yield failed("unavailable", *_tls_error(context, handshake, handshake.error))
    elif certificate := handshake.certificate:
        signed = f"signed by {certificate.issuer}"
        yield ok(f"{handshake.protocol}; certificate valid until {certificate.ends:%Y-%m-%d}, {signed}")
        # Only private authorities break the strict rules: the public ones keep them.
        strict = route.strict_error(context.policy.timeout) if any(map(os.environ.get, TRUST_VARIABLES)) else None
        if strict and strict.verify_code in _STRICT:
            yield warning(f"Python 3.13 and later refuse the certificate: {strict.verify_message}", _STRICT_ADVICE)


def proxy(context: Context) -> Iterator[Finding]:
    """There is no proxy, or it passes the request on and does not intercept TLS."""
    route = context.route
    if route.proxy is None:
        known = sorted({f"{scheme}_proxy" for scheme in getproxies() if scheme in {"http", "https", "all"}})
        yield ok(
            f"{', '.join(known)} set, but not used for {route.host}" if known else "no proxy is set in the environment"
        )
        return
    if not route.uses_tls or route.is_opaque:
        yield ok(f"{route.first_host_name} ({route.variable}) carries the request")
        return
    handshake = context.handshake
    if isinstance(handshake.error, TunnelRefusedError):
        advice = _BY_TUNNEL.get(handshake.error.status, "Check that {variable} names a proxy that allows CONNECT.")
        advice = advice.format(variable=route.variable, host=route.host)
        yield failed(
            "unavailable", f"{route.first_host_name} does not open a tunnel: it {handshake.error.reaction}", advice
        )
        return
    trusted = [name for name in TRUST_VARIABLES if os.environ.get(name)]
    private = handshake.error is None and trusted and not route.is_publicly_trusted(context.policy.timeout)
    if handshake.certificate and (private or _code(handshake.error) in _UNKNOWN_AUTHORITY):
        trust = f"which only {trusted[0]} makes trusted" if private else "which this machine does not trust"
        yield warning(
            f"{route.first_host_name} seems to intercept TLS: "
            f"the certificate is signed by {handshake.certificate.issuer}, {trust}",
            f"It can read the client's secret. Ask its administrator to exempt {route.host}, or add it to no_proxy.",
        )
        return
    yield ok(f"{route.first_host_name} ({route.variable}) opens a tunnel to {route.host}")


def _code(error: Exception | None) -> int | None:
    return error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else None


def _tls_error(context: Context, handshake: Handshake, error: Exception) -> tuple[str, str]:
    """Why TLS failed, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate_error(context, handshake, error)
    reason = getattr(error, "reason", None) or ""
    if reason in _NO_TLS:
        return f"the server at {context.route.first_host_name} does not speak TLS", "Check the port in base_url."
    if reason in _OLD_TLS:
        return "the server supports only old, unsafe versions of TLS", "Its owner must update it."
    fault = reason or (os_error_words(error).lower() if isinstance(error, OSError) else type(error).__name__)
    return f"the TLS handshake failed ({fault})", "A firewall, a proxy or an allow list may block it."


def _certificate_error(context: Context, handshake: Handshake, error: ssl.SSLCertVerificationError) -> tuple[str, str]:
    """Why a certificate is not valid, and what to do."""
    advice = _BY_CODE.get(error.verify_code, "Ask the owner of the certificate.").format(
        now=f"{_clock.wall():%Y-%m-%d %H:%M} UTC"
    )
    certificate = handshake.certificate
    if certificate is None:
        missing = handshake.missing_module
        more = f'; for details, install {missing}: pip install "paygrant[cli]"' if missing else ""
        return f"the certificate is not valid: {error.verify_message}{more}", advice
    signer = "itself" if error.verify_code == _SELF_SIGNED else certificate.issuer
    names = ", ".join(certificate.names) or "no host"
    seen = {
        _EXPIRED: f"expired on {certificate.ends:%Y-%m-%d}; signed by {signer}",
        _NOT_YET_VALID: f"is not valid before {certificate.begins:%Y-%m-%d}; signed by {signer}",
        **dict.fromkeys(_OTHER_NAME, f"is for {names}, not for {context.route.host}"),
        **dict.fromkeys(_UNKNOWN_AUTHORITY, f"is signed by {signer}, which this machine does not trust"),
    }
    other = f"is not valid: {error.verify_message}; signed by {signer}"
    return f"the certificate {seen.get(error.verify_code, other)}", advice
