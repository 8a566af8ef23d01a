"""ClientCertificate: a certificate and its key in files, for mutual TLS (RFC 8705). Changed files are read again."""

import ssl
import stat
from base64 import b64decode
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from paygrant._arguments import check_text, checked, invalid_argument
from paygrant._errors import ConfigurationError
from paygrant._request.signing_key import sha256_base64url
from paygrant._request.trust import trusting_context
from paygrant._secrets import compared_as_a_whole

if TYPE_CHECKING:
    from collections.abc import Callable

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"

_BEING_CHANGED = "certificate_file", "is being changed", "a file that does not change for a while"

_LONGEST_FILE = 1 << 20
"""Bytes. A chain of certificates with a key has a hundredth of it."""

_A_FILE = f"a regular file in PEM of at most {_LONGEST_FILE >> 20} MiB"

_ATTEMPTS = 3
"""How often the files are read before they count as not fitting: another process may be writing them."""


@compared_as_a_whole
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class LoadedCertificate:
    """A certificate and its key as they were when they fitted.

    Attributes:
        context: A TLS context that shows the certificate.
        thumbprint: The certificate's SHA-256 in base64url, the ``x5t#S256`` of bound tokens (RFC 8705 section 3.1).
        state: The state of the files.
    """

    context: ssl.SSLContext
    thumbprint: str
    state: tuple[object, ...]


class ClientCertificate:
    """A client certificate with its private key, in PEM files.

    The files are read again when they change. The earlier pair stays in use while the two files do not fit each other,
    as in the middle of a rotation.

    Args:
        certificate_file: The path of the certificate. Intermediate certificates may follow it in the file.
        private_key_file: The path of its private key. It may be the same file.
        password: The password of an encrypted key.

    Raises:
        ConfigurationError: A file cannot be read or is not in PEM, the password is wrong, or the two do not fit.
    """

    __module__ = "paygrant"
    __slots__ = ("_loaded", "_password", "certificate_file", "private_key_file")

    @checked
    def __init__(
        self,
        certificate_file: "str | PathLike[str]",
        private_key_file: "str | PathLike[str]",
        *,
        password: str | None = None,
    ) -> None:
        self.certificate_file = _path("certificate_file", certificate_file)
        self.private_key_file = _path("private_key_file", private_key_file)
        if password is not None:
            check_text("password", password)
        self._password = password
        self._loaded = self._load()

    def _current(self) -> LoadedCertificate:
        """The pair in the files, or the last pair that fitted."""
        with suppress(Exception):  # half a rotation: the earlier pair goes on
            if self._state() != self._loaded.state:
                self._loaded = self._load()
        return self._loaded

    @property
    def thumbprint(self) -> str:
        """The certificate's SHA-256 in base64url, the ``x5t#S256`` of bound tokens (RFC 8705 section 3.1)."""
        return self._current().thumbprint

    @checked
    def ssl_context(self) -> ssl.SSLContext:
        """A TLS context that shows the certificate to an API: ``httpx.Client(verify=certificate.ssl_context())``.

        It trusts the authorities that token requests trust. After a rotation, new connections show the new certificate.

        Raises:
            ConfigurationError: The environment names trusted authorities that cannot be used, or the files are being
                changed.
        """
        context = trusting_context()
        context.__class__ = _ReloadingContext  # the function that makes it knows no other class
        reloading = cast("_ReloadingContext", context)
        reloading.show(self)
        return reloading

    def _context_of(self, loaded: LoadedCertificate) -> ssl.SSLContext | None:
        """A new TLS context that shows this pair. None if the files hold another by now."""
        context = trusting_context()
        with suppress(OSError, ConfigurationError):
            if self._state() == loaded.state:
                self._load_into(context)
                return context if self._state() == loaded.state else None
        return None

    def _load_into(self, context: ssl.SSLContext) -> None:
        """Let a new context show the pair in the files.

        A context that showed another pair may go on to show it: OpenSSL keeps one for each kind of key.

        Raises:
            OSError: A file cannot be read, or the two do not fit.
        """
        # Without a password OpenSSL would ask for one at the terminal.
        load: Callable[..., None] = ssl.SSLContext.load_cert_chain
        load(context, self.certificate_file, self.private_key_file, lambda: self._password or "")

    def _state(self) -> tuple[object, ...]:
        """What changes when the files do.

        Raises:
            ConfigurationError: A file is a pipe or a device, which cannot be read several times, or is too long.
        """
        paths = {"certificate_file": self.certificate_file, "private_key_file": self.private_key_file}
        found = {name: Path(path).stat() for name, path in paths.items()}
        for name, each in found.items():
            if not stat.S_ISREG(each.st_mode) or each.st_size > _LONGEST_FILE:
                raise invalid_argument(name, "is no regular file, or too long", _A_FILE)
        return tuple((each.st_mtime_ns, each.st_size, each.st_ino) for each in found.values())

    def _load(self) -> LoadedCertificate:
        """The pair in the files.

        Raises:
            ConfigurationError: They cannot be used.
        """
        fault, key = _BEING_CHANGED, ""
        for _ in range(_ATTEMPTS):
            try:
                state = self._state()
                certificate = _text_of(self.certificate_file)
                key = _text_of(self.private_key_file)
                thumbprint = _thumbprint(certificate)
                # Most of the time that a context takes is for the authorities, so they come when the pair fits.
                self._load_into(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
                context = trusting_context()
                self._load_into(context)
                if state == self._state():
                    return LoadedCertificate(context, thumbprint, state)
            except OSError as error:
                if isinstance(error, ssl.SSLError):
                    fault = self._fault(error, key)
                else:
                    is_certificate = error.filename in {None, self.certificate_file}
                    name = "certificate_file" if is_certificate else "private_key_file"
                    fault = name, f"cannot be read ({type(error).__name__})", "a file in PEM"
        raise invalid_argument(*fault)

    def _fault(self, error: ssl.SSLError, key: str) -> tuple[str, str, str]:
        """The argument that OpenSSL complains of, what is wrong, and what is expected."""
        # A key of another type has one of the last two reasons, depending on the version of OpenSSL.
        if error.reason in {"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"}:
            return "private_key_file", "does not fit the certificate", "the private key of this certificate"
        if "PRIVATE KEY-----" not in key:
            return "private_key_file", "holds no private key", "a private key in PEM"
        if "ENCRYPTED" in key:
            fault = "is missing, and the private key is locked" if self._password is None else "is wrong"
            return "password", fault, "the password of the private key"
        return "private_key_file", "cannot be used with the certificate", "a certificate and its private key in PEM"

    def _facts(self) -> tuple[object, ...]:
        return self.certificate_file, self.private_key_file, self._password

    def __eq__(self, other: object) -> bool:
        return self._facts() == other._facts() if isinstance(other, ClientCertificate) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._facts())

    def __copy__(self) -> "ClientCertificate":
        return self

    def __deepcopy__(self, memo: object) -> "ClientCertificate":
        return self

    def __reduce__(self) -> "tuple[Callable[..., ClientCertificate], tuple[object, ...]]":
        return _certificate_of, self._facts()

    def __repr__(self) -> str:
        return f"<ClientCertificate {self.certificate_file!r} thumbprint={self._loaded.thumbprint[:8]}>"


