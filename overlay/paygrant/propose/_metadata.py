"""Reads the metadata of an authorization server (RFC 8414, or OpenID Connect Discovery) as a document with one flow."""

import re
from typing import Any

from paygrant._spec.document import is_array, is_object
from paygrant.propose._decisions import clean

AUTH_METHODS = "x-token-endpoint-auth-methods"
"""The key under which the document has the methods of client authentication that the server supports."""

SERVER = "x-authorization-server"
"""The key for what else the server says about keys and certificates."""

GRANT_TYPES = "x-grant-types"
"""The key for the grant types that the server supports."""

_MAX_LISTED = 100
"""Scopes, methods or grant types."""


def metadata_document(data: dict[str, Any]) -> dict[str, Any]:
    """The metadata as an OpenAPI document."""
    issuer = data.get("issuer")
    named = issuer if isinstance(issuer, str) else data["token_endpoint"]
    aliases = data.get("mtls_endpoint_aliases")
    flow = {"tokenUrl": data["token_endpoint"], "scopes": dict.fromkeys(_strings(data, "scopes_supported"), "")}
    return {
        "openapi": "3.2.0",
        "info": {"title": re.sub("^[^/]*//([^/]*@)?|/.*", "", named)},  # the host
        "components": {"securitySchemes": {"metadata": {"type": "oauth2", "flows": {"clientCredentials": flow}}}},
        AUTH_METHODS: _strings(data, "token_endpoint_auth_methods_supported") or ["client_secret_basic"],
        SERVER: {
            "issuer": issuer,
            "algorithms": _strings(data, "token_endpoint_auth_signing_alg_values_supported"),
            "proofs": _strings(data, "dpop_signing_alg_values_supported"),  # RFC 9449 section 5.1
            "bound": data.get("tls_client_certificate_bound_access_tokens"),  # RFC 8705 section 3.3
            "mtls_url": aliases.get("token_endpoint") if is_object(aliases) else None,  # RFC 8705 section 5
        },
        GRANT_TYPES: _strings(data, "grant_types_supported"),
    }


def _strings(data: dict[str, Any], key: str) -> list[str]:
    listed = data.get(key)
    return [clean(each, 80) for each in listed[:_MAX_LISTED] if isinstance(each, str)] if is_array(listed) else []
