"""Each option of ``x-token-endpoint`` against a server that needs it: what is sent, and how the response is read."""

import functools
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import jwt
import pytest

from paygrant import (
    ConfigurationError,
    InvalidClient,
    MalformedResponse,
    Token,
    TokenRequestRejected,
    TokenSource,
    UnsignedRequest,
)
from paygrant._providers.base import registration_of
from paygrant._providers.function_identity import identity_of
from paygrant._providers.spec_provider import SpecProvider
from paygrant._request.credentials import Credentials
from tests.helpers.described import described as of_document
from tests.helpers.providers import ask
from tests.helpers.servers import Reply, Seen, Server, granted

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
ID, SECRET = "canary-id-4d1c", "canary-secret-77aa"
TEXT = {"type": "string"}
PASSWORD = {"type": "string", "format": "password"}


def spec(  # noqa: PLR0913 - the parts of a spec
    *,
    path: str = "/token",
    method: str = "post",
    media_type: str | None = FORM,
    fields: Mapping[str, Any] | None = None,
    required: tuple[str, ...] = (),
    parameters: tuple[Mapping[str, Any], ...] = (),
    **endpoint: Any,
) -> dict[str, Any]:
    """Return the smallest spec that has these parts."""
    body: dict[str, Any] = {"requestBody": {"content": {media_type: {"schema": {}}}}} if media_type else {}
    request = {"type": "object", "required": list(required), "properties": fields or {}}
    return {
        "paths": {path: {method: {"parameters": list(parameters), **body}}},
        "components": {"schemas": {"TokenRequest": request}},
        "x-token-endpoint": {
            "client_authentication": [{"method": "client_secret_basic"}],
            "parameters": {},
            "response": {"access_token": ["/access_token"], "lifetime": [{"at": "/expires_in", "unit": "seconds"}]},
            "invalid_client": [{"status": 401}],
            "error": {"code": ["/error"], "description": ["/error_description"]},
            **endpoint,
        },
    }


def described(server: Server, document: dict[str, Any], **arguments: Any) -> SpecProvider:
    """Return the provider of a spec, with this server."""
    return of_document(document, client_id=ID, client_secret=SECRET, base_url=server.base_url, **arguments)


def sent(server: Server, document: dict[str, Any], **arguments: Any) -> Seen:
    """Return the token request."""
    ask(described(server, document, **arguments))
    (seen,) = server.seen
    return seen


def token_from(server: Server, reply: Reply, **endpoint: Any) -> Token:
    """Return the token of a response."""
    server.reply = reply
    return ask(described(server, spec(**endpoint)))


def query(seen: Seen) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(seen.path).query))


# Where the credentials are sent

NAMES = {"client_id": "app", "client_secret": "key"}


def test_credentials_are_sent_in_fields_of_any_name(server: Server) -> None:
    seen = sent(server, spec(client_authentication=[{"method": "client_secret_post", **NAMES}]))
    assert parse_qs(seen.body.decode()) == {"app": [ID], "key": [SECRET]}
    assert "Authorization" not in seen.headers


def test_credentials_are_sent_in_headers_of_any_name_without_a_body(server: Server) -> None:
    seen = sent(server, spec(media_type=None, client_authentication=[{"method": "header", **NAMES}]))
    assert (seen.headers["app"], seen.headers["key"], seen.body) == (ID, SECRET, b"")
    assert "Content-Type" not in seen.headers


def test_credentials_are_sent_in_the_query_by_get(server: Server) -> None:
    seen = sent(server, spec(method="get", media_type=None, client_authentication=[{"method": "query", **NAMES}]))
    assert (seen.method, query(seen)) == ("GET", {"app": ID, "key": SECRET})


def test_credentials_are_sent_in_json_at_any_depth(server: Server) -> None:
    method = {"method": "client_secret_post", "client_id": "/auth/user/name", "client_secret": "/auth/user/pass~1word"}
    seen = sent(server, spec(media_type=JSON, client_authentication=[method]))
    assert json.loads(seen.body) == {"auth": {"user": {"name": ID, "pass/word": SECRET}}}


def test_a_secret_without_an_id_needs_no_client_id(server: Server) -> None:
    seen = sent(
        server,
        spec(
            media_type=JSON,
            client_authentication=[{"method": "client_secret_post", "client_id": None, "client_secret": "api_key"}],
        ),
    )
    assert json.loads(seen.body) == {"api_key": SECRET}


