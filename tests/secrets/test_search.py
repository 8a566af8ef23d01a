"""The search itself: it finds the canaries wherever they are."""

import logging
import threading
from base64 import b64encode
from collections.abc import Callable

import pytest

from paygrant import ConfigurationError
from tests.helpers.exposure import SPELLINGS, Watch, elsewhere, exposed
from tests.helpers.secrets import CORES, ID, SECRET, TOKEN, found


def basic(client_id: str, client_secret: str) -> str:
    return b64encode(f"{client_id}:{client_secret}".encode()).decode()


@pytest.mark.parametrize("write", SPELLINGS.values(), ids=SPELLINGS)
def test_the_search_finds_a_canary_however_it_is_written(write: Callable[[str], str]) -> None:
    for text, core in zip((ID, SECRET, TOKEN), CORES, strict=True):
        assert found(f"... {write(text)} ...") == {core}


@pytest.mark.parametrize("before", ["", "x", "xy"])
def test_the_search_finds_a_canary_in_base64_and_hex(before: str) -> None:
    assert found(basic(before + ID, SECRET)) == set(CORES[:2])
    assert found((before + TOKEN).encode().hex()) == {CORES[2]}


def test_the_search_finds_nothing_in_harmless_words() -> None:
    assert found("client_id, client_secret and access_token: [secure] idcanary seccanary tokcanary") == set()


LEAKS = {
    "words": """
def run(secret): raise ValueError(secret)
""",
    "words within": """
def run(secret): raise ValueError([{"deep": (secret,)}])
""",
    "field": """
def run(secret): raise ConfigurationError("", argument=secret)
""",
    "argument": """
def run(secret): raise ValueError
""",
    "local": """
def run(secret):
    held = [secret]
    del secret
    raise ValueError
""",
    "attribute": """
def run(secret):
    error = ValueError()
    error.detail, secret = secret, None
    raise error
""",
    "note": """
def run(secret):
    error = ValueError()
    error.add_note(secret)
    secret = None
    raise error
""",
    "pickle": """
class Sly(ConfigurationError):
    def __reduce__(self): return str, (self.words(),)
def run(secret):
    Sly.words = lambda _, kept=secret: kept
    secret = None
    raise Sly("")
""",
    "context": """
def inner(secret): 1 / 0
def run(secret):
    try: inner(secret)
    except ZeroDivisionError: secret = None; raise ValueError from None
""",
    "cause": """
def inner(secret): 1 / 0
def run(secret):
    try: inner(secret)
    except ZeroDivisionError as error: secret = None; raise ValueError from error
""",
}


@pytest.mark.parametrize("code", LEAKS.values(), ids=LEAKS)
def test_the_search_finds_a_canary_in_an_error(code: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - what it says differs
        elsewhere(code)(SECRET)
    assert exposed(caught.value) == {CORES[1]}


def test_the_search_leaves_the_callers_own_frames_out() -> None:
    secret = SECRET
    with pytest.raises(ConfigurationError) as caught:
        raise ConfigurationError(f"a fault of length {len(secret)}")
    assert exposed(caught.value) == set()


@pytest.mark.parametrize("name", ["httpcore.http11", "httpx", "asyncio", "paygrant", "paygrant.sandbox", "any.other"])
@pytest.mark.parametrize("message", ["%s", "%.0s"], ids=["in the text", "in the arguments"])
def test_the_watch_sees_what_is_logged(watch: Watch, name: str, message: str) -> None:
    logging.getLogger(name).log(1, message, SECRET)
    assert found("\n".join(watch.lines)) == {CORES[1]}
    watch.lines.clear()


def test_the_watch_sees_what_escapes(watch: Watch) -> None:
    class Loud:
        def __del__(self) -> None:
            raise RuntimeError

    thread = threading.Thread(target=elsewhere("def run(): raise RuntimeError"))
    thread.start()
    thread.join()
    Loud()
    assert len(watch.escaped) == 2
    watch.escaped.clear()
