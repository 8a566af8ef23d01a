"""Rules on the examples of a spec: they fit the schemas, and show a token and a refusal. Each rule is a function.

They rely on the rules of ``lint_fit``, which run first.
"""

from collections.abc import Iterator
from typing import Any

from paygrant._spec.description import Condition
from paygrant._spec.document import Document
from paygrant._spec.errors import Fault
from paygrant._spec.lint_fit import Check, Faults, faults_of, methods_of, rule_of
from paygrant._spec.lint_shape import json_schema
from paygrant._spec.pointer import pointer_to, value_at
from paygrant._spec.reader import ERROR, RESPONSE, TEXT, NormalizedSpec

_CHECKS: dict[str, Check] = {}
_rule = rule_of(_CHECKS)


def example_faults(document: Document) -> Iterator[Fault]:
    """Yield what breaks the rules below."""
    return faults_of(document, _CHECKS)


@_rule
def example_schemas(spec: NormalizedSpec) -> Faults:
    """An example must fit the schema of its response."""
    for example in spec.examples():
        schema = spec.schema(RESPONSE if example.status.startswith("2") else ERROR)
        if example.media_type == TEXT:
            schema = {"type": "string"}
        for error in json_schema(schema).iter_errors(example.body):
            yield pointer_to(example.pointer, *error.absolute_path), error.message


@_rule
def granted_example(spec: NormalizedSpec) -> Faults:
    """Each 2xx response must have an example named granted, from which x-token-endpoint reads a token."""
    granted = [example for example in spec.examples() if example.name == "granted"]
    for status in spec.statuses:
        if status.startswith("2") and status not in {example.status for example in granted}:
            yield pointer_to(spec.operation_pointer, "responses", status), "there is no such example"
    for example in granted:
        found = (value_at(example.body, at) for at in spec.response.access_token)
        token = next((value for value in found if value is not None), None)
        if not (isinstance(token, str) and token):
            yield example.pointer, "there is no token"
        if spec.success and not _holds(spec.success, example.body, example.status):
            yield example.pointer, "the condition success does not hold"


@_rule
def wrong_credentials_example(spec: NormalizedSpec) -> Faults:
    """Some response must have an example named wrong_credentials, unless no credentials are sent, or a status in invalid_client has a response without content. These examples must meet a condition of invalid_client, and no other example may meet one."""
    examples = list(spec.examples())
    shown = any(example.name == "wrong_credentials" for example in examples)
    silent = {str(condition.status) for condition in spec.invalid_client} & {*spec.bare_statuses}
    if not shown and not silent and methods_of(spec) != {"none"}:
        yield pointer_to(spec.operation_pointer, "responses"), "there is no such example"
    for example in examples:
        refused = any(_holds(condition, example.body, example.status) for condition in spec.invalid_client)
        if refused != (example.name == "wrong_credentials"):
            met = "meets a condition" if refused else "meets no condition"
            yield example.pointer, f"{example.name!r} {met} of invalid_client"


def _holds(condition: Condition, body: Any, status: str) -> bool:
    if condition.at is None:
        return status == str(condition.status)
    found, wanted = value_at(body, condition.at), condition.equals
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)  # in Python, 1 == True