def in_header(seen: Seen) -> str:
    return seen.headers["tenant-key"]


def in_query(seen: Seen) -> str:
    return query(seen)["tenant-key"]


def in_path(seen: Seen) -> str:
    return seen.path.split("/")[1]


@pytest.mark.parametrize(("place", "found"), [("header", in_header), ("query", in_query), ("path", in_path)])
def test_another_secret_is_sent_where_it_is_declared_and_is_in_no_error(
    server: Server, place: str, found: Callable[[Seen], str]
) -> None:
    parameter = {"name": "tenant-key", "in": place, "required": True, "schema": PASSWORD}
    path = "/{tenant-key}/token" if place == "path" else "/token"
    document = spec(path=path, parameters=(parameter,))
    document["x-token-endpoint"]["parameters"] = {"tenant-key": {"argument": "tenant_key"}}
    provider = described(server, document, tenant_key="canary-tenant-5511")
    server.reply = Reply({"error": "nope", "error_description": "not canary-tenant-5511"}, 400)
    with pytest.raises(TokenRequestRejected) as caught:
        ask(provider)
    assert found(server.seen[0]) == "canary-tenant-5511"
    assert "canary" not in str(caught.value)
    assert "canary" not in repr(provider)


def test_credentials_are_computed_by_the_callers_function_for_each_request(server: Server) -> None:
    def assertion(request: UnsignedRequest) -> None:  # RFC 7523 section 2.2
        claims = {"iss": request.client_id, "aud": request.url, "jti": str(len(server.seen))}
        request.fields["client_assertion"] = jwt.encode(claims, request.client_secret.ljust(32), "HS256")

    document = spec(client_authentication=[{"method": "custom"}], fields={"grant_type": TEXT})
    document["x-token-endpoint"]["parameters"] = {"grant_type": {"value": "client_credentials"}}
    provider = described(server, document, authenticate=assertion)
    for number in range(2):
        ask(provider)
        form = dict(parse_qsl(server.seen[number].body.decode()))
        assert form["grant_type"] == "client_credentials"
        claims = jwt.decode(form["client_assertion"], SECRET.ljust(32), ["HS256"], audience=provider.token_url)
        assert (claims["iss"], claims["jti"]) == (ID, str(number))


def test_a_signature_header_signs_the_very_body_that_is_sent(server: Server) -> None:
    def sign(request: UnsignedRequest) -> None:
        request.headers["X-Signature"] = f"{request.client_secret}-{request.body.hex()}"

    document = spec(media_type=JSON, client_authentication=[{"method": "custom"}], fields={"name": TEXT})
    document["x-token-endpoint"]["parameters"] = {"name": {"argument": "name"}}
    seen = sent(server, document, authenticate=sign, name="Müller")
    assert seen.headers["X-Signature"] == f"{SECRET}-{seen.body.hex()}"
    assert seen.body == '{"name":"Müller"}'.encode()


def test_a_computed_secret_is_in_no_error(server: Server) -> None:
    def sign(request: UnsignedRequest) -> None:
        request.headers["X-Signature"] = "canary-signature-0001"

    server.reply = Reply({"error": "bad", "error_description": "wrong signature canary-signature-0001"}, 400)
    with pytest.raises(TokenRequestRejected) as caught:
        ask(described(server, spec(client_authentication=[{"method": "custom"}]), authenticate=sign))
    assert "canary" not in str(caught.value)


def test_a_failing_function_is_a_configuration_error_without_its_text(server: Server) -> None:
    def fail(request: UnsignedRequest) -> None:
        raise ValueError(request.client_secret)

    with pytest.raises(ConfigurationError, match="authenticate: the function raised ValueError") as caught:
        ask(described(server, spec(client_authentication=[{"method": "custom"}]), authenticate=fail))
    assert SECRET not in str(caught.value)
    assert not server.seen


@pytest.mark.parametrize("method", ["custom", "client_secret_basic"])
def test_a_function_is_accepted_only_for_the_method_custom(server: Server, method: str) -> None:
    wrong = {} if method == "custom" else {"authenticate": print}
    with pytest.raises(ConfigurationError, match="authenticate: is"):
        described(server, spec(client_authentication=[{"method": method}]), **wrong)


