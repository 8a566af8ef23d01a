"""A function of the user's that computes the credentials of a request."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from paygrant import SpecProvider, UnsignedRequest
from paygrant._providers.base import registration_of
from paygrant._request.build import build_request
from paygrant._request.credentials import Credentials
from tests.helpers.arguments import refusal

SPEC = Path(__file__).parents[1] / "endpoints/custom/signed_app.yaml"
EXPECTED = "expected a function that completes an UnsignedRequest in place and returns None"


def build(authenticate: Callable[[UnsignedRequest], object] | None) -> UnsignedRequest:
    provider = SpecProvider(
        SPEC, client_id="id-of-straw", client_secret="secret-of-straw", authenticate=print, installation_id=7
    )
    registration = dataclasses.replace(registration_of(provider), authenticate=authenticate)
    return build_request(registration, Credentials("secret-of-straw"), "plain")


def test_the_function_completes_the_request_in_place() -> None:
    seen: list[UnsignedRequest] = []

    def sign(request: UnsignedRequest) -> None:
        seen.append(request)
        request.headers["Authorization"] = f"Bearer {request.client_id}.{request.client_secret}"

    request = build(sign)
    assert seen == [request]
    assert request.headers["Authorization"] == "Bearer id-of-straw.secret-of-straw"
    assert request.headers["X-GitHub-Api-Version"] == "2022-11-28"
    assert urlsplit(request.url).path == "/app/installations/7/access_tokens"
    assert {"Bearer id-of-straw.secret-of-straw", "id-of-straw.secret-of-straw"} <= {*request.secrets}


def test_what_the_function_adds_to_the_address_is_secret() -> None:
    def sign(request: UnsignedRequest) -> None:
        request.url += "/key-of-straw?signature=of-straw"
        request.secrets = ("kept",)

    secrets = build(sign).secrets
    assert {"kept", "key-of-straw", "signature=of-straw"} <= {*secrets}
    assert not {"", "app", "installations", "access_tokens"} & {*secrets}


def test_a_function_may_be_an_object_that_counts_as_empty() -> None:
    class Signing(list[str]):
        def __call__(self, request: UnsignedRequest) -> None:
            request.headers["X-Signature"] = "signed"

    assert build(Signing()).headers["X-Signature"] == "signed"


@pytest.mark.parametrize(
    "change",
    [
        ("https://api.github.com/", "https://evil.example/"),
        ("https://", "http://"),
        ("https://", "https://somebody@"),
        ("github.com/", "github.com:8443/"),
    ],
)
def test_the_function_cannot_change_the_host(change: tuple[str, str]) -> None:
    def lead_away(request: UnsignedRequest) -> None:
        request.url = request.url.replace(*change)

    text = refusal(lambda: build(lead_away), "authenticate")
    assert text == "authenticate: the function changed the host; expected another path or query"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Host", "evil.example"),
        ("host", "api.github.com:8443"),
        ("Content-Length", "7"),
        ("Transfer-Encoding", "chunked"),
    ],
)
def test_the_function_cannot_change_what_http_sets(name: str, value: str) -> None:
    def lead_away(request: UnsignedRequest) -> None:
        request.headers[name] = value

    assert "is a header that HTTP itself sets" in refusal(lambda: build(lead_away), name)


def test_the_function_may_state_the_host_that_it_signs() -> None:
    def sign(request: UnsignedRequest) -> None:
        request.headers["Host"] = "api.github.com"
        request.headers["Content-Length"] = str(len(request.body))

    assert build(sign).headers["Host"] == "api.github.com"


def test_a_header_of_the_function_must_be_one_that_can_be_sent() -> None:
    def sign(request: UnsignedRequest) -> None:
        request.headers["X-Signature"] = "two\r\nlines"

    assert "holds a character that a header cannot carry" in refusal(lambda: build(sign), "X-Signature")


async def later(_: UnsignedRequest) -> None: ...


def fail(request: UnsignedRequest) -> None:
    raise LookupError(request.client_secret)


def same(request: UnsignedRequest) -> UnsignedRequest:
    return request


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (None, "is missing"),
        (fail, "the function raised LookupError"),
        (same, "the function returned a UnsignedRequest"),
        (later, "the function is asynchronous"),
    ],
)
def test_a_function_that_does_not_do_its_work_is_named_by_its_fault(
    function: Callable[[UnsignedRequest], object] | None, fault: str
) -> None:
    assert refusal(lambda: build(function), "authenticate") == f"authenticate: {fault}; {EXPECTED}"


def leaving(part: str, value: object) -> Callable[[UnsignedRequest], None]:
    return lambda request: setattr(request, part, value)


@pytest.mark.parametrize(
    ("part", "value", "fault"),
    [
        ("headers", {"X-Signature": b"c2lnbmVk"}, "bytes in headers['X-Signature']"),
        ("headers", {"X-Signature": None}, "NoneType in headers['X-Signature']"),
        ("headers", {7: "seven"}, "str in headers[7]"),
        ("headers", None, "NoneType as headers"),
        ("query", {"signature": b"c2lnbmVk"}, "bytes in query['signature']"),
        ("query", ["signature"], "list as query"),
        ("fields", None, "NoneType as fields"),
        ("url", 7, "int as url"),
        ("url", "https://[", "an address or fields that cannot be written (ValueError)"),
        ("url", "https://api.github.com/\n", "an address or fields that cannot be written (ValueError)"),
        ("method", b"POST", "bytes as method"),
        ("media_type", 7, "int as media_type"),
        ("secrets", None, "NoneType as secrets"),
    ],
    ids=ascii,
)
def test_what_the_function_leaves_must_be_text(part: str, value: object, fault: str) -> None:
    text = refusal(lambda: build(leaving(part, value)), "authenticate")
    assert text == f"authenticate: the function left {fault}; expected text (decode() makes it of bytes)"


@pytest.mark.parametrize(
    ("media_type", "fault"),
    [
        ("application/x-www-form-urlencoded", "bytes in fields['signature']"),
        ("application/json", "an address or fields that cannot be written (TypeError)"),
    ],
)
def test_the_fields_must_be_text(media_type: str, fault: str) -> None:
    def sign(request: UnsignedRequest) -> None:
        request.media_type = media_type
        request.fields["signature"] = b"c2lnbmVk"

    assert f"the function left {fault}; " in refusal(lambda: build(sign), "authenticate")


def test_the_function_may_leave_numbers_and_what_json_holds() -> None:
    def sign(request: UnsignedRequest) -> None:
        request.media_type = "application/json"
        request.headers["X-Time"] = request.query["time"] = 1.5  # type: ignore[assignment]
        request.fields |= {"scopes": ["read"], "/nested/id": 7, "none": None}

    request = build(sign)
    assert request.headers["X-Time"] == "1.5"
    assert request.address.endswith("?time=1.5")
    assert b'"scopes":["read"],"nested":{"id":7},"none":null' in request.body
