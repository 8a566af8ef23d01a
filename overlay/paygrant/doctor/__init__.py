"""Find out why there is no token: check everything from the settings to the cache, in order, and report findings.

    from paygrant import Ripple
    from paygrant.doctor import diagnose

    for finding in diagnose(Ripple):
        print(finding.check, finding.verdict, finding.seen, finding.advice)

The doctor sends as little as possible: one token request. It sends a second one only if HTTP Basic has two encodings
and the first was refused. It drops the token after the checks, and reads a store without writing to it. A finding
contains no secret. ``paygrant.cli`` prints the findings.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from paygrant._arguments import check_type, checked, invalid_argument
from paygrant._providers.base import Provider, has_variables, kind_of
from paygrant._providers.kind import ProviderKind
from paygrant._stores.base import Store, check_store
from paygrant._tokens.policy import RefreshPolicy
from paygrant.doctor import _network, _response, _settings, _store
from paygrant.doctor._context import Context
from paygrant.doctor._finding import CheckFunction, Code, Finding, Verdict, skipped
from paygrant.doctor._settings import open_to_others

__all__ = ["CHECKS", "Code", "Finding", "Verdict", "diagnose", "open_to_others"]


@dataclass(frozen=True, slots=True, repr=False)
class _Check:
    """One check, and the earlier checks that must pass before it can be made."""

    name: str
    function: CheckFunction
    needs: tuple[str, ...] = ()


_BEFORE_THE_REQUEST = ("settings", "address", "tcp", "proxy", "tls")
"""The checks that must pass before the token request is sent."""

_TABLE = (
    _Check("settings", _settings.settings),
    _Check("address", _network.address),
    _Check("tcp", _network.tcp, ("address",)),
    _Check("tls", _network.tls, ("address", "tcp")),
    _Check("proxy", _network.proxy, ("address", "tcp")),
    _Check("clock", _response.clock, _BEFORE_THE_REQUEST),
    _Check("redirect", _response.redirect, _BEFORE_THE_REQUEST),
    _Check("response", _response.token_response, _BEFORE_THE_REQUEST),
    _Check("basic", _response.basic, _BEFORE_THE_REQUEST),
    _Check("environment", _response.environment, _BEFORE_THE_REQUEST),
    _Check("parameters", _response.parameters, ("settings",)),
    _Check("expiry", _response.expiry, (*_BEFORE_THE_REQUEST, "response")),
    _Check("cache", _store.cache, ("settings",)),
)

CHECKS = tuple(check.name for check in _TABLE)
"""The names of the checks, in their order."""


@checked
def diagnose(
    provider: Provider | type[Provider],
    overrides: Mapping[str, Any] | None = None,
    *,
    variables: Mapping[str, str] = os.environ,
    store: Store | None = None,
    policy: RefreshPolicy = RefreshPolicy(),  # noqa: B008 - frozen
) -> Iterator[Finding]:
    """Make the checks one after the other, each when its finding is requested.

    Each check gives at least one finding. A check that needs a failed check gives a finding with verdict ``skipped``.

    Args:
        provider: A provider, or the class of one. A class gets its arguments from variables, as by ``from_env``.
        overrides: Arguments that replace variables, beside a class.
        variables: The variables that give the other arguments, as for ``from_env``.
        store: Where tokens are kept. It is only read.
        policy: Its ``timeout`` limits each step and its ``deadline`` each token request, in seconds. The findings about
            a token's life use its other numbers.

    Raises:
        ConfigurationError: ``provider`` is neither a provider nor the class of one. ``store`` is not a store, or
            ``policy`` is not a policy. Or there are overrides beside a provider that is made already.
    """
    kind = provider if isinstance(provider, type) else type(provider)
    if not issubclass(kind, Provider):
        raise invalid_argument(
            "provider", f"is of type {type(provider).__name__}", "a provider, or a provider's class such as Ripple"
        )
    if kind is provider and not has_variables(kind):
        fault = f"is {kind.__name__}, which has no environment variables of its own"
        raise invalid_argument("provider", fault, "a provider that is made with its arguments")
    check_type("overrides", overrides, Mapping | None, "a mapping of arguments")
    if kind is not provider and overrides:
        raise invalid_argument("overrides", "are given beside a provider that is made already", "overrides for a class")
    check_type("store", store, Store | None, "a store, such as FileStore()")
    check_store("store", store)
    check_type("policy", policy, RefreshPolicy, "a RefreshPolicy")
    described = kind_of(provider) if isinstance(provider, type) else provider
    return _findings(Context(described, overrides or {}, variables, store=store, policy=policy))


def diagnose_kind(
    kind: ProviderKind[Provider],
    overrides: Mapping[str, Any],
    *,
    variables: Mapping[str, str],
    store: Store | None,
) -> Iterator[Finding]:
    """Make the checks for a class of providers or for a spec, as ``diagnose`` does."""
    return _findings(Context(kind, overrides, variables, store=store, policy=RefreshPolicy()))


def _findings(context: Context) -> Iterator[Finding]:
    """The findings of all checks, in their order."""
    causes: dict[str, str] = {}
    """The checks that failed or were skipped, each with the failed check that is the cause."""
    for check in _TABLE:
        cause = next((causes[name] for name in check.needs if name in causes), None)
        for finding in [skipped(f"{cause} must pass first")] if cause else check.function(context):
            if finding.verdict in {"failed", "skipped"}:
                causes[check.name] = cause or check.name
            yield replace(finding, check=check.name)
