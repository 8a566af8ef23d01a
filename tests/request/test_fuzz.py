"""Any response of a token endpoint gives a usable token, or an error of the drawn tree that shows no secret."""

import copy
import json
import math
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paygrant import (
    ClientCredentials,
    Entry,
    MalformedResponse,
    RefreshPolicy,
    TokenError,
    _clock,
)
from paygrant._providers.base import Provider, registration_of
from paygrant._request.credentials import Credentials
from paygrant._request.send import request_token
from paygrant._tokens.token import TOKEN_TEXT
from tests.helpers.documents import places
from tests.helpers.providers import ARGUMENTS, GRANTED, make
from tests.helpers.secrets import CREDENTIALS, SECRET, TOKEN, found

PROVIDERS: dict[str, Provider] = {kind.__name__: make(kind, **CREDENTIALS) for kind in ARGUMENTS}
PLAIN: dict[str, Any] = {**CREDENTIALS, "token_url": "https://auth.example/token"}
PROVIDERS["ClientCredentials"] = ClientCredentials(**PLAIN)

DOCUMENTS = {kind.__name__: make_document(TOKEN) for kind, make_document in GRANTED.items()}
DOCUMENTS["ClientCredentials"] = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600}

ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, False, 0, -1, 1, 10**400, -(10**400), 1e308, -1e308, 1e-308, math.nan, math.inf, 2**63, 0.5),
        *(
            "",
            " ",
            "0",
            "-1",
            "3600",
            "1e9",
            "nan",
            "\u0663",
            "\0",
            "\r\nX: y",
            "\ud800",
            "é",
            "Bearer",
            "MAC",
            "x" * 5000,
        ),
        *(SECRET, f"no {SECRET}!", TOKEN, "2026-11-28T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"),
        *([], {}, [[]], {"a": {}}, [SECRET], ["read", 7, None], {"access_token": TOKEN}),
    ]
)
anything: st.SearchStrategy[Any] = st.recursive(
    ODD | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
).map(copy.deepcopy)  # the odd values are used again, and a document is changed in place
FIELDS = (
    "error",
    "error_description",
    "expires_in",
    "expires_at",
    "scope",
    "token_type",
    "succeed",
    "errorMessage",
    "message",
)


@st.composite
def changed(draw: st.DrawFn, document: dict[str, Any]) -> bytes:
    """A good response with other values at some places, and with more fields."""
    document = json.loads(json.dumps(document)) | draw(st.dictionaries(st.sampled_from(FIELDS), anything, max_size=2))
    for inside, at in draw(st.lists(st.sampled_from([*places(document)]), max_size=2)):
        inside[at] = draw(anything)
    return _encoded(document, draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32-be", "latin-1"])))


def _encoded(document: object, encoding: str) -> bytes:
    return json.dumps(document).encode(encoding)


def bodies(document: dict[str, Any]) -> st.SearchStrategy[bytes]:
    whole = json.dumps(document).encode()
    texts = st.sampled_from(
        [
            "error={}&error_description={}",
            "<p>{}",
            "{}",
            '"{}"',
            f"access_token={TOKEN}&error={{}}",
            f'{{{{"access_token": "{TOKEN}", "error": "{{}}',
            '{{"error": "{}',
        ]
    )
    return (
        changed(document)
        | anything.map(lambda value: _encoded(value, "utf-8"))
        | st.binary(max_size=60)
        | st.tuples(st.integers(0, len(whole)), st.binary(max_size=3)).map(
            lambda cut: whole[: cut[0]] + cut[1] + whole[cut[0] + len(cut[1]) :]
        )
        | st.tuples(texts, st.sampled_from([SECRET, "words"])).map(
            lambda text: text[0].format(text[1], text[1]).encode()
        )
    )


HEADERS = st.dictionaries(
    st.sampled_from(["Content-Type", "Content-Encoding", "Retry-After", "Date", "Location", "Content-Length", "X"]),
    st.sampled_from(
        [
            *("", "application/json", "text/plain; charset=utf-7", "text/html", "application/x-www-form-urlencoded"),
            *(
                "gzip",
                "deflate",
                "br",
                "-1",
                "120",
                "9" * 400,
                "1e400",
                "Fri, 31 Dec 9999 23:59:59 GMT",
                SECRET,
                "//[::1",
            ),
            *("Thu, 01 Jan 1970 00:00:00 GMT", "Sat, 32 Foo 2026 25:61:61 +9999", "https://a.example/?code=" + SECRET),
        ]
    )
    | st.text("abc;=/, \t\"'0123456789", max_size=12),
    max_size=3,
)
STATUSES = st.sampled_from([200, 200, 200, 201, 204, 301, 400, 401, 403, 408, 429, 500, 503]) | st.integers(200, 999)


@pytest.mark.parametrize("name", PROVIDERS)
@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    database=None,
)
@given(data=st.data())
def test_any_response_gives_a_token_or_an_error_of_ours(name: str, data: st.DataObject) -> None:
    body, headers, status = data.draw(bodies(DOCUMENTS[name])), data.draw(HEADERS), data.draw(STATUSES)
    response = httpx.Response(
        status, headers={name.encode(): each.encode() for name, each in headers.items()}, stream=httpx.ByteStream(body)
    )
    now, policy = _clock.monotonic(), RefreshPolicy()
    try:
        grant = request_token(
            registration_of(PROVIDERS[name]),
            Credentials(SECRET),
            "plain",
            policy=policy,
            transport=httpx.MockTransport(lambda _: response),
            deadline=now + 10,
        )
    except TokenError as error:
        for shown in (str(error), repr(error), *map(str, vars(error).values())):
            assert shown.isprintable()
            assert len(shown) < 1000
            assert found(shown) == set()
        wait = getattr(error, "retry_after", None)
        assert wait is None or 0 <= wait < math.inf
        return
    assert 200 <= status < 300
    assert TOKEN_TEXT.fullmatch(grant.token.access_token)
    assert grant.token.authorization.isascii()
    assert grant.token.authorization.isprintable()
    assert 0 < grant.lifetime < math.inf
    end = grant.token.expires_at
    assert end is None or datetime.now(UTC) - timedelta(seconds=10) < end
    assert found(repr(grant)) == set()
    with suppress(MalformedResponse):  # other types than the model's
        assert grant.token.response is not None
    life = grant.life(policy, 1.0)
    assert life.due <= life.expires <= life.ends
    entry = Entry(grant, grant.since + grant.lifetime)
    stored = Entry.from_bytes("key", entry.to_bytes("key"))
    assert stored.holds(grant.token) if stored else grant.lifetime < 10  # an entry that has ended is not there