def test_a_secret_that_a_header_cannot_carry_is_refused_before_anything_is_sent(server: Server) -> None:
    provider = described(
        server, spec(client_authentication=[{"method": "header", "client_id": None, "client_secret": "X-Key"}])
    )
    object.__setattr__(provider, "client_secret", lambda: "sécret")
    with pytest.raises(ConfigurationError, match="X-Key: holds a character that a header cannot carry"):
        ask(provider)
    assert not server.seen


# Parameters


@pytest.mark.parametrize("place", ["query", "header"])
def test_a_grant_type_may_have_another_name_value_and_place(server: Server, place: str) -> None:
    declared = {"name": "grant", "in": place, "required": True, "schema": TEXT}
    document = spec(media_type=None, parameters=(declared,))
    document["x-token-endpoint"]["parameters"] = {"grant": {"value": "account_credentials"}}
    seen = sent(server, document)
    found = query(seen) if place == "query" else seen.headers
    assert found["grant"] == "account_credentials"


def test_arguments_fill_the_parameters_in_every_place(server: Server) -> None:
    document = spec(
        path="/{tenant}/token",
        media_type=JSON,
        fields={"account": {"type": "object", "properties": {"number": {"type": "integer"}}}, "deep": TEXT},
        parameters=(
            {"name": "tenant", "in": "path", "required": True, "schema": TEXT},
            {"name": "X-Merchant", "in": "header", "schema": TEXT},
            {"name": "live", "in": "query", "schema": {"type": "boolean"}},
        ),
    )
    document["x-token-endpoint"]["parameters"] = {
        "tenant": {"argument": "tenant"},
        "X-Merchant": {"argument": "merchant"},
        "live": {"argument": "live"},
        "/account/number": {"argument": "account"},
        "deep": {"value": True},
    }
    seen = sent(server, document, tenant="a/b ?", merchant="m 1", live=True, account=7)
    assert seen.path == "/a%2Fb%20%3F/token?live=true"
    assert seen.headers["X-Merchant"] == "m 1"
    assert json.loads(seen.body) == {"account": {"number": 7}, "deep": True}


def test_only_an_optional_parameter_may_be_missing(server: Server) -> None:
    document = spec(fields={"scope": TEXT, "audience": TEXT}, required=("audience",))
    document["x-token-endpoint"]["parameters"] = {
        "scope": {"argument": "scope"},
        "audience": {"argument": "audience"},
    }
    assert sent(server, document, audience="api").body == b"audience=api"
    with pytest.raises(ConfigurationError, match="audience: is missing; expected a value of type string"):
        described(server, document)
    with pytest.raises(ConfigurationError, match=r"audiance: is unknown; expected one of: .*, scope, audience"):
        described(server, document, audiance="api")


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        (TEXT, "a", 1),
        (TEXT, "a", ""),
        (TEXT, "a", "line\nbreak"),
        ({"type": "integer"}, 1, "1"),
        ({"type": "integer"}, 1, True),
        ({"type": "number"}, 1.5, "1.5"),
        ({"type": "boolean"}, False, 0),
        ({"type": "string", "enum": ["eu", "us"]}, "eu", "asia"),
    ],
)
def test_a_parameter_must_fit_the_type_and_the_enum_of_its_schema(
    server: Server, schema: dict[str, Any], good: object, bad: object
) -> None:
    document = spec(media_type=JSON, fields={"it": schema})
    document["x-token-endpoint"]["parameters"] = {"it": {"argument": "it"}}
    assert json.loads(sent(server, document, it=good).body) == {"it": good}
    with pytest.raises(ConfigurationError, match="it: "):
        described(server, document, it=bad)


def test_scopes_may_be_a_sequence(server: Server) -> None:
    document = spec(fields={"scope": TEXT})
    document["x-token-endpoint"]["parameters"] = {"scope": {"argument": "scope"}}
    assert sent(server, document, scope=("a", "b")).body == b"scope=a+b"


# Responses


@pytest.mark.parametrize("status", [200, 201])
def test_a_token_is_read_at_the_first_pointer_that_leads_to_a_value(server: Server, status: int) -> None:
    response = {"access_token": ["/result/0/token", "/data/token~1value"]}
    token = token_from(server, Reply({"data": {"token/value": "it"}}, status), response=response)
    assert token.access_token == "it"
    assert (
        token_from(server, Reply({"result": [{"token": "other"}]}, status), response=response).access_token == "other"
    )


