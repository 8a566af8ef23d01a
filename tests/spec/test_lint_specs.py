"""Every lint rule has specs that break it, each in one place and without breaking another rule."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from paygrant._spec import description, lint_shape
from paygrant._spec.lint import RULES
from paygrant.generate import lint
from tests.helpers.specs import (
    ABSENT,
    BODY,
    DECLARED,
    ENDPOINT,
    ERROR,
    FIELD,
    GRANTED,
    POST,
    REFUSED,
    REQUEST,
    RESPONSE,
    RESPONSES,
    ROOT,
    SCHEMAS,
    SECRET,
    SPECS,
    TENANT,
    Broken,
    broken,
    json_of,
)


def yaml_cases() -> Iterator[Broken]:
    for text in (
        "openapi: [3.1.0",
        "openapi: 3.1.0\n---\nopenapi: 3.1.0\n",
        "- openapi: 3.1.0\n",
        "",
        "openapi: \0",
        "openapi: &itself [*itself]\n",
        "openapi: !!python/name:os.system\n",
        "openapi: ! 3.1.0\n",
        "openapi: " + "[" * 10_000,
        "openapi: " + "{a: " * 100 + "}" * 100,
        "".join(" " * level + "a:\n" for level in range(400)),
        f"openapi: {'x' * (1 << 18)}",
    ):
        yield Broken("yaml", "", text)
    yield Broken("yaml", "/info/title", "info:\n  title: One\n  title: Two\n")
    yield Broken("yaml", "/responses/200", "responses:\n  200: {}\n")
    yield Broken("yaml", "/<<", "<<: {openapi: 3.1.0}\n")
    yield Broken("yaml", "/", "? [a]\n: b\n")
    for number in ("1" * 5000, ".inf", "-.inf", ".nan", "1.0e+999"):
        yield Broken("yaml", "/servers/0", f"servers: [{number}]\n")


def harm_cases() -> Iterator[Broken]:
    yield broken("texts", {"/info/title": "two\nlines"})
    yield broken("texts", {"/servers/0/url": "https://auth.ripple.test\n"})
    yield broken("texts", {"/servers/0/x-environment": "test\n"})
    for text in ("\x1b[2J", "\x85", "\u2028", "\u202e", "\ud800", "\ufeff"):
        yield broken("texts", {f"{REQUEST}/description": text})
    yield broken("texts", {f"{REFUSED}/value/error": "a\0b"})
    yield broken("texts", {f"{REQUEST}/properties/two\nlines": FIELD}, f"{REQUEST}/properties")
    for place, reference in {
        f"{REQUEST}/properties/more": "#/components/schemas/TokenRequest/properties/more",
        f"{RESPONSE}/properties/more": "https://example.org/schema.json",
        f"{POST}/requestBody": "other.yaml#/body",
        f"{GRANTED}/value": "file:///etc/passwd",
        "/components/securitySchemes": "#/components/securitySchemes",
        "/x-token-endpoint": 1,
    }.items():
        yield broken("references", {place: {"$ref": reference}}, f"{place}/$ref")
    yield broken("references", {f"{RESPONSE}/$id": "https://example.org"})
    yield broken("references", {f"{RESPONSE}/$dynamicRef": "#/components/schemas/TokenResponse"})


def section_cases() -> Iterator[Broken]:
    for section in ("openapi", "info", "x-provenance", "tags", "paths", "components", "x-token-endpoint"):
        yield broken("sections", {f"/{section}": ABSENT}, "")
    for section in ("x-provenence", "webhooks", "security"):
        yield broken("sections", {f"/{section}": {}}, "")

    source, deviation = "/x-provenance/sources/0", "/x-provenance/deviations/0"
    yield broken("provenance", {"/x-provenance/sources": []})
    yield broken("provenance", {f"{source}/url": "the provider's page"})
    yield broken("provenance", {f"{source}/read": "2026-02-30"})
    for part in ("url", "read"):
        yield broken("provenance", {f"{source}/{part}": ABSENT}, source)
    for part in ("id", "upstream", "here", "reason"):
        yield broken("provenance", {f"{deviation}/{part}": ABSENT}, deviation)
        yield broken("provenance", {f"{deviation}/{part}": " "})

    yield broken("servers", {"/servers": []})
    for url in (
        "http://auth.ripple.test",
        "https://auth.ripple.test/",
        "https://auth.ripple.test?a=b",
        "https://auth.ripple.test#a",
        "https://me:secret@auth.ripple.test",
        "https://{tenant}.test",
        "https://auth.{tenant}.test",
        "https://x{tenant}.ripple.test",
        "https://{tenant}.{other}.ripple.test",
        "https://{tenant}:443",
        "https://{tenant}@ripple.test",
        "https://auth.ripple.test/..",
        "https://auth.ripple.test/./v1",
    ):
        yield broken("servers", {"/servers/0/url": url})
    yield broken("servers", {"/servers/0/x-enviroment-facts": {}}, "/servers/0")
    yield broken("environment", {"/servers/0/x-environment": ABSENT}, "/servers/0")
    yield broken("environment", {"/servers/0/x-environment": ""})
    yield broken("environment", {"/servers/0/x-environment-facts/audience_environment": 1})

    yield broken("one-tag", {"/tags": [{"name": "token", "description": "Tokens."}] * 2})
    yield broken("one-tag", {"/tags/0/name": "oauth"})


def operation_cases() -> Iterator[Broken]:
    path = json.loads(json_of("ripple"))["paths"]["/oauth/token"]
    yield broken("one-operation", {"/paths": {}})
    yield broken("one-operation", {"/paths/~1token": path}, "/paths")
    for name in ("token", "/{tenant", "/token?a=b", "/'token'", '/"""', "/a\\b", "/to ken", "/{a.b}", "/{}"):
        yield broken("one-operation", {"/paths": {name: path}})
    for name in ("//token", "/a//token", "/./token", "/a/../token", "/a/..", "/.", "/%2e%2E/token", "/a//", "/.%2e"):
        yield broken("one-operation", {"/paths": {name: path}})
    yield broken("one-operation", {"/paths": {"/oauth/token": {"delete": path["post"]}}}, "/paths/~1oauth~1token")
    yield broken("one-operation", {"/paths/~1oauth~1token/put": path["post"]}, "/paths/~1oauth~1token")
    yield broken("one-operation", {"/paths/~1oauth~1token/parameters": []}, "/paths/~1oauth~1token")
    with_body = {"/paths": {"/oauth/token": {"get": path["post"]}}}
    yield broken("one-operation", with_body, "/paths/~1oauth~1token/get")
    yield broken("one-operation", {f"{POST}/callbacks": {}}, POST)
    oddities: list[dict[str, Any]] = [
        {"in": "cookie"},
        {"name": 'X-"'},
        {"name": "a b"},
        {"name": ""},
        {"required": "yes"},
        {"explode": True},
        {"schema": {"type": "array"}},
        {"schema": {}},
        {"schema": {"type": "string", "pattern": "(a+)+$"}},
    ]
    for oddity in oddities:
        (part,) = oddity
        below = "" if part == "explode" else f"/{part}"
        below += "/type" if oddity.get("schema") == {"type": "array"} else ""
        yield broken("plain-parameters", {f"{POST}/parameters": [DECLARED | oddity]}, f"{POST}/parameters/0{below}")
    yield broken("operation-name", {f"{POST}/operationId": "createToken"})
    yield broken("operation-name", {f"{POST}/operationId": ABSENT}, POST)
    yield broken("operation-name", {f"{POST}/tags": ["token", "oauth"]})

    for place in (
        "/info",
        "/servers/0",
        "/tags/0",
        POST,
        f"{RESPONSES}/400",
        REQUEST,
        f"{RESPONSE}/properties/scope",
    ):
        yield broken("descriptions", {f"{place}/description": ABSENT}, place)
        yield broken("descriptions", {f"{place}/description": " "})

    json_body = {"schema": {"$ref": f"#{REQUEST}"}}
    yield broken("request-body", {f"{POST}/requestBody/required": False})
    yield broken("request-body", {f"{BODY}/application~1json/schema": {"$ref": f"#{ERROR}"}})
    yield broken("request-body", {BODY: {"text/plain": json_body}})
    yield broken(
        "request-body", {BODY: {"application/json": json_body, "application/x-www-form-urlencoded": json_body}}
    )

    yield broken("responses", {f"{RESPONSES}/200": ABSENT}, RESPONSES)
    yield broken("responses", {f"{RESPONSES}/2XX": {}}, RESPONSES)
    yield broken("responses", {f"{RESPONSES}/200/content/application~1json/schema": {"$ref": f"#{ERROR}"}})
    yield broken("responses", {f"{RESPONSES}/400/content/application~1json/schema": {"$ref": f"#{RESPONSE}"}})
    yield broken("responses", {f"{RESPONSES}/200/content": ABSENT}, f"{RESPONSES}/200")
    yield broken("wrong-credentials-example", {f"{RESPONSES}/400/content": ABSENT}, RESPONSES)
    yield broken("responses", {f"{RESPONSES}/400/content/text~1html": {"schema": {}}}, f"{RESPONSES}/400/content")
    yield broken("responses", {f"{RESPONSES}/400/content": {}})
    text = {"text/plain": {"schema": {"type": "integer"}}}
    yield broken("responses", {f"{RESPONSES}/400/content": text}, f"{RESPONSES}/400/content/text~1plain/schema")
    text = {"text/plain": {"schema": {"$ref": f"#{RESPONSE}"}}}
    yield broken("responses", {f"{RESPONSES}/200/content": text}, f"{RESPONSES}/200/content")
    yield broken("responses", {f"{RESPONSES}/400/links": {}}, f"{RESPONSES}/400")
    yield broken("responses", {f"{RESPONSES}/400/headers": {'X-"': {}}})
    yield broken("responses", {f"{REFUSED}/value": ABSENT}, REFUSED)


