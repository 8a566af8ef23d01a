"""Prover: what a proof holds (RFC 9449 section 4.2), and which nonces it uses."""

import hashlib
import itertools
import os
import sys
import threading
import time
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import jwt
import pytest

from paygrant import ClientCredentials, MalformedResponse, MemoryStore, TokenRequestRejected, TokenSource
from paygrant._request import credentials, dpop
from paygrant._request.credentials import prover_for
from paygrant._request.dpop import Prover, absolute, is_of_process, key_of_process
from paygrant._request.signing_key import SigningKey
from tests.helpers.arguments import refusal
from tests.helpers.keys import pem, public_pem
from tests.helpers.servers import Reply, Seen, Server, granted

TOKEN = "tokcanaryd04e"
NOW = 1_800_000_000.9
TOKEN_URL = "https://auth.example/token"


@pytest.fixture
def prover() -> Prover:
    return Prover(SigningKey(pem("ES256")), lambda: NOW)


def claims(proof: str) -> dict[str, Any]:
    read: dict[str, Any] = jwt.decode(proof, public_pem("ES256"), algorithms=["ES256"], options={"verify_iat": False})
    return read


def test_a_proof_holds_what_the_rfc_demands(prover: Prover) -> None:
    proof = prover.proof("POST", TOKEN_URL)
    header = jwt.get_unverified_header(proof)
    assert header == {"alg": "ES256", "typ": "dpop+jwt", "jwk": SigningKey(pem("ES256")).public_jwk}
    read = claims(proof)
    assert len(read.pop("jti")) == 32  # 16 bytes in hexadecimal
    assert read == {"htm": "POST", "htu": TOKEN_URL, "iat": 1_800_000_000}


def test_a_proof_for_an_api_call_holds_the_hash_of_the_token(prover: Prover) -> None:
    for token in (TOKEN, TOKEN, "another"):
        expected = urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
        assert claims(prover.proof("GET", "https://api.example/", token))["ath"] == expected


@pytest.mark.parametrize("tail", ["?a=1", "#part", "?a=1#part", "#part?no=query"])
def test_query_and_fragment_stay_out_of_a_proof(prover: Prover, tail: str) -> None:
    assert claims(prover.proof("GET", f"https://api.example/x{tail}", TOKEN))["htu"] == "https://api.example/x"


def test_no_two_proofs_have_the_same_jti(prover: Prover) -> None:
    assert len({claims(prover.proof("GET", "https://api.example/", TOKEN))["jti"] for _ in range(50)}) == 50


def test_a_nonce_counts_at_its_origin_only(prover: Prover) -> None:
    prover.note_nonce("https://API.example/a?b", "n-1")
    assert claims(prover.proof("GET", "https://api.example/other", TOKEN))["nonce"] == "n-1"
    for url in ("https://api.example:8443/a", "http://api.example/a", "https://other.example/a"):
        assert "nonce" not in claims(prover.proof("GET", url, TOKEN))


def test_the_token_endpoint_has_nonces_of_its_own(prover: Prover) -> None:
    prover.note_nonce(TOKEN_URL, "of-the-api")
    assert "nonce" not in claims(prover.proof("POST", TOKEN_URL))
    prover.note_nonce(TOKEN_URL, "of-the-server", from_token_endpoint=True)
    assert claims(prover.proof("POST", TOKEN_URL))["nonce"] == "of-the-server"
    assert claims(prover.proof("POST", TOKEN_URL, TOKEN))["nonce"] == "of-the-api"


def test_the_newest_nonce_counts(prover: Prover) -> None:
    for nonce in ("n-1", "n-1", "n-2"):
        prover.note_nonce(TOKEN_URL, nonce, from_token_endpoint=True)
    assert claims(prover.proof("POST", TOKEN_URL))["nonce"] == "n-2"


def test_a_nonce_may_be_long(prover: Prover) -> None:
    prover.note_nonce(TOKEN_URL, "x" * 1024, from_token_endpoint=True)
    assert claims(prover.proof("POST", TOKEN_URL))["nonce"] == "x" * 1024


