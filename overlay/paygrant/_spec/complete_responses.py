"""How a short spec is completed: its responses, their schemas, and an example of a token and of a refusal."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

from paygrant._spec.complete_schemas import (
    contents,
    ensure,
    fill,
    is_pointer,
    mark_secrets,
    places,
    plain,
    pointers,
    require_nothing,
    resolved,
    value_of,
)
from paygrant._spec.document import is_object, object_in, objects_in
from paygrant._spec.pointer import any_item, value_at, with_value
from paygrant._spec.reader import ERROR, JSON, RESPONSE, TEXT

_LIFETIMES: Mapping[str, str | int] = {
    "seconds": 3600,
    "milliseconds": 3_600_000,
    "epoch": 4_102_444_800,
    "epoch_milliseconds": 4_102_444_800_000,
    "moment": "2100-01-01T00:00:00Z",
}
"""Lifetimes for examples."""


_TOKEN = "example-access-token"  # noqa: S105 - an example

_ABOUT = {RESPONSE: "The token.", ERROR: "The error."}

_OPTIONAL = frozenset({"/token_type", "/scope", "/error", "/error_description"})
"""Places of RFC 6749 sections 5.1 and 5.2, which a schema need not have."""


def complete_responses(
    operation: dict[str, Any], endpoint: dict[str, Any], given: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Complete the responses of an operation.

    Args:
        operation: The operation. Its responses are changed in place.
        endpoint: The section ``x-token-endpoint``.
        given: The schemas under components.

    Returns:
        The schemas TokenResponse and TokenError.
    """
    responses = operation.setdefault("responses", {})
    return dict(_Responses(responses, endpoint, given).run()) if is_object(responses) else {}


