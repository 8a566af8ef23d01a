"""What the doctor says about keys and certificates."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

from paygrant._errors import ConfigurationError
from paygrant._request.dpop import is_of_process
from paygrant._request.signing_key import SigningKey
from paygrant._spec.description import ASSERTION_METHODS
from paygrant.doctor._finding import Finding, difference, failed, span, warning

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from paygrant._request.signing_key import Signer
    from paygrant.doctor._context import Context

_SOON = timedelta(days=30)
"""A certificate that ends within this time needs a successor: authorities and providers take days."""

_LARGEST_SKEW = 10.0
"""Seconds. With a larger difference of the clocks, some servers refuse assertions."""


def key_errors(context: "Context") -> Iterator[ConfigurationError]:
    """The reason why a key cannot be used: it cannot be read, or does not fit the provider's algorithms."""
    try:
        context.registration.credentials()
    except ConfigurationError as error:
        yield error


def certificate_findings(context: "Context") -> Iterator[Finding]:
    """Warn about a certificate that has expired, expires soon, or is not valid yet."""
    certificate = _certificate(context)
    if _lacks_certificate(context):
        advice = "Give certificate=, or the variable that ends in CERTIFICATE_FILE. A transport of yours may show it instead."
        yield warning("no client certificate, and the provider wants one", advice)
    if certificate is None:
        return
    now, end = datetime.now(UTC), certificate.not_valid_after_utc
    about = f"the certificate of {certificate.subject.rfc4514_string()!a}, issued by {certificate.issuer.rfc4514_string()!a},"
    if end <= now:
        advice = "Replace the files by a new certificate and its key. They are read again without a restart."
        yield failed("configuration", f"{about} expired {span((now - end).total_seconds())} ago", advice)
    elif certificate.not_valid_before_utc > now:
        advice = "Check this machine's clock, or wait."
        yield failed(
            "configuration", f"{about} is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}", advice
        )
    elif end - now < _SOON:
        advice = "Ask its issuer for a new one, and register it with the provider."
        yield warning(f"{about} expires in {span((end - now).total_seconds())}", advice)


def _lacks_certificate(context: "Context") -> bool:
    """Whether the provider wants a certificate, and none is given. It is not known where the settings give no provider."""
    try:
        return context.registration.lacks_certificate
    except ConfigurationError:
        return False


def keys_in_words(context: "Context") -> list[str]:
    """The key and the certificate, for people."""
    found = list[str]()
    with suppress(ConfigurationError):
        signer = context.registration.credentials().signer
        if signer is not None and context.registration.private_key is not None:
            known = f" with id {signer.key_id!a}" if signer.key_id else ""
            shown = f" with thumbprint {signer.thumbprint}" if isinstance(signer, SigningKey) else ""
            found.append(f"key for {signer.algorithm}{known}{shown}")
    if (prover := context.registration.prover) is not None:
        key = cast("Signer", context.registration.proof_key)
        whose = "it ends with this process" if is_of_process(key) else "all that have it may share the tokens"
        bound = f"tokens bound to the key for {key.algorithm} with thumbprint {prover.thumbprint} ({whose})"
        found.append(f"{bound}: each API call needs a proof (RFC 9449)")
    certificate = _certificate(context)
    if certificate is not None:
        end = certificate.not_valid_after_utc
        subject, issuer = certificate.subject.rfc4514_string(), certificate.issuer.rfc4514_string()
        found.append(f"certificate of {subject!a}, issued by {issuer!a}, valid until {end:%Y-%m-%d}")
    return found


def advice_on_assertion(context: "Context") -> str:
    """What may be wrong with a refused assertion; empty if the client makes none."""
    registration, response = context.registration, context.attempt.response
    about = ""
    if registration.client_auth.method not in ASSERTION_METHODS:
        return ""
    if response is not None and response.date is not None:
        ahead = (response.received - response.date).total_seconds()
        if abs(ahead) > _LARGEST_SKEW:
            about = f"This machine's clock is {difference(ahead)} the server's: a likely cause. Synchronize it (NTP). "
    whose = "secret is right" if registration.private_key is None else "provider has the public key under this key id"
    return (
        f"{about}Check that the {whose}, that the client's id is right, and that the provider expects the audience "
        f"{registration.audience!a}."
    )


def advice_on_certificate(context: "Context") -> str:
    """What may be wrong if there is no response to a client that shows a certificate; empty if it shows none."""
    if context.registration.certificate is None:
        return ""
    return (
        "The server may have ended the connection because of the client certificate. Check that the provider knows it, or "
        "trusts its issuer."
    )


def _certificate(context: "Context") -> "Certificate | None":
    """The client's certificate. None if there is none, or nothing to read it with."""
    with suppress(ConfigurationError, ImportError, OSError, ValueError):
        stated = context.registration.certificate
        if stated is not None:
            from cryptography.x509 import load_pem_x509_certificate

            return load_pem_x509_certificate(Path(stated.certificate_file).read_bytes())
    return None
