"""ClientRegistration: what the engine knows of a client that is registered with a provider.

A provider class checks what its user states; the registration is the result. It has all that a token request needs.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from json import dumps
from typing import TYPE_CHECKING, Any

from paygrant import _clock
from paygrant._arguments import check_text, invalid_argument, is_coroutine
from paygrant._errors import ConfigurationError
from paygrant._request.client_auth import ENCODINGS, Encoding
from paygrant._request.credentials import Credentials, origin_of, prover_for
from paygrant._request.unsigned import UnsignedRequest, checked_header
from paygrant._secrets import compared_as_a_whole

if TYPE_CHECKING:
    from paygrant._request.certificate import ClientCertificate
    from paygrant._request.dpop import Prover
    from paygrant._request.signing_key import Signer
    from paygrant._spec.description import ClientAuth, TokenEndpoint

_SAME_IN_A_FORM = re.compile(r"[A-Za-z0-9_.~-]*")
"""What form encoding leaves as it is, by Python's ``quote_plus``."""


@compared_as_a_whole
@dataclass(kw_only=True, repr=False, eq=False)
class ClientRegistration:
    """A client and the token endpoint that it is registered with.

    Attributes:
        endpoint: The description of the token endpoint, from the spec.
        environment: The environment's name. None if the provider has no environments.
        environment_facts: The facts that the spec states about this environment, apart from its base URL.
        effective_base_url: The base URL in use: the caller's, or the environment's.
        token_url: The address of the token endpoint.
        client_id: The client's id.
        client_secret: The client's secret, or a callable that returns it.
        client_auth: How the client authenticates.
        basic_encoding: How Basic credentials are encoded; see ``basic_encodings``.
        arguments: The caller's values apart from the credentials, by the names that the spec uses.
        authenticate: The function that computes the credentials, if the spec requires one.
        models: The generated package with the model of the response. None if nothing was generated.
        identity: Distinguishes registrations whose other facts are equal.
        private_key: The key that signs assertions, or a callable that returns it.
        certificate: The client certificate, if connections to the token endpoint show one.
        proof_key: The key that signs DPoP proofs, if tokens are bound to one.
        assertion_audience: The audience of assertions, if it is not what the spec says.
    """

    endpoint: "TokenEndpoint"
    environment: str | None
    environment_facts: Mapping[str, str]
    effective_base_url: str
    token_url: str
    client_id: str
    client_secret: str | Callable[[], str]
    client_auth: "ClientAuth"
    basic_encoding: str
    arguments: Mapping[str, Any]
    authenticate: Callable[[UnsignedRequest], object] | None
    models: str | None
    identity: str
    private_key: object = None
    certificate: "ClientCertificate | None" = None
    proof_key: "Signer | None" = None
    assertion_audience: str | None = None

    @property
    def name(self) -> str:
        """The provider's name, as its spec has it."""
        return self.endpoint.name

    @property
    def api_headers(self) -> dict[str, str]:
        """The further headers of API calls, besides the one that carries the token."""
        known: Mapping[str, Any] = {**self.arguments, "client_id": self.client_id}
        found = {name: known.get(argument) for name, argument in self.endpoint.token_use.headers.items()}
        return {name: checked_header(name, name, value) for name, value in found.items() if value is not None}

    def secret(self, within: float | None = None) -> str:
        """The client's secret as it is now.

        Args:
            within: How long to wait for the callable, in seconds. None: until it returns.

        Raises:
            ConfigurationError: The callable failed, or returned no usable secret in time.
        """
        if isinstance(self.client_secret, str):
            return self.client_secret
        secret = called("client_secret", self.client_secret, "a callable that returns the secret", within)
        return check_text("client_secret", secret, multiline=is_key(self.client_auth))

    def credentials(self, within: float | None = None) -> Credentials:
        """The client's credentials as they are now: its secret, key and certificate.

        Args:
            within: How long to wait for each callable, in seconds. None: until it returns.

        Raises:
            ConfigurationError: A callable failed, or returned nothing usable in time.
        """
        secret = self.secret(within)
        return Credentials(
            secret,
            self._signer(secret, within),
            self.certificate._current() if self.certificate is not None else None,
            self.prover,
            self.private_key,
        )

    @property
    def prover(self) -> "Prover | None":
        """What makes DPoP proofs, if tokens are bound to a key."""
        return None if self.proof_key is None else prover_for(self.proof_key, origin_of(self.token_url))

    @property
    def may_persist(self) -> bool:
        """Whether a store outside the process may keep the token. The key of a process dies with it."""
        if self.proof_key is None:
            return self.endpoint.token_use.persist
        from paygrant._request.dpop import is_of_process

        return self.endpoint.token_use.persist and not is_of_process(self.proof_key)

    @property
    def prefix(self) -> str:
        """The word before the token in a header: DPoP if the token is bound to a key (RFC 9449 section 7.1)."""
        return self.endpoint.token_use.prefix if self.proof_key is None else "DPoP"

    @property
    def lacks_certificate(self) -> bool:
        """Whether a host of the spec wants a client certificate and the client has none. Another host may be a proxy."""
        servers = self.endpoint.servers.values()
        documented = self.effective_base_url in {url for each in servers for url in (each.url, each.mtls_url)}
        return self.endpoint.needs_certificate and self.certificate is None and documented

    @property
    def audience(self) -> str:
        """The audience of an assertion: one string, never guessed from a response."""
        stated = self.client_auth.assertion
        by_argument = self.arguments.get(stated.audience_argument or "")
        by_fact = self.environment_facts.get(stated.audience_fact or "")
        return str(self.assertion_audience or by_argument or by_fact or stated.audience or self.token_url)

    def _signer(self, secret: str, within: float | None) -> "Signer | None":
        if self.client_auth.method == "client_secret_jwt":
            from paygrant._request.jws import SecretSigner

            stated = self.client_auth.assertion.algorithms
            return SecretSigner(secret, next((each for each in stated if each.startswith("HS")), "HS256"))
        if self.private_key is None:
            return None
        value = self.private_key
        from paygrant._request.signing_key import Signer, fitted, signer_of

        if callable(value) and not isinstance(value, Signer):
            value = called("private_key", value, "a callable that returns the private key", within)
        signer = fitted(signer_of("private_key", value), self.client_auth.assertion)
        check_algorithm(self.client_auth, signer)
        return signer

    def basic_encodings(self, secret: str) -> tuple[Encoding, ...]:
        """The encodings of Basic credentials to try, in this order.

        ``auto`` means plain first, as providers document it, and then form, if that makes other bytes.
        """
        if self.basic_encoding != "auto":
            return ("form",) if self.basic_encoding == "form" else ("plain",)
        if self.client_auth.method != "client_secret_basic":
            return ENCODINGS[:1]
        return ENCODINGS[:1] if _SAME_IN_A_FORM.fullmatch(self.client_id + secret) else ENCODINGS

    def cache_key(self, credentials: Credentials, kind: str = "token", mark: str = "") -> str:
        """A name for everything that shapes the token, none of it readable.

        Args:
            credentials: The client's credentials.
            kind: Each kind of entry has names of its own.
            mark: What the transport adds, such as a client certificate.
        """
        return self.cache_keys(credentials, (kind,), mark)[0]

    def cache_keys(self, credentials: Credentials, kinds: tuple[str, ...], mark: str) -> list[str]:
        """Like ``cache_key``, for several kinds of entries."""
        shape = [
            self.name,
            self.environment,
            self.token_url,
            self.client_id,
            credentials.identity,
            self.client_auth.method,
            self.basic_encodings(credentials.secret),
            self.assertion_audience,
            sorted(self.arguments.items()),
            self.identity,
            mark,
        ]
        text = dumps(shape)[1:]
        return [sha256(f"[{dumps(kind)}, {text}".encode()).hexdigest() for kind in kinds]


