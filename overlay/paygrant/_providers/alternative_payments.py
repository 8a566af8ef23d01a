"""Alternative Payments."""

from typing import TYPE_CHECKING, ClassVar

from paygrant._providers.base import BasicProvider, provider

if TYPE_CHECKING:
    from paygrant_clients.alternative_payments import environments
    from paygrant_clients.alternative_payments.models import TokenResponse  # noqa: F401 - the bases name it


@provider
class AlternativePayments(BasicProvider["TokenResponse"]):
    """The Alternative Payments API (https://docs.alternativepayments.io/api-reference/oauth).

    Attributes:
        environment: ``"demo"`` or ``"production"``; credentials of one do not work in the other.

    Raises:
        ConfigurationError: An argument is bad or missing.
    """

    _package: ClassVar[str] = "paygrant_clients.alternative_payments"

    environment: "environments.Environment"