def schema_cases() -> Iterator[Broken]:
    yield broken("error-schema", {ERROR: ABSENT}, SCHEMAS)
    yield broken("schema-names", {f"{SCHEMAS}/Tenant": {}}, SCHEMAS)
    yield broken("schema-names", {"/components/headers": {}}, "/components")
    yield broken("schema-names", {f"{REQUEST}/type": "string"})
    yield broken("plain-schemas", {f"{RESPONSE}/properties/scope/type": "text"})
    for values in ([], [None], ["a", 1.5], [True], [["a"]]):
        place = f"{RESPONSE}/properties/scope/enum"
        yield broken("plain-schemas", {place: values}, place if not values else f"{place}/{len(values) - 1}")
    constants: list[Any] = [None, ["a"], {}]
    for constant in constants:
        yield broken("plain-schemas", {f"{RESPONSE}/properties/scope/const": constant})
    yield broken("plain-schemas", {f"{RESPONSE}/allOf": [{"properties": {"secret": FIELD}}]}, RESPONSE)
    yield broken("plain-schemas", {f"{RESPONSE}/properties/scope/items": FIELD}, f"{RESPONSE}/properties/scope")
    yield broken("plain-schemas", {f"{RESPONSE}/properties/scope/type": "array"}, f"{RESPONSE}/properties/scope")
    for name in ('a"', "a'", "a\\", "a b", "a/b", "a{b}", "", "\u00e9", "a~b", "a(b)", "a;b", "`", "#"):
        yield broken("plain-schemas", {f"{RESPONSE}/properties": {name: FIELD}})
    yield broken("schema-names", {"/components/securitySchemes": {'"': {"type": "http", "scheme": "basic"}}})
    nested = {"type": "object", "description": "More.", "properties": {"one": FIELD}, "required": ["one"]}
    several = {"type": "array", "description": "Some.", "items": nested}
    yield broken(
        "nothing-required", {f"{RESPONSE}/properties/more": several}, f"{RESPONSE}/properties/more/items/required"
    )
    yield broken("nothing-required", {f"{RESPONSE}/required": ["access_token"]})
    yield broken("nothing-required", {f"{RESPONSE}/properties/more": nested}, f"{RESPONSE}/properties/more/required")


