"""SecretFile: a secret in a file, such as one that a secret manager mounts."""

from dataclasses import dataclass, field
from pathlib import Path

from paygrant._arguments import invalid_argument

_LONGEST = 1 << 20
"""Characters. No secret and no key is that long, but a device file has no end."""

LONGEST_READ = 5.0
"""Seconds. Reading a file takes much less, over a network too. A pipe that nobody writes to has no end."""


@dataclass(frozen=True)
class SecretFile:
    """Reads a mounted secret each time it is called, so that a rotated secret needs no restart.

    Attributes:
        path: The file.
        argument: The argument that errors name.
    """

    path: str
    argument: str = field(default="client_secret", repr=False)

    def __call__(self) -> str:
        """The file's text without the line break at its end.

        Raises:
            ConfigurationError: The file is empty, too long, or cannot be read.
        """
        secret, fault = "", "is empty"
        try:
            with Path(self.path).open(encoding="utf-8-sig") as file:
                secret = file.read(_LONGEST).rstrip("\r\n")
        except UnicodeDecodeError:
            fault = "holds no text in UTF-8"
        except (OSError, ValueError) as error:  # a ValueError: no file can have this path
            fault = f"cannot be read ({type(error).__name__})"
        if len(secret) == _LONGEST:
            secret, fault = "", f"has more than {_LONGEST:,} characters"
        if not secret:
            raise invalid_argument(self.argument, f"the file {self.path!r} {fault}", self._expected)
        return secret

    def read_in_time(self) -> str:
        """The file's text, as a call gives it, if reading it does not take long.

        Raises:
            ConfigurationError: As for a call; or reading takes too long.
        """
        from paygrant._request.registration import called

        return str(called(self.argument, self, self._expected, LONGEST_READ))

    @property
    def _expected(self) -> str:
        what = "a private key in PEM, or as a JWK" if self.argument.endswith("_key") else "the secret"
        return f"a UTF-8 file that holds {what}"
