"""RipioWidget: a token that opens the page of Ripio's widget for one user."""

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, ClassVar, Literal
from urllib.parse import urlencode
from uuid import UUID

from paygrant._arguments import check_choice, check_text, check_type, checked, invalid_argument, plain, shown
from paygrant._providers.base import Provider, provider
from paygrant._tokens.token import Token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paygrant_clients.ripio_widget import environments as widget
    from paygrant_clients.ripio_widget.models import TokenResponse as WidgetResponse  # noqa: F401 - the bases name it

_MOST_DIGITS = 40
"""The digits of an amount. The smallest unit of a cryptocurrency has 18 behind the point."""

_LONGEST_AMOUNT = 100
"""Characters. No amount with so few digits needs more."""

_PAGES = {"onramp": "", "offramp": "/offramp.html"}


@provider
class RipioWidget(Provider["WidgetResponse"]):
    """Ripio's on-ramp and off-ramp widget (https://docs.ripio.com/ramps-api/widget/authentication).

    The token belongs to one user and one wallet address. It is not sent in a header: ``widget_url`` puts it into
    the address of the widget's page.

    Attributes:
        environment: ``"sandbox"`` or ``"production"``.
        external_ref: The user in your system, a UUID version 4.
        address: The user's wallet address.
        allow_any_external_ref: Whether external_ref may be another string than a UUID.

    Raises:
        ConfigurationError: An argument is bad or missing.
    """

    _package: ClassVar[str] = "paygrant_clients.ripio_widget"

    environment: "widget.Environment"
    external_ref: UUID | str
    address: str
    allow_any_external_ref: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_type("allow_any_external_ref", self.allow_any_external_ref, bool, "True or False")
        self._set("external_ref", str(self.external_ref) if isinstance(self.external_ref, UUID) else self.external_ref)
        # A colon in any part would make the user name ambiguous.
        for part in ("client_id", "external_ref", "address"):
            check_text(part, getattr(self, part), forbidden=":")
        if not self.allow_any_external_ref and not _is_uuid4(str(self.external_ref)):
            raise invalid_argument(
                "external_ref",
                "is not a UUID version 4",
                "a UUID version 4, or any string with allow_any_external_ref=True",
            )

    def _arguments(self) -> "Mapping[str, str]":
        return {"username": f"{self.client_id}:{self.external_ref}:{self.address}"}

    @checked
    def widget_url(  # noqa: PLR0913 - one argument for each parameter of the page
        self,
        token: Token,
        *,
        flow: Literal["onramp", "offramp"] = "onramp",
        address: str | None = None,
        network: str | None = None,
        amount: Decimal | float | str | None = None,
        crypto: str | None = None,
        tracking_session: str | None = None,
    ) -> "WidgetURL":
        """The address at which this user opens the widget (https://docs.ripio.com/ramps-api/widget/accessing-widget).

        Args:
            token: A token of this provider.
            flow: Buying or selling.
            address: A wallet address that the page fills in and keeps.
            network: The network that the page selects at first.
            amount: The amount of money that the page shows at first.
            crypto: The currency that the page fills in and keeps.
            tracking_session: A value that the webhooks return.

        Returns:
            The address. It holds the token, so anybody who has it acts as this user. Its repr masks the token.

        Raises:
            ConfigurationError: An argument is bad.
        """
        check_type("token", token, Token, "a Token")
        check_choice("flow", flow, _PAGES)
        query = {"_to": token.access_token}
        texts = {"address": address, "network": network, "crypto": crypto, "tracking_session": tracking_session}
        texts = {name: None if value is None else check_text(name, value) for name, value in texts.items()}
        given = {
            "_addr": texts["address"],
            "_net": texts["network"],
            "_amount": None if amount is None else _amount(amount),
            "_crypto": texts["crypto"],
            "_tracking_session": texts["tracking_session"],
        }
        query |= {name: value for name, value in given.items() if value is not None}
        return WidgetURL(f"{self._environment_facts['widget_url']}{_PAGES[flow]}?{urlencode(query)}")


class WidgetURL(str):
    """An address that holds a token. The string itself is complete; its repr masks the query."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<WidgetURL {self.partition('?')[0]}?_to=...>"


def _is_uuid4(text: str) -> bool:
    """Whether a text is a UUID version 4 in its usual form (RFC 9562 section 4)."""
    try:
        uuid = UUID(text)
    except ValueError:
        return False
    return uuid.version == 4 and str(uuid) == text.lower()  # noqa: PLR2004


def _amount(amount: Decimal | float | str) -> str:
    """A positive amount of money in plain digits."""
    check_type("amount", amount, Decimal | float | int | str, f"a positive number of at most {_MOST_DIGITS} digits")
    try:
        text = str(plain(amount))
        number = Decimal(text if len(text) <= _LONGEST_AMOUNT else "NaN")
    except (InvalidOperation, ValueError):  # ValueError: an int of more than 4,300 digits
        number = Decimal("NaN")
    # The digits are counted before they are written: 1e9999999 has ten million.
    digits = abs(number.adjusted()) + len(number.as_tuple().digits)
    if not number.is_finite() or number <= 0 or digits > _MOST_DIGITS:
        raise invalid_argument("amount", f"is {shown(amount)}", f"a positive number of at most {_MOST_DIGITS} digits")
    return format(number, "f")