def endpoint_cases() -> Iterator[Broken]:
    for part in ("client_authentication", "parameters", "response", "invalid_client", "error"):
        yield broken("token-endpoint", {f"{ENDPOINT}/{part}": ABSENT}, ENDPOINT)
    yield broken("token-endpoint", {f"{ENDPOINT}/refresh": {}}, ENDPOINT)
    values: dict[str, Any] = {
        "client_authentication": [],
        "client_authentication/0": {"method": "header", "client_id": None, "client_secret": None},
        "client_authentication/0/method": "cookie",
        "client_authentication/0/client_secret": "client secret",
        "client_authentication/0/client_id": "/client/",
        "parameters/audience": {"value": "a", "argument": "audience"},
        "parameters/audience/argument": "the audience",
        "parameters/grant_type/value": None,
        "response/lifetime": [],
        "response/access_token": "/access_token",
        "response/access_token/0": "access_token",
        "response/lifetime/0/unit": "minutes",
        "success": {"status": 200},
        "invalid_client": [],
        "invalid_client/0/status": 200,
        "invalid_client/1": {"at": "/error"},
        "invalid_client/1/equals": None,
        "error/code": [],
    }
    for place, value in values.items():
        yield broken("token-endpoint", {f"{ENDPOINT}/{place}": value})
    lifetimes: list[tuple[dict[str, Any], str]] = [
        ({"unit": "seconds"}, ""),
        ({"at": "/expires_in"}, ""),
        ({"unit": "never", "at": "/expires_in"}, ""),
        ({"unit": "milliseconds", "constant": 60}, "/unit"),
        ({"unit": "seconds", "constant": 60, "at": "/expires_in"}, ""),
        ({"unit": "seconds", "constant": 0}, "/constant"),
        ({"unit": "seconds", "at": "/expires_in", "zero_is_never": False}, "/zero_is_never"),
        ({"unit": "moment", "at": "/expires_in", "zero_is_never": True}, "/unit"),
    ]
    for lifetime, below in lifetimes:
        place = f"{ENDPOINT}/response/lifetime/0"
        yield broken("token-endpoint", {place: lifetime}, place + below)
    uses: list[tuple[dict[str, Any], str]] = [
        ({}, ""),
        ({"prefix": "Token"}, ""),
        ({"header": "X-Token", "query": "token"}, ""),
        ({"query": "token", "prefix": "Token"}, ""),
        ({"header": "X Token"}, "/header"),
        ({"header": "Authorization", "prefix": "To ken"}, "/prefix"),
        ({"query": "to&ken"}, "/query"),
        ({"rejected_statuses": []}, "/rejected_statuses"),
        ({"headers": {}}, "/headers"),
        ({"rejected_statuses": [401, 500]}, "/rejected_statuses/1"),
        ({"headers": {"X Client": "client_id"}}, "/headers"),
        ({"headers": {"X-Client": "Client Id"}}, "/headers/X-Client"),
        ({"single_use": "yes"}, "/single_use"),
        ({"persist": None}, "/persist"),
        ({"dpop": "yes"}, "/dpop"),
        ({"dpop": True, "header": "X-Token"}, ""),
        ({"dpop": True, "query": "token"}, ""),
        ({"dpop": True, "header": "Authorization"}, ""),
        ({"header": "Authorization", "prefix": "DPoP"}, "/prefix"),
        ({"header": "X-Token", "prefix": "dpop", "dpop": False}, "/prefix"),
    ]
    for use, below in uses:
        yield broken("token-endpoint", {f"{ENDPOINT}/token_use": use}, f"{ENDPOINT}/token_use{below}")
    place = f"{ENDPOINT}/client_authentication/0"
    described: list[tuple[dict[str, Any], str]] = [
        ({"algorithms": ["HS256"]}, "/algorithms/0"),
        ({"algorithms": []}, "/algorithms"),
        ({"audience": "issuer"}, "/audience"),
        ({"audience": {"value": "a", "argument": "b"}}, "/audience"),
        *(
            ({"lifetime": each}, "/lifetime")
            for each in (0, 0.5, 0.999, 1.5, -1, -60.0, 86401, 10**15, "60", True, None)
        ),
        ({"claims": {"sub": {}}}, "/claims/sub"),
        ({"claims": {"sub": {"value": 1, "required": False}}}, "/claims/sub"),
        ({"claims": {"sub": "user"}}, "/claims/sub"),
        ({"in": "query"}, "/in"),
        ({"name": "jwt"}, "/name"),
        ({"in": "header", "name": "assertion"}, ""),
        ({"client_secret": "secret"}, ""),
        ({"encoding": "plain"}, ""),
        ({"audience": {"fact": "Issuer"}}, "/audience"),
        ({"audience": {"fact": "issuer", "value": "a"}}, "/audience"),
    ]
    for words, below in described:
        signed = {"method": "private_key_jwt", **words}
        yield broken("token-endpoint", {place: signed}, place + below, spec=SIGNED)
    misplaced: dict[str, dict[str, Any]] = {
        "custom": {"client_id": "id"},
        "none": {"client_secret": None},
        "client_secret_basic": {"client_id": "id"},
        "query": {"encoding": "plain"},
        "tls_client_auth": {"lifetime": 60},
    }
    for method, member in misplaced.items():
        yield broken("token-endpoint", {place: {"method": method, **member}}, place)
    yield broken("token-endpoint", {f"{ENDPOINT}/parameters": {'a"b': {"value": "a"}}})


