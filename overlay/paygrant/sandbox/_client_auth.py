"""Checks how a client authenticates itself at a token endpoint, by each method that the spec documents."""

from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import unquote_plus

from paygrant._secrets import compared_as_a_whole
from paygrant._spec.description import ASSERTION_METHODS, ClientAuth, TokenEndpoint
from paygrant._spec.pointer import field_at, value_at
from paygrant.sandbox._jwt import FirstUse, JwtError, VerifyingKey, read

BasicDecoding = Literal["plain", "form"]


@compared_as_a_whole
@dataclass(frozen=True, slots=True)
class Client:
    """The credentials that the sandbox accepts. They are not real, but they are not shown either."""

    client_id: str = field(default="sandbox-client", repr=False)
    client_secret: str = field(default="sandbox-secret", repr=False)


@compared_as_a_whole
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class PeerCertificate:
    """The certificate that a connection showed.

    Attributes:
        thumbprint: Its SHA-256 in base64url (RFC 8705 section 3.1).
        is_client: Whether it has the subject of the sandbox's client.
    """

    thumbprint: str
    is_client: bool


def _is_first(_identifier: str, _until: float) -> bool:
    return True


class Nonces(Protocol):
    """The nonces that DPoP proofs must have."""

    def latest(self, now: float) -> str:
        """The nonce that the next proof should have."""
        ...

    def accepts(self, nonce: object, now: float) -> bool:
        """Whether a proof may have this nonce. It counts as used if it may."""
        ...


@compared_as_a_whole
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Evidence:
    """What a request has besides its parameters, and what the sandbox knows in order to judge it.

    Attributes:
        now: The time of the sandbox, in seconds since the epoch.
        method: The HTTP method.
        url: The URL of the request without its query.
        proofs: The headers ``DPoP``.
        certificate: The certificate that the connection showed.
        nonces: The nonces that proofs must have. None: they need none.
        keys: Returns the client's public keys.
        audience: The audience that assertions must have. None: as the spec says.
        first_use: Whether an id is used for the first time.
    """

    now: float = 0.0
    method: str = "POST"
    url: str = ""
    proofs: Sequence[str] = ()
    certificate: PeerCertificate | None = None
    nonces: Nonces | None = None
    keys: Callable[[], Sequence[VerifyingKey]] = tuple
    audience: str | None = None
    first_use: FirstUse = _is_first