def test_a_response_has_a_token_only_where_the_condition_success_holds(server: Server) -> None:
    response = {"access_token": ["/token"]}
    success = {"at": "/code", "equals": 0}
    error = {"code": ["/code"], "description": ["/msg"]}
    options = {"response": response, "success": success, "error": error}
    assert token_from(server, Reply({"code": 0, "token": "it"}), **options).access_token == "it"
    with pytest.raises(TokenRequestRejected, match="refused: 99: no such app") as caught:
        token_from(server, Reply({"code": 99, "msg": "no such app", "token": "it"}), **options)
    assert (caught.value.error, caught.value.status) == ("99", 200)


def test_a_value_at_a_pointer_means_wrong_credentials(server: Server) -> None:
    options = {"invalid_client": [{"at": "/errors/0/id", "equals": 40001}], "error": {"code": ["/errors/0/id"]}}
    with pytest.raises(InvalidClient):
        token_from(server, Reply({"errors": [{"id": 40001}]}), **options)


def test_a_plain_text_error_is_shown_without_the_secret(server: Server) -> None:
    reply = Reply(f"no such client, {SECRET}".encode(), 400, {"Content-Type": "text/plain; charset=utf-8"})
    with pytest.raises(TokenRequestRejected, match=r"refused: no such client,\[cut\]"):
        token_from(server, reply)


def test_an_html_error_is_not_shown(server: Server) -> None:
    with pytest.raises(TokenRequestRejected, match=r"status 400, refused$"):
        token_from(server, Reply(b"<html>no</html>", 400, {"Content-Type": "text/html"}))


NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
END = NOW + timedelta(seconds=900)


@pytest.mark.parametrize(
    ("unit", "value"),
    [
        ("seconds", 900),
        ("seconds", "900"),
        ("seconds", 900.0),
        ("milliseconds", 900_000),
        ("milliseconds", "900000"),
        ("epoch", END.timestamp()),
        ("epoch", str(int(END.timestamp()))),
        ("epoch_milliseconds", int(END.timestamp() * 1000)),
        ("moment", "2026-11-21T12:15:00+0000"),
        ("moment", "Sat Nov 21 12:15:00 UTC 2026"),
        ("jwt_exp", jwt.encode({"exp": int(END.timestamp())}, "k" * 32)),
    ],
)
def test_a_lifetime_is_read_in_its_unit(server: Server, unit: str, value: object) -> None:
    response = {"access_token": ["/access_token"], "lifetime": [{"at": "/life", "unit": unit}]}
    date = NOW.strftime("%a, %d %b %Y %H:%M:%S GMT")
    token = token_from(server, Reply({"access_token": "it", "life": value}, headers={"Date": date}), response=response)
    assert token.expires_at
    assert (token.expires_at - datetime.now(UTC)).total_seconds() == pytest.approx(900, abs=30)


def test_a_lifetime_may_be_a_documented_constant_where_the_response_has_none(server: Server) -> None:
    lifetime = [{"at": "/expires_in", "unit": "seconds"}, {"unit": "seconds", "constant": 86400}]
    response = {"access_token": ["/access_token"], "lifetime": lifetime}
    ends: list[float] = []
    for reply in (granted(lifetime=60), Reply({"access_token": "it"})):
        token = token_from(server, reply, response=response)
        assert token.expires_at
        ends.append((token.expires_at - datetime.now(UTC)).total_seconds())
    assert ends == pytest.approx([60, 86400], abs=30)


@pytest.mark.parametrize(
    ("lifetime", "document"),
    [
        ({"unit": "never"}, {}),
        ({"at": "/ttl", "unit": "seconds", "zero_is_never": True}, {"ttl": 0}),
        ({"at": "/ttl", "unit": "seconds", "zero_is_never": True}, {"ttl": "0"}),
    ],
)
def test_a_token_that_never_expires_is_replaced_after_a_year(
    server: Server, lifetime: dict[str, Any], document: dict[str, Any]
) -> None:
    response = {"access_token": ["/access_token"], "lifetime": [lifetime]}
    token = token_from(server, Reply({"access_token": "it", **document}), response=response)
    assert token.expires_at
    assert (token.expires_at - datetime.now(UTC)).days in {365, 366}


def test_a_lifetime_of_zero_is_expired_unless_zero_means_never(server: Server) -> None:
    with pytest.raises(MalformedResponse, match="has already expired"):
        token_from(server, granted(lifetime=0))


# Use of the token


