"""The sandbox judges the requests of any spec, as far as one request is enough for that."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from paygrant import SpecProvider
from paygrant._providers.base import registration_of
from paygrant._request.build import build_request
from paygrant._request.unsigned import UnsignedRequest
from paygrant._spec.document import load
from paygrant._spec.reader import NormalizedSpec
from paygrant.sandbox import Client
from paygrant.sandbox._endpoint import Endpoint
from paygrant.sandbox._request_reader import RequestParts

SPECS = Path(__file__).parents[1] / "endpoints"
CLIENT = Client()
ARGUMENTS: dict[str, dict[str, Any]] = {
    "airwallex": {},
    "auth0": {"audience": "https://api.example/"},
    "azure_metadata": {"resource": "https://management.azure.com/", "allow_link_local": True},
    "custom/signed_app": {"installation_id": 42},
    "gocardless": {},
    "personio": {},
    "tableau": {"site": "MarketingTeam", "api_version": "3.27"},
    "ups": {},
    "vault": {},
    "wechat": {},
    "zoho": {"refresh_token": "it"},
    "zoom": {"account_id": "it"},
}
each_spec = pytest.mark.parametrize("name", ARGUMENTS)


def endpoint_of(name: str, spec: dict[str, Any] | None = None) -> Endpoint:
    document = spec or load(SPECS / f"{name}.yaml")
    return Endpoint(NormalizedSpec(name, document), client=CLIENT, basic_decoding="plain", lifetime=None)


def sign(request: UnsignedRequest) -> None:
    request.headers["Authorization"] = f"Bearer {request.client_secret}"


def request_of(name: str, endpoint: Endpoint, *, secret: str = CLIENT.client_secret) -> RequestParts:
    """The request that a provider of this spec sends, as the endpoint reads it."""
    path = SPECS / f"{name}.yaml"
    methods = [each["method"] for each in load(path)["x-token-endpoint"]["client_authentication"]]
    credentials = {} if methods == ["none"] else {"client_id": CLIENT.client_id, "client_secret": secret}
    more = {"authenticate": sign} if methods == ["custom"] else {}
    environments = [each["x-environment"] for each in load(path).get("servers", [])]
    where = {"environment": environments[0]} if environments else {"base_url": "https://auth.example"}
    arguments: dict[str, Any] = {**credentials, **more, **where, **ARGUMENTS[name]}
    provider = SpecProvider(path, **arguments)
    registration = registration_of(provider)
    built = build_request(registration, registration.credentials(), "plain")
    content_type = built.media_type or registration.endpoint.content_type
    headers = {**built.headers, **({"Content-Type": content_type} if content_type else {})}
    lower = {name.lower(): value for name, value in headers.items()}  # as a server gives them
    return endpoint.requests.read(lower, urlsplit(built.address).query, built.body)


@each_spec
def test_the_request_of_a_provider_is_granted(name: str) -> None:
    endpoint = endpoint_of(name)
    assert endpoint.respond(request_of(name, endpoint), 0).token


@pytest.mark.parametrize("name", [each for each in ARGUMENTS if each not in {"azure_metadata", "custom/signed_app"}])
def test_another_secret_is_refused(name: str) -> None:
    endpoint = endpoint_of(name)
    response = endpoint.respond(request_of(name, endpoint, secret="another"), 0)
    assert response == endpoint.wrong_credentials


@pytest.mark.parametrize("name", [each for each in ARGUMENTS if each != "custom/signed_app"])  # a function may add any
def test_an_undocumented_parameter_is_a_bad_request(name: str) -> None:
    endpoint = endpoint_of(name)
    request = request_of(name, endpoint)
    response = endpoint.respond(replace(request, query={**request.query, "more": "1"}), 0)
    assert response.token is None


def test_a_fixed_header_must_be_there() -> None:
    endpoint = endpoint_of("azure_metadata")
    request = request_of("azure_metadata", endpoint)
    assert endpoint.respond(replace(request, headers={}), 0).status == 400


def test_a_content_type_without_a_body_must_be_there() -> None:
    endpoint = endpoint_of("airwallex")
    request = request_of("airwallex", endpoint)
    headers = {name: value for name, value in request.headers.items() if name != "content-type"}
    assert endpoint.respond(endpoint.requests.read(headers, "", b""), 0).status == 400
    assert endpoint.respond(endpoint.requests.read(request.headers, "", b"{}"), 0).status == 400


def test_a_refusal_without_a_body_has_none() -> None:
    spec = load(SPECS / "gocardless.yaml")
    ((_, item),) = spec["paths"].items()
    item["post"]["responses"]["401"] = {"description": "Refused."}
    endpoint = endpoint_of("gocardless", spec)
    assert (endpoint.wrong_credentials.status, endpoint.wrong_credentials.document) == (401, None)
