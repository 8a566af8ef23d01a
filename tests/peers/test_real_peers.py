"""The package with servers of others: a real django-oauth-toolkit, and Prism with our specs."""

import asyncio
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
import yaml

from paygrant import (
    AlternativePayments,
    Cryptofuse,
    InvalidClient,
    RipioRamp,
    RipioWidget,
    Ripple,
    Token,
    TokenAuth,
    TokenRequestRejected,
    TokenSource,
)
from tests.peers.fixtures import DjangoOAuth

Fetch = Callable[[TokenSource], Token]
Call = Callable[[str, TokenAuth], httpx.Response]

EVERY_SCOPE = ("read", "write", "admin")


class Watched(httpx.HTTPTransport):
    """The real transport, which notes the response to each token request."""

    def __init__(self) -> None:
        super().__init__()
        self.statuses: list[int] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        self.statuses.append(response.status_code)
        return response


@pytest.fixture
def transport() -> Generator[Watched]:
    with Watched() as watched:
        yield watched


@pytest.fixture(params=["get", "aget"])
def fetch(request: pytest.FixtureRequest) -> Fetch:
    calls: dict[str, Fetch] = {"get": TokenSource.get, "aget": lambda source: asyncio.run(source.aget())}
    return calls[request.param]


@pytest.fixture(params=["Client", "AsyncClient"])
def call(request: pytest.FixtureRequest) -> Call:
    async def call_async(url: str, auth: TokenAuth) -> httpx.Response:
        async with httpx.AsyncClient(auth=auth) as api:
            return await api.get(url)

    calls: dict[str, Call] = {
        "Client": lambda url, auth: httpx.get(url, auth=auth),
        "AsyncClient": lambda url, auth: asyncio.run(call_async(url, auth)),
    }
    return calls[request.param]


def cryptofuse(server: DjangoOAuth, client: str, **options: Any) -> Cryptofuse:
    client_id, client_secret = server.client(client)
    known: dict[str, Any] = {"base_url": server.base_url, "client_id": client_id, "client_secret": client_secret}
    return Cryptofuse(**known | options)


@pytest.mark.parametrize("client", ["plain", "awkward"])
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_real_server_grants_every_scope_by_basic_and_by_body(
    django_oauth: DjangoOAuth,
    transport: Watched,
    fetch: Fetch,
    client: str,
    method: Literal["client_secret_basic", "client_secret_post"],
) -> None:
    provider = cryptofuse(django_oauth, client, scope=EVERY_SCOPE, auth_method=method)

    token = fetch(TokenSource(provider, transport=transport))

    assert token.scope == EVERY_SCOPE
    assert token.token_type == "Bearer"
    assert token.expires_at
    assert (token.expires_at - datetime.now(UTC)).total_seconds() == pytest.approx(36_000, abs=30)
    headers = {"Authorization": token.authorization}
    assert httpx.get(f"{django_oauth.base_url}/resource/", headers=headers).json() == {"payments": []}


def test_a_real_server_grants_the_requested_scopes_only(django_oauth: DjangoOAuth, transport: Watched) -> None:
    assert TokenSource(cryptofuse(django_oauth, "plain"), transport=transport).get().scope == ("read", "write")


@pytest.mark.parametrize("client", ["plain", "awkward"])
def test_a_real_server_in_snake_case_serves_ripio_ramp(
    django_oauth: DjangoOAuth, transport: Watched, fetch: Fetch, client: str
) -> None:
    client_id, client_secret = django_oauth.client(client)
    provider = RipioRamp(
        client_id=client_id, client_secret=client_secret, environment="sandbox", base_url=django_oauth.base_url
    )

    token = fetch(TokenSource(provider, transport=transport))

    assert token.scope == EVERY_SCOPE
    assert httpx.get(f"{django_oauth.base_url}/resource/", headers={"Authorization": token.authorization}).is_success


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_an_unknown_scope_does_not_raise_invalid_client(
    django_oauth: DjangoOAuth,
    transport: Watched,
    fetch: Fetch,
    method: Literal["client_secret_basic", "client_secret_post"],
) -> None:
    provider = cryptofuse(django_oauth, "plain", scope=("read", "unheard-of"), auth_method=method)

    with pytest.raises(TokenRequestRejected) as refusal:
        fetch(TokenSource(provider, transport=transport))

    assert not isinstance(refusal.value, InvalidClient)
    assert (refusal.value.status, refusal.value.error) == (400, "invalid_scope")
    assert transport.statuses == [400]


@pytest.mark.parametrize(
    ("options", "statuses"),
    [
        ({"client_secret": "wrong", "auth_method": "client_secret_post"}, [401]),
        ({"client_secret": "wrong"}, [401]),
        ({"client_secret": "wr+ng"}, [401, 401]),
    ],
    ids=["by body", "by Basic", "by Basic in both encodings"],
)
def test_a_wrong_secret_raises_invalid_client(
    django_oauth: DjangoOAuth, transport: Watched, fetch: Fetch, options: dict[str, Any], statuses: list[int]
) -> None:
    provider = cryptofuse(django_oauth, "plain", **options)

    with pytest.raises(InvalidClient) as refusal:
        fetch(TokenSource(provider, transport=transport))

    assert (refusal.value.status, refusal.value.error) == (401, "invalid_client")
    assert transport.statuses == statuses


