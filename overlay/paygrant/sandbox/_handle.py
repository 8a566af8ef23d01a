"""One provider of a sandbox, as a test uses it: its address, its requests and tokens, and its faults.

Each method that switches on a fault is one row of the table in ``_fault_kinds``, with types.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from json import dumps, loads
from typing import Any, Literal

from paygrant._arguments import (
    check_choice,
    check_text,
    check_type,
    checked,
    invalid_argument,
    is_framing,
    shown,
)
from paygrant.sandbox._access import ClientAccess
from paygrant.sandbox._app import SandboxProvider
from paygrant.sandbox._endpoint import http_date
from paygrant.sandbox._fault_kinds import BODILESS, Target, check_header, check_status
from paygrant.sandbox._faults import Fault
from paygrant.sandbox._keys import public_key_of
from paygrant.sandbox._memory import ApiResponse, IssuedToken
from paygrant.sandbox._record import METHODS, RecordedRequest

Oddity = Literal[
    "lifetime_text",
    "lifetime_float",
    "lifetime_null",
    "token_number",
    "token_null",
    "token_object",
    "type_null",
    "type_number",
]
"""What ``odd_types`` changes, the lifetime, the token or its type, and the type that it gets."""


_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""RFC 9110 section 5.6.2."""


class ProviderHandle:
    """One provider of a sandbox. Safe to use from any thread.

    The methods ``fail``, ``delay`` and so on switch on a fault. Each takes ``times``, the number of requests that the
    fault applies to (None: until it is restored). Most take ``on``, the endpoint that the fault applies to: ``"token"``
    or ``"resource"``. They return the fault. As a context manager, it is restored at the end of the block::

        with sandbox.ripple.fail(503, times=2): ...

    Raises:
        ConfigurationError: From each of these methods, if an argument is invalid.
    """

    def __init__(self, provider: SandboxProvider, access: ClientAccess) -> None:
        self._provider = provider
        self._access = access

    @property
    def name(self) -> str:
        """The provider's name."""
        return self._provider.name

    @property
    def base_url(self) -> str:
        """The base URL to use instead of the provider's own.

        Raises:
            RuntimeError: The sandbox is not running.
        """
        return self._access.base_url(with_tls=False)

    @property
    def tls_base_url(self) -> str:
        """The same over TLS, for a client that shows its certificate (RFC 8705). ``SSL_CERT_FILE`` must name ``ca_file``.

        Raises:
            ImportError: ``paygrant[keys]`` is not installed.
            RuntimeError: The sandbox is not running.
        """
        return self._access.base_url(with_tls=True)

    @property
    def client_id(self) -> str:
        """The client id that the endpoint accepts."""
        return self._access.client.client_id

    @property
    def client_secret(self) -> str:
        """The client secret that the endpoint accepts."""
        return self._access.client.client_secret

    @property
    def private_key_file(self) -> str:
        """The path of a private key in PEM that the endpoint knows. Its algorithm fits the spec.

        Raises:
            ImportError: ``paygrant[keys]`` is not installed.
        """
        return self._access.private_key_file

    @property
    def key_id(self) -> str:
        """The id of that key, which may be the ``kid`` of assertions. Raises what ``private_key_file`` raises."""
        return self._access.key_id

    @property
    def certificate_file(self) -> str:
        """The path of the client's certificate and its private key in PEM.

        Raises:
            ImportError: ``paygrant[keys]`` is not installed.
        """
        return self._access.certificates.client_file

    @property
    def ca_file(self) -> str:
        """The path of the authority that issued the certificates of server and client, in PEM.

        Raises:
            ImportError: ``paygrant[keys]`` is not installed.
        """
        return self._access.certificates.ca_file

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments with which the provider's class uses the sandbox.

        An example is ``Ripple(**sandbox.ripple.arguments, tenant_id="acme")``. The environment is the first in the spec,
        and so is the method of client authentication.

        Raises:
            ImportError: That method needs ``paygrant[keys]``, which is not installed.
            RuntimeError: The sandbox is not running.
        """
        return self._access.arguments()

    @property
    def environ(self) -> dict[str, str]:
        """The same arguments as the environment variables that ``from_env()`` reads, such as ``RIPPLE_CLIENT_ID``.

        Keys and certificates are in files. With a certificate, ``SSL_CERT_FILE`` is among the variables: it adds the
        sandbox's authority to the trusted ones. Raises what ``arguments`` raises.
        """
        return self._access.environ()

    @checked
    def arguments_for(self, auth_method: str | None = None, *, certificate: bool = False) -> dict[str, Any]:
        """``arguments`` for another method of client authentication, or with a client certificate (RFC 8705).

        With a certificate, ``base_url`` leads to the TLS port, and tokens are bound to the certificate. The client must
        trust ``ca_file``: see ``environ_for``.

        Args:
            auth_method: A method that the spec documents. None: the first one.
            certificate: Whether the client shows its certificate, although the method does not need it.

        Raises:
            ConfigurationError: The spec does not document the method.
            ImportError: Keys or certificates are needed, and ``paygrant[keys]`` is not installed.
            RuntimeError: The sandbox is not running.
        """
        return self._access.arguments(auth_method, certificate=certificate)

    @checked
    def environ_for(self, auth_method: str | None = None, *, certificate: bool = False) -> dict[str, str]:
        """``environ`` for another method of client authentication, or with a client certificate.

        The arguments and errors are those of ``arguments_for``.
        """
        return self._access.environ(auth_method, certificate=certificate)

    @property
    def token_requests(self) -> int:
        """The number of token requests so far, refused ones included."""
        return self._provider.memory.token_requests

    @property
    def api_calls(self) -> int:
        """The number of calls of the protected resource so far, refused ones included."""
        return self._provider.memory.api_calls

    @property
    def requests(self) -> tuple[RecordedRequest, ...]:
        """The last 1,000 requests, oldest first, without their secrets."""
        return self._provider.memory.requests()

    @property
    def tokens(self) -> tuple[IssuedToken, ...]:
        """The valid tokens, oldest first."""
        return self._provider.memory.alive(self._provider.now())

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults that are switched on, oldest first."""
        return self._provider.memory.faults.active()

    @checked
    def fail(
        self,
        status: int = 503,
        *,
        times: int | None = None,
        retry_after: float | str | datetime | None = None,
        on: Target = "token",
    ) -> Fault:
        """Respond with an error.

        Args:
            status: The status, from 200 to 599.
            times: See the class.
            retry_after: The Retry-After header: seconds (rounded up), an aware datetime, or any text.
            on: See the class.
        """
        if isinstance(retry_after, datetime):
            retry_after = _http_date(retry_after)
        return self._switch_on("fail", on, times, status=status, retry_after=retry_after)

    @checked
    def delay(self, seconds: float = 1.0, *, times: int | None = None, on: Target = "token") -> Fault:
        """Respond this many seconds late."""
        return self._switch_on("delay", on, times, seconds=seconds)

    @checked
    def html(self, status: int = 200, *, times: int | None = None, on: Target = "token") -> Fault:
        """Respond with an HTML page instead of JSON."""
        return self._switch_on("html", on, times, status=status)

    @checked
    def cut(self, kept: int | None = None, *, times: int | None = None, on: Target = "token") -> Fault:
        """Close the connection after this many bytes of the body. None: after half of the body."""
        return self._switch_on("cut", on, times, kept=kept)

    @checked
    def drop(self, *, times: int | None = None, on: Target = "token") -> Fault:
        """Carry out the request, and close the connection before the response."""
        return self._switch_on("drop", on, times)

    @checked
    def drip(self, pace: float = 1.0, *, times: int | None = None, on: Target = "token") -> Fault:
        """Send the body byte by byte, with a pause of this many seconds before each."""
        return self._switch_on("drip", on, times, pace=pace)

    @checked
    def redirect(
        self,
        to: str = "https://elsewhere.invalid/",
        *,
        status: int = 307,
        times: int | None = None,
        on: Target = "token",
    ) -> Fault:
        """Respond with a redirect to another URL."""
        return self._switch_on("redirect", on, times, to=to, status=status)

    @checked
    def date(self, offset: float = 3600.0, *, times: int | None = None, on: Target = "token") -> Fault:
        """Set the Date header this many seconds into the future; below zero, into the past."""
        return self._switch_on("date", on, times, offset=offset)

    @checked
    def lifetime(self, seconds: int = 5, *, times: int | None = None) -> Fault:
        """Let tokens live for this many seconds."""
        return self._switch_on("lifetime", "token", times, seconds=seconds)

    @checked
    def odd_types(self, oddity: Oddity = "lifetime_text", *, times: int | None = None) -> Fault:
        """Give one field of a token response an unusual type."""
        return self._switch_on("odd_types", "token", times, oddity=oddity)

    @checked
    def refuse(self, *, times: int | None = None, on: Target = "token") -> Fault:
        """Refuse the right credentials; on the resource, refuse valid tokens."""
        return self._switch_on("refuse", on, times)

    @checked
    def clock_skew(self, seconds: float = 30.0, *, times: int | None = None, on: Target = "token") -> Fault:
        """Set the sandbox's clock this many seconds ahead; below zero, behind.

        The Date header shows it, and the times in assertions and proofs are checked by it.
        """
        return self._switch_on("clock_skew", on, times, seconds=seconds)

    @checked
    def nonce(
        self,
        requests: int | None = None,
        seconds: float | None = None,
        *,
        times: int | None = None,
        on: Target = "token",
    ) -> Fault:
        """Require a nonce in DPoP proofs (RFC 9449 sections 8 and 9).

        Args:
            requests: Another nonce comes after this many requests. None: requests do not matter.
            seconds: Another nonce comes after this time. None: time does not matter.
            times: See the class.
            on: See the class.
        """
        return self._switch_on("nonce", on, times, requests=requests, seconds=seconds)

    @checked
    def reject_jti(self, *, times: int | None = None, on: Target = "token") -> Fault:
        """Refuse assertions and DPoP proofs as if they had been used before."""
        return self._switch_on("reject_jti", on, times)

    @checked
    def rate_limit(self, requests: int | None = None, seconds: float | None = None, *, on: Target = "token") -> Fault:
        """Respond with status 429 to requests beyond a limit: this many requests in this many seconds.

        Without numbers, the limits are those that the provider documents.

        Raises:
            ConfigurationError: There are no numbers, and the provider documents no limit.
        """
        return self._switch_on("rate_limit", on, None, requests=requests, seconds=seconds)

    @checked
    def respond(
        self,
        method: str,
        path: str,
        *,
        status: int = 200,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Set the response to a call of the API that has a live token, until the sandbox is reset.

        Without it, every method and path responds with status 200 and the provider's name.

        Args:
            method: The HTTP method, such as POST.
            path: The path under ``base_url``, such as ``/v4/payments``.
            status: The status, from 200 to 599.
            json: The document to send. None: no body.
            headers: More headers.

        Raises:
            ConfigurationError: An argument is bad, or the path is the token endpoint's.
        """
        check_choice("method", method, sorted(METHODS))
        check_text("path", path, forbidden="?# ")
        if not path.startswith("/"):
            raise invalid_argument("path", "has no slash at its start", "a path such as /v4/payments")
        check_status("status", status)
        if json is not None and status in BODILESS:
            raise invalid_argument("json", f"is given with status {status}, which has no body", "no json")
        given: Mapping[str, str] = {} if headers is None else headers
        check_type("headers", given, Mapping, "a mapping of strings to strings")
        for name, value in given.items():
            check_header("headers", value)
            if not _HEADER_NAME.fullmatch(check_text("headers", name)):
                raise invalid_argument("headers", f"has the name {shown(name)}", "names such as Retry-After")
            if is_framing(name):
                raise invalid_argument("headers", f"has {name}, which HTTP itself sets", "other headers")
        try:
            document = loads(dumps(json, allow_nan=False))
        except (TypeError, ValueError, RecursionError) as error:
            fault = f"cannot be sent as JSON ({type(error).__name__})"
            raise invalid_argument(
                "json", fault, "a document of dicts, lists, strings, numbers, booleans and None"
            ) from None
        self._provider.set_response(method, path, ApiResponse(status, document, dict(given)))

    @checked
    def register_key(self, public_key: str | Mapping[str, Any], *, key_id: str | None = None) -> None:
        """Let the endpoint accept a key of yours for assertions, until the sandbox is reset.

        Args:
            public_key: The public key or a certificate in PEM, or a JWK.
            key_id: The key's id, which the ``kid`` of an assertion must be. The default is that of the JWK, if it has one.

        Raises:
            ConfigurationError: It is not a public key.
            ImportError: ``paygrant[keys]`` is not installed.
        """
        self._provider.register_key(public_key_of("public_key", public_key, key_id))

    @checked
    def expect_audience(self, audience: str | None) -> None:
        """Set the audience that assertions must have, such as an issuer, until the sandbox is reset.

        Without it, that is what the spec says, or else the URL of the sandbox's token endpoint.

        Args:
            audience: The audience. None: as without it.

        Raises:
            ConfigurationError: It is not a string.
        """
        self._provider.expect_audience(audience)

    def renew_certificate(self) -> None:
        """Issue a new certificate to the client, into the same file. The earlier one stays valid.

        Raises:
            ImportError: ``paygrant[keys]`` is not installed.
        """
        self._access.certificates.renew()

    def revoke(self) -> None:
        """Revoke all tokens: the resource refuses them from now on."""
        self._provider.revoke()

    def restore(self) -> None:
        """Switch off all faults."""
        self._provider.memory.faults.clear()

    def _switch_on(self, kind: str, on: Target, times: int | None, **parameters: object) -> Fault:
        return self._provider.memory.faults.switch_on(kind, on=on, times=times, **parameters)

    def __repr__(self) -> str:
        return f"<ProviderHandle {self.name}>"


def variables_for(handle: ProviderHandle) -> dict[str, str]:
    """The handle's ``environ``. Without the extra for keys, the error for a private key names the extra."""
    access = handle._access
    try:
        return access.environ()
    except ImportError:
        return access.environ_without_keys()


def _http_date(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise invalid_argument("retry_after", "is a datetime without a time zone", "an aware datetime")
    return http_date(moment.timestamp())
