"""Builders of specs for tests: good specs with other values in some places."""

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from paygrant._spec import document

ROOT = Path(__file__).parents[2]
SPECS = sorted((ROOT / "specs").glob("*.yaml"))
ABSENT: Any = object()

POST = "/paths/~1oauth~1token/post"
BODY = f"{POST}/requestBody/content"
RESPONSES = f"{POST}/responses"
GRANTED = f"{RESPONSES}/200/content/application~1json/examples/granted"
REFUSED = f"{RESPONSES}/400/content/application~1json/examples/wrong_credentials"
SCHEMAS = "/components/schemas"
REQUEST, RESPONSE, ERROR = f"{SCHEMAS}/TokenRequest", f"{SCHEMAS}/TokenResponse", f"{SCHEMAS}/TokenError"
ENDPOINT = "/x-token-endpoint"
FIELD = {"type": "string", "description": "Another field."}
SECRET = {**FIELD, "format": "password"}
DECLARED = {
    "name": "X-Tenant",
    "in": "header",
    "description": "Another parameter.",
    "required": True,
    "schema": {"type": "string"},
}
TENANT = {"argument": "tenant"}


class Broken(NamedTuple):
    """A spec that breaks one rule in one place."""

    rule: str
    place: str
    text: str
    name: str = "provider"


@cache
def json_of(spec: str) -> str:
    return json.dumps(document.read(ROOT / "specs" / f"{spec}.yaml").data)


def broken(rule: str, changes: dict[str, Any], place: str | None = None, spec: str = "ripple") -> Broken:
    """Return a good spec with other values at some JSON Pointers. It breaks the rule at the place, or at the first pointer."""
    data = json.loads(json_of(spec))
    for pointer, value in changes.items():
        *steps, last = (step.replace("~1", "/") for step in pointer.split("/")[1:])
        target: Any = data
        for step in steps:
            target = target[int(step) if isinstance(target, list) else step]
        if value is ABSENT:
            del target[last]
        else:
            target[int(last) if isinstance(target, list) else last] = value
    return Broken(rule, next(iter(changes)) if place is None else place, json.dumps(data, indent=1))