class _Responses:
    """The responses of the operation, and what ``x-token-endpoint`` says about them."""

    def __init__(self, responses: dict[str, Any], endpoint: dict[str, Any], given: Mapping[str, Any]) -> None:
        self.responses = responses
        self.endpoint = endpoint
        self.given = given
        self.values: dict[str, Any] = {}
        """A value of each stated schema, with all fields."""

    def run(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Complete the responses. The schemas of both kinds of responses follow, with their names."""
        responses = self.responses
        if not any(status in {"200", "201"} for status in responses):
            responses["200"] = {}
        if not self._needs_no_refusal() and all(status.startswith("2") for status in responses):
            responses[str(self._refusal_status())] = {}
        known: set[str] = set()
        for model, fields in ((RESPONSE, self._response_fields()), (ERROR, self._error_fields())):
            stated = self._stated(responses, model)
            schema = stated or {"type": "object", "description": _ABOUT[model]}
            known |= places(schema)
            for at, value in fields:
                if not (stated and (at in _OPTIONAL or any_item(at) in known)):
                    ensure(schema, at, value, const=False)
            mark_secrets(
                schema, {at for at in pointers(self.endpoint["response"], "access_token") if model == RESPONSE}
            )
            if model == RESPONSE:
                require_nothing(schema)
            yield model, schema
        for status, response in responses.items():
            responses[status] = self._response(status, response)
        self._examples(responses)

    def _stated(self, responses: Mapping[str, Any], model: str) -> dict[str, Any] | None:
        """The schema of the responses as the spec states it; None if the spec states none."""
        for status, response in responses.items():
            if status.startswith("2") == (model == RESPONSE):
                for media_type, part in object_in(response, "content").items():
                    schema = resolved(object_in(part).get("schema"), self.given)
                    if is_object(schema) and media_type != TEXT:
                        return self._noted(model, schema)
        schema = self.given.get(model)
        return self._noted(model, schema) if is_object(schema) else None

    def _noted(self, model: str, schema: Mapping[str, Any]) -> dict[str, Any]:
        self.values[model] = value_of(schema, self._left_out() if model == RESPONSE else frozenset())
        return plain(schema)

    def _left_out(self) -> frozenset[str]:
        """The fields that an example of a token needs not have: the scope, an error, and a second lifetime."""
        response, error = self.endpoint["response"], self.endpoint["error"]
        others = [str(each.get("at")) for each in objects_in(response, "lifetime")[1:]]
        return frozenset(
            [*pointers(response, "scope"), *pointers(error, "code"), *pointers(error, "description"), *others]
        )

    def _response_fields(self) -> Iterator[tuple[str, Any]]:
        """The first place of each fact of a token, with an example of its value if the response needs it."""
        response: Any = self.endpoint["response"]
        for fact, example in (("access_token", _TOKEN), ("token_type", "Bearer"), ("scope", None)):
            for at in pointers(response, fact)[:1]:
                yield at, example
        for each in objects_in(response, "lifetime")[:1]:
            if is_pointer(each.get("at")):
                yield each["at"], _LIFETIMES.get(str(each.get("unit")), _TOKEN)
        success = object_in(self.endpoint, "success")
        if is_pointer(success.get("at")):
            yield success["at"], success.get("equals")

    def _error_fields(self) -> Iterator[tuple[str, Any]]:
        """The first place of each fact of an error, with the value that it must have, if there is one."""
        for fact in ("code", "description"):
            for at in pointers(self.endpoint["error"], fact)[:1]:
                yield at, None
        for each in self._conditions():
            if is_pointer(each.get("at")):
                yield each["at"], each.get("equals")

    def _conditions(self) -> list[dict[str, Any]]:
        return objects_in(self.endpoint, "invalid_client")

    def _refusal_status(self) -> int:
        statuses = [each["status"] for each in self._conditions() if isinstance(each.get("status"), int)]
        return next(iter(statuses), 400)

    def _response(self, status: str, response: Any) -> Any:
        """A response with its description, its content and the right schema."""
        if response is not None and not is_object(response):
            return response
        made = {key: value for key, value in (response or {}).items() if key != "links"}
        good = status.startswith("2")
        fill(made, description="The access token." if good else "The request was refused.")
        if good or not response:
            fill(made, content={JSON: {}})
        content = made.get("content")
        if is_object(content):
            for media_type in content:
                part: Any = {} if content[media_type] is None else content[media_type]
                content[media_type] = part
                if is_object(part):
                    model = RESPONSE if good else ERROR
                    text = media_type == TEXT and not good
                    part["schema"] = {"type": "string"} if text else {"$ref": f"#/components/schemas/{model}"}
                    single = part.pop("example", None)
                    if single is not None:
                        fill(part, examples={"granted" if good else "example": {"value": single}})
        return made

    def _needs_no_refusal(self) -> bool:
        """Whether an example of refused credentials is there already, or is a response without content, or is impossible."""
        if self.endpoint.get("client_authentication") == [{"method": "none"}]:
            return True
        bare = [status for status, each in self.responses.items() if is_object(each) and each and "content" not in each]
        if {str(each.get("status")) for each in self._conditions()} & {*bare}:
            return True
        parts_of_all = chain.from_iterable(map(contents, self.responses.values()))
        return any("wrong_credentials" in part.get("examples", {}) for part in parts_of_all)

    def _examples(self, responses: dict[str, Any]) -> None:
        """Add the examples that the spec does not have: a token, and an error for wrong credentials."""
        for status in responses:
            if status.startswith("2"):
                self._example(responses, status, "granted", self._granted)
        if not self._needs_no_refusal():
            wanted = str(self._refusal_status())
            errors = [status for status in responses if not status.startswith("2") and status != "default"]
            status = wanted if wanted in responses else next(iter(errors), "")
            if not status or (wanted not in responses and any("status" in each for each in self._conditions())):
                status = wanted
                responses[status] = self._response(status, {})
            self._example(responses, status, "wrong_credentials", self._refused)

    def _example(self, responses: Mapping[str, Any], status: str, name: str, make: Callable[[], Any]) -> None:
        for part in contents(responses[status])[:1]:
            examples = part.setdefault("examples", {})
            if is_object(examples) and name not in examples:
                text = part.get("schema") == {"type": "string"}
                stated = [each["value"] for each in examples.values() if is_object(each) and "value" in each]
                fitting = [each for each in stated if self._fits(name, status, each)]
                examples[name] = {"value": fitting[0] if fitting else "invalid_client" if text else make()}

    def _fits(self, name: str, status: str, example: Any) -> bool:
        """Whether a stated example shows what an example of this name must show."""
        if name == "granted":
            return any(value_at(example, at) for at in pointers(self.endpoint["response"], "access_token"))
        return any(
            str(each.get("status")) == status
            or (is_pointer(each.get("at")) and value_at(example, each["at"]) == each.get("equals"))
            for each in self._conditions()
        )

    def _granted(self) -> Any:
        body: Any = self.values.get(RESPONSE, {})
        for at, value in self._response_fields():
            body = body if value is None else with_value(body, at, value)
        return body

    def _refused(self) -> Any:
        body: Any = self.values.get(ERROR, {})
        for fact, text in (("code", "invalid_client"), ("description", "The credentials are wrong.")):
            for at in pointers(self.endpoint["error"], fact)[:1]:
                body = with_value(body, at, text)
        for each in self._conditions():
            if is_pointer(each.get("at")):
                body = with_value(body, each["at"], each.get("equals"))
                break
        return body
