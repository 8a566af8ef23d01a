"""The sandbox against the spec of each provider, by schemathesis: valid and invalid requests, and the responses."""

import json
from collections.abc import Callable, Iterator
from importlib import resources
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis import checks as general_checks
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi import checks

from paygrant import basic_credentials
from paygrant.sandbox import Client, Fault, ProviderHandle, Sandbox

CLIENT = Client("canary-id-7f3a", "canary-secret-91bc")
PROVIDERS = ["alternative_payments", "cryptofuse", "ripio_ramp", "ripio_widget", "ripple"]
RIGHT: dict[str, dict[str, str]] = {
    "ripio_widget": {"username": f"{CLIENT.client_id}:user:0x05", "password": CLIENT.client_secret},
    "ripple": {"client_id": CLIENT.client_id, "client_secret": CLIENT.client_secret},
}
"""The credentials of the providers that accept them in the body."""

OF_THE_SPEC: Any = checks  # schemathesis leaves out arguments of its generic types, so a strict checker knows little
OF_ALL: Any = general_checks
ALWAYS: list[Any] = [
    OF_ALL.not_a_server_error,
    OF_THE_SPEC.status_code_conformance,
    OF_THE_SPEC.content_type_conformance,
    OF_THE_SPEC.response_headers_conformance,
    OF_THE_SPEC.response_schema_conformance,
]

each_provider = pytest.mark.parametrize("provider", PROVIDERS)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(client=CLIENT) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def clean(sandbox: Sandbox) -> Iterator[None]:
    yield
    sandbox.reset()


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def operation_of(provider: str) -> Any:
    """The operation of a spec, and what the sandbox adds: it refuses an unknown parameter with status 400."""
    spec = json.loads((resources.files("paygrant_clients") / provider / "openapi.json").read_text())
    spec["components"]["schemas"]["TokenRequest"]["additionalProperties"] = False
    ((_, item),) = spec["paths"].items()
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/TokenError"}}}
    item["post"]["responses"].setdefault("400", {"description": "A bad request.", "content": error})
    schema: Any = schemathesis.openapi.from_dict(spec)
    (operation,) = schema.get_all_operations()
    return operation.ok()


def check(provider: str, mode: GenerationMode, examine: Callable[[Any], None]) -> None:
    """Check fifty requests, the same ones in each run."""

    @settings(
        max_examples=50,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(case=operation_of(provider).as_strategy(generation_mode=mode))
    def all_of_them(case: Any) -> None:
        examine(case)

    all_of_them()


def authorize(case: Any) -> None:
    """Add the right credentials to a request, where its provider documents them, unless it has some there."""
    case.headers.setdefault("Authorization", f"Basic {basic_credentials(CLIENT.client_id, CLIENT.client_secret)}")


def examine_what_fits(sandbox: Sandbox, provider: str, session: requests.Session) -> None:
    """A valid request with the right credentials gets the documented response."""

    def examine(case: Any) -> None:
        body: Any = case.body
        if provider == "cryptofuse":  # takes credentials in either place, not in both
            body = {name: value for name, value in body.items() if not name.startswith("client_")}
        case.body = {**body, **RIGHT.get(provider, {})}
        case.headers.pop("Authorization", None)
        authorize(case)
        response = case.call(base_url=sandbox.base_url(provider), session=session)
        case.validate_response(response, checks=[*ALWAYS, OF_THE_SPEC.positive_data_acceptance])
        assert response.json() != sandbox._provider(provider).endpoint.wrong_credentials.document

    check(provider, GenerationMode.POSITIVE, examine)


@each_provider
def test_a_request_that_fits_the_spec_gets_a_token(sandbox: Sandbox, provider: str, session: requests.Session) -> None:
    examine_what_fits(sandbox, provider, session)

    assert len(getattr(sandbox, provider).tokens) == sandbox.token_requests(provider) >= 50


@each_provider
def test_unknown_credentials_get_a_documented_response(
    sandbox: Sandbox, provider: str, session: requests.Session
) -> None:
    def examine(case: Any) -> None:
        case.call_and_validate(base_url=sandbox.base_url(provider), session=session, checks=ALWAYS)

    check(provider, GenerationMode.POSITIVE, examine)

    assert sandbox.token_requests(provider) >= 50
    assert getattr(sandbox, provider).tokens == ()


@each_provider
def test_a_request_that_does_not_fit_the_spec_is_refused(
    sandbox: Sandbox, provider: str, session: requests.Session
) -> None:
    def examine(case: Any) -> None:
        authorize(case)
        all_checks = [*ALWAYS, OF_THE_SPEC.negative_data_rejection, OF_THE_SPEC.unsupported_method]
        case.call_and_validate(base_url=sandbox.base_url(provider), session=session, checks=all_checks)

    check(provider, GenerationMode.NEGATIVE, examine)

    assert sandbox.token_requests(provider) >= 50
    assert len(getattr(sandbox, provider).tokens) <= 5  # an empty list leaves no trace in a form, so some do fit


PLANTED: dict[str, tuple[Callable[[ProviderHandle], Fault], str]] = {
    "lifetime": (lambda ripple: ripple.odd_types("lifetime_text"), "Response violates schema"),
    "token": (lambda ripple: ripple.odd_types("token_number"), "Response violates schema"),
    "html": (lambda ripple: ripple.html(), "Undocumented Content-Type"),
    "server-error": (lambda ripple: ripple.fail(500), "Server error"),
    "status": (lambda ripple: ripple.fail(418), "Undocumented status code"),
    "refusal": (lambda ripple: ripple.refuse(), "Schema-valid request rejected"),
}
"""Faults, and the text with which schemathesis reports them."""


@pytest.mark.parametrize(("fault", "failure"), PLANTED.values(), ids=PLANTED)
def test_the_checks_can_fail(
    sandbox: Sandbox, session: requests.Session, fault: Callable[[ProviderHandle], Fault], failure: str
) -> None:
    with fault(sandbox.ripple), pytest.raises((Failure, FailureGroup), match=failure):
        examine_what_fits(sandbox, "ripple", session)