@pytest.mark.parametrize(
    ("status", "error", "is_demanded"),
    [
        (399, "use_dpop_nonce", False),
        (400, "use_dpop_nonce", True),
        (499, "use_dpop_nonce", True),
        (500, "use_dpop_nonce", False),
        (401, "invalid_token", False),
    ],
)
def test_an_api_demands_a_nonce_by_status_and_error(
    prover: Prover, status: int, error: str, *, is_demanded: bool
) -> None:
    url, challenges = "https://api.example/payments", ["Basic", f'DPoP error="{error}", algs="ES256"']
    assert prover.note_response(url, status, "n-1", challenges) == is_demanded
    assert claims(prover.proof("GET", url, TOKEN))["nonce"] == "n-1"
    assert "nonce" not in claims(prover.proof("POST", url))
    assert prover.note_response(url, status, None, challenges) == is_demanded


def test_clients_with_one_key_share_the_nonces_of_a_server() -> None:
    key, other = SigningKey(pem("ES256")), SigningKey(pem("ES256", 1))
    assert prover_for(key, "https://a.example") is prover_for(key, "https://a.example")
    assert prover_for(key, "https://a.example") is not prover_for(key, "https://b.example")
    assert prover_for(key, "https://a.example") is not prover_for(other, "https://a.example")
    assert prover_for(key, "https://a.example").thumbprint == key.thumbprint


def test_the_nonces_of_a_thousand_keys_are_kept() -> None:
    class Tenant(SigningKey):
        """A key of its own, without the time that making one takes."""

        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            return self is other

        __hash__ = object.__hash__

    keys = [Tenant(pem("EdDSA")) for _ in range(1000)]
    for each in keys:
        prover_for(each, "https://auth.example").note_nonce("https://api.example", "nonce-1")
    proofs = [prover_for(each, "https://auth.example").proof("GET", "https://api.example", "t") for each in keys]
    assert all(jwt.decode(each, options={"verify_signature": False})["nonce"] == "nonce-1" for each in proofs)


class Device:
    """A key in a device. Its owner may replace it."""

    def __init__(self, key: SigningKey) -> None:
        self.algorithm = key.algorithm
        self.public_jwk: Any = key.public_jwk
        self.key_id = None
        self.sign = key.sign


def test_another_key_in_a_device_has_a_prover_of_its_own() -> None:
    device: Any = Device(SigningKey(pem("RS256")))
    provers = [prover_for(device, "https://a.example")]
    assert prover_for(device, "https://a.example") is provers[0]
    device.algorithm = "PS256"
    provers.append(prover_for(device, "https://a.example"))
    device.public_jwk = SigningKey(pem("PS256")).public_jwk
    provers.append(prover_for(device, "https://a.example"))
    assert len({id(each) for each in provers}) == 3
    device.public_jwk = None
    text = refusal(lambda: prover_for(device, "https://a.example"), "dpop.public_jwk")
    assert text.startswith("dpop.public_jwk: is of type NoneType")


def test_a_device_that_cannot_sign_is_named_by_its_argument() -> None:
    def fail(_: bytes) -> bytes:
        raise OSError("canary")

    device: Any = Device(SigningKey(pem("ES256")))
    prover = prover_for(device, "https://a.example")
    assert (prover.is_immediate, prover_for(SigningKey(pem("ES256")), "https://a.example").is_immediate) == (
        False,
        True,
    )
    device.sign = fail
    text = refusal(lambda: prover.proof("GET", "https://a.example/"), "dpop")
    assert text.startswith("dpop: sign() raised OSError; ")


def test_a_token_that_is_not_bound_to_the_key_is_refused(server: Server) -> None:
    server.reply = granted(token_type="Bearer")
    with pytest.raises(MalformedResponse, match="DPoP"):
        TokenSource(bound(server, SigningKey(pem("ES256"))), store=MemoryStore()).get()


def test_clients_with_other_keys_share_no_token(server: Server) -> None:
    server.reply = lambda _: granted(f"token-{len(server.seen)}", token_type="DPoP")
    store = MemoryStore()
    keys = [SigningKey(pem("ES256")), SigningKey(pem("ES256", 1)), SigningKey(pem("ES256"))]
    tokens = [TokenSource(bound(server, key), store=store).get().access_token for key in keys]
    assert tokens == ["token-1", "token-2", "token-1"]


def test_a_proof_has_the_time_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "unix_time", lambda: NOW)
    monkeypatch.setattr(credentials, "_skews", {"https://c.example": -30})
    for origin, seconds in (("https://c.example", -30), ("https://d.example", 0)):
        assert claims(prover_for(SigningKey(pem("ES256")), origin).proof("GET", origin))["iat"] == int(NOW) + seconds