def test_the_encoding_that_worked_for_an_awkward_secret_is_remembered(
    django_oauth: DjangoOAuth, transport: Watched, fetch: Fetch
) -> None:
    source = TokenSource(cryptofuse(django_oauth, "awkward"), transport=transport)

    first = fetch(source)
    assert transport.statuses == [401, 200]

    source.invalidate(first)
    assert fetch(source) != first
    assert transport.statuses == [401, 200, 200]


def test_an_awkward_secret_is_form_encoded_only_on_request(django_oauth: DjangoOAuth, transport: Watched) -> None:
    TokenSource(cryptofuse(django_oauth, "awkward", basic_encoding="form"), transport=transport).get()
    assert transport.statuses == [200]

    with pytest.raises(InvalidClient):
        TokenSource(cryptofuse(django_oauth, "awkward", basic_encoding="plain"), transport=transport).get()
    assert transport.statuses == [200, 401]


@pytest.mark.parametrize(
    ("resource", "rejected_statuses"),
    [("/resource/", {401, 403}), ("/resource/with-challenge/", {401})],
    ids=["status 403", "status 401"],
)
def test_a_token_that_was_revoked_early_is_replaced(
    django_oauth: DjangoOAuth, transport: Watched, call: Call, resource: str, rejected_statuses: set[int]
) -> None:
    source = TokenSource(cryptofuse(django_oauth, "plain"), transport=transport)
    auth = TokenAuth(source, rejected_statuses=frozenset(rejected_statuses))
    url = django_oauth.base_url + resource
    assert call(url, auth).status_code == 200
    revoked = source.get()

    django_oauth.revoke("plain", revoked.access_token)

    assert call(url, auth).status_code == 200
    assert source.get() != revoked
    assert transport.statuses == [200, 200]


def test_a_403_replaces_no_token_unless_it_counts_as_a_rejection(
    django_oauth: DjangoOAuth, transport: Watched, call: Call
) -> None:
    source = TokenSource(cryptofuse(django_oauth, "plain"), transport=transport)
    django_oauth.revoke("plain", source.get().access_token)

    assert call(f"{django_oauth.base_url}/resource/", TokenAuth(source)).status_code == 403
    assert transport.statuses == [200]


CREDENTIALS = {"client_id": "client-of-straw", "client_secret": "secret-of-straw"}
TOKEN_FIELDS = ("access_token", "accessToken", "token")
USER: Any = {"external_ref": "6f9619ff-8b86-4011-b42d-00cf4fc964ff", "address": "0x05"}


def operation(name: str) -> tuple[str, dict[str, Any]]:
    """The one path of a spec, and what the spec says of it."""
    spec = yaml.safe_load((Path(__file__).parents[2] / "specs" / f"{name}.yaml").read_text("utf-8"))
    [(path, item)] = spec["paths"].items()
    return path, item["post"]


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("alternative_payments", partial(AlternativePayments, environment="demo")),
        ("cryptofuse", partial(Cryptofuse, auth_method="client_secret_basic")),
        ("cryptofuse", partial(Cryptofuse, auth_method="client_secret_post")),
        ("ripio_ramp", partial(RipioRamp, environment="sandbox")),
        ("ripio_widget", partial(RipioWidget, environment="sandbox", **USER)),
        ("ripple", partial(Ripple, environment="test", tenant_id="acme")),
    ],
    ids=["alternative_payments", "cryptofuse by Basic", "cryptofuse by body", "ripio_ramp", "ripio_widget", "ripple"],
)
def test_prism_accepts_the_request_and_its_example_gives_a_token(
    prism: Callable[[str], str], transport: Watched, fetch: Fetch, name: str, provider: Callable[..., Any]
) -> None:
    granted = operation(name)[1]["responses"]["200"]["content"]["application/json"]["examples"]["granted"]["value"]

    token = fetch(TokenSource(provider(base_url=prism(name), **CREDENTIALS), transport=transport))

    [access_token] = (granted[field] for field in TOKEN_FIELDS if field in granted)
    assert token.access_token == access_token
    assert token.scope == tuple(granted.get("scope", "").split())
    assert token.expires_at
    assert token.expires_at > datetime.now(UTC)
    assert token.response.to_dict() == granted
    assert transport.statuses == [200]


@pytest.mark.parametrize("name", ["alternative_payments", "cryptofuse", "ripio_ramp", "ripio_widget", "ripple"])
def test_prism_refuses_a_request_that_breaks_the_spec(prism: Callable[[str], str], name: str) -> None:
    url = prism(name) + operation(name)[0]

    response = httpx.post(url, data={"grant_type": "password"}, auth=("client-of-straw", "secret-of-straw"))

    assert response.is_client_error