def _certificate_of(certificate_file: str, private_key_file: str, password: str | None) -> ClientCertificate:
    """A certificate that was pickled."""
    return ClientCertificate(certificate_file, private_key_file, password=password)


class _ReloadingContext(ssl.SSLContext):
    """A TLS context that shows the certificate which the files hold when a connection begins.

    Each pair has a context of its own, from which a new connection takes the certificate and the trusted authorities. All
    other settings are those of this context.
    """

    _certificate: ClientCertificate
    _shown: tuple[LoadedCertificate, ssl.SSLContext]
    _authorities: "list[tuple[str, tuple[object, ...]]]"
    """What the user loaded besides."""

    def show(self, certificate: ClientCertificate) -> None:
        """Show this certificate from now on.

        Raises:
            ConfigurationError: The files are being changed.
        """
        self._certificate, self._authorities = certificate, []
        for _ in range(_ATTEMPTS):
            current = certificate._current()
            if context := certificate._context_of(current):
                self._shown = current, context
                return
        raise invalid_argument(*_BEING_CHANGED)

    def _now(self) -> ssl.SSLContext:
        """The context of the certificate of now."""
        current = self._certificate._current()
        if current is not self._shown[0] and (context := self._certificate._context_of(current)):
            for name, arguments in self._authorities:
                getattr(ssl.SSLContext, name)(context, *arguments)
            self._shown = current, context
        return self._shown[1]

    def load_verify_locations(self, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        """Trust more authorities, whatever certificate is shown."""
        super().load_verify_locations(cafile, capath, cadata)
        self._note_authorities("load_verify_locations", cafile, capath, cadata)

    def load_default_certs(self, purpose: Any = ssl.Purpose.SERVER_AUTH) -> None:
        """Trust the system's authorities, whatever certificate is shown."""
        super().load_default_certs(purpose)
        self._note_authorities("load_default_certs", purpose)

    def _note_authorities(self, name: str, *arguments: object) -> None:
        if (name, arguments) not in self._authorities:
            self._authorities.append((name, arguments))
            getattr(ssl.SSLContext, name)(self._shown[1], *arguments)

    # Both ways to begin a connection end in one of these, also when a socket is connected after it was wrapped.

    def _wrap_socket(self, *args: Any, **options: Any) -> Any:
        began: Any = cast("Any", super())._wrap_socket(*args, **options)
        began.context = self._now()
        return began

    def _wrap_bio(self, *args: Any, **options: Any) -> Any:
        began: Any = cast("Any", super())._wrap_bio(*args, **options)
        began.context = self._now()
        return began


def _path(argument: str, value: "str | PathLike[str]") -> str:
    if not isinstance(value, str | PathLike):
        raise invalid_argument(argument, f"is of type {type(value).__name__}", "the path of a file in PEM")
    return check_text(argument, fspath(value))


def _text_of(path: str) -> str:
    return Path(path).read_text("utf-8", errors="replace")


def _thumbprint(pem: str) -> str:
    """The thumbprint of the first certificate in a text, which is the client's own."""
    _, begin, rest = pem.partition(_BEGIN)
    body, end, _ = rest.partition(_END)
    with suppress(ValueError):
        if begin and end and (encoded := b64decode(body)):
            return sha256_base64url(encoded)
    raise invalid_argument("certificate_file", "holds no certificate", "a certificate in PEM, the client's own first")
