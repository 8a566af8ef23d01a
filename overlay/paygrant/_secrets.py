"""Keeping secrets out of sight: fingerprints to show, files to read anew."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from paygrant._arguments import refused


def fingerprint(text: str) -> str:
    """A short name for a secret: equal secrets have equal ones, and none can be turned back."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]


@dataclass(frozen=True)
class SecretFile:
    """Reads a mounted secret each time it is called, so that a rotated one needs no restart."""

    path: str

    def __call__(self) -> str:
        """The file's text without the line break at its end."""
        secret, fault = "", "is empty"
        try:
            secret = Path(self.path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            fault = f"cannot be read ({type(error).__name__})"
        if not secret:
            allowed = "allowed is a UTF-8 file that holds the secret"
            raise refused("client_secret", f"the file {self.path} {fault}", allowed)
        return secret