def openapi_cases() -> Iterator[Broken]:
    yield broken("openapi", {"/openapi": "3.0.3"})
    yield broken("openapi", {"/info/version": ABSENT}, "/info")
    yield broken("openapi", {f"{RESPONSES}/400/headers": {"Retry-After": {}}}, f"{RESPONSES}/400/headers/Retry-After")


SIGNED = "../tests/endpoints/docusign"
"""A spec with an assertion, from the folder of the box."""


def word_cases() -> Iterator[Broken]:
    place = f"{ENDPOINT}/client_authentication"
    signed, sound = f"{place}/0/claims", {"method": "private_key_jwt", "name": "assertion"}
    for claims, at in (
        ({"sub": {"argument": "client_secret"}}, "sub/argument"),
        ({"sub": {"argument": "class"}}, "sub/argument"),
    ):
        yield broken("claim-arguments", {place: [{**sound, "claims": claims}]}, f"{signed}/{at}", spec=SIGNED)
    audience = {"argument": "private_key"}
    where = f"{place}/0/audience/argument"
    yield broken("claim-arguments", {place: [{**sound, "audience": audience}]}, where, spec=SIGNED)
    facts: dict[str, Any] = {f"/servers/{each}/x-environment-facts": {"other": "a"} for each in range(2)}
    for servers in (facts, {"/servers": ABSENT}, {}):
        changes: dict[str, Any] = {place: [{**sound, "audience": {"fact": "issuer"}}], **servers}
        yield broken("audience-fact", changes, f"{place}/0/audience/fact", spec=SIGNED)
    yield broken("unique-methods", {place: [sound, sound | {"lifetime": 9}]}, f"{place}/1/method", spec=SIGNED)
    bodiless: dict[str, Any] = {
        f"{POST}/requestBody": ABSENT,
        f"{SCHEMAS}/TokenRequest": ABSENT,
        f"{ENDPOINT}/parameters": {},
    }
    yield broken("assertion-body", bodiless, f"{place}/0", spec=SIGNED)
    yield broken("mtls-urls", {"/servers/0/x-mtls-url": "https://mtls.example"}, "/servers")
    excludes = f"{ENDPOINT}/parameters/audience/excludes"
    for other in ("scope", "audience"):
        yield broken("exclusions", {excludes: [other]}, f"{excludes}/0")
    yield broken(
        "exclusions",
        {f"{ENDPOINT}/parameters/X-Tenant": {**TENANT, "excludes": ["audience"]}, f"{POST}/parameters": [DECLARED]},
        f"{ENDPOINT}/parameters/X-Tenant/excludes/0",
    )
    use = f"{ENDPOINT}/token_use"
    for name, argument in {
        "X-Scope": "scope",
        "X-Secret": "client_secret",
        "authorization": "client_id",
        "Host": "client_id",
        "dpop": "client_id",
    }.items():
        yield broken("api-headers", {use: {"headers": {name: argument}}}, f"{use}/headers/{name}")
    twice = {"header": "X-Token", "headers": {"X-Client": "client_id", "x-client": "audience"}}
    yield broken("api-headers", {use: twice}, f"{use}/headers/x-client")
    yield broken("api-headers", {use: {"header": "host"}}, f"{use}/header")


