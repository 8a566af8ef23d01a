"""Which certificate authorities are trusted, and what is wrong with the variables that name them."""

import os
import re
import ssl
from pathlib import Path

import httpx

from paygrant._arguments import invalid_argument

TRUST_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""The variables that give httpx its trusted authorities. The first one that is set counts."""

_KEY_LOG = "SSLKEYLOGFILE"
"""The variable that lets Python write the keys of TLS connections to a file."""

_HASHED = r"[0-9a-f]{8}\.\d+"
"""A name under which OpenSSL finds a certificate in a folder."""


def trusting_context() -> ssl.SSLContext:
    """A TLS context that trusts the authorities of the environment, or else those of certifi.

    Raises:
        ConfigurationError: A variable of the environment names a file or folder that cannot be used.
    """
    variable = next((name for name in TRUST_VARIABLES if os.environ.get(name)), TRUST_VARIABLES[0])
    folders = os.environ.get(variable, "").split(os.pathsep) if variable == TRUST_VARIABLES[1] else []
    try:
        # OpenSSL ignores a folder that it cannot read or use, and then trusts nobody.
        if not folders or any(map(_has_certificates, map(Path, folders))):
            return httpx.create_ssl_context()
        fault = "names no folder that holds a certificate under its hash"
    except (OSError, ValueError) as error:
        fault = f"cannot be read ({type(error).__name__})"
        if os.environ.get(_KEY_LOG) and not _is_writable(os.environ[_KEY_LOG]):
            variable, fault = _KEY_LOG, f"cannot be written ({type(error).__name__})"
    expected = {
        TRUST_VARIABLES[0]: "a file of certificates in PEM",
        TRUST_VARIABLES[1]: "a folder of certificates in PEM, named by their hashes (openssl rehash)",
        _KEY_LOG: "a file that this user may write to, or no such variable",
    }
    raise invalid_argument(variable, fault, expected[variable])


def _has_certificates(folder: Path) -> bool:
    """Whether OpenSSL finds any certificate in a folder."""
    try:
        return any(re.fullmatch(_HASHED, each.name) for each in folder.iterdir())
    except OSError:
        return False


def _is_writable(path: str) -> bool:
    """Whether a file can be written to or made."""
    file = Path(path)
    return os.access(file if file.exists() else file.parent, os.W_OK) and not file.is_dir()
