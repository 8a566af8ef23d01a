"""How the sandbox's client gets to one provider: the address, the credentials, and the files with keys."""

from collections.abc import Callable
from typing import Any

from paygrant._providers.key_file import CERTIFICATE_FILE, KEY_ID, PRIVATE_KEY, with_keys
from paygrant._providers.kind import prefix_of
from paygrant._providers.secret_file import SecretFile
from paygrant._spec.description import WITHOUT_SECRET, ClientAuth
from paygrant.sandbox._app import SandboxProvider
from paygrant.sandbox._client_auth import Client
from paygrant.sandbox._keys import ClientKeys
from paygrant.sandbox._tls import Certificates

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

    @property
    def client_auth(self) -> ClientAuth:
        """The first method of client authentication in the spec."""
        return self._endpoint.client_auth[0]

    @property
    def shows_certificate(self) -> bool:
        """Whether that method is a certificate."""
        return self.client_auth.method == "tls_client_auth"

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
        stated = next((each.assertion for each in methods), None)
        return stated.algorithms if stated else ()

    def credentials(self, *, with_certificate: bool) -> dict[str, str]:
        """The credentials as texts, by the names of arguments. Keys and certificates are paths of files."""
        method, found = self.client_auth.method, dict[str, str]()
        if method != "none":
            found["client_id"] = self.client.client_id
        if method not in WITHOUT_SECRET:
            found["client_secret"] = self.client.client_secret
        if method == "private_key_jwt":
            found |= {PRIVATE_KEY: self.private_key_file, KEY_ID: self.key_id}
        if with_certificate:
            found[CERTIFICATE_FILE] = self.certificates.client_file
        return found

    def arguments(self, *, with_certificate: bool) -> dict[str, Any]:
        """The arguments with which the provider's class uses the sandbox."""
        given: dict[str, Any] = self.credentials(with_certificate=with_certificate)
        if PRIVATE_KEY in given:
            given[PRIVATE_KEY] = SecretFile(given[PRIVATE_KEY], PRIVATE_KEY)
        return with_keys(given, self.client_auth.method) | self._place(with_tls=with_certificate)

    def environ(self, *, with_certificate: bool) -> dict[str, str]:
        """The same arguments as environment variables."""
        prefix = prefix_of(self.name, None)
        found = self.credentials(with_certificate=with_certificate) | self._place(with_tls=with_certificate)
        variables = {f"{prefix}_{argument.upper()}": value for argument, value in found.items()}
        if PRIVATE_KEY in found:
            variables[f"{prefix}_PRIVATE_KEY_FILE"] = variables.pop(f"{prefix}_PRIVATE_KEY")
        return variables | ({TRUST_VARIABLE: self.certificates.trust_file} if with_certificate else {})

    def _place(self, *, with_tls: bool) -> dict[str, str]:
        found = {"base_url": self.base_url(with_tls=with_tls)}
        return found | ({"environment": self._endpoint.environments[0]} if self._endpoint.environments else {})