def fit_cases() -> Iterator[Broken]:
    for name in ("Ripple", "ripple-2", "2ripple", "ripple_", "import"):
        yield broken("file-name", {}, "")._replace(name=name)
    yield broken("unique-environments", {"/servers/1/x-environment": "test"})
    yield broken("same-facts", {"/servers/1/x-environment-facts": ABSENT}, "/servers/1")
    yield broken("unique-deviations", {"/x-provenance/deviations/1/id": "urn-prefix"})

    for field in (
        f"{REQUEST}/properties/client_id",
        f"{REQUEST}/properties/client_secret",
        f"{RESPONSE}/properties/access_token",
    ):
        yield broken("secrets", {f"{field}/format": ABSENT}, field)
        yield broken("secrets", {f"{field}/format": "byte"}, field)
    for name in ("refresh_token", "idToken", "passwordHint", "clientSecret", "username"):
        yield broken("secrets", {f"{RESPONSE}/properties/{name}": FIELD})
        yield broken("secrets", {f"{ERROR}/properties/{name}": FIELD})
    nested = {"type": "object", "description": "More.", "properties": {"token": FIELD}}
    yield broken("secrets", {f"{RESPONSE}/properties/more": nested}, f"{RESPONSE}/properties/more/properties/token")
    username = f"{REQUEST}/properties/username"
    yield broken("secrets", {f"{username}/format": ABSENT}, username, spec="ripio_widget")
    named = {f"{RESPONSE}/properties/key": FIELD, f"{ENDPOINT}/response/access_token": ["/access_token", "/key"]}
    yield broken("secrets", named)

    yield broken("request-fields", {f"{REQUEST}/properties/tenant": {**FIELD, "format": "password"}})
    yield broken("request-fields", {f"{ENDPOINT}/parameters/tenant": {"argument": "tenant"}})
    yield broken(
        "request-fields",
        {f"{ENDPOINT}/parameters/client_id": {"argument": "id"}},
        f"{ENDPOINT}/client_authentication/0/client_id",
    )
    required = {f"{REQUEST}/required": ["grant_type", "client_secret"]}
    yield broken("required-fields", required, f"{ENDPOINT}/client_authentication/0", spec="cryptofuse")
    grant_type, audience = f"{ENDPOINT}/parameters/grant_type", f"{ENDPOINT}/parameters/audience"
    yield from fixed_value_cases(grant_type, audience)
    yield from beside_the_body_cases()
    yield from header_cases()
    yield from host_cases()

    schemes = "/components/securitySchemes"
    for place, scheme in {"basic": "basic", "bearer": "bearer"}.items():
        changes: dict[str, Any] = {
            schemes: {place: {"type": "http", "scheme": scheme}},
            f"{POST}/security": [{place: []}],
        }
        yield broken("basic-security", changes, f"{POST}/security")
    yield broken("basic-security", {f"{POST}/security": []}, spec="alternative_payments")
    yield broken("basic-security", {f"{POST}/security": [{"basic": []}, {}]}, spec="alternative_payments")
    api_key = {f"{schemes}/basic": {"type": "apiKey", "in": "header", "name": "Authorization"}}
    yield broken("basic-security", api_key, f"{POST}/security", spec="alternative_payments")

    access_token = f"{ENDPOINT}/response/access_token"
    yield broken("response-fields", {access_token: ["/token", "/access_token"]}, f"{access_token}/0")
    yield broken("response-fields", {f"{ENDPOINT}/response/scope/0": "/scopes"})
    yield broken(
        "response-fields", {f"{ENDPOINT}/response/lifetime/0/at": "/expires"}, f"{ENDPOINT}/response/lifetime/0"
    )
    yield broken("response-fields", {f"{ENDPOINT}/success": {"at": "/ok", "equals": True}, f"{GRANTED}/value/ok": True})
    yield broken("error-fields", {f"{ENDPOINT}/error/code/0": "/code"})
    yield broken("error-fields", {f"{ENDPOINT}/error/description/0": "/message"})
    yield broken("error-fields", {f"{ENDPOINT}/invalid_client/1/at": "/code"})
    yield broken("refusal-statuses", {f"{ENDPOINT}/invalid_client/0/status": 403})


def fixed_value_cases(grant_type: str, audience: str) -> Iterator[Broken]:
    yield broken("fixed-values", {f"{grant_type}/value": "password"}, grant_type)
    yield broken("fixed-values", {grant_type: {"argument": "grant_type"}})
    yield broken("fixed-values", {f"{REQUEST}/properties/audience/const": "urn:a:b"}, audience)

    yield broken("fixed-values", {f"{grant_type}/value": 1}, grant_type)
    typed = {f"{REQUEST}/properties/grant_type/type": "integer"}
    yield broken("fixed-values", typed, grant_type)
    for default in (1, True):
        yield broken("fixed-values", {audience: {"argument": "audience", "default": default}})
    secret = {audience: {"argument": "audience", "default": "a"}, f"{REQUEST}/properties/audience": SECRET}
    yield broken("fixed-values", secret)
    one = {f"{grant_type}/value": True, f"{REQUEST}/properties/grant_type": {**FIELD, "type": "integer", "const": 1}}
    yield broken("fixed-values", one, grant_type)


