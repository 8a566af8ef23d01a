"""Rules on the servers of a spec: their environments, and what an argument adds to a host. Each rule is a function."""

from collections.abc import Iterator

from paygrant._spec.document import Document
from paygrant._spec.errors import Fault
from paygrant._spec.lint_fit import Check, Faults, faults_of, repeated, rule_of
from paygrant._spec.names import names_in_braces
from paygrant._spec.pointer import pointer_to
from paygrant._spec.reader import SERVERS, NormalizedSpec

_CHECKS: dict[str, Check] = {}
_rule = rule_of(_CHECKS)


def server_faults(document: Document) -> Iterator[Fault]:
    """Yield what breaks the rules below."""
    return faults_of(document, _CHECKS)


@_rule
def unique_environments(spec: NormalizedSpec) -> Faults:
    """Two servers must not have the same x-environment."""
    for index, environment in repeated([environment for environment, _ in spec.servers]):
        yield pointer_to(SERVERS, index, "x-environment"), f"{environment!r} is a duplicate"


@_rule
def same_facts(spec: NormalizedSpec) -> Faults:
    """All servers must have the same names in x-environment-facts: a fact is needed in every environment."""
    facts = [sorted(server.environment_facts) for _, server in spec.servers]
    for index, names in enumerate(facts):
        if names != facts[0]:
            yield pointer_to(SERVERS, index), f"this server has {names}, the first has {facts[0]}"


@_rule
def host_variables(spec: NormalizedSpec) -> Faults:
    """The placeholder in a server's url must be its variable, and all servers must have the same one. An argument must fill it."""
    for index, ((_, server), given) in enumerate(zip(spec.servers, spec.variables, strict=True)):
        placeholders, variables = sorted(names_in_braces(server.url)), sorted(given)
        if placeholders != variables or variables != sorted(spec.variables[0]):
            yield pointer_to(SERVERS, index), f"the url has {placeholders}, the variables are {variables}"
    for each in spec.in_host:
        source = spec.parameter_sources.get(each.name)
        if source is None or source.argument is None:
            yield pointer_to(SERVERS, 0, "variables", each.name), f"no argument fills {each.name!r}"