@pytest.mark.parametrize("nonce", [None, "", "x" * 1025, "é", "a\nb", "a, b", 'a"b', "a\\b"])
def test_what_is_no_nonce_is_ignored(prover: Prover, nonce: str | None) -> None:
    prover.note_nonce(TOKEN_URL, nonce, from_token_endpoint=True)
    assert "nonce" not in claims(prover.proof("POST", TOKEN_URL))


def test_no_proof_lacks_a_nonce_while_another_thread_notes_a_new_one(prover: Prover) -> None:
    """The second proof for a call would be the last one, and the caller would get the refusal."""
    ends = threading.Event()
    prover.note_nonce(TOKEN_URL, "n")

    def note() -> None:
        number = 0
        while not ends.is_set():
            number += 1
            prover.note_nonce(TOKEN_URL, f"n-{number}")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread = threading.Thread(target=note, daemon=True)
    thread.start()
    try:
        proofs = [prover.proof("GET", TOKEN_URL, TOKEN) for _ in range(2000)]
    finally:
        sys.setswitchinterval(interval)
        ends.set()
        thread.join(10)
    assert all("nonce" in claims(proof) for proof in proofs)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://API.Example:443/A", "https://api.example/A"),
        ("HTTP://api.example:80", "http://api.example/"),
        ("https://api.example:80/", "https://api.example:80/"),
        ("https://user:word@api.example/a@b", "https://api.example/a@b"),
        ("https://[::1]:443", "https://[::1]/"),
        ("https://[::443]/", "https://[::443]/"),
    ],
)
def test_a_proof_names_what_the_server_sees(prover: Prover, url: str, target: str) -> None:
    assert claims(prover.proof("GET", url, TOKEN))["htu"] == target
    prover.note_nonce(url, "n-1")
    assert claims(prover.proof("GET", target, TOKEN))["nonce"] == "n-1"


def test_a_proof_shows_no_more_of_a_key_than_identifies_it() -> None:
    class Device:
        algorithm, key_id = "ES256", None
        public_jwk: ClassVar[dict[str, object]] = {**SigningKey(pem("ES256")).public_jwk, "kid": "k", "x5c": b"odd"}

        def sign(self, data: bytes) -> bytes:
            return SigningKey(pem("ES256")).sign(data)

    header = jwt.get_unverified_header(Prover(Device(), lambda: NOW).proof("GET", TOKEN_URL, TOKEN))
    assert header["jwk"] == SigningKey(pem("ES256")).public_jwk


def test_the_number_of_nonces_is_bounded(prover: Prover) -> None:
    for number in range(1100):
        prover.note_nonce(f"https://{number}.example/", "n")
    assert "nonce" not in claims(prover.proof("GET", "https://75.example/", TOKEN))
    assert "nonce" in claims(prover.proof("GET", "https://76.example/", TOKEN))


def test_a_process_has_one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    key = key_of_process()
    monkeypatch.setattr(dpop, "new_key", None)  # making one takes time, so it is made once
    assert key_of_process() is key
    assert key_of_process().algorithm == "ES256"
    assert is_of_process(key_of_process())
    assert not is_of_process(SigningKey(pem("ES256")))


DEMAND = Reply({"error": "use_dpop_nonce"}, 400, {"DPoP-Nonce": "n-1"})


def bound(server: Server, key: SigningKey, number: int = 0) -> ClientCredentials:
    url = f"{server.base_url}/token"
    return ClientCredentials(client_id=f"c-{number}", client_secret="s", token_url=url, dpop=key)


def bound_source(server: Server, number: int = 0) -> TokenSource:
    return TokenSource(bound(server, SigningKey(pem("ES256")), number))


def test_all_clients_with_a_key_are_served_when_the_token_endpoint_demands_a_nonce(server: Server) -> None:
    """The first response gives the nonce. To the other clients, it is no new one when their responses come."""
    all_are_here = threading.Barrier(8)

    def reply(seen: Seen) -> Reply:
        if jwt.decode(seen.headers["DPoP"], options={"verify_signature": False}).get("nonce") == "n-1":
            return granted(token_type="DPoP")
        all_are_here.wait(10)
        return DEMAND

    server.reply = reply
    with ThreadPoolExecutor(8) as pool:
        tokens = pool.map(TokenSource.get, [bound_source(server, number) for number in range(8)])
        assert {token.token_type for token in tokens} == {"DPoP"}
    assert len(server.seen) == 16


