"""HTTP Basic: the bytes that RFC 7617 and RFC 6749 give."""

from typing import Any

import pytest

from paygrant import basic_credentials
from tests.helpers.arguments import BAD_TEXTS, refusal


@pytest.mark.parametrize(
    ("client_id", "client_secret", "encoding", "text"),
    [
        ("Aladdin", "open sesame", "plain", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),  # RFC 7617 section 2
        ("test", "123£", "plain", "dGVzdDoxMjPCow=="),  # RFC 7617 section 2.1
        ("a", "b:c", "plain", "YTpiOmM="),
        ("Aladdin", "open sesame", "form", "QWxhZGRpbjpvcGVuK3Nlc2FtZQ=="),  # Aladdin:open+sesame
        (
            " %&+",
            "£€",
            "form",
            "KyUyNSUyNiUyQjolQzIlQTMlRTIlODIlQUM=",
        ),  # RFC 6749 appendix B: +%25%26%2B:%C2%A3%E2%82%AC
        ("a:b", "c:d", "form", "YSUzQWI6YyUzQWQ="),  # a%3Ab:c%3Ad
        ("Az09-._", "Az09-._", "form", "QXowOS0uXzpBejA5LS5f"),  # as plain
        ("Az09-._", "Az09-._", "plain", "QXowOS0uXzpBejA5LS5f"),
    ],
)
def test_basic_credentials_match_the_examples_of_the_rfcs(
    client_id: str, client_secret: str, encoding: Any, text: str
) -> None:
    assert basic_credentials(client_id, client_secret, encoding) == text


def test_basic_credentials_are_plain_by_default() -> None:
    assert basic_credentials("Aladdin", "open sesame") == "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


@pytest.mark.parametrize("argument", ["client_id", "client_secret"])
@pytest.mark.parametrize(("value", "fault"), BAD_TEXTS)
@pytest.mark.parametrize("encoding", ["plain", "form"])
def test_basic_credentials_must_be_strings_that_can_be_sent(
    argument: str, value: Any, fault: str, encoding: Any
) -> None:
    arguments: dict[str, Any] = {"client_id": "a", "client_secret": "b", argument: value}
    assert fault in refusal(lambda: basic_credentials(**arguments, encoding=encoding), argument)


def test_basic_credentials_refuse_a_colon_and_an_unknown_encoding() -> None:
    assert "holds ':'" in refusal(lambda: basic_credentials("a:b", "c"), "client_id")
    encoding: Any = "auto"
    assert "expected one of: plain, form" in refusal(lambda: basic_credentials("a", "b", encoding), "encoding")
