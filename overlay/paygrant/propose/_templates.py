"""Short specs to fill in, for a provider without an OpenAPI document."""

from collections.abc import Mapping

_TEMPLATE = """\
# A spec of a token endpoint. Check each line against the provider's pages, and replace what belongs to Acme.
# Save it as acme.yaml; then this prints a token: paygrant token acme.yaml
openapi: 3.1.0
info: {{title: Acme, version: "1"}}
servers:
  - {{url: "https://sandbox.acme.example", x-environment: sandbox}}
  - {{url: "https://auth.acme.example", x-environment: production}}
paths:
  {path}:
    post: {{requestBody: {{content: {{{media_type}: {{}}}}}}}}
x-token-endpoint:
  client_authentication:
    - {method}
  parameters:  # value: always sent; argument: passed by the caller
    {fixed}
    scope: {{argument: scope}}
  response:  # JSON Pointers (RFC 6901)
    access_token: [{access_token}]
    lifetime: [{{at: {lifetime}, unit: seconds}}]
  invalid_client:  # each of these means that the id or the secret is wrong
    - {{status: 401}}{refused}
  error: {{code: [{code}], description: [{description}]}}
  token_use: {{header: Authorization, prefix: Bearer}}
"""

_FORM = {
    "path": "/oauth/token",
    "media_type": "application/x-www-form-urlencoded",
    "method": "{method: client_secret_post, client_id: client_id, client_secret: client_secret}",
    "fixed": "grant_type: {value: client_credentials}",
    "access_token": "/access_token",
    "lifetime": "/expires_in",
    "refused": "\n    - {at: /error, equals: invalid_client}",
    "code": "/error",
    "description": "/error_description",
}
_TEMPLATES: Mapping[str, Mapping[str, str]] = {
    "form": _FORM,
    "basic": {**_FORM, "method": "{method: client_secret_basic}"},
    "json": {
        "path": "/auth/login",
        "media_type": "application/json",
        "method": "{method: client_secret_post, client_id: clientId, client_secret: clientSecret}",
        "fixed": "grantType: {value: client_credentials}",
        "access_token": "/data/accessToken",
        "lifetime": "/data/expiresIn",
        "refused": "",
        "code": "/code",
        "description": "/message",
    },
}

TEMPLATES = tuple(_TEMPLATES)
"""The names of the templates, by where the credentials are: in a form, in HTTP Basic, in a JSON body."""


def fill(name: str) -> str:
    """The text of a template."""
    return _TEMPLATE.format(**_TEMPLATES[name])
