"""What can go wrong, as one tree.

    PaygrantError
    ├── ConfigurationError (ValueError)   a bad or missing argument; nothing was sent
    └── TokenError                        there is no token
        ├── TokenRequestRejected          the provider refused the request
        │   └── InvalidClient             the provider refused the credentials
        ├── RateLimited                   too many requests
        ├── ProviderUnavailable           network, TLS, time-out, or a server error
        └── MalformedResponse             a response without a usable token

Facts are fields. No error holds another exception, a request or a response, because these carry secrets in their
frames and headers. Every error can be copied and pickled.
"""


class PaygrantError(Exception):
    """The base of all errors of this package."""


class ConfigurationError(PaygrantError, ValueError):
    """An argument is bad or missing. Raised before anything is sent.

    Attributes:
        argument: The argument's name, or the environment variable's.
    """

    def __init__(self, message: str, *, argument: str | None = None) -> None:
        super().__init__(message)
        self.argument = argument


class TokenError(PaygrantError):
    """There is no token.

    Attributes:
        provider: The spec's name of the provider, such as ``"ripple"``.
        environment: The environment. None if the provider has no environments.
        status: The HTTP status of the response. None if there was no response.
        retryable: Whether the same request may succeed later.
    """

    retryable = False

    def __init__(
        self, message: str, *, provider: str = "", environment: str | None = None, status: int | None = None
    ) -> None:
        super().__init__(message)
        self.provider = provider
        self.environment = environment
        self.status = status


class TokenRequestRejected(TokenError):
    """The provider refused the request (RFC 6749 section 5.2). The status may be 200: Ripio Widget uses a field instead.

    Attributes:
        error: The error code in the response, such as ``"invalid_scope"``.
        error_description: The text of the error in the response.
    """

    error: str | None = None
    error_description: str | None = None


class InvalidClient(TokenRequestRejected):
    """The provider refused the credentials. Each spec says how its provider states that."""


class RateLimited(TokenError):
    """The provider wants fewer requests (status 429).

    Attributes:
        retry_after: The seconds to wait that the provider states. None if it states none.
    """

    retryable = True
    retry_after: float | None = None


class ProviderUnavailable(TokenError):
    """The provider could not be reached, did not respond in time, or responded with a server error.

    Attributes:
        attempts: The number of requests that were made.
        retry_after: The seconds to wait that the provider states. None if it states none.
    """

    retryable = True
    attempts: int = 1
    retry_after: float | None = None


class MalformedResponse(TokenError):
    """The response holds no usable token. This includes a redirect: following it would send the credentials along."""


def missing_extra(what: str, missing: ImportError, extra: str) -> ImportError:
    """The error for an extra that is not installed."""
    package = str(missing.name).partition(".")[0]
    return ImportError(f'{what} needs {package}; to get it: pip install "paygrant[{extra}]"', name=package)


# A traceback shows the name under which a user imports the error.
for _kind in (
    PaygrantError,
    ConfigurationError,
    TokenError,
    TokenRequestRejected,
    InvalidClient,
    RateLimited,
    ProviderUnavailable,
    MalformedResponse,
):
    _kind.__module__ = "paygrant"