@pytest.mark.parametrize(
    ("use", "authorization"),
    [
        (None, "Bearer it"),
        ({"header": "Authorization", "prefix": "Token"}, "Token it"),
        ({"header": "X-Vault-Token"}, "it"),
        ({"query": "access_token"}, "it"),
    ],
)
def test_a_token_is_written_as_token_use_says(server: Server, use: dict[str, str] | None, authorization: str) -> None:
    options = {"token_use": use} if use else {}
    assert token_from(server, Reply({"access_token": "it"}), **options).authorization == authorization


def test_the_cache_key_depends_on_the_parameters(server: Server) -> None:
    document = spec(fields={"audience": TEXT})
    document["x-token-endpoint"]["parameters"] = {"audience": {"argument": "audience"}}
    keys = {
        registration_of(described(server, document, audience=each)).cache_key(Credentials(SECRET))
        for each in ("a", "b")
    }
    assert len(keys) == 2


def test_two_specs_with_the_same_name_share_no_token(server: Server) -> None:
    documents = [spec(fields={"scope": TEXT}) for _ in range(2)]
    for document, scope in zip(documents, ("read", "write"), strict=True):
        document["x-token-endpoint"]["parameters"] = {"scope": {"value": scope}}
    first, same, other = (described(server, document) for document in (documents[0], documents[0], documents[1]))
    assert registration_of(first).cache_key(Credentials(SECRET)) == registration_of(same).cache_key(Credentials(SECRET))
    assert registration_of(first).cache_key(Credentials(SECRET)) != registration_of(other).cache_key(
        Credentials(SECRET)
    )
    assert registration_of(first).cache_key(Credentials(SECRET)) != registration_of(first).cache_key(
        Credentials(SECRET), "error"
    )


def sign(request: UnsignedRequest) -> None:
    request.headers["X-Signature"] = request.client_secret


@dataclass(frozen=True)
class SignFor:
    user: str

    def __call__(self, request: UnsignedRequest) -> None:
        request.headers["X-User"] = self.user


def made_for(user: str) -> Callable[[UnsignedRequest], None]:
    def sign(request: UnsignedRequest) -> None:
        request.headers["X-User"] = user

    return sign


def test_two_users_of_a_signing_function_share_no_token(server: Server) -> None:
    document = spec(client_authentication=[{"method": "custom"}])
    server.reply = lambda seen: granted(seen.headers["X-User"])
    makers: list[Callable[[str], Callable[[UnsignedRequest], None]]]
    makers = [SignFor, made_for, lambda user: functools.partial(made_for(user))]
    for maker in makers:
        sources = [TokenSource(described(server, document, authenticate=maker(user))) for user in ("anna", "bert")]
        assert [source.get().access_token for source in sources] == ["anna", "bert"]


def test_a_function_is_identified_by_its_name_or_by_the_object(server: Server) -> None:
    def key(authenticate: Callable[[UnsignedRequest], None]) -> str:
        return registration_of(
            described(server, spec(client_authentication=[{"method": "custom"}]), authenticate=authenticate)
        ).cache_key(Credentials(SECRET))

    assert f"['{__name__}', 'sign', " in identity_of(sign)
    assert key(sign) == key(sign)
    assert key(SignFor("anna")) == key(SignFor("anna"))
    closure = made_for("anna")
    assert key(closure) == key(closure) != key(made_for("anna"))


def test_a_function_without_a_hash_is_refused(server: Server) -> None:
    class Unhashable:
        __hash__ = None  # type: ignore[assignment]

        def __call__(self, request: UnsignedRequest) -> None: ...

    with pytest.raises(ConfigurationError, match="authenticate: is of type Unhashable, which cannot be hashed"):
        described(server, spec(client_authentication=[{"method": "custom"}]), authenticate=Unhashable())


# What a function must not do


COMPUTED: dict[str, Any] = {"client_authentication": [{"method": "custom"}]}


def to_another_host(request: UnsignedRequest) -> None:
    request.url = "http://127.0.0.1:1/token"


def to_another_user(request: UnsignedRequest) -> None:
    request.url = request.url.replace("//", "//user@")


def with_a_line_break(request: UnsignedRequest) -> None:
    request.headers["X-Signature"] = "a\r\nX-Other: b"


def with_an_odd_name(request: UnsignedRequest) -> None:
    request.headers["X Signature"] = "a"


