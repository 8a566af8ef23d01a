"""From a response to its outcome, by the endpoint's description: a token and its lifetime, or the right error.

This is pure: bytes in, an outcome out. It does not use the generated models. A response that differs a little from the
documentation must still give its token, or one of our errors.
"""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from paygrant._errors import (
    InvalidClient,
    MalformedResponse,
    ProviderUnavailable,
    RateLimited,
    TokenError,
    TokenRequestRejected,
)
from paygrant._request.lifetime import lifetime_at
from paygrant._request.response import NONCE_ERROR, RawResponse
from paygrant._spec.pointer import value_at
from paygrant._tokens.token import TOKEN_TEXT, Token

if TYPE_CHECKING:
    from paygrant._request.registration import ClientRegistration
    from paygrant._spec.description import Condition

E = TypeVar("E", bound=TokenError)

_OTHER_SCHEMES = frozenset(
    {"basic", "digest", "dpop", "gnap", "hmac", "hoba", "mac", "mutual", "na", "negotiate", "pop"}
)
"""Token types and schemes that are not Bearer, as ``_scheme`` writes them (IANA's registries of both)."""

_DOCUMENT = r"""(?s)\W*[{\[]|.*["']\s*:"""
"""How a damaged JSON document looks: it begins with a bracket, or has a quoted name with a colon."""

_FIELD_TO_CUT = r"(?i)\b[\w.\-]{0,40}?tok[\w.\-]{0,40}\s?="
"""The field of a form that may hold a token."""

_LONGEST_TEXT = 1000
"""Characters of a failure's text that are looked at. Fewer are shown."""

_DECORATION = r"access|oauth2?|token|type|[^a-z0-9]"
"""What servers write around the name of a scheme, in lower case."""


