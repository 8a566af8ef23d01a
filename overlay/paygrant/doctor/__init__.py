"""Why is there no token? Looks at everything between the settings and the cache, in order, and says what it saw.

    from paygrant import Ripple
    from paygrant.doctor import diagnose

    for finding in diagnose(Ripple):
        print(finding.check, finding.verdict, finding.seen, finding.advice)

The provider hears as little as possible: one token request, and a second one only where HTTP Basic has two encodings
and the first was refused. The token is looked at and dropped. A cache is read, never written. Nothing secret stands in
a finding. How findings are drawn is left to ``paygrant.cli``.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from paygrant._arguments import check_type, checked, invalid_argument
from paygrant._providers.base import Provider
from paygrant._stores.base import Store
from paygrant._tokens.policy import RefreshPolicy
from paygrant.doctor import _network, _provider, _settings, _store
from paygrant.doctor._case import Case
from paygrant.doctor._finding import Code, Finding, Look, Verdict, skipped
from paygrant.doctor._settings import open_to_others

__all__ = ["CHECKS", "Code", "Finding", "Verdict", "diagnose", "open_to_others"]


@dataclass(frozen=True, slots=True, repr=False)
class _Check:
    """One thing to look at, and the earlier checks without whose success there is nothing to see."""

    name: str
    look: Look
    needs: tuple[str, ...] = ()


_ON_THE_WAY = ("settings", "address", "tcp", "proxy", "tls")

_TABLE = (
    _Check("settings", _settings.settings),
    _Check("address", _network.address),
    _Check("tcp", _network.tcp, ("address",)),
    _Check("tls", _network.tls, ("address", "tcp")),
    _Check("proxy", _network.proxy, ("address", "tcp")),
    _Check("clock", _provider.clock, _ON_THE_WAY),
    _Check("redirect", _provider.redirect, _ON_THE_WAY),
    _Check("answer", _provider.answer, _ON_THE_WAY),
    _Check("basic", _provider.basic, _ON_THE_WAY),
    _Check("environment", _provider.environment, _ON_THE_WAY),
    _Check("parameters", _provider.parameters, ("settings",)),
    _Check("expiry", _provider.expiry, (*_ON_THE_WAY, "answer")),
    _Check("cache", _store.cache, ("settings",)),
)

CHECKS = tuple(check.name for check in _TABLE)
"""The names of the checks, in their order."""


@checked
def diagnose(
    provider: type[Provider],
    overrides: Mapping[str, Any] | None = None,
    *,
    variables: Mapping[str, str] = os.environ,
    store: Store | None = None,
    policy: RefreshPolicy = RefreshPolicy(),  # noqa: B008 - frozen
) -> Iterator[Finding]:
    """Look at one thing after the other, each when its finding is asked for.

    Each check gives at least one finding. Where an earlier failure leaves nothing to see, it says that it was skipped.

    Args:
        provider: The provider's class.
        overrides: Arguments that go before the variables.
        variables: Give the other arguments, as for ``from_env``.
        store: Where tokens are kept. It is read only.
        policy: Its ``timeout`` holds for each step, its ``deadline`` for each token request, its other numbers for
            what is said of a token's life.

    Raises:
        ConfigurationError: The provider is no class of one, the store no store, the policy no policy.
    """
    if not (isinstance(provider, type) and issubclass(provider, Provider)):
        raise invalid_argument("provider", f"is {provider!r}", "a provider's class, such as Ripple")
    check_type("store", store, Store | None, "a store, such as FileStore()")
    check_type("policy", policy, RefreshPolicy, "a RefreshPolicy")
    return _findings(Case(provider, overrides or {}, variables, store=store, policy=policy))


def _findings(case: Case) -> Iterator[Finding]:
    """The findings of all checks, in their order."""
    lost: dict[str, str] = {}
    """What brought nothing, and the failure that is to blame."""
    for check in _TABLE:
        culprit = next((lost[name] for name in check.needs if name in lost), None)
        for finding in [skipped(f"{culprit} comes first")] if culprit else check.look(case):
            if finding.verdict in {"failed", "skipped"}:
                lost[check.name] = culprit or check.name
            yield replace(finding, check=check.name)