def with_a_result(request: UnsignedRequest) -> object:
    return request


async def later(request: UnsignedRequest) -> None:
    request.headers["X-Signature"] = "a"


def later_on(request: UnsignedRequest) -> object:
    return later(request)


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (to_another_host, "authenticate: the function changed the host"),
        (to_another_user, "authenticate: the function changed the host"),
        (with_a_line_break, "X-Signature: holds a character that a header cannot carry"),
        (with_an_odd_name, "X Signature: holds a character"),
        (with_a_result, "authenticate: the function returned a UnsignedRequest"),
        (later_on, "authenticate: the function is asynchronous"),
        (later, "authenticate: is an async function, which nothing would await"),
    ],
)
def test_a_function_may_only_complete_the_request(server: Server, function: Any, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        ask(described(server, spec(**COMPUTED), authenticate=function))
    assert not server.seen


def test_an_address_or_secret_that_a_function_sets_is_in_no_error(server: Server) -> None:
    def sign(request: UnsignedRequest) -> None:
        request.url += "/canary-path-0001?key=canary-query-0001"
        request.secrets = ("canary-said-0001",)

    for canary in ("canary-path-0001", "canary-query-0001", "canary-said-0001"):
        server.reply = Reply({"error": "bad", "error_description": f"not {canary}"}, 400)
        with pytest.raises(TokenRequestRejected, match=r"bad: not\[cut\]"):
            ask(described(server, spec(**COMPUTED), authenticate=sign))
    assert server.seen[0].path == "/token/canary-path-0001?key=canary-query-0001"


# Dangerous values


@pytest.mark.parametrize("value", [".", ".."])
def test_a_value_in_the_path_cannot_lead_to_another_path(server: Server, value: str) -> None:
    parameter = {"name": "tenant", "in": "path", "required": True, "schema": TEXT}
    document = spec(path="/tenants/{tenant}/token", parameters=(parameter,))
    document["x-token-endpoint"]["parameters"] = {"tenant": {"argument": "tenant"}}
    with pytest.raises(ConfigurationError, match="parameters: lead to another path"):
        ask(described(server, document, tenant=value))
    assert not server.seen


def test_a_header_is_sent_once_in_any_case_of_letters(server: Server) -> None:
    declared = {"name": "user-agent", "in": "header", "schema": TEXT}
    document = spec(parameters=(declared,))
    document["x-token-endpoint"]["parameters"] = {"user-agent": {"value": "acme/1"}}
    seen = sent(server, document)
    assert [value for name, value in seen.headers.items() if name.lower() == "user-agent"] == ["acme/1"]


def test_a_spec_cannot_choose_plain_http() -> None:
    document = {**spec(), "servers": [{"url": "http://auth.example", "x-environment": "test"}]}
    with pytest.raises(ConfigurationError, match="environment: is plain http"):
        of_document(document, client_id=ID, client_secret=SECRET, environment="test")


@pytest.mark.parametrize("value", [math.nan, math.inf, 10**300, -(2**53)])
def test_a_number_that_json_cannot_express_is_refused(server: Server, value: float) -> None:
    document = spec(media_type=JSON, fields={"it": {"type": "number"}})
    document["x-token-endpoint"]["parameters"] = {"it": {"argument": "it"}}
    with pytest.raises(ConfigurationError, match="it: is a number that JSON cannot carry"):
        described(server, document, it=value)


def test_a_value_that_is_not_in_the_enum_is_not_shown(server: Server) -> None:
    document = spec(fields={"pin": {"type": "string", "format": "password", "enum": ["1234"]}})
    document["x-token-endpoint"]["parameters"] = {"pin": {"argument": "pin"}}
    with pytest.raises(ConfigurationError, match="pin: is none of the choices") as caught:
        described(server, document, pin="canary-pin-0001")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("unit", "value"),
    [
        ("epoch", 6.8e16),
        ("epoch", "soon"),
        ("moment", "12"),
        ("moment", "3600"),
        ("moment", "Nov 2026"),
        ("moment", "21 Nov 2099 12:00 IST"),
    ],
)
def test_an_expiry_that_cannot_be_read_leaves_the_default_lifetime(server: Server, unit: str, value: object) -> None:
    response = {"access_token": ["/access_token"], "lifetime": [{"at": "/life", "unit": unit}]}
    assert token_from(server, Reply({"access_token": "it", "life": value}), response=response).expires_at is None