class ResponseReader:
    """Reads the responses to one client's requests. Its errors repeat none of the secrets."""

    __slots__ = ("registration", "secrets")

    def __init__(self, registration: "ClientRegistration", secrets: tuple[str, ...]) -> None:
        self.registration = registration
        self.secrets = secrets

    def error(self, kind: Callable[..., E], what: str, status: int | None = None) -> E:
        """An error that names the provider, the environment and the status."""
        name, environment = self.registration.name, self.registration.environment
        where = f"{name} ({environment})" if environment else name
        text = f"{where}: {what}" if status is None else f"{where}: status {status}, {what}"
        return kind(text, provider=name, environment=environment, status=status)

    def redact(self, text: str) -> str:
        """A server's text, without any of the secrets."""
        from paygrant import _text

        return _text.redact(self.secrets, text)

    def read(self, response: RawResponse) -> tuple[Token, float | None]:
        """The token and its lifetime in seconds. The lifetime is None if the response does not state it.

        Raises:
            TokenError: The response holds no usable token.
        """
        endpoint, status = self.registration.endpoint, response.status
        if response.is_redirect:
            target = self.redact(response.redirect_target(self.registration.token_url))
            raise self.error(MalformedResponse, f"a redirect to {target}, which is not followed", status)
        document = response.document
        token = first_at(document, endpoint.response.access_token)
        stated = response.form if document is None else document
        held = first_at(stated, endpoint.response.access_token)
        if isinstance(held, str) and held:  # a refusal may repeat a token that it holds
            return ResponseReader(self.registration, (*self.secrets, held))._read(response, document, stated, token)
        return self._read(response, document, stated, token)

    def _read(self, response: RawResponse, document: Any, stated: Any, token: Any) -> tuple[Token, float | None]:
        """What ``read`` does. An error may be stated in a form; a token is in JSON only."""
        endpoint, status = self.registration.endpoint, response.status
        code, text = (self._words(stated, pointers) for pointers in (endpoint.error.code, endpoint.error.description))
        text = text or (None if code else self._plain_text(response, document))
        words = "".join(f": {word}" for word in (code, text) if word)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            limited = self.error(RateLimited, f"too many requests{words}", status)
            limited.retry_after = response.retry_after
            raise limited
        if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            failure = self.error(ProviderUnavailable, f"the server failed{words}", status)
            failure.retry_after = response.retry_after
            raise failure
        wrong_client = code != NONCE_ERROR and any(
            _holds(condition, status, stated) for condition in endpoint.invalid_client
        )
        unsuccessful = endpoint.success is not None and _contradicts(endpoint.success, document)
        if wrong_client or unsuccessful or status >= HTTPStatus.BAD_REQUEST or (code and token is None):
            kind, what = (InvalidClient, "credentials refused") if wrong_client else (TokenRequestRejected, "refused")
            rejection = self.error(kind, what + words, status)
            rejection.error, rejection.error_description = code, text
            raise rejection
        try:
            return self._read_success(response, document, token)
        except _UnusableError as fault:
            unusable = str(fault)
        raise self.error(MalformedResponse, unusable, status)

    def _read_success(self, response: RawResponse, document: Any, token: Any) -> tuple[Token, float | None]:
        where, prefix = self.registration.endpoint.response, self.registration.prefix
        if response.body is None:
            raise _UnusableError("the response is too long")
        if document is None:
            raise _UnusableError("the response is not JSON")
        if not isinstance(token, str) or not token:
            raise _UnusableError("the response holds no token")
        if not TOKEN_TEXT.fullmatch(token):
            raise _UnusableError("the token holds characters that a header cannot carry")
        token_type = first_at(document, where.token_type)
        bound = self.registration.proof_key is not None  # RFC 9449 section 5: the type of such a token is DPoP
        if (_scheme(token_type) != "dpop") if bound else (_scheme(token_type) in _OTHER_SCHEMES - {_scheme(prefix)}):
            expected, stated = "DPoP" if bound else "Bearer", self.redact(str(token_type))
            raise _UnusableError(f"expected a {expected} token, but its type is {stated!r}")
        lifetimes = (lifetime_at(each, document, response) for each in where.lifetime)
        lifetime = next((each for each in lifetimes if each is not None), None)
        if lifetime is not None and lifetime <= 0:
            raise _UnusableError("the token has already expired")
        # A server that grants the requested scope may leave it out (RFC 6749 section 5.1).
        scope = first_at(document, where.scope) or self.registration.arguments.get("scope")
        return Token(token, prefix, _strings(scope)), lifetime

    def _words(self, document: Any, pointers: tuple[str, ...]) -> str | None:
        """The server's own words at one of these places, redacted."""
        words = first_at(document, pointers)
        readable = isinstance(words, str | int | float) and not isinstance(words, bool) and words != ""
        return self.redact(str(words)) if readable else None

    def _plain_text(self, response: RawResponse, document: Any) -> str | None:
        """The text of a failure that is plain text, or a string in JSON, redacted."""
        if response.status < HTTPStatus.BAD_REQUEST:
            return None
        if isinstance(document, str):
            return self.redact(document) or None
        if response.media_type != "text/plain" and (response.media_type or response.is_html):
            return None
        text = response.text[:_LONGEST_TEXT]
        if re.match(_DOCUMENT, text):  # it may hold a token at any place
            return None
        field = re.search(_FIELD_TO_CUT, text)
        if field is None:
            return self.redact(text) or None
        return f"{self.redact(text[: field.start()]).removesuffix('[cut]')}[cut]"


class _UnusableError(Exception):
    """The reason why a successful response holds no usable token."""


def first_at(document: Any, pointers: tuple[str, ...]) -> Any:
    """The first value at one of the pointers. None if there is no value."""
    return next((value for pointer in pointers if (value := value_at(document, pointer)) is not None), None)


def _scheme(token_type: Any) -> str:
    """The name of the scheme in a token type, such as ``bearer`` for "BearerToken".

    Servers write many texts for Bearer: "BearerToken", "bearer_token", the name of a product. So only a text that
    names another scheme counts as another type.
    """
    word = str(token_type).rpartition(":")[2].lower()
    return word if word == "bearer" else re.sub(_DECORATION, "", word)


def _strings(value: Any) -> tuple[str, ...]:
    """Several strings: a list, or one string that separates them by spaces."""
    if isinstance(value, str):
        return tuple(value.split())
    several: Any = value
    return tuple(map(str, several)) if isinstance(value, list) else ()


def _holds(condition: "Condition", status: int, document: Any) -> bool:
    """Whether a condition holds for a response."""
    if condition.at is None:
        return condition.status == status
    value = value_at(document, condition.at)
    return value == condition.equals and isinstance(value, bool) == isinstance(condition.equals, bool)


def _contradicts(condition: "Condition", document: Any) -> bool:
    """Whether a response states the opposite of a condition. Silence is no contradiction."""
    stated = condition.at is not None and value_at(document, condition.at) is not None
    return stated and not _holds(condition, 0, document)
