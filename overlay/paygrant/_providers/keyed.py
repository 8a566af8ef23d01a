"""KeyedProvider: what providers have in common that take a key or a certificate besides, or instead of, a secret."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from paygrant._arguments import check_choice, check_function, check_hashable, check_text, check_type, invalid_argument
from paygrant._providers.base import Provider, provider
from paygrant._spec.description import ASSERTION_METHODS, WITHOUT_SECRET
from paygrant._tokens.token import R_co

if TYPE_CHECKING:  # most clients have no key, so the first token does not wait for these modules
    from typing import TypeAlias

    from paygrant._request.certificate import ClientCertificate
    from paygrant._request.signing_key import Signer, SigningKey

    PrivateKey: TypeAlias = SigningKey | Signer | str | bytes
    """What can be a private key."""

_A_KEY = "a SigningKey, a private key in PEM or as a JWK, or a callable that returns it"


@provider
class KeyedProvider(Provider[R_co]):
    """A provider that may take a key or a certificate, or the credentials as HTTP Basic.

    Attributes:
        basic_encoding: How HTTP Basic encodes id and secret: ``"plain"`` (RFC 7617), ``"form"`` (RFC 6749 section 2.3.1), or
            ``"auto"``. ``"auto"`` tries plain first, and form once if plain is refused and the bytes differ. The default
            is what the spec says, or else ``"auto"``.
        private_key: The key for ``private_key_jwt``: a SigningKey, PEM, a JWK, an object with ``algorithm``, ``key_id``
            and ``sign(data)``, or a callable that returns one of these.
        certificate: The client certificate that connections to the token endpoint show (RFC 8705).
        assertion_audience: The audience of assertions, such as the issuer (FAPI 2.0). The default is what the spec says,
            or else the token URL.
        dpop: Binds tokens to a key (RFC 9449). True: a key that this process makes. A SigningKey: processes that have
            the same key may share the tokens. The default is what the spec says.
    """

    basic_encoding: Literal["auto", "plain", "form"] | None = None
    client_secret: str | Callable[[], str] = ""
    private_key: "PrivateKey | Callable[[], PrivateKey] | None" = None
    certificate: "ClientCertificate | None" = None
    assertion_audience: str | None = None
    dpop: "bool | Signer" = False

    def __post_init__(self) -> None:
        self._check_endpoint()
        method = self._client_auth.method
        self._check_private_key()
        wanted = method not in WITHOUT_SECRET
        if wanted and self.client_secret == "":
            raise invalid_argument("client_secret", "is missing", "the client's secret, or a callable that returns it")
        if not wanted and self.client_secret != "" and method != "none":
            raise invalid_argument("client_secret", f"is given, but {method} uses none", "no client_secret")
        if self.assertion_audience is not None:
            check_text("assertion_audience", self.assertion_audience)
            if method not in ASSERTION_METHODS:
                fault = f"is given, but {method} makes no assertion"
                raise invalid_argument("assertion_audience", fault, "auth_method='private_key_jwt'")
        if self.dpop is False and self._endpoint.token_use.dpop:
            fault = "is False, but the provider binds each token to a key"
            raise invalid_argument("dpop", fault, "True, or a SigningKey")
        if self.dpop is not False:
            self._check_proof_key()
        super().__post_init__()
        if self.basic_encoding is not None:
            check_choice("basic_encoding", self.basic_encoding, ("auto", "plain", "form"))
        encoding = self.basic_encoding or self._client_auth.encoding
        if method == "client_secret_basic" and encoding != "form":
            check_text("client_id", self.client_id, forbidden=":")
        self._check_certificate()

    def _check_proof_key(self) -> None:
        from paygrant._request.dpop import key_of_process
        from paygrant._request.signing_key import Signer, signer_of

        check_type("dpop", self.dpop, bool | Signer, "True, a SigningKey, or an object that signs and has public_jwk")
        if (self._endpoint.token_use.header or "").lower() != "authorization":
            fault = "is given, but API calls carry the token elsewhere than in the header Authorization (RFC 9449)"
            raise invalid_argument("dpop", fault, "False")
        if isinstance(self.dpop, bool):
            key_of_process()  # names the extra if it is missing
        else:
            check_hashable("dpop", signer_of("dpop", self.dpop, with_public_key=True), "a key that can be hashed")

    @property
    def _effective_base_url(self) -> str:
        """The base URL in use: the caller's, or the environment's, which may have one for clients with a certificate."""
        server = self._endpoint.servers.get(self._environment or "")
        if self.base_url is None and self.certificate is not None and server is not None and server.mtls_url:
            return server.mtls_url
        return super()._effective_base_url

    def _check_private_key(self) -> None:
        method, key = self._client_auth.method, self.private_key
        if key is None:
            if method == "private_key_jwt":
                raise invalid_argument("private_key", "is missing", _A_KEY)
            return
        if method != "private_key_jwt":
            raise invalid_argument("private_key", f"is given, but {method} uses none", "auth_method='private_key_jwt'")
        from paygrant._request.registration import check_algorithm
        from paygrant._request.signing_key import Signer, fitted, signer_of

        if callable(key) and not isinstance(key, Signer):
            check_function("private_key", key, _A_KEY)
            return
        signer = fitted(signer_of("private_key", key), self._client_auth.assertion)
        check_algorithm(self._client_auth, signer)
        check_hashable("private_key", signer, "a key that can be hashed")
        self._set("private_key", signer)

    def _check_certificate(self) -> None:
        if self.certificate is None:
            if self._client_auth.method == "tls_client_auth":
                raise invalid_argument("certificate", "is missing", "a ClientCertificate")
            return
        from paygrant._request.certificate import ClientCertificate

        check_type("certificate", self.certificate, ClientCertificate, "a ClientCertificate")
        if not self.token_url.startswith("https:"):
            raise invalid_argument("certificate", "is given for a token endpoint without TLS", "an https address")

    @property
    def _proof_key(self) -> "Signer | None":
        if not isinstance(self.dpop, bool):
            return self.dpop
        if not self.dpop:
            return None
        from paygrant._request.dpop import key_of_process

        return key_of_process()


METHODS: tuple[
    Literal["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "tls_client_auth"], ...
] = (
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    "tls_client_auth",
)
"""The methods that need no spec, by the names of RFC 7591 section 2."""
