"""Case: what the checks look at. Each fact is established when it is first asked for, once, and as quietly as can be."""

import copy
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from paygrant import _clock
from paygrant._arguments import check_url
from paygrant._errors import ConfigurationError, InvalidClient, TokenError
from paygrant._providers.base import description_of, from_variables, registration_of, variable_of
from paygrant._request.client_auth import ENCODINGS, Encoding, basic_credentials
from paygrant._request.outcome import ResponseReader, first_at
from paygrant._request.response import RawResponse
from paygrant._request.send import request_token
from paygrant._secrets import SecretFile
from paygrant._tokens.lifecycle import Grant
from paygrant._tokens.policy import RefreshPolicy
from paygrant.doctor._road import Handshake, Road, road_to

if TYPE_CHECKING:
    from paygrant._providers.base import Provider
    from paygrant._request.registration import ClientRegistration
    from paygrant._spec.description import TokenEndpoint
    from paygrant._stores.base import Store


@dataclass(frozen=True, slots=True, repr=False)
class Setting:
    """One argument of the provider: where it stands, and its value as it stands there."""

    argument: str
    place: str
    value: str


@dataclass(frozen=True, slots=True, repr=False)
class Exchange:
    """One token request, and what came of it; there is no answer where none came."""

    encoding: Encoding
    answer: RawResponse | None
    outcome: Grant | TokenError


class Case:
    """One provider with its settings, as far as they go."""

    def __init__(
        self,
        kind: "type[Provider]",
        overrides: Mapping[str, Any],
        variables: Mapping[str, str],
        *,
        store: "Store | None",
        policy: RefreshPolicy,
    ) -> None:
        self.variables = variables
        self.store = store
        self.policy = policy
        self._kind = kind
        self._overrides = overrides

    @property
    def names(self) -> Mapping[str, str]:
        """The variable of each argument."""
        return {field.name: variable_of(self._kind, field.name) for field in fields(self._kind)}

    @property
    def secret_file(self) -> tuple[str, str] | None:
        """Where the secret's file is named, and its path."""
        given = self._overrides.get("client_secret")
        if given is not None:
            return ("client_secret", given.path) if isinstance(given, SecretFile) else None
        variable = f"{self.names['client_secret']}_FILE"
        path = self.variables.get(variable)
        return (variable, path) if path else None

    @cached_property
    def settings(self) -> list[Setting]:
        """What is set, as text."""
        found: list[Setting] = []
        for argument, variable in self.names.items():
            place = argument if argument in self._overrides else variable
            value = self._overrides.get(argument, self.variables.get(variable))
            if isinstance(value, str) and value:
                found.append(Setting(argument, place, value))
        if self.secret_file:
            place, path = self.secret_file
            with suppress(OSError, UnicodeDecodeError), Path(path).open(encoding="utf-8", newline="") as file:
                # The line break at its end is taken off by whoever reads it.
                found.append(Setting("client_secret", place, file.read().rstrip("\r\n")))
        return found

    @cached_property
    def provider(self) -> "Provider":
        """The provider.

        Raises:
            ConfigurationError: The settings make none.
        """
        return from_variables(self._kind, self.variables, self._overrides)

    @property
    def registration(self) -> "ClientRegistration":
        """What the engine knows of the provider.

        Raises:
            ConfigurationError: The settings make no provider.
        """
        return registration_of(self.provider)

    @cached_property
    def secret(self) -> str:
        """The client's secret as it is now.

        Raises:
            ConfigurationError: There is none, or no provider.
        """
        return self.registration.secret()

    @property
    def endpoint(self) -> "TokenEndpoint":
        """The endpoint's description, which needs no settings."""
        return description_of(self._kind)

    @property
    def token_url(self) -> str | None:
        """Where tokens are asked for, None where the settings do not tell. Credentials do not matter for it."""
        set_to = {setting.argument: setting.value for setting in self.settings}
        server = self.endpoint.servers.get(set_to.get("environment", ""))
        with suppress(ConfigurationError):
            if "base_url" in set_to:
                return check_url("base_url", set_to["base_url"]) + self.endpoint.path
            if server:
                return server.url + self.endpoint.path
        return None

    @cached_property
    def road(self) -> Road | None:
        """The way to the token endpoint.

        Raises:
            ConfigurationError: The environment names a proxy that is none.
        """
        url = self.token_url
        return road_to(url) if url else None

    @property
    def way(self) -> Road:
        """The way, for checks that are made only where there is one."""
        return cast("Road", self.road)

    @cached_property
    def addresses(self) -> list[str]:
        """What the name of the first stop resolves to.

        Raises:
            OSError: Nothing.
        """
        try:
            found = socket.getaddrinfo(*self.way.stop, type=socket.SOCK_STREAM)
        except UnicodeError:  # a part is empty, or too long
            raise OSError("no name that could be looked up") from None
        return list(dict.fromkeys(str(address[0]) for *_, address in found))

    @cached_property
    def handshake(self) -> Handshake:
        """What TLS shows."""
        return self.way.handshake(self.policy.timeout)

    @property
    def encodings(self) -> tuple[Encoding, ...]:
        """The encodings of HTTP Basic: first those that paygrant would use, then what else gives other bytes."""
        used = self.registration.basic_encodings(self.secret)
        if self.registration.client_auth.place != "basic":
            return used
        with suppress(ConfigurationError):  # not every id can be sent plain
            if len({basic_credentials(self.provider.client_id, self.secret, each) for each in ENCODINGS}) > 1:
                return tuple(dict.fromkeys((*used, *ENCODINGS)))
        return used

    @cached_property
    def exchanges(self) -> list[Exchange]:
        """The token request; and the other encoding, where there is one and the first was refused."""
        exchanges: list[Exchange] = []
        for encoding in self.encodings:
            exchanges.append(self._ask(encoding))
            if not isinstance(exchanges[-1].outcome, InvalidClient):
                break
        return exchanges

    @property
    def exchange(self) -> Exchange:
        """The token request on which all depends: the last that paygrant itself would make."""
        used = self.registration.basic_encodings(self.secret)
        return [exchange for exchange in self.exchanges if exchange.encoding in used][-1]

    @property
    def granted(self) -> tuple[RawResponse, Grant]:
        """The answer and its token, for checks that are made only where there is one."""
        return cast("tuple[RawResponse, Grant]", (self.exchange.answer, self.exchange.outcome))

    def _ask(self, encoding: Encoding) -> Exchange:
        answers: list[RawResponse] = []
        try:
            outcome: Grant | TokenError = request_token(
                self.registration,
                self.secret,
                encoding,
                policy=self.policy,
                transport=None,
                deadline=_clock.monotonic() + self.policy.deadline,
                observe=answers.append,
            )
        except TokenError as error:
            outcome = copy.copy(error)  # its own traceback passes frames that hold the secret
        return Exchange(encoding, answers[0] if answers else None, outcome)

    def judge(self, answer: RawResponse | None = None) -> ResponseReader:
        """Cleans a stranger's words of the credentials, and of the token in the answer."""
        secrets = [self.secret, self.provider.client_id]
        for encoding in ENCODINGS:
            with suppress(ConfigurationError):
                secrets.append(basic_credentials(self.provider.client_id, self.secret, encoding))
        if answer:
            token = first_at(answer.document, self.endpoint.response.access_token)
            secrets += [token] if isinstance(token, str) else []
        return ResponseReader(self.registration, tuple(secrets))
