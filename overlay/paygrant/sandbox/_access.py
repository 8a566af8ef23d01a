"""How the sandbox's client gets to one provider: the address, the credentials, and the files with keys."""

from collections.abc import Callable
from typing import Any

from paygrant._arguments import check_choice
from paygrant._providers.key_file import CERTIFICATE_FILE, DPOP_KEY, KEY_ID, PRIVATE_KEY, with_keys
from paygrant._providers.kind import prefix_of
from paygrant._providers.secret_file import SecretFile
from paygrant._spec.description import WITHOUT_SECRET, ClientAuth
from paygrant.sandbox._app import SandboxProvider
from paygrant.sandbox._client_auth import Client
from paygrant.sandbox._keys import ClientKeys
from paygrant.sandbox._tls import Certificates

_NO_KEY = "the sandbox has no key"
"""What takes the place of a private key that cannot be made."""

TRUST_VARIABLE = "SSL_CERT_FILE"
"""The variable that names trusted authorities."""


class ClientAccess:
    """How the one client gets to a provider.

    Args:
        provider: The provider.
        client: The client.
        keys: Its private keys.
        certificates: Its certificate.
        url: Returns the sandbox's URL. Its argument says whether it is that of the TLS port.
    """

    def __init__(
        self,
        provider: SandboxProvider,
        client: Client,
        keys: ClientKeys,
        certificates: Certificates,
        url: Callable[[bool], str],
    ) -> None:
        self.client = client
        self.certificates = certificates
        self.name = provider.name
        self._endpoint = provider.endpoint
        self._keys = keys
        self._url = url

    def base_url(self, *, with_tls: bool) -> str:
        """The base URL to use instead of the provider's own."""
        return f"{self._url(with_tls)}/{self.name}"

    @property
    def key_id(self) -> str:
        """The id of the private key."""
        return self._keys.key_for(self._algorithms).key_id

    @property
    def private_key_file(self) -> str:
        """The path of the private key in PEM."""
        return self._keys.file_for(self._algorithms)

    @property
    def _algorithms(self) -> tuple[str, ...]:
        methods = (each for each in self._endpoint.client_auth if each.method == "private_key_jwt")
        return next((each.assertion.algorithms for each in methods), ())

    def client_auth(self, method: str | None) -> ClientAuth:
        """A method of client authentication in the spec: this one, or else the first.

        Raises:
            ConfigurationError: The spec does not have it.
        """
        stated = self._endpoint.client_auth
        if method is None:
            return stated[0]
        check_choice("auth_method", method, [each.method for each in stated])
        return next(each for each in stated if each.method == method)

    def credentials(self, method: str | None = None, *, certificate: bool = False) -> dict[str, str]:
        """The credentials for a method as texts, by the names of arguments. Keys and certificates are paths of files.

        Args:
            method: The method of client authentication. None: the first one in the spec.
            certificate: Whether the client shows its certificate, although the method does not need it.
        """
        auth, found = self.client_auth(method), dict[str, str]()
        if auth.method != "none":
            found["client_id"] = self.client.client_id
        if auth.method not in WITHOUT_SECRET:
            found["client_secret"] = self.client.client_secret
        if auth.method == "private_key_jwt":
            found |= {PRIVATE_KEY: self.private_key_file, KEY_ID: self.key_id}
        if certificate or auth.method == "tls_client_auth":
            found[CERTIFICATE_FILE] = self.certificates.client_file
        return found

    def arguments(self, method: str | None = None, *, certificate: bool = False) -> dict[str, Any]:
        """The arguments with which the provider's class uses the sandbox."""
        given: dict[str, Any] = self._settings(method, certificate=certificate)
        if PRIVATE_KEY in given:
            given[PRIVATE_KEY] = SecretFile(given[PRIVATE_KEY], PRIVATE_KEY)
        return with_keys(given, self.client_auth(method).method)

    def environ(self, method: str | None = None, *, certificate: bool = False) -> dict[str, str]:
        """The same arguments as environment variables."""
        prefix, found = prefix_of(self.name, None), self._settings(method, certificate=certificate)
        if PRIVATE_KEY in found:
            found[f"{PRIVATE_KEY}_file"] = found.pop(PRIVATE_KEY)
        variables = {f"{prefix}_{argument.upper()}": value for argument, value in found.items()}
        return variables | ({TRUST_VARIABLE: self.certificates.trust_file} if CERTIFICATE_FILE in found else {})

    def environ_without_keys(self) -> dict[str, str]:
        """Variables for the case that the extra for keys is not installed: the error for a key names the extra."""
        prefix = prefix_of(self.name, None)
        found = {"client_id": self.client.client_id} | self._place(with_tls=False)
        found |= dict.fromkeys((PRIVATE_KEY, CERTIFICATE_FILE, DPOP_KEY), _NO_KEY)
        return {f"{prefix}_{argument.upper()}": value for argument, value in found.items()}

    def _settings(self, method: str | None, *, certificate: bool) -> dict[str, str]:
        """The credentials, and where the provider is."""
        found = self.credentials(method, certificate=certificate)
        found |= self._place(with_tls=CERTIFICATE_FILE in found)
        if self.client_auth(method) != self._endpoint.client_auth[0]:
            found["auth_method"] = self.client_auth(method).method
        return found

    def _place(self, *, with_tls: bool) -> dict[str, str]:
        found = {"base_url": self.base_url(with_tls=with_tls)}
        return found | ({"environment": self._endpoint.environments[0]} if self._endpoint.environments else {})