def beside_the_body_cases() -> Iterator[Broken]:
    """Parameters of the operation, other methods, nested bodies."""
    for argument in ("environment", "client_secret", "authenticate", "class", "base_url", "self", "prefix", "super"):
        place = f"{ENDPOINT}/parameters/audience"
        yield broken("argument-names", {place: {"argument": argument}}, f"{place}/argument")
    secret = {f"{ENDPOINT}/parameters/pin": {"argument": "pin"}, f"{REQUEST}/properties/pin": SECRET}
    yield broken("argument-names", {**secret, place: {"argument": "pin_file"}}, f"{place}/argument")
    for name in ("to_dict", "cls", "D", "additional-properties", "__from.dict__"):
        yield broken("field-names", {f"{RESPONSE}/properties/{name}": FIELD})

    declared = f"{POST}/parameters"
    tenant = f"{ENDPOINT}/parameters/X-Tenant"
    for name in ("Body", "headers", "params", "kwargs", "response", "quote", "cookies"):
        yield broken("field-names", sent(name), f"{declared}/0")
    yield broken("request-fields", {declared: [{**DECLARED, "required": False}]}, f"{declared}/0")
    yield broken("request-fields", {tenant: TENANT})
    yield broken("secrets", sent("X-Secret"), f"{declared}/0")
    yield broken("fixed-values", {**sent("X-Tenant"), tenant: {"value": "acme"}}, tenant)
    yield broken("unique-names", sent("audience", where="query"), f"{declared}/0/name")
    both = [DECLARED, {**DECLARED, "in": "query"}]
    yield broken("unique-names", {**sent("X-Tenant"), declared: both}, f"{declared}/1/name")

    operation = json.loads(json_of("ripple"))["paths"]["/oauth/token"]
    moved = {"/paths": {"/{tenant}/token": operation}}
    yield broken("path-parameters", moved, "/paths/~1{tenant}~1token")
    operation["post"]["parameters"] = [{**DECLARED, "name": "tenant", "in": "path"}]
    named = {f"{ENDPOINT}/parameters/tenant": TENANT}
    yield broken(
        "path-parameters", {"/paths": {"/{tenant}/{tenant}": operation}, **named}, "/paths/~1{tenant}~1{tenant}"
    )
    yield broken("path-parameters", sent("tenant", where="path"), f"{declared}/0")
    operation["post"]["parameters"] = [{**DECLARED, "name": "tenant", "in": "path", "required": False}]
    place = "/paths/~1{tenant}~1token"
    yield broken("path-parameters", {"/paths": {"/{tenant}/token": operation}, **named}, f"{place}/post/parameters/0")

    method = f"{ENDPOINT}/client_authentication/0"
    header = {method: {"method": "header", "client_id": "X-Id", "client_secret": "X-Key"}}
    unsecured = [{**DECLARED, "name": name} for name in ("X-Id", "X-Key")]
    secured = [{**each, "schema": {"type": "string", "format": "password"}} for each in unsecured]
    bare = {f"{REQUEST}/properties/{name}": ABSENT for name in ("client_id", "client_secret")}
    bare[f"{REQUEST}/required"] = ["audience", "grant_type"]
    yield broken("request-fields", {**header, **bare, declared: secured[1:]}, f"{method}/client_id")
    yield broken("secrets", {**header, **bare, declared: [secured[0], unsecured[1]]}, f"{declared}/1")
    body = {f"{POST}/requestBody": ABSENT, **header, declared: secured, f"{ENDPOINT}/parameters": {}}
    yield broken("body", body, SCHEMAS)
    yield broken("body", {REQUEST: ABSENT, **header, declared: secured, f"{ENDPOINT}/parameters": {}}, SCHEMAS)
    several = {"type": "array", "description": "Some.", "items": FIELD}
    yield broken("body", {f"{REQUEST}/properties/more": several})
    nested = {"type": "object", "description": "More.", "properties": {"one": SECRET}}
    yield broken("body", {f"{REQUEST}/properties/more": nested}, spec="cryptofuse")
    yield broken("request-fields", {f"{REQUEST}/properties/more": nested}, f"{REQUEST}/properties/more/properties/one")
    deep = f"{ENDPOINT}/parameters/~1more~1two"
    yield broken("request-fields", {deep: {"argument": "two"}})

    lifetime = f"{ENDPOINT}/response/lifetime"
    for first in ({"unit": "never"}, {"unit": "seconds", "constant": 60}):
        yield broken("lifetimes", {lifetime: [first, {"unit": "seconds", "at": "/expires_in"}]}, f"{lifetime}/0")
    text = {"text/plain": {"schema": {"type": "string"}, "examples": {"bad_request": {"value": 1}}}}
    response = {"description": "No.", "content": text}
    place = f"{RESPONSES}/402/content/text~1plain/examples/bad_request/value"
    yield broken("example-schemas", {f"{RESPONSES}/402": response}, place)


