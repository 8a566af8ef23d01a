"""The endpoints as their providers document them: each grants a token to the documented request, and to no other.

They are written by hand from the documentation. They read no spec and do not use the package, so they repeat no mistake of it.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.helpers.servers import Reply, Seen

CLIENT_ID = "straw-client"
CLIENT_SECRET = "straw/secret+1"
REFRESH_TOKEN = "1000.straw.refresh"
USER = "0f1a2b3c-user"

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

NOTHING: Mapping[str, Any] = {}

_HTTPS_OWN = {"host", "accept", "accept-encoding", "user-agent", "content-length", "connection"}


class UndocumentedError(Exception):
    """A request has a part that the provider's pages do not name, or has no part that they require."""


Pattern = Mapping[str, Any]
"""What a part of a request contains: a text, None for any text, or a pattern. A name with a ? may be absent."""


@dataclass(frozen=True)
class Asked:
    """A request, without what every request of HTTP has."""

    line: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def expect(
        self,
        line: str,
        *,
        headers: Pattern = NOTHING,
        query: Pattern = NOTHING,
        form: Pattern = NOTHING,
        document: Pattern = NOTHING,
    ) -> None:
        """Refuse everything but this line, of method and path, and these fields."""
        if self.line != line:
            raise UndocumentedError(self.line)
        if form:
            headers = {**headers, "content-type": FORM}
            _match(dict(parse_qsl(self.body.decode(), keep_blank_values=True, strict_parsing=True)), form)
        elif document:
            headers = {**headers, "content-type": JSON}
            _match(self.json, document)
        elif self.body:
            raise UndocumentedError("a body")
        _match(self.headers, headers)
        _match(self.query, query)


def _match(found: Any, pattern: Pattern) -> None:
    wanted = {name.rstrip("?"): value for name, value in pattern.items()}
    required = {name for name in pattern if not name.endswith("?")}
    there = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    if not required <= there.keys() <= wanted.keys() or there != found:
        raise UndocumentedError(f"{sorted(there)} for {sorted(wanted)}")
    for name, value in there.items():
        expected = wanted[name]
        if isinstance(expected, Mapping):
            _match(value, cast("Pattern", expected))
        elif not isinstance(value, str) or expected not in {None, value}:
            raise UndocumentedError(name)


def behave(endpoint: Callable[[Asked], Reply]) -> Callable[[Seen], Reply]:
    """Make a test's server respond as the endpoint does. To an undocumented request it responds with status 422."""

    def reply(seen: Seen) -> Reply:
        address = urlsplit(seen.path)
        query = parse_qsl(address.query, keep_blank_values=True)
        headers = {name.lower(): value for name, value in seen.headers.items() if name.lower() not in _HTTPS_OWN}
        try:
            if len(dict(query)) < len(query) or seen.headers.get("Accept") != ACCEPTED.get(endpoint, JSON):
                raise UndocumentedError("a field twice, or another type of response")  # noqa: TRY301 - as below
            return endpoint(Asked(f"{seen.method} {address.path}", dict(query), headers, seen.body))
        except (UndocumentedError, ValueError) as error:
            return Reply(f"undocumented: {error}".encode(), 422, {"Content-Type": "text/plain"})

    return reply


def _basic(asked: Asked) -> bool:
    wanted = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    return asked.headers["authorization"] == f"Basic {wanted}"


def _end(**after: int) -> datetime:
    return datetime.now(UTC) + timedelta(**after)


def ups(asked: Asked) -> Reply:
    asked.expect(
        "POST /security/v1/oauth/token",
        headers={"authorization": None, "x-merchant-id?": "1Z2345"},
        form={"grant_type": "client_credentials"},
    )
    if not _basic(asked):
        return Reply({"response": {"errors": [{"code": "10401", "message": "ClientId is Invalid"}]}}, 401)
    return Reply(
        {
            "token_type": "Bearer",
            "issued_at": "1795219200000",
            "client_id": CLIENT_ID,
            "access_token": "ups-token",
            "expires_in": "14399",
            "status": "approved",
        }
    )


def auth0(asked: Asked) -> Reply:
    asked.expect(
        "POST /oauth/token",
        document={
            "grant_type": "client_credentials",
            "client_id": None,
            "client_secret": None,
            "audience": "https://api.example/",
            "organization?": None,
        },
    )
    if (asked.json["client_id"], asked.json["client_secret"]) != (CLIENT_ID, CLIENT_SECRET):
        return Reply({"error": "access_denied", "error_description": "Unauthorized"}, 401)
    return Reply(
        {"access_token": "auth0-token", "scope": "read:a write:a", "expires_in": 86400, "token_type": "Bearer"}
    )


