"""Fingerprints: what is shown in place of a secret."""

import hashlib


def fingerprint(text: str) -> str:
    """A short name for a secret. Equal secrets have equal names, and a name does not lead back to the secret."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
