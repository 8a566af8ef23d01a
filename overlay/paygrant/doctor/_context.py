"""Context: the facts that the checks examine. Each fact is determined once, when a check first needs it."""

import copy
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from paygrant import _clock
from paygrant._arguments import check_url
from paygrant._errors import ConfigurationError, InvalidClient, ProviderUnavailable, TokenError
from paygrant._providers.base import own_kind_of, registration_of
from paygrant._providers.client_credentials import ClientCredentials
from paygrant._providers.key_file import CERTIFICATE_FILE, KeyFile
from paygrant._providers.kind import ProviderKind
from paygrant._providers.secret_file import SecretFile
from paygrant._request.client_auth import ENCODINGS, Encoding, basic_credentials
from paygrant._request.outcome import ResponseReader, first_at
from paygrant._request.response import RawResponse
from paygrant._request.send import request_token
from paygrant._secrets import compared_as_a_whole
from paygrant._tokens.lifecycle import Grant
from paygrant._tokens.policy import RefreshPolicy
from paygrant.doctor._route import Handshake, Route, route_to

if TYPE_CHECKING:
    from paygrant._providers.base import Provider
    from paygrant._request.registration import ClientRegistration
    from paygrant._spec.description import TokenEndpoint
    from paygrant._stores.base import Store


R = TypeVar("R")

_LITTLE = 0.25
"""Seconds. A request that ends by its deadline needs some more to be read."""


@compared_as_a_whole
@dataclass(frozen=True, slots=True, repr=False)
class Setting:
    """One argument of the provider that is set.

    Attributes:
        argument: The name of the argument.
        name: The name of the variable that sets it, or of the argument itself.
        value: Its value, without any change.
    """

    argument: str
    name: str
    value: str


@compared_as_a_whole
@dataclass(frozen=True, slots=True, repr=False)
class Attempt:
    """One token request and its outcome. ``response`` is None if there was no response."""

    encoding: Encoding
    response: RawResponse | None
    outcome: Grant | TokenError


