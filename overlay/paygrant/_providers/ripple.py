"""Ripple: a token is for one tenant in one environment. A URN, built here, names both as the audience."""

import re
from typing import TYPE_CHECKING, ClassVar

from paygrant._arguments import check_choice, check_text, checked, invalid_argument
from paygrant._providers.base import Provider, description_of, provider

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paygrant_clients.ripple import environments as ripple
    from paygrant_clients.ripple.models import TokenResponse  # noqa: F401 - the bases name it

_PCHAR = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_URN = rf"(?ai)urn:(?P<nid>[A-Za-z0-9][A-Za-z0-9-]{{0,30}}[A-Za-z0-9]):(?P<nss>{_PCHAR}(?:{_PCHAR}|/)*)"
"""An assigned name without further components (RFC 8141 section 2)."""

_ENVIRONMENT_IN_NID = r"(?i)ripple(?:net)?xcurrent-(?P<environment>.*)"


@provider
class Ripple(Provider["TokenResponse"]):
    """Ripple's Payments Direct API (https://docs.ripple.com/products/payments-direct/api-docs).

    Attributes:
        environment: ``"test"``, ``"uat"`` or ``"production"``.
        tenant_id: Your tenant. The audience is built from it.
        audience: The whole audience, instead of ``tenant_id``.

    Raises:
        ConfigurationError: An argument is bad or missing; neither or both of tenant_id and audience are given; the
            audience is of another environment.
    """

    _package: ClassVar[str] = "paygrant_clients.ripple"
    _alternatives: ClassVar[tuple[str, ...]] = ("tenant_id", "audience")

    environment: "ripple.Environment"
    tenant_id: str | None = None
    audience: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.tenant_id is None) == (self.audience is None):
            fault = "is missing" if self.tenant_id is None else "is given together with audience"
            raise invalid_argument("tenant_id", fault, "either your tenant's id or a whole audience")
        self._arguments()

    def _arguments(self) -> "Mapping[str, str]":
        if self.audience is None:
            return {"audience": ripple_audience(self.environment, self.tenant_id or "")}
        _check_audience(check_text("audience", self.audience), self.environment)
        return {"audience": self.audience}


@checked
def ripple_audience(environment: str, tenant_id: str) -> str:
    """Build the audience of Ripple's token request, a URN (RFC 8141) such as ``urn:ripplexcurrent-test:acme``.

    Args:
        environment: ``"test"``, ``"uat"`` or ``"production"`` (or ``"prod"``, as Ripple writes it).
        tenant_id: Your tenant.

    Raises:
        ConfigurationError: The environment is unknown, or the tenant id cannot be part of a URN. Nothing is escaped.
    """
    strings = _environment_strings()
    check_choice("environment", environment, strings)
    audience = f"urn:ripplexcurrent-{strings[environment]}:{check_text('tenant_id', tenant_id)}"
    if not _is_urn(audience):
        expected = "parts of letters, digits and -._~!$&'()*+,;=@/, joined by colons (RFC 8141 section 2)"
        raise invalid_argument("tenant_id", "cannot be part of a URN", expected)
    return audience


ripple_audience.__module__ = "paygrant"


def _environment_strings() -> dict[str, str]:
    """The environment strings of the URN, by our names of the environments and by Ripple's own."""
    servers = description_of(Ripple).servers
    ours = {name: server.environment_facts["audience_environment"] for name, server in servers.items()}
    return ours | {string: string for string in ours.values()}


def _check_audience(audience: str, environment: str) -> None:
    """Refuse an audience that is not a URN, or that is of another environment, which is a documented trap."""
    urn = re.fullmatch(_URN, audience)
    if urn is None or not _is_urn(audience):
        raise invalid_argument("audience", "is not a URN", "urn:ripplexcurrent-{environment}:{tenant} (RFC 8141)")
    wanted = _environment_strings()[environment]
    named = re.fullmatch(_ENVIRONMENT_IN_NID, urn["nid"])
    if named and named["environment"].lower() != wanted:
        raise invalid_argument("audience", f"is of the environment {named['environment']!r}", f"{wanted!r}")


def _is_urn(text: str) -> bool:
    """Whether a string is a URN without empty parts."""
    return re.fullmatch(_URN, text) is not None and all(text.split(":"))
