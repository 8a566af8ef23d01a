"""A spec as somebody with a provider of his own writes it: 25 lines, without what the specs of this project have."""

from pathlib import Path

SHORT = """\
openapi: 3.1.0
info: {title: Acme Pay, version: "1"}
servers:
  - {url: "https://api.acme.example", x-environment: production}
  - {url: "https://sandbox.acme.example", x-environment: sandbox}
paths:
  /v1/{realm}/authorize:
    post:
      requestBody:
        content:
          application/json:
            schema:
              properties:
                grantType: {const: client_credentials}
                clientId: {type: string}
                clientSecret: {type: string}
                level: {type: integer, enum: [1, 2]}
x-token-endpoint:
  client_authentication:
    - {method: client_secret_post, client_id: clientId, client_secret: clientSecret}
  response:
    access_token: [/data/accessToken]
    lifetime: [{at: /data/expiresIn, unit: seconds}]
  error: {code: [/errors/0/code], description: [/errors/0/message]}
  token_use: {header: X-Acme-Token}
"""

SHORTEST = """\
openapi: 3.1.0
paths: {/oauth/token: {post: {}}}
servers: [{url: "https://auth.acme.example"}]
x-token-endpoint: {client_authentication: [{method: client_secret_basic}]}
"""


def written(folder: Path, text: str = SHORT, name: str = "acme.yaml") -> Path:
    """The path of a spec with this text."""
    path = folder / name
    path.write_text(text, "utf-8")
    return path