def gocardless(asked: Asked) -> Reply:
    asked.expect("POST /api/v2/token/new/", document={"secret_id": None, "secret_key": None})
    if asked.json != {"secret_id": CLIENT_ID, "secret_key": CLIENT_SECRET}:
        detail = "No active account found with the given credentials"
        return Reply({"summary": "Authentication failed", "detail": detail, "status_code": 401}, 401)
    return Reply(
        {"access": "gocardless-token", "access_expires": 86400, "refresh": "other-token", "refresh_expires": 2592000}
    )


def vault(asked: Asked) -> Reply:
    asked.expect(
        "POST /v1/auth/approle/login",
        headers={"x-vault-namespace?": None},
        document={"role_id": None, "secret_id": None},
    )
    if asked.json != {"role_id": CLIENT_ID, "secret_id": CLIENT_SECRET}:
        return Reply({"errors": ["invalid role or secret ID"]}, 400)
    endless = asked.headers.get("x-vault-namespace") == "endless"
    auth = {
        "renewable": not endless,
        "lease_duration": 0 if endless else 1200,
        "metadata": None,
        "token_policies": ["default"],
        "accessor": "fd6c9a00-d2dc-3b11-0be5-af7ae0e1d374",
        "client_token": "vault-token",
    }
    return Reply(
        {"auth": auth, "warnings": None, "data": None, "lease_duration": 0, "renewable": False, "lease_id": ""}
    )


def airwallex(asked: Asked) -> Reply:
    asked.expect(
        "POST /api/v1/authentication/login",
        headers={"content-type": JSON, "x-client-id": None, "x-api-key": None, "x-login-as?": "acct_1"},
    )
    if (asked.headers["x-client-id"], asked.headers["x-api-key"]) != (CLIENT_ID, CLIENT_SECRET):
        return Reply({"code": "credentials_invalid", "message": "UNAUTHORIZED", "source": ""}, 401)
    return Reply({"token": "airwallex-token", "expires_at": f"{_end(minutes=30):%Y-%m-%dT%H:%M:%S%z}"}, 201)


def personio(asked: Asked) -> Reply:
    asked.expect(
        "POST /v1/auth",
        headers={"x-personio-partner-id?": None, "x-personio-app-id?": None},
        document={"client_id": None, "client_secret": None},
    )
    if asked.json != {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}:
        return Reply({"success": False, "error": {"code": 0, "message": "Wrong credentials"}}, 403)
    return Reply({"success": True, "data": {"token": "papi-token"}})


def zoom(asked: Asked) -> Reply:
    asked.expect(
        "POST /oauth/token",
        headers={"authorization": None},
        query={"grant_type": "account_credentials", "account_id": "AbC_1"},
    )
    if not _basic(asked):
        return Reply({"reason": "Invalid client_id or client_secret", "error": "invalid_client"}, 400)
    return Reply(
        {
            "access_token": "zoom-token",
            "token_type": "bearer",
            "expires_in": 3600,
            "scope": "user:read:admin meeting:read:admin",
            "api_url": "https://api.zoom.us",
        }
    )


def wechat(asked: Asked) -> Reply:
    asked.expect("GET /cgi-bin/token", query={"grant_type": "client_credential", "appid": None, "secret": None})
    if asked.query["appid"] != CLIENT_ID:
        return Reply({"errcode": 40013, "errmsg": "invalid appid"})
    if asked.query["secret"] != CLIENT_SECRET:
        return Reply({"errcode": 40125, "errmsg": "invalid appsecret"})
    return Reply({"access_token": "wechat-token", "expires_in": 7200})


def github_app(asked: Asked) -> Reply:
    asked.expect(
        "POST /app/installations/42/access_tokens",
        headers={"authorization": None, "x-github-api-version?": "2022-11-28"},
    )
    word, _, assertion = asked.headers["authorization"].partition(" ")
    try:
        claims = jwt.decode(
            assertion, private_key().public_key(), ["RS256"], options={"require": ["iat", "exp", "iss"]}
        )
    except jwt.InvalidTokenError:
        claims = dict[str, Any](iss=None, iat=0, exp=0)
    if word != "Bearer" or claims["iss"] != CLIENT_ID or claims["exp"] - claims["iat"] > 600:
        link = "https://docs.github.com/rest"
        refusal = {"message": "A JSON web token could not be decoded", "documentation_url": link, "status": "401"}
        return Reply(refusal, 401)
    response = {
        "token": "ghs_token",
        "expires_at": f"{_end(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        "permissions": {"contents": "read"},
        "repository_selection": "all",
    }
    return Reply(response, 201)


