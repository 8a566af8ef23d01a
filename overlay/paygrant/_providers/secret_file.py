"""SecretFile: a secret in a file, such as one that a secret manager mounts."""

from dataclasses import dataclass, field
from pathlib import Path

from paygrant._arguments import invalid_argument


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
            ConfigurationError: The file is empty or cannot be read.
        """
        secret, fault = "", "is empty"
        try:
            secret = Path(self.path).read_text(encoding="utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError:
            fault = "holds no text in UTF-8"
        except OSError as error:
            fault = f"cannot be read ({type(error).__name__})"
        if not secret:
            what = "a private key in PEM, or as a JWK" if self.argument.endswith("_key") else "the secret"
            expected = f"a UTF-8 file that holds {what}"
            raise invalid_argument(self.argument, f"the file {self.path!r} {fault}", expected)
        return secret
