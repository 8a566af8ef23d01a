"""The two encodings of Basic credentials, and the order in which they are tried."""

import dataclasses
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paygrant import (
    AlternativePayments,
    ClientCredentials,
    ConfigurationError,
    Cryptofuse,
    InvalidClient,
    MalformedResponse,
    ProviderUnavailable,
    RipioRamp,
    TokenRequestRejected,
    TokenSource,
)
from paygrant._providers.base import Provider, registration_of
from paygrant._providers.secret_file import SecretFile
from paygrant._request.unsigned import checked_header
from paygrant._spec.description import ClientAuth
from tests.helpers.arguments import refusal
from tests.helpers.providers import AWKWARD, ask, make, request_of
from tests.helpers.servers import Reply, Seen, Server, granted

AWKWARD_PLAIN = "Basic Y2xpZW50LW9mLXN0cmF3OnMlIDorL8OpJj0iJzw+XD8j"
AWKWARD_FORM = "Basic Y2xpZW50LW9mLXN0cmF3OnMlMjUrJTNBJTJCJTJGJUMzJUE5JTI2JTNEJTIyJTI3JTNDJTNFJTVDJTNGJTIz"


def authorizations(server: Server) -> list[str | None]:
    return [seen.headers.get("Authorization") for seen in server.seen]


def takes_only(authorization: str) -> Callable[[Seen], Reply]:
    """A server that knows the client by one encoding of its credentials."""
    refusal = Reply({"error": "invalid_client"}, 401)
    return lambda seen: granted() if seen.headers["Authorization"] == authorization else refusal


# Basic: plain, form, and auto


@pytest.mark.parametrize("kind", [RipioRamp, AlternativePayments, Cryptofuse])
@pytest.mark.parametrize(
    ("encoding", "authorization"), [("plain", AWKWARD_PLAIN), ("form", AWKWARD_FORM), ("auto", AWKWARD_PLAIN)]
)
def test_basic_credentials_have_the_chosen_encoding(
    kind: type[Provider], encoding: str, authorization: str, server: Server
) -> None:
    seen = request_of(kind, server, client_secret=AWKWARD, basic_encoding=encoding)
    assert seen.headers["Authorization"] == authorization


def test_auto_tries_form_once_after_plain_was_refused(server: Server) -> None:
    server.reply = takes_only(AWKWARD_FORM)
    assert ask(make(Cryptofuse, base_url=server.base_url, client_secret=AWKWARD)).access_token == "token-1"
    assert authorizations(server) == [AWKWARD_PLAIN, AWKWARD_FORM]
    assert server.seen[0].body == server.seen[1].body


def test_auto_starts_with_the_encoding_that_worked_last(server: Server) -> None:
    source = TokenSource(make(Cryptofuse, base_url=server.base_url, client_secret=AWKWARD))
    for accepted in (AWKWARD_FORM, AWKWARD_FORM, AWKWARD_PLAIN, AWKWARD_PLAIN):
        server.reply = takes_only(accepted)
        source.invalidate(source.get())
    assert authorizations(server) == [
        *(AWKWARD_PLAIN, AWKWARD_FORM),
        *(AWKWARD_FORM,),
        *(AWKWARD_FORM, AWKWARD_PLAIN),
        *(AWKWARD_PLAIN,),
    ]


def test_auto_gives_up_when_both_encodings_are_refused(server: Server) -> None:
    server.reply = takes_only("Basic nothing")
    source = TokenSource(make(Cryptofuse, base_url=server.base_url, client_secret=AWKWARD))
    for _ in range(2):  # the refusal is remembered: no third request
        with pytest.raises(InvalidClient):
            source.get()
    assert authorizations(server) == [AWKWARD_PLAIN, AWKWARD_FORM]


def test_auto_makes_one_request_if_both_encodings_are_equal(server: Server) -> None:
    server.reply = takes_only("Basic nothing")
    with pytest.raises(InvalidClient):
        ask(make(Cryptofuse, base_url=server.base_url, client_secret="Only-unreserved_characters.123"))
    assert len(server.seen) == 1


def test_auto_makes_one_request_if_the_credentials_are_in_the_body(server: Server) -> None:
    server.reply = Reply({"error": "invalid_client"}, 401)
    with pytest.raises(InvalidClient):
        ask(make(Cryptofuse, base_url=server.base_url, client_secret=AWKWARD, auth_method="client_secret_post"))
    assert authorizations(server) == [None]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply({"error": "invalid_scope"}, 400), TokenRequestRejected),
        (Reply({"error": "busy"}, 503), ProviderUnavailable),
        (Reply(b"<html>"), MalformedResponse),
    ],
)
def test_auto_does_not_try_form_after_another_error(reply: Reply, kind: type[Exception], server: Server) -> None:
    server.reply = reply
    with pytest.raises(kind):
        ask(make(Cryptofuse, base_url=server.base_url, client_secret=AWKWARD))
    assert authorizations(server) == [AWKWARD_PLAIN]