class Context:
    """One provider with its settings, complete or not."""

    def __init__(
        self,
        provider: "Provider | ProviderKind[Provider]",
        overrides: Mapping[str, Any],
        variables: Mapping[str, str],
        *,
        store: "Store | None",
        policy: RefreshPolicy,
    ) -> None:
        self.variables = variables
        self.store = store
        self.policy = policy
        self._made = made = None if isinstance(provider, ProviderKind) else provider
        self._kind = kind = provider if isinstance(provider, ProviderKind) else own_kind_of(provider)
        names = list(dict.fromkeys(("client_id", "client_secret", *(each.name for each in kind.arguments))))
        self._overrides = overrides if made is None else {name: getattr(made, name, None) for name in names}
        self.variable_names: Mapping[str, str] = {name: name if made else kind.variable(name) for name in names}
        """The name of the environment variable of each argument. A provider that is made has only the arguments."""

    def file_of(self, argument: str) -> tuple[str, str] | None:
        """The variable or argument that names the file of a secret or a private key, and the path of the file."""
        given = self._overrides.get(argument)
        if given is not None:
            return (argument, given.path) if isinstance(given, SecretFile | KeyFile) else None
        variable = f"{self.variable_names.get(argument, '')}_FILE"
        path = self.variables.get(variable)
        return (variable, path) if path else None

    @property
    def secret_files(self) -> dict[str, str]:
        """The paths of files that hold a secret or a private key, by the variable or argument that names them."""
        found = dict(filter(None, (self.file_of(each.name) for each in self._kind.arguments if each.secret)))
        with suppress(ConfigurationError):
            certificate = self.registration.certificate
            if certificate and certificate.private_key_file not in found.values():
                is_stated = self._made or CERTIFICATE_FILE in self._overrides
                name = CERTIFICATE_FILE if is_stated else self.variable_names[CERTIFICATE_FILE]
                found[name] = certificate.private_key_file
        return found

    @cached_property
    def settings(self) -> list[Setting]:
        """The settings that are text."""
        found: list[Setting] = []
        for argument, variable in self.variable_names.items():
            name = argument if argument in self._overrides else variable
            value = self._overrides.get(argument, self.variables.get(variable))
            if isinstance(value, str) and value:
                found.append(Setting(argument, name, value))
        if file := self.file_of("client_secret"):
            name, path = file
            with suppress(OSError, ValueError):  # ValueError: it is not UTF-8, or its path holds a NUL
                text = self.within(lambda: _text_of(path))
                # Readers of the file remove the line break at its end.
                found.append(Setting("client_secret", name, text.rstrip("\r\n")))
        return found

    @cached_property
    def provider(self) -> "Provider":
        """The provider.

        Raises:
            ConfigurationError: The settings are not valid.
        """
        return self._made or self._kind.from_variables(self.variables, self._overrides)

    @property
    def registration(self) -> "ClientRegistration":
        """The registration of the provider's client.

        Raises:
            ConfigurationError: The settings are not valid.
        """
        return registration_of(self.provider)

    @cached_property
    def secret(self) -> str:
        """The client's secret.

        Raises:
            ConfigurationError: There is no secret, or the settings are not valid.
        """
        return self.registration.secret(within=self.policy.deadline)

    @property
    def has_spec(self) -> bool:
        """Whether a spec describes the provider."""
        source: Any = self._kind.source
        return not (isinstance(source, type) and issubclass(source, ClientCredentials))

    @property
    def endpoint(self) -> "TokenEndpoint":
        """The description of the token endpoint.

        Raises:
            ConfigurationError: Only the settings describe it, and they are not valid.
        """
        return self._kind.endpoint or self.registration.endpoint

    @property
    def token_url(self) -> str | None:
        """The token URL; None if the settings do not give one. It does not depend on the credentials."""
        if self._made:
            return self._made.token_url
        set_to = {setting.argument: setting.value for setting in self.settings}
        with suppress(ConfigurationError):
            if "token_url" in set_to:
                bare, mark, query = set_to["token_url"].partition("?")
                return check_url("token_url", bare) + mark + query
            server = self.endpoint.servers.get(set_to.get("environment", ""))
            if "base_url" in set_to:
                return check_url("base_url", set_to["base_url"]) + self.endpoint.path
            if server and "{" not in server.url:
                return server.url + self.endpoint.path
        return None

    @cached_property
    def route_or_none(self) -> Route | None:
        """The route to the token endpoint; None without a token URL.

        Raises:
            ConfigurationError: A variable of the environment does not name a proxy.
        """
        url = self.token_url
        return route_to(url) if url else None

    @property
    def route(self) -> Route:
        """The route, for checks that are made only if there is one."""
        return cast("Route", self.route_or_none)

    @cached_property
    def addresses(self) -> list[str]:
        """The IP addresses of the first host on the route.

        Raises:
            OSError: Its name does not resolve.
        """
        try:
            found = self.within(lambda: socket.getaddrinfo(*self.route.first_host, type=socket.SOCK_STREAM))
        except UnicodeError:  # a label of the name is empty, or too long
            raise OSError("not a valid host name") from None
        return list(dict.fromkeys(str(address[0]) for *_, address in found))

    @cached_property
    def handshake(self) -> Handshake:
        """The outcome of a TLS handshake with the provider."""
        return self.route.handshake(self.policy.timeout)

    @property
    def encodings(self) -> tuple[Encoding, ...]:
        """The encodings of HTTP Basic to try: those that paygrant uses, then the other one if its bytes differ."""
        used = self.registration.basic_encodings(self.secret)
        if self.registration.client_auth.method != "client_secret_basic":
            return used
        with suppress(ConfigurationError):  # plain cannot encode every id
            if len({basic_credentials(self.provider.client_id, self.secret, each) for each in ENCODINGS}) > 1:
                return tuple(dict.fromkeys((*used, *ENCODINGS)))
        return used

    @cached_property
    def attempts(self) -> list[Attempt]:
        """The token request, and one with the other encoding if there is one and the first was refused."""
        attempts: list[Attempt] = []
        for encoding in self.encodings:
            attempts.append(self._attempt(encoding))
            if not isinstance(attempts[-1].outcome, InvalidClient):
                break
        return attempts

    @property
    def attempt(self) -> Attempt:
        """The attempt that decides: the last one with an encoding that paygrant itself uses."""
        used = self.registration.basic_encodings(self.secret)
        return [attempt for attempt in self.attempts if attempt.encoding in used][-1]

    @property
    def granted(self) -> tuple[RawResponse, Grant]:
        """The response and its token, for checks that are made only if there is one."""
        return cast("tuple[RawResponse, Grant]", (self.attempt.response, self.attempt.outcome))

    def within(self, action: Callable[[], R]) -> R:
        """Run foreign code, such as a user's callable, and wait for it no longer than the deadline.

        Raises:
            TimeoutError: It did not end. Otherwise this raises what it raises.
        """
        return _clock.within(self.policy.deadline, action)

    def _attempt(self, encoding: Encoding) -> Attempt:
        responses: list[RawResponse] = []

        def request() -> Grant:
            return request_token(
                self.registration,
                self.registration.credentials(),
                encoding,
                policy=self.policy,
                transport=None,
                deadline=_clock.monotonic() + self.policy.deadline,
                observe=responses.append,
            )

        outcome: Grant | TokenError
        try:
            # The request ends by the deadline, unless the user's function that authenticates it hangs.
            outcome = _clock.within(self.policy.deadline + _LITTLE, request)
        except TimeoutError:
            outcome = ProviderUnavailable("the request did not end before the deadline")
        except TokenError as error:
            outcome = copy.copy(error)  # the error's traceback has frames that hold the secret
        return Attempt(encoding, responses[0] if responses else None, outcome)

    def reader(self, response: RawResponse | None = None) -> ResponseReader:
        """What redacts the credentials, and the token of this response, in texts of the server."""
        secrets = [self.secret, self.provider.client_id]
        for encoding in ENCODINGS:
            with suppress(ConfigurationError):
                secrets.append(basic_credentials(self.provider.client_id, self.secret, encoding))
        if response:
            token = first_at(response.document, self.endpoint.response.access_token)
            secrets += [token] if isinstance(token, str) else []
        return ResponseReader(self.registration, tuple(secrets))


def _text_of(path: str) -> str:
    """The text of a file, with its line breaks as they are."""
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        return file.read()