class Authenticator:
    """Checks the credentials of a request.

    Args:
        description: The endpoint.
        client: The one client that is accepted.
        basic_decoding: As for ``Endpoint``.
    """

    def __init__(self, description: TokenEndpoint, client: Client, basic_decoding: BasicDecoding | None) -> None:
        self._methods = description.client_auth
        self._client = client
        basic = [each.encoding for each in self._methods if each.method == "client_secret_basic"]
        self._decodes = "form" in (basic if basic_decoding is None else [basic_decoding])
        self._composed_name = next((each.name for each in description.parameters if each.argument == "username"), "")
        stated = [each.assertion for each in self._methods if each.method in ASSERTION_METHODS]
        in_body = {each.name for each in stated if each.place == "body"}
        others = {"client_assertion_type", "client_id"} if "client_assertion" in in_body else set[str]()
        self.fields: frozenset[str] = frozenset[str]({*in_body, *others})
        """The fields of the body that assertions need, whether or not the spec declares them."""
        self._facts = [each.environment_facts for each in description.servers.values()]
        self._takes_certificates = any(each.method == "tls_client_auth" for each in self._methods)

    def faults(self, authorization: str, parameters: Mapping[str, Any], evidence: Evidence) -> list[str | None]:
        """One entry for each method that the request uses: None if it is right, or else what is wrong.

        An empty text says that a secret is wrong.
        """
        found = [*self._secrets(authorization, parameters), *self._assertions(authorization, parameters, evidence)]
        if not found and self._takes_certificates:
            return [self._certificate_fault(parameters, evidence.certificate)]
        if not found and all(each.method in ASSERTION_METHODS for each in self._methods):
            return ["assertion: there is none; expected one where the spec says"]
        return found

    def _secrets(self, authorization: str, parameters: Mapping[str, Any]) -> Iterator[str | None]:
        """Check the secrets in a request."""
        for auth in self._methods:
            match auth:
                case ClientAuth(method="client_secret_basic"):
                    scheme, _, encoded = authorization.partition(" ")
                    if scheme.lower() == "basic":
                        yield None if self._decoded(encoded) == self._client else ""
                case ClientAuth(client_id=id_name, client_secret=str(secret_name)):
                    secret = value_at(parameters, field_at(secret_name))
                    if secret is not None:
                        shown = Client(self._client_id(id_name, parameters), str(secret))
                        yield None if shown == self._client else ""
                case _:
                    pass

    def _assertions(
        self, authorization: str, parameters: Mapping[str, Any], evidence: Evidence
    ) -> Iterator[str | None]:
        """Check the assertions in a request. Two methods may have theirs in the same place."""
        found: dict[str, list[ClientAuth]] = {}
        for auth in self._methods:
            if auth.method in ASSERTION_METHODS:
                stated = auth.assertion
                scheme, _, credentials = authorization.partition(" ")
                bearer = credentials if scheme.lower() == "bearer" else None
                text = bearer if stated.place == "header" else parameters.get(stated.name)
                if text is not None:
                    found.setdefault(str(text), []).append(auth)
        for text, methods in found.items():
            yield self._assertion_fault(text, methods, parameters, evidence)

    def _assertion_fault(
        self, text: str, methods: list[ClientAuth], parameters: Mapping[str, Any], evidence: Evidence
    ) -> str | None:
        # Imported late: few specs have assertions.
        from paygrant.sandbox._assertions import ASSERTION_TYPE, AssertionRules, accepted_algorithms, check_assertion

        is_field = any(each.assertion.name == "client_assertion" for each in methods)
        if "client_assertion" in parameters and is_field:
            if parameters.get("client_assertion_type") != ASSERTION_TYPE:
                return f"client_assertion_type: is another one; expected {ASSERTION_TYPE}"
            if parameters.get("client_id", self._client.client_id) != self._client.client_id:
                return "client_id: is another one; expected the client's id"
        try:
            algorithm = read(text).algorithm
            auth = next((each for each in methods if algorithm in accepted_algorithms(each)), methods[0])
            secret = VerifyingKey(self._client.client_secret.encode())
            keys = [secret] if auth.method == "client_secret_jwt" else evidence.keys()
            audience = evidence.audience or evidence.url
            rules = AssertionRules(
                self._client.client_id,
                keys,
                audience,
                evidence.audience is not None,
                evidence.now,
                lambda each, until: evidence.first_use(f"assertion {each}", until),
                self._facts,
            )
            check_assertion(text, auth, rules)
        except JwtError as error:
            return str(error)
        return None

    def _certificate_fault(self, parameters: Mapping[str, Any], certificate: PeerCertificate | None) -> str | None:
        """What is wrong with a client that has nothing but a certificate (RFC 8705 section 2.1)."""
        if certificate is None:
            return "certificate: the connection shows none; expected the client's, at the sandbox's TLS port"
        if not certificate.is_client:
            return "certificate: is another client's; expected the client's"
        names = [each.client_id for each in self._methods if each.method == "tls_client_auth" and each.client_id]
        if any(value_at(parameters, field_at(name)) != self._client.client_id for name in names):
            return "client_id: is another one; expected the client's id"
        return None

    def _client_id(self, name: str | None, parameters: Mapping[str, Any]) -> str:
        """The client's id in a request.

        If no field is the id alone, it may be the start of a username, up to a colon. Otherwise, the id is not sent.
        """
        if name is not None:
            return str(value_at(parameters, field_at(name)))
        before, colon, _ = str(parameters.get(self._composed_name, "")).partition(":")
        return before if colon else self._client.client_id

    def _decoded(self, encoded: str) -> Client | None:
        """The parts of Basic credentials (RFC 7617)."""
        try:
            client_id, _, client_secret = b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:  # not base64, or not UTF-8
            return None
        if self._decodes:
            client_id, client_secret = unquote_plus(client_id), unquote_plus(client_secret)
        return Client(client_id, client_secret)
