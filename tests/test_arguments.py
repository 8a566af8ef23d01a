"""A call with missing, unknown or positional arguments fails by a ConfigurationError that lists the arguments."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from paygrant import (
    ConfigurationError,
    RefreshPolicy,
    RipioWidget,
    Ripple,
    Token,
    TokenAuth,
    TokenSource,
    basic_credentials,
    ripple_audience,
)
from paygrant._arguments import checked
from tests.helpers.providers import make

TOKEN = Token("the-token")
WIDGET = make(RipioWidget)


MISFITS: dict[str, tuple[Callable[..., object], tuple[object, ...], dict[str, Any], str]] = {
    "a source without a provider": (
        TokenSource,
        (),
        {},
        "provider: is missing; expected the arguments provider, store",
    ),
    "a source of two": (
        TokenSource,
        (make(Ripple), 1),
        {},
        "too many positional arguments; expected the arguments provider, store",
    ),
    "a source with a name": (
        TokenSource,
        (make(Ripple),),
        {"name": 1},
        "keyword argument 'name'; expected the arguments provider",
    ),
    "an auth without a source": (TokenAuth, (), {}, "source: is missing; expected the arguments source, origins"),
    "an auth with a scope": (
        TokenAuth,
        (),
        {"scope": 1},
        "keyword argument 'scope'; expected the arguments source, origins",
    ),
    "a policy by position": (
        RefreshPolicy,
        (1,),
        {},
        "too many positional arguments; expected the arguments refresh_fraction, ",
    ),
    "a policy with retries": (
        RefreshPolicy,
        (),
        {"retries": 1},
        "keyword argument 'retries'; expected the arguments refresh_fraction, ",
    ),
    "an audience of nothing": (
        ripple_audience,
        (),
        {},
        "environment: is missing; expected the arguments environment, tenant_id",
    ),
    "an audience of too much": (
        ripple_audience,
        (1, 2, 3),
        {},
        "too many positional arguments; expected the arguments environment",
    ),
    "credentials of one part": (
        basic_credentials,
        ("a",),
        {},
        "client_secret: is missing; expected the arguments client_id",
    ),
    "a widget URL of nothing": (WIDGET.widget_url, (), {}, "token: is missing; expected the arguments token, flow"),
    "a widget URL by position": (
        WIDGET.widget_url,
        (TOKEN, "0x05"),
        {},
        "too many positional arguments; expected the arguments ",
    ),
    "the environment by position": (
        Ripple.from_env,
        ("RIPPLE", "test"),
        {},
        "too many positional arguments; expected the arguments ",
    ),
    "an unknown override": (
        Ripple.from_env,
        (),
        {"tenant": 1},
        "keyword argument 'tenant'; expected the arguments client_id, ",
    ),
}


@pytest.mark.parametrize(("call", "args", "kwargs", "fault"), MISFITS.values(), ids=MISFITS)
def test_a_call_with_a_wrong_signature_is_a_configuration_error(
    call: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, Any], fault: str
) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(fault)):
        call(*args, **kwargs)


def test_a_type_error_from_within_a_call_is_not_a_wrong_signature() -> None:
    @checked
    def length(value: object, *more: object, unit: str = "", **options: object) -> int:
        return len(value)  # type: ignore[arg-type]

    with pytest.raises(ConfigurationError, match=r"^length: an argument cannot be used"):
        length(7)
    assert length("seven", 1, unit="letters", other=1) == 5
