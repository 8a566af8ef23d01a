"""Checks that a call of the API has what its token is bound to: a certificate (RFC 8705) or a key (RFC 9449)."""

from paygrant.sandbox._client_auth import Evidence
from paygrant.sandbox._jwt import JwtError
from paygrant.sandbox._memory import IssuedToken

INVALID_TOKEN = "invalid_token"  # noqa: S105 - an error code
"""The code for a token that the call must not use in this way (RFC 6750 section 3.1)."""


def check_certificate(token: IssuedToken, evidence: Evidence) -> None:
    """Refuse a call whose connection does not show the certificate to which the token is bound.

    Raises:
        JwtError: It shows none, or another one.
    """
    wanted = token.binding.get("x5t#S256")
    shown = None if evidence.certificate is None else evidence.certificate.thumbprint
    if wanted is not None and wanted != shown:
        raise JwtError("certificate: expected the one to which the token is bound", INVALID_TOKEN)


def check_key(token: IssuedToken, evidence: Evidence, *, is_by_proof: bool) -> None:
    """Refuse a call without a proof by the key to which the token is bound.

    Raises:
        JwtError: The proof is missing or wrong, or the token came by another scheme than it should.
    """
    key = token.binding.get("jkt")
    if key is None and not is_by_proof:
        return
    if key is None:
        raise JwtError("the token is bound to no key; expected the scheme Bearer", INVALID_TOKEN)
    if not is_by_proof:  # RFC 9449 section 7.2
        raise JwtError("the token is bound to a key; expected the scheme DPoP", INVALID_TOKEN)
    from paygrant.sandbox._dpop import check_proof  # few clients have proofs

    if check_proof(evidence, token.access_token) != key:
        raise JwtError("the proof is by another key; expected the one to which the token is bound", INVALID_TOKEN)