ACCEPTED: dict[Callable[[Asked], Reply], str] = {github_app: "application/vnd.github+json"}
"""The media type that a request must accept, where it is not application/json."""


def azure_metadata(asked: Asked) -> Reply:
    resource = "https://management.azure.com/"
    if asked.headers.get("metadata") != "true":
        return Reply({"error": "invalid_request", "error_description": "Required metadata header not specified"}, 400)
    if len(asked.query.keys() & {"object_id", "client_id", "msi_res_id"}) > 1:
        raise UndocumentedError("two identities")
    asked.expect(
        "GET /metadata/identity/oauth2/token",
        headers={"metadata": "true"},
        query={
            "api-version": "2018-02-01",
            "resource": resource,
            "object_id?": None,
            "client_id?": None,
            "msi_res_id?": None,
        },
    )
    if asked.query.get("client_id") == "nobody":
        return Reply({"error": "invalid_request", "error_description": "Identity not found"}, 400)
    return Reply(
        {
            "access_token": "azure-token",
            "refresh_token": "",
            "expires_in": "3599",
            "expires_on": "1506484173",
            "not_before": "1506480273",
            "resource": resource,
            "token_type": "Bearer",
        }
    )


def tableau(asked: Asked) -> Reply:
    credentials = {
        "personalAccessTokenName": None,
        "personalAccessTokenSecret": None,
        "site": {"contentUrl": "MarketingTeam"},
    }
    asked.expect("POST /api/3.27/auth/signin", document={"credentials": credentials})
    sent = asked.json["credentials"]
    if (sent["personalAccessTokenName"], sent["personalAccessTokenSecret"]) != (CLIENT_ID, CLIENT_SECRET):
        detail = "Error signing in to Tableau Server"
        return Reply({"error": {"summary": "Signin Error", "detail": detail, "code": "401001"}}, 401)
    return Reply(
        {
            "credentials": {
                "site": {"id": "9a8b7c6d", "contentUrl": "MarketingTeam"},
                "user": {"id": "9f9e9d9c"},
                "token": "tableau-token",
                "estimatedTimeToExpiration": "240:00:00",
            }
        }
    )


def zoho(asked: Asked) -> Reply:
    asked.expect(
        "POST /oauth/v2/token",
        query={"grant_type": "refresh_token", "refresh_token": None, "client_id": None, "client_secret": None},
    )
    if asked.query["client_id"] != CLIENT_ID:
        return Reply({"error": "invalid_client"})
    if asked.query["client_secret"] != CLIENT_SECRET:
        return Reply({"error": "invalid_client_secret"})
    if asked.query["refresh_token"] != REFRESH_TOKEN:
        return Reply({"error": "invalid_code"})
    domain = "https://www.zohoapis.com"
    return Reply({"access_token": "zoho-token", "expires_in": 3600, "api_domain": domain, "token_type": "Bearer"})


def docusign(asked: Asked) -> Reply:
    asked.expect(
        "POST /oauth/token",
        form={"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": None},
    )
    options: Any = {"require": ["iss", "sub", "aud", "iat", "exp", "scope"]}
    try:
        # The audience is the server's name, without scheme and port: here, loopback.
        claims = jwt.decode(
            dict(parse_qsl(asked.body.decode()))["assertion"],
            private_key().public_key(),
            ["RS256"],
            audience="127.0.0.1",
            options=options,
        )
    except jwt.InvalidTokenError:
        return Reply({"error": "invalid_grant", "error_description": "no_valid_keys_or_signatures"}, 400)
    if claims["iss"] != CLIENT_ID:
        return Reply({"error": "invalid_grant", "error_description": "issuer_not_found"}, 400)
    if claims["sub"] != USER:
        return Reply({"error": "invalid_grant", "error_description": "user_not_found"}, 400)
    return Reply(
        {"access_token": "docusign-token", "token_type": "Bearer", "expires_in": 3600, "scope": claims["scope"]}
    )


ENDPOINTS: Mapping[str, Callable[[Asked], Reply]] = {
    each.__name__: each
    for each in (
        ups,
        auth0,
        gocardless,
        vault,
        airwallex,
        azure_metadata,
        personio,
        zoom,
        wechat,
        github_app,
        tableau,
        zoho,
        docusign,
    )
}
"""All of them, by the names of their specs."""


@cache
def private_key() -> rsa.RSAPrivateKey:
    """The key of an app that signs: the server has the public half of it."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    """A private key as providers hand it out, line by line."""
    traditional = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, traditional, serialization.NoEncryption()).decode()
