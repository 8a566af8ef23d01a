"""What a test holds of one provider: where it is, what it was asked, and the switches of its faults.

Each switch is a line of the table in ``_faults``, with its types.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from paygrant._arguments import invalid_argument
from paygrant._spec.reader import endpoint_of
from paygrant.sandbox._app import Provider
from paygrant.sandbox._endpoint import Client, http_date
from paygrant.sandbox._faults import Fault, Place
from paygrant.sandbox._memory import IssuedToken
from paygrant.sandbox._record import RecordedRequest

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
"""What ``odd_types`` makes odd: the lifetime, the token or its type; and how."""


class ProviderHandle:
    """One provider of a sandbox. For any thread.

    Every switch takes ``times``, for how many requests it is on (None: until it is restored), and most of them ``on``:
    ``"token"``, the token endpoint, or ``"resource"``. It returns the fault, which as a context manager is restored at
    the end of the block::

        with sandbox.ripple.fail(503, times=2): ...

    Raises:
        ConfigurationError: From every switch: an argument is wrong.
    """

    def __init__(self, provider: Provider, client: Client, base_url: Callable[[str], str]) -> None:
        self._provider = provider
        self._client = client
        self._base_url = base_url

    @property
    def name(self) -> str:
        """The provider's name."""
        return self._provider.name

    @property
    def base_url(self) -> str:
        """What takes the place of the provider's host.

        Raises:
            RuntimeError: The sandbox is not running.
        """
        return self._base_url(self.name)

    @property
    def client_id(self) -> str:
        """The id that the endpoint takes."""
        return self._client.client_id

    @property
    def client_secret(self) -> str:
        """The secret that goes with it."""
        return self._client.client_secret

    @property
    def arguments(self) -> dict[str, Any]:
        """What leads the provider's class here: ``Ripple(**sandbox.ripple.arguments, tenant_id="acme")``.

        Of several environments, it is the one that the spec names first.

        Raises:
            RuntimeError: The sandbox is not running.
        """
        found = {"client_id": self.client_id, "client_secret": self.client_secret, "base_url": self.base_url}
        servers = endpoint_of(f"paygrant_clients.{self.name}").servers
        return found | ({"environment": next(iter(servers))} if servers else {})

    @property
    def environ(self) -> dict[str, str]:
        """The same as the variables that ``from_env()`` reads: ``RIPPLE_CLIENT_ID`` and so on.

        Raises:
            RuntimeError: The sandbox is not running.
        """
        return {f"{self.name}_{argument}".upper(): value for argument, value in self.arguments.items()}

    @property
    def token_requests(self) -> int:
        """How many token requests there were, refused ones included."""
        return self._provider.memory.token_requests

    @property
    def api_calls(self) -> int:
        """How many calls of the protected resource there were, refused ones included."""
        return self._provider.memory.api_calls

    @property
    def requests(self) -> tuple[RecordedRequest, ...]:
        """The last 1,000 requests, oldest first, without their secrets."""
        return self._provider.memory.requests()

    @property
    def tokens(self) -> tuple[IssuedToken, ...]:
        """The tokens that are alive, oldest first."""
        return self._provider.memory.alive(self._provider.now())

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults that are on."""
        return self._provider.memory.faults.active()

    def fail(
        self,
        status: int = 503,
        *,
        times: int | None = None,
        retry_after: float | str | datetime | None = None,
        on: Place = "token",
    ) -> Fault:
        """Answer with an error of this status.

        Args:
            status: From 200 to 599.
            times: See the class.
            retry_after: The header of that name: seconds, rounded up, a moment (aware), or any text.
            on: See the class.
        """
        if isinstance(retry_after, datetime):
            retry_after = _http_date(retry_after)
        return self._switch_on("fail", on, times, status=status, retry_after=retry_after)

    def delay(self, seconds: float = 1.0, *, times: int | None = None, on: Place = "token") -> Fault:
        """Answer so many seconds later."""
        return self._switch_on("delay", on, times, seconds=seconds)

    def html(self, status: int = 200, *, times: int | None = None, on: Place = "token") -> Fault:
        """Answer with a page of HTML."""
        return self._switch_on("html", on, times, status=status)

    def cut(self, kept: int | None = None, *, times: int | None = None, on: Place = "token") -> Fault:
        """Close the connection after so many bytes of the body, or after half of them."""
        return self._switch_on("cut", on, times, kept=kept)

    def drop(self, *, times: int | None = None, on: Place = "token") -> Fault:
        """Carry out the request and close the connection without an answer."""
        return self._switch_on("drop", on, times)

    def drip(self, pace: float = 1.0, *, times: int | None = None, on: Place = "token") -> Fault:
        """Send the body byte by byte, one in so many seconds."""
        return self._switch_on("drip", on, times, pace=pace)

    def redirect(
        self,
        to: str = "https://elsewhere.invalid/",
        *,
        status: int = 307,
        times: int | None = None,
        on: Place = "token",
    ) -> Fault:
        """Send the client to another address."""
        return self._switch_on("redirect", on, times, to=to, status=status)

    def date(self, offset: float = 3600.0, *, times: int | None = None, on: Place = "token") -> Fault:
        """Put the Date header so many seconds ahead; below zero, behind."""
        return self._switch_on("date", on, times, offset=offset)

    def lifetime(self, seconds: int = 5, *, times: int | None = None) -> Fault:
        """Let tokens live so long."""
        return self._switch_on("lifetime", "token", times, seconds=seconds)

    def odd_types(self, oddity: Oddity = "lifetime_text", *, times: int | None = None) -> Fault:
        """Give one part of a granted answer an odd type."""
        return self._switch_on("odd_types", "token", times, oddity=oddity)

    def refuse(self, *, times: int | None = None, on: Place = "token") -> Fault:
        """Take good credentials for wrong ones; on the resource, good tokens for dead ones."""
        return self._switch_on("refuse", on, times)

    def rate_limit(self, requests: int | None = None, seconds: float | None = None, *, on: Place = "token") -> Fault:
        """Answer 429 to what goes beyond so many requests in so many seconds.

        Without numbers, the limits are those that the provider documents.

        Raises:
            ConfigurationError: The provider documents none.
        """
        return self._switch_on("rate_limit", on, None, requests=requests, seconds=seconds)

    def revoke(self) -> None:
        """Kill all tokens ahead of their time."""
        self._provider.revoke()

    def restore(self) -> None:
        """Switch all faults off."""
        self._provider.memory.faults.clear()

    def _switch_on(self, kind: str, on: Place, times: int | None, **parameters: object) -> Fault:
        return self._provider.memory.faults.switch_on(kind, on=on, times=times, **parameters)

    def __repr__(self) -> str:
        return f"<ProviderHandle {self.name}>"


def _http_date(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise invalid_argument("retry_after", "is a datetime without a zone", "an aware one")
    return http_date(moment.timestamp())
