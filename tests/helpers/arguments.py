"""Arguments that no constructor takes, and the error that each must raise."""

import re
from collections.abc import Callable

import pytest

from paygrant import ConfigurationError, PaygrantError
from tests.helpers.exposure import exposed

BAD_TEXTS = [
    ("", "is empty"),
    (None, "is of type NoneType"),
    (7, "is of type int"),
    (b"bytes", "is of type bytes"),
    (["list"], "is of type list"),
    ("line\nbreak", "holds a control character"),
    ("carriage\rreturn", "holds a control character"),
    ("nul\x00", "holds a control character"),
    ("delete\x7f", "holds a control character"),
    ("next line\x85", "holds a control character"),
    ("lone surrogate \ud800", "cannot be encoded as UTF-8"),
]


def refusal(call: Callable[[], object], argument: str | None = None) -> str:
    """The text of the error that a call with a bad argument raises. The error shows no canary."""
    with pytest.raises(ConfigurationError) as caught:
        call()
    error = caught.value
    assert isinstance(error, ValueError)
    assert isinstance(error, PaygrantError)
    assert not exposed(error)
    text = str(error)
    if argument is not None:
        assert error.argument == argument
        assert re.search(rf"\b{argument}: ", text)
    assert "expected" in text.partition("; ")[2]
    assert (error.__cause__, error.__context__) == (None, None)
    return text
