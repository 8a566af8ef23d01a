"""What can go wrong, as one tree.

    PaygrantError
    ├── ConfigurationError (ValueError)   a bad or missing argument; nothing was sent
    └── TokenError                        no token could be had
        ├── TokenRequestRejected          the provider refused
        │   └── InvalidClient             ... because of the credentials
        ├── RateLimited                   too many requests; wait
        ├── ProviderUnavailable           network, TLS, time-out, or a server error
        └── MalformedResponse             an answer without a usable token

Facts are fields. No error holds another exception, a request or a response: those carry secrets in
their frames and headers. Every error can be copied and pickled.
"""


class PaygrantError(Exception):
    """Whatever this package raises."""


class ConfigurationError(PaygrantError, ValueError):
    """An argument is bad or missing. Raised before anything is sent.

    Attributes:
        argument: The argument's name, or the environment variable's.
    """

    def __init__(self, message: str, *, argument: str | None = None) -> None:
        super().__init__(message)
        self.argument = argument


class TokenError(PaygrantError):
    """No token could be had.

    Attributes:
        provider: The spec's name of the provider, such as ``"ripple"``.
        environment: The environment that was asked, None where the provider has none.
        status: The HTTP status of the answer, None where there was no answer.
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
    """The provider refused the request (RFC 6749 section 5.2). The status may be 200: Ripio Widget says so in a field.

    Attributes:
        error: The error code in the answer, such as ``"invalid_scope"``.
        error_description: The text beside it.
    """

    error: str | None = None
    error_description: str | None = None


class InvalidClient(TokenRequestRejected):
    """The provider refused the credentials, in whatever way it says so."""


class RateLimited(TokenError):
    """The provider asks for fewer requests (status 429).

    Attributes:
        retry_after: How long the provider asks to wait, in seconds; None where it does not say.
    """

    retryable = True
    retry_after: float | None = None


class ProviderUnavailable(TokenError):
    """The provider could not be reached, did not answer in time, or answered with a server error.

    Attributes:
        attempts: How many requests were made.
        retry_after: How long the provider asks to wait, in seconds; None where it does not say.
    """

    retryable = True
    attempts: int = 1
    retry_after: float | None = None


class MalformedResponse(TokenError):
    """The answer holds no usable token. A redirect is one: the credentials would go along."""


def lacking(what: str, missing: ImportError, extra: str) -> ImportError:
    """The error for an extra that is not installed."""
    package = str(missing.name).partition(".")[0]
    return ImportError(f'{what} needs {package}; to get it: pip install "paygrant[{extra}]"', name=package)


# A traceback names an error as a user imports it.
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