def host_cases() -> Iterator[Broken]:
    url = "https://{tenant}.ripple.test"
    variable = {"tenant": {"default": "acme", "description": "The tenant."}}
    server = {"description": "A server.", "x-environment": "test"}
    other = {**server, "x-environment": "other", "url": "https://ripple.test"}
    filled = {f"{ENDPOINT}/parameters/tenant": TENANT}
    good = {**server, "url": url, "variables": variable}

    yield broken("host-variables", {"/servers": [{**server, "url": url}]}, "/servers/0")
    yield broken("host-variables", {"/servers": [{**good, "url": "https://ripple.test"}], **filled}, "/servers/0")
    yield broken("host-variables", {"/servers": [good, other], **filled}, "/servers/1")
    yield broken("host-variables", {"/servers": [good]}, "/servers/0/variables/tenant")
    yield broken(
        "host-variables",
        {"/servers": [good], f"{ENDPOINT}/parameters/tenant": {"value": "acme"}},
        "/servers/0/variables/tenant",
    )
    yield broken(
        "unique-names",
        {"/servers": [good], f"{POST}/parameters": [{**DECLARED, "name": "tenant"}], **filled},
        f"{POST}/parameters/0/name",
    )
    yield broken("servers", {"/servers": [{**good, "variables": {}}], **filled}, "/servers/0/variables")
    for default in ("", "a.b", "A"):
        variables = {"tenant": {"default": default, "description": "The tenant."}}
        yield broken(
            "servers", {"/servers": [{**good, "variables": variables}], **filled}, "/servers/0/variables/tenant/default"
        )
    yield broken(
        "descriptions",
        {"/servers": [{**good, "variables": {"tenant": {"default": "acme"}}}], **filled},
        "/servers/0/variables/tenant",
    )


def header_cases() -> Iterator[Broken]:
    declared = f"{POST}/parameters"
    yield broken("header-names", sent("Content-Length"), f"{declared}/0/name")
    cased = {**sent("x-tenant"), **sent("X-Tenant"), declared: [DECLARED, {**DECLARED, "name": "x-tenant"}]}
    yield broken("header-names", cased, f"{declared}/1/name")
    for name in ("Authorization", "authorization"):
        yield broken("header-names", sent(name), f"{declared}/0/name", spec="alternative_payments")


def sent(name: str, where: str = "header") -> dict[str, Any]:
    """Return changes that add a parameter of the operation."""
    return {f"{POST}/parameters": [{**DECLARED, "name": name, "in": where}], f"{ENDPOINT}/parameters/{name}": TENANT}


def example_cases() -> Iterator[Broken]:
    yield broken("example-schemas", {f"{GRANTED}/value/expires_in": "3600"})
    yield broken("example-schemas", {f"{REFUSED}/value/error_description": 1})
    yield broken("granted-example", {GRANTED: ABSENT}, f"{RESPONSES}/200")
    yield broken("granted-example", {f"{GRANTED}/value/access_token": ""}, f"{GRANTED}/value")
    yield broken("granted-example", {f"{GRANTED}/value": {}})
    yield broken("granted-example", {f"{ENDPOINT}/success": {"at": "/scope", "equals": "all"}}, f"{GRANTED}/value")
    yield broken("wrong-credentials-example", {REFUSED: ABSENT}, RESPONSES)
    yield broken("wrong-credentials-example", {f"{REFUSED}/value/error": "server_error"}, f"{REFUSED}/value")
    bad_request = f"{REFUSED.removesuffix('wrong_credentials')}bad_request/value"
    yield broken("wrong-credentials-example", {f"{bad_request}/error": "invalid_client"}, bad_request)
    status = {f"{ENDPOINT}/invalid_client/0/status": 400}
    yield broken("wrong-credentials-example", status, bad_request)


def name_cases() -> Iterator[Broken]:
    for title in ("None", "Client", "Token response", "Exception", "Spec-Provider", "self"):
        yield broken("class-name", {"/info/title": title})
    for name in ("acmePay", "Acme Pay", "Acme_Pay", "1Acme", "", "TokenError", "True", "\u00c9cole", "A\u0430", 5):
        yield broken("class-name", {"/info/x-class-name": name})


CASES = [
    *yaml_cases(),
    *harm_cases(),
    *section_cases(),
    *operation_cases(),
    *schema_cases(),
    *endpoint_cases(),
    *openapi_cases(),
    *word_cases(),
    *fit_cases(),
    *example_cases(),
    *name_cases(),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}:{case.place}")
def test_a_broken_spec_breaks_one_rule_in_one_place(case: Broken, tmp_path: Path) -> None:
    spec = tmp_path / f"{case.name}.yaml"
    spec.write_text(case.text)

    findings = lint(spec, strict=True)

    assert {(finding.fault.rule, finding.fault.place) for finding in findings} == {(case.rule, case.place)}
    assert all(len(str(finding)) < 600 for finding in findings)


def test_every_rule_has_a_spec_that_breaks_it() -> None:
    assert {case.rule for case in CASES} == RULES.keys()


