"""The checks of the way there: name, connection, TLS, proxy. Through a proxy, the first two are about the proxy."""

import os
import ssl
from collections.abc import Iterator
from http import HTTPStatus
from urllib.request import getproxies

from paygrant import _clock
from paygrant._errors import ConfigurationError
from paygrant._text import os_error_words
from paygrant.doctor._case import Case
from paygrant.doctor._finding import Finding, failed, ok, skipped, warning
from paygrant.doctor._road import TRUST, Handshake, TunnelRefusedError

# OpenSSL's verdicts on a certificate (https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/)
_NOT_YET, _ENDED, _SELF_SIGNED = 9, 10, 18
_UNKNOWN_AUTHORITY = (_SELF_SIGNED, 19, 20, 21)
_OTHER_NAME = (62, 64)

_BY_VERDICT = {
    _ENDED: "Its owner has to renew it; unless this machine's clock is wrong: {now}.",
    _NOT_YET: "Is this machine's clock right? It says {now}.",
    **dict.fromkeys(_OTHER_NAME, "Another server answers here: check base_url, the hosts file and the name server."),
    **dict.fromkeys(
        _UNKNOWN_AUTHORITY,
        "Somebody else may answer here. If it is an authority of your own: SSL_CERT_FILE=/path/to/its.pem.",
    ),
}

_NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}
_OLD_TLS = {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE"}

_BY_TUNNEL: dict[int | None, str] = {
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "It wants credentials: http://user:password@host:port, in {variable}.",
    HTTPStatus.FORBIDDEN: "It does not let anybody through to {host}: have it allowed there, or name it in no_proxy.",
}


def address(case: Case) -> Iterator[Finding]:
    """The host's name resolves."""
    try:
        road = case.road
    except ConfigurationError:
        road = None
    if road is None:
        yield skipped("the settings do not tell where to")
        return
    host, _ = road.stop
    whose = "the proxy " if road.proxy else ""
    try:
        found = case.addresses
    except OSError as error:
        hint = f"{road.variable} names it." if road.proxy else "No proxy is set for it: should there be one?"
        advice = f"Check its spelling, and this machine's name server or VPN. {hint}"
        yield failed("unavailable", f"{whose}{host} does not resolve ({os_error_words(error).lower()})", advice)
        return
    yield ok(f"{whose}{host} is {'an address' if found == [host] else ', '.join(found)}")


def tcp(case: Case) -> Iterator[Finding]:
    """Somebody answers at the port."""
    silent: list[str] = []
    for each in case.addresses:
        began = _clock.monotonic()
        try:
            case.way.connect(each, case.policy.timeout).close()
        except OSError as error:
            silent.append(f"{each} ({os_error_words(error).lower()})")
            continue
        connected = f"{case.way.sign} answers in {(_clock.monotonic() - began) * 1000:.0f} ms"
        if silent:
            yield warning(f"{connected} at {each}, but not at {', '.join(silent)}", "Each request tries those first.")
        else:
            yield ok(connected)
        return
    yield failed(
        "unavailable",
        f"{case.way.sign} does not answer: {', '.join(silent)}",
        "Check the port, and firewalls, VPN and allow lists on the way.",
    )


def tls(case: Case) -> Iterator[Finding]:
    """The server proves who it is."""
    road = case.way
    if not road.secured:
        yield ok(f"not spoken: {road.host} is this machine")
        return
    if road.opaque:
        yield ok("not looked at by itself: only the request passes this kind of proxy")
        return
    shown = case.handshake
    if isinstance(shown.error, TunnelRefusedError):
        yield skipped("the proxy opens no tunnel")
    elif shown.error:
        yield failed("unavailable", *_tls_fault(case, shown, shown.error))
    elif shown.certificate:
        mark = shown.certificate
        yield ok(f"{shown.protocol}; certificate until {mark.ends:%Y-%m-%d}, signed by {mark.issuer}")


def proxy(case: Case) -> Iterator[Finding]:
    """No proxy, or one that lets the request through and does not read along."""
    road = case.way
    if road.proxy is None:
        known = sorted({f"{scheme}_proxy" for scheme in getproxies() if scheme in {"http", "https", "all"}})
        yield ok(f"{', '.join(known)} set, but not used for {road.host}" if known else "none set in the environment")
        return
    if not road.secured or road.opaque:
        yield ok(f"{road.sign} ({road.variable}) carries the request")
        return
    shown = case.handshake
    if isinstance(shown.error, TunnelRefusedError):
        advice = _BY_TUNNEL.get(shown.error.status, "Is it a proxy, and does it allow CONNECT? {variable} names it.")
        advice = advice.format(variable=road.variable, host=road.host)
        yield failed("unavailable", f"{road.sign} opens no tunnel: it {shown.error.did}", advice)
        return
    trusted = [name for name in TRUST if os.environ.get(name)]
    private = shown.error is None and trusted and not road.passes_for_all(case.policy.timeout)
    if shown.certificate and (private or _code(shown.error) in _UNKNOWN_AUTHORITY):
        who = f"which {trusted[0]} vouches for" if private else "which nobody here vouches for"
        yield warning(
            f"{road.sign} seems to read along: the certificate is signed by {shown.certificate.issuer}, {who}",
            f"It sees the client's secret. Have it leave {road.host} alone, or name the host in no_proxy.",
        )
        return
    yield ok(f"{road.sign} ({road.variable}) opens a tunnel to {road.host}")


def _code(error: Exception | None) -> int | None:
    return error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else None


def _tls_fault(case: Case, shown: Handshake, error: Exception) -> tuple[str, str]:
    """Why TLS failed, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate_fault(case, shown, error)
    reason = getattr(error, "reason", None) or ""
    if reason in _NO_TLS:
        return f"no TLS is spoken at {case.way.sign}", "Is that the right port? Check base_url."
    if reason in _OLD_TLS:
        return "the server speaks only versions of TLS that are no longer safe", "Its owner has to update it."
    fault = reason or (os_error_words(error).lower() if isinstance(error, OSError) else type(error).__name__)
    return f"the handshake broke off ({fault})", "Something on the way may forbid it: firewall, proxy, allow list."


def _certificate_fault(case: Case, shown: Handshake, error: ssl.SSLCertVerificationError) -> tuple[str, str]:
    """Why a certificate does not verify, and what to do."""
    advice = _BY_VERDICT.get(error.verify_code, "Ask its owner.").format(now=f"{_clock.wall():%Y-%m-%d %H:%M} UTC")
    certificate = shown.certificate
    if certificate is None:
        more = f'; {shown.lacking} would tell more: pip install "paygrant[cli]"' if shown.lacking else ""
        return f"the certificate does not verify: {error.verify_message}{more}", advice
    signer = "itself" if error.verify_code == _SELF_SIGNED else certificate.issuer
    names = ", ".join(certificate.names) or "nobody"
    seen = {
        _ENDED: f"ended on {certificate.ends:%Y-%m-%d}; signed by {signer}",
        _NOT_YET: f"begins on {certificate.begins:%Y-%m-%d}; signed by {signer}",
        **dict.fromkeys(_OTHER_NAME, f"is for {names}, not for {case.way.host}"),
        **dict.fromkeys(_UNKNOWN_AUTHORITY, f"is signed by {signer}, which nobody here vouches for"),
    }
    other = f"does not verify: {error.verify_message}; signed by {signer}"
    return f"the certificate {seen.get(error.verify_code, other)}", advice