def test_each_attempt_has_an_assertion_and_a_proof_of_its_own(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = itertools.count(time.time())
    monkeypatch.setattr(credentials, "unix_time", lambda: next(seconds))
    key = SigningKey(pem("ES256"))
    bank = ClientCredentials(
        client_id="c",
        token_url=f"{server.base_url}/token",
        auth_method="private_key_jwt",
        private_key=key,
        dpop=key,
    )
    replies = iter(
        [Reply({}, 503, {"Retry-After": "3"}), Reply({}, 503, {"Retry-After": "3"}), granted(token_type="DPoP")]
    )
    server.reply = lambda _: next(replies)
    source = TokenSource(bank, store=MemoryStore())
    assert source.get().token_type == "DPoP"
    bodies = [dict(parse_qsl(each.body.decode())) for each in server.seen]
    assert len(bodies) == 3
    for sent in ([each["client_assertion"] for each in bodies], [each.headers["DPoP"] for each in server.seen]):
        read = [jwt.decode(each, options={"verify_signature": False}) for each in sent]
        assert len({each["jti"] for each in read}) == 3
        assert all(later["iat"] - earlier["iat"] in range(60) for earlier, later in itertools.pairwise(read))


def test_a_forked_child_has_the_key_and_the_token_of_its_parent(server: Server) -> None:
    """A token is worth nothing without its key, and a child keeps the token. So it keeps the key as well."""
    server.reply = granted(token_type="DPoP")
    url = f"{server.base_url}/token"
    source = TokenSource(ClientCredentials(client_id="c", client_secret="s", token_url=url, dpop=True))
    token = source.get()
    header = jwt.get_unverified_header(source.dpop_proof(token, "GET", "https://api.example/"))
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            again = jwt.get_unverified_header(source.dpop_proof(source.get(), "GET", "https://api.example/"))
            os.write(writer, b"same" if again == header else b"another")
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        assert pipe.read() == b"same"
    os.waitpid(child, 0)
    assert len(server.seen) == 1


def test_a_token_request_is_repeated_for_a_nonce_once(server: Server) -> None:
    server.reply = DEMAND
    with pytest.raises(TokenRequestRejected, match="use_dpop_nonce"):
        bound_source(server).get()
    assert len(server.seen) == 2


def test_an_api_has_a_time_of_its_own_only_if_its_date_says_so(prover: Prover) -> None:
    url = "https://api.example/payments?page=2"
    refused = prover.proof("GET", url, TOKEN)
    later = format_datetime(datetime.fromtimestamp(NOW + 60, UTC), usegmt=True)
    for date in ("", "soon", format_datetime(datetime.fromtimestamp(NOW + 4, UTC), usegmt=True)):
        assert not prover.note_time(url, refused, date)
    assert prover.note_time(url, refused, later)
    proofs = [prover.proof("GET", url, TOKEN), prover.proof("GET", "https://other.example/", TOKEN)]
    proofs.append(prover.proof("POST", "https://api.example/token"))  # a token request has the time of its own server
    assert [claims(each)["iat"] - int(NOW) for each in proofs] == [60, 0, 0]
    assert not prover.note_time(url, proofs[0], later)
    assert claims(prover.proof("GET", url, TOKEN))["iat"] == int(NOW)


# The address of a call


def test_the_address_of_a_call_is_as_an_http_client_sends_it() -> None:
    assert absolute("url", "HTTPS://API.example/a/../b?c=d") == "https://api.example/b?c=d"
    assert absolute("url", "http://b\u00fccher.example/\u00e9") == "http://xn--bcher-kva.example/%C3%A9"


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://api.example:port/", "is no URL"),
        ("/payments", "has no host, or another scheme than http and https"),
        ("https:///payments", "has no host, or another scheme than http and https"),
        ("ftp://api.example/payments", "has no host, or another scheme than http and https"),
    ],
)
def test_the_address_of_a_call_must_be_whole(url: str, fault: str) -> None:
    expected = "expected the whole address of the call, such as https://api.example.com/payments"
    assert refusal(lambda: absolute("url", url), "url") == f"url: {fault}; {expected}"