def test_every_rule_says_what_it_means() -> None:
    assert all(meaning.endswith(".") for meaning in RULES.values())


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.stem)
def test_the_specs_of_this_project_are_clean(spec: Path) -> None:
    assert lint(spec, strict=True) == []


def test_a_status_in_invalid_client_may_have_the_default_response(tmp_path: Path) -> None:
    responses = json.loads(json_of("ripple"))["paths"]["/oauth/token"]["post"]["responses"]
    default = {**responses["400"], "content": {"application/json": {"schema": {"$ref": f"#{ERROR}"}}}}
    changes = {f"{RESPONSES}/default": default, f"{ENDPOINT}/invalid_client/0/status": 403}
    spec = tmp_path / "provider.yaml"
    spec.write_text(broken("", changes).text)

    assert lint(spec, strict=True) == []


def test_dots_within_a_segment_and_a_slash_at_the_end_are_allowed(tmp_path: Path) -> None:
    item = json.loads(json_of("ripple"))["paths"]["/oauth/token"]
    spec = tmp_path / "provider.yaml"
    for path in ("/", "/v1.2/...", "/.well-known/token/", "/a..b/c."):
        spec.write_text(broken("", {"/paths": {path: item}}).text)
        assert lint(spec, strict=True) == []


def test_a_header_authorization_is_allowed_where_nothing_else_sets_it(tmp_path: Path) -> None:
    spec = tmp_path / "provider.yaml"
    spec.write_text(broken("", sent("Authorization")).text)
    assert lint(spec, strict=True) == []


def command(*specs: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scripts.lint_specs", *specs], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_the_command_says_how_much_it_has_checked() -> None:
    outcome = command(*SPECS)

    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout == f"{len(SPECS)} specs, {len(RULES)} rules, no findings\n"


def test_the_command_prints_file_line_rule_place_and_what_is_expected(tmp_path: Path) -> None:
    lines = (ROOT / "specs" / "ripple.yaml").read_text().splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "unit: seconds" in text)
    lines[line - 1] = lines[line - 1].replace("seconds", "minutes")
    spec = tmp_path / "ripple.yaml"
    spec.write_text("\n".join(lines))
    missing = tmp_path / "missing.yaml"

    outcome = command(spec, missing)

    assert (outcome.returncode, outcome.stderr) == (1, "")
    first, second = outcome.stdout.splitlines()
    assert first.startswith(
        f"{spec}:{line}: token-endpoint: #{ENDPOINT}/response/lifetime/0/unit: 'minutes' is not one of"
    )
    assert "seconds, milliseconds: counted from the response" in first
    assert second == f"{missing}: the file does not exist"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("openapi: 3.1.0\ninfo: [\n", 3),
        ("openapi: 3.1.0\ninfo:\n  title: One\n  title: Two\n", 4),
        ("openapi: 3.1.0\ninfo: &anchor\n  title: One\n", 2),
    ],
)
def test_a_fault_of_the_file_itself_has_its_line(text: str, line: int, tmp_path: Path) -> None:
    spec = tmp_path / "provider.yaml"
    spec.write_text(text)

    assert [finding.line for finding in lint(spec, strict=True)] == [line]


def test_a_missing_part_is_reported_at_what_should_contain_it(tmp_path: Path) -> None:
    spec = tmp_path / "provider.yaml"
    text = broken("", {"/servers/1/x-environment": ABSENT}).text
    spec.write_text(text)
    line = next(number for number, line in enumerate(text.splitlines()) if "https://auth-uat" in line)

    assert [finding.line for finding in lint(spec, strict=True)] == [line]


def extensions() -> Any:
    return json.loads((Path(lint_shape.__file__).with_name("extensions.schema.json")).read_text())


def properties(schema: Any) -> Iterator[tuple[str, Any]]:
    for keyword, part in schema.items():
        if keyword == "properties":
            yield from part.items()
        if isinstance(part, dict) and keyword not in {"if", "then", "else"}:
            yield from properties(part)


def test_every_property_of_the_extensions_says_what_it_means() -> None:
    definitions = extensions()["$defs"]

    for name, part in properties(definitions):
        assert "description" in part or "description" in definitions[part["$ref"].rpartition("/")[2]], name


@pytest.mark.parametrize(
    ("definitions", "described"),
    [
        (["response"], description.ResponseFields),
        (["status-condition", "value-condition"], description.Condition),
        (["lifetime"], description.Lifetime),
        (["error"], description.ErrorFields),
        (["token-use"], description.TokenUse),
    ],
)
def test_the_extensions_have_the_fields_that_the_description_has(definitions: list[str], described: type[Any]) -> None:
    schema = extensions()["$defs"]

    assert {name for part in definitions for name in schema[part]["properties"]} == {*get_type_hints(described)}


def test_the_extensions_have_the_words_of_an_assertion() -> None:
    words = {*extensions()["$defs"]["client-authentication"]["properties"]}
    fields = {*get_type_hints(description.ClientAuth), *get_type_hints(description.Assertion)}

    assert words == fields - {"assertion", "audience_argument", "audience_fact", "place"} | {"in"}