@pytest.mark.parametrize(
    ("encoding", "sent", "accepted"), [("plain", AWKWARD_PLAIN, AWKWARD_FORM), ("form", AWKWARD_FORM, AWKWARD_PLAIN)]
)
def test_a_named_encoding_is_the_only_one_tried(encoding: str, sent: str, accepted: str, server: Server) -> None:
    server.reply = takes_only(accepted)
    with pytest.raises(InvalidClient):
        ask(make(Cryptofuse, base_url=server.base_url, client_secret=AWKWARD, basic_encoding=encoding))
    assert authorizations(server) == [sent]


def test_a_client_id_with_a_colon_can_be_form_encoded(server: Server) -> None:
    request = request_of(Cryptofuse, server, client_id="a:b", client_secret="c", basic_encoding="form")
    assert request.headers["Authorization"] == "Basic YSUzQWI6Yw=="  # a%3Ab:c


def test_each_kind_of_entry_has_keys_of_its_own() -> None:
    registration = registration_of(make(Cryptofuse))
    credentials = registration.credentials()
    keys = [
        registration.cache_key(credentials),
        registration.cache_key(credentials, "error"),
        registration.cache_key(credentials, mark="of a transport"),
        registration.cache_key(credentials, "error", "of a transport"),
    ]
    assert len({*keys}) == 4
    assert keys[:1] == registration.cache_keys(credentials, ("token",), "")
    assert keys[2:] == registration.cache_keys(credentials, ("token", "error"), "of a transport")


@pytest.mark.parametrize(("name", "value"), [("X-Tenant", "é"), ("X-Tenant", "a\nb"), ("X Tenant", "a")])
def test_a_header_must_be_one_that_can_be_sent(name: str, value: str) -> None:
    said = refusal(lambda: checked_header("tenant", name, value), "tenant")
    assert said == "tenant: holds a character that a header cannot carry; expected printable ASCII"


def test_what_is_wrong_with_a_callable_for_the_secret_is_said() -> None:
    def fail() -> str:
        raise TimeoutError("canary")

    async def coroutine() -> str:
        return "canary"

    def later() -> Any:
        return coroutine()

    def sleep() -> str:
        threading.Event().wait(20)
        return "canary"

    expected = "expected a callable that returns the secret"
    for function, within, fault in (
        (fail, None, "the callable raised TimeoutError"),
        (later, None, "the callable is asynchronous"),
        (later, 10.0, "the callable is asynchronous"),
        (sleep, 0.05, "could not be read in time"),
    ):
        registration = registration_of(make(Cryptofuse, client_secret=function))
        said = refusal(lambda: registration.secret(within), "client_secret")  # noqa: B023
        assert said == f"client_secret: {fault}; {expected}"


def test_a_secret_has_several_lines_only_where_a_function_computes_with_it() -> None:
    registration = registration_of(make(Cryptofuse, client_secret=lambda: "first\nsecond"))
    text = refusal(registration.secret, "client_secret")
    assert text.startswith("client_secret: holds a control character")
    custom = dataclasses.replace(registration, client_auth=ClientAuth("custom"))
    assert custom.secret() == "first\nsecond"


def test_the_time_for_a_callable_holds_when_all_credentials_are_read() -> None:
    registration = registration_of(make(Cryptofuse, client_secret=lambda: str(threading.Event().wait(20))))
    began = time.monotonic()
    assert "could not be read in time" in refusal(lambda: registration.credentials(0.05), "client_secret")
    assert time.monotonic() - began < 10


def test_what_is_wrong_with_a_callable_for_the_private_key_is_said() -> None:
    def fail() -> str:
        raise TimeoutError("canary")

    def sleep() -> str:
        threading.Event().wait(20)
        return "canary"

    expected = "expected a callable that returns the private key"
    for function, within, fault in (
        (fail, None, "the callable raised TimeoutError"),
        (sleep, 0.05, "could not be read in time"),
    ):
        registration = registration_of(
            ClientCredentials(
                client_id="c",
                token_url="https://auth.example/token",
                auth_method="private_key_jwt",
                private_key=function,
            )
        )
        said = refusal(lambda: registration.credentials(within), "private_key")  # noqa: B023
        assert said == f"private_key: {fault}; {expected}"


def test_a_callable_for_the_secret_may_raise_an_error_of_ours(tmp_path: Path) -> None:
    registration = registration_of(
        make(Cryptofuse, client_secret=SecretFile(str(tmp_path / "missing"), "client_secret"))
    )
    for within in (None, 10.0):
        with pytest.raises(ConfigurationError, match="FileNotFoundError"):
            registration.secret(within)
