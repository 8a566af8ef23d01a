"""Assertions by which a client authenticates itself (RFC 7523 section 2.2, OpenID Connect Core section 9)."""

from collections.abc import Mapping
from secrets import token_urlsafe
from typing import Any

from paygrant._request.jws import key_header, signed_after
from paygrant._request.signing_key import Signer

LIFETIME = 60.0
"""Seconds. An assertion is used at once, so it need not live longer."""


def client_assertion(  # noqa: PLR0913 - the facts of one assertion
    signer: Signer,
    client_id: str,
    audience: str,
    now: float,
    *,
    lifetime: float = LIFETIME,
    claims: Mapping[str, Any] = {},
) -> str:
    """A new assertion. Each attempt needs one of its own: a server accepts a ``jti`` once.

    Args:
        signer: The key, or the client secret.
        client_id: The client's id, as ``iss`` and ``sub``.
        audience: The one audience: the issuer, or the token URL.
        now: The time of the server, in seconds since 1970.
        lifetime: How long it is valid, in seconds.
        claims: More claims. They replace those of the same name; None takes one out.

    Raises:
        ConfigurationError: The caller's object could not sign.
    """
    issued = int(now)
    all_claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "jti": token_urlsafe(16),
        "iat": issued,
        "exp": issued + int(lifetime),
        **claims,
    }
    stated = {name: value for name, value in all_claims.items() if value is not None}
    return signed_after(key_header("JWT", signer.key_id, signer.algorithm), stated, signer)