def called(argument: str, function: Callable[[], object], expected: str, within: float | None = None) -> Any:
    """What a callable of the user returns.

    Raises:
        ConfigurationError: It failed, is asynchronous, or did not return in time.
    """
    try:
        value = function() if within is None else _clock.within(within, function)
    except Exception as error:
        if type(error) is ConfigurationError:  # our own, such as a SecretFile's
            raise
        in_time = within is None or not isinstance(error, TimeoutError)
        fault = f"the callable raised {type(error).__name__}" if in_time else "could not be read in time"
    else:
        if not is_coroutine(value):
            return value
        fault = "the callable is asynchronous"
    raise invalid_argument(argument, fault, expected)


def check_algorithm(client_auth: "ClientAuth", signer: "Signer") -> None:
    """Check that the provider accepts the algorithm of a key.

    Raises:
        ConfigurationError: It accepts others only.
    """
    accepted = client_auth.assertion.algorithms
    if accepted and signer.algorithm not in accepted:
        fault = f"signs by {signer.algorithm}, which the provider does not accept"
        raise invalid_argument("private_key", fault, f"a key for {' or '.join(accepted)}")


def is_key(client_auth: "ClientAuth") -> bool:
    """Whether a function computes with the secret, so that it may be a private key in PEM, which has several lines."""
    return client_auth.method == "custom"
