"""Nothing shows a private key, an assertion or a proof. Canaries are the keys, and what the servers received."""

import base64
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl

import httpx
import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from redis import Redis

from paygrant import (
    ClientCredentials,
    ConfigurationError,
    FileStore,
    InvalidClient,
    MemoryStore,
    PaygrantError,
    ProviderUnavailable,
    RedisStore,
    SigningKey,
    SpecProvider,
    Store,
    TokenAuth,
    TokenSource,
)
from paygrant._providers.base import registration_of
from paygrant.cli import main
from paygrant.doctor import diagnose
from tests.helpers.exposure import (
    CALLS,
    SPELLINGS,
    Watch,
    each_call,
    exposed,
    searched_failure,
    searched_refusal,
    shown,
)
from tests.helpers.keys import pem
from tests.helpers.observed import counts_in_json
from tests.helpers.secrets import SECRET, TOKEN, found, plant
from tests.helpers.servers import Reply, Seen, Server, granted, serve
from tests.peers.fixtures import RedisServer

PASSWORD = "seccanary91bc of a key"
ENDPOINTS = Path(__file__).parents[1] / "endpoints"
ASSERTION_FIELDS = ("client_assertion", "assertion")


def numbers_of(key: Any) -> Iterator[str]:
    """The private number of a key, in each form in which it may be shown."""
    if isinstance(key, RSAPrivateKey):
        number = key.private_numbers().d
    elif isinstance(key, EllipticCurvePrivateKey):
        number = key.private_numbers().private_value
    else:
        number = int.from_bytes(key.private_bytes_raw())
    raw = number.to_bytes((number.bit_length() + 7) // 8)
    yield from (str(number), f"{number:x}", base64.urlsafe_b64encode(raw).decode().rstrip("="))


def plant_key(text: str, password: str | None = None) -> str:
    """Search for the lines of a key, and for its private number."""
    lines = [line for line in text.splitlines() if not line.startswith("-----")]
    # The last lines of a short key hold its public part, and the first one how it is encoded.
    plant("key", "".join(lines)[40:100], *(line[:40] for line in lines[1:-1]))
    plant("key", *numbers_of(load_pem_private_key(text.encode(), password.encode() if password else None)))
    return text


def credentials_of(seen: Seen) -> list[str]:
    """The assertions and proofs in a request."""
    body = dict(parse_qsl(seen.body.decode()))
    sent = [body.get(name, "") for name in ASSERTION_FIELDS]
    sent += [seen.headers.get("DPoP", ""), seen.headers.get("Authorization", "").removeprefix("Bearer ")]
    return [each for each in sent if each.count(".") == 2]


def plant_sent(*servers: Server) -> None:
    """Search for the assertions and proofs that servers received: for claims and signature, and so for the whole.

    The header of an assertion holds what everybody may know.
    """
    sent = [each for server in servers for seen in server.seen for each in credentials_of(seen)]
    assert sent
    for each in sent:
        _, claims, signature = each.split(".")
        plant("sent", claims, signature)
    assert found(sent[0]) == {"sent"}


def key_client(server: Server, client_id: str = "client-1", **options: Any) -> ClientCredentials:
    arguments: dict[str, Any] = {
        "client_id": client_id,
        "token_url": f"{server.base_url}/token",
        "auth_method": "private_key_jwt",
        "private_key": SigningKey(plant_key(pem("ES256")), key_id="kid-1"),
        "dpop": SigningKey(plant_key(pem("ES256", 1))),
    }
    return ClientCredentials(**(arguments | options))


def locked_client(server: Server) -> ClientCredentials:
    text = plant_key(pem("RS256", password=PASSWORD), PASSWORD)
    return key_client(server, private_key=lambda: SigningKey(text, password=PASSWORD))


CLIENTS: dict[str, Callable[[Server], Any]] = {
    "a key and proofs": key_client,
    "the text of a key": lambda server: key_client(server, private_key=plant_key(pem("EdDSA")), dpop=True),
    "a callable that returns a text": lambda server: key_client(
        server, private_key=lambda: plant_key(pem("RS256")), dpop=False
    ),
    "a locked key": locked_client,
    "a secret that signs": lambda server: key_client(
        server, auth_method="client_secret_jwt", private_key=None, client_secret=SECRET
    ),
    "the header": lambda server: SpecProvider(
        ENDPOINTS / "github_app.yaml",
        client_id="client-1",
        private_key=plant_key(pem("RS256")),
        installation_id=1,
        base_url=server.base_url,
    ),
    "the JWT bearer grant": lambda server: SpecProvider(
        ENDPOINTS / "docusign.yaml",
        client_id="client-1",
        private_key=plant_key(pem("RS256")),
        user_id="user-1",
        scope="signature",
        audience="aud-1",
        environment="demo",
        base_url=server.base_url,
    ),
}
each_client = pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)


def grant(seen: Seen) -> Reply:
    kind = "DPoP" if "DPoP" in seen.headers else "Bearer"
    if "installations" in seen.path:
        return Reply({"token": TOKEN, "expires_at": "2999-01-01T00:00:00Z"}, 201)
    return granted(TOKEN, token_type=kind)


def things_of(source: TokenSource) -> list[object]:
    """What a program holds that uses a source."""
    cache = source._cache
    acquirer = getattr(cache, "_acquirer", None)
    provider: Any = source.provider
    return [
        source,
        provider,
        cache,
        acquirer,
        TokenAuth(source),
        vars(TokenAuth(source)),
        registration_of(provider),
        registration_of(provider).credentials(),
        registration_of(provider).prover,
        [getattr(provider, name, None) for name in ("private_key", "dpop", "certificate")],
    ]


@each_client
def test_no_object_and_no_log_shows_a_key_an_assertion_or_a_proof(
    client: Callable[[Server], Any], server: Server, watch: Watch
) -> None:
    server.reply = grant
    source = TokenSource(client(server), store=MemoryStore())
    with serve() as api:
        api.reply = Reply({})
        with httpx.Client(auth=TokenAuth(source), trust_env=False) as http:
            response = http.get(f"{api.base_url}/orders?page=2")
        plant_sent(*([server, api] if "DPoP" in api.seen[0].headers else [server]))
    things = [*things_of(source), response, response.request, response.request.headers, response.history]
    assert found("\n".join(text for thing in things for text in shown(thing))) == set()
    assert "send_request_headers.complete" in "\n".join(watch.lines)
    assert f'"provider": "{registration_of(source.provider).name}"' in counts_in_json()


CODINGS: dict[str, Callable[[str], str]] = {
    **SPELLINGS,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of more": lambda text: base64.b64encode(f"a={text}&b".encode()).decode(),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "hexadecimal": lambda text: text.encode().hex(),
    "reversed": lambda text: text[::-1],
    "in lines": lambda text: "\n".join(text[start : start + 40] for start in range(0, len(text), 40)),
}
PARTS: dict[str, Callable[[str], str]] = {
    "the whole": str,
    "the claims": lambda text: text.split(".")[1],
    "the signature": lambda text: text.split(".")[2],
    "the end": lambda text: text[-30:],
}


@pytest.mark.parametrize(
    ("coding", "part"),
    [
        (coding, part)
        for coding in CODINGS
        for part in PARTS
        if part == "the whole" or coding in {"plain", "percent", "base64", "hexadecimal"}
    ],
)
def test_a_server_that_repeats_what_it_received_is_cut_short(coding: str, part: str, server: Server) -> None:
    def reply(seen: Seen) -> Reply:
        repeated = " ".join(CODINGS[coding](PARTS[part](each)) for each in credentials_of(seen))
        return Reply({"error": "invalid_client", "error_description": f"refused: {repeated}"}, 401)

    server.reply = reply
    source = TokenSource(key_client(server), store=MemoryStore())
    error = searched_failure(source)
    plant_sent(server)
    assert isinstance(error, InvalidClient)
    assert (error.error_description or "").startswith("refu")  # chance may cut a letter more
    assert exposed(error) == set()
    assert len(str(error)) < 120


def failing_device(raised: type[Exception]) -> Any:
    """A key in a device whose fault repeats what was to be signed."""

    class Device:
        algorithm, key_id = "ES256", "device-1"
        public_jwk = SigningKey(pem("ES256")).public_jwk

        def sign(self, data: bytes) -> bytes:
            plant("sent", data.decode().split(".")[1])
            raise raised(f"{data.decode()} {data!r} {SECRET}")

    return Device()


def vanish(_: Seen) -> Reply:
    raise ConnectionError


FAILURES: dict[str, tuple[type[PaygrantError], dict[str, Any], Callable[[Seen], Reply]]] = {
    "a refusal": (InvalidClient, {}, lambda _: Reply({"error": "invalid_client"}, 401)),
    "a server error": (ProviderUnavailable, {}, lambda _: Reply(b"down", 503)),
    "no response": (ProviderUnavailable, {}, vanish),
    "a device that fails": (ConfigurationError, {"private_key": failing_device(RuntimeError)}, grant),
    "a device that fails with our error": (
        ConfigurationError,
        {"private_key": failing_device(ConfigurationError)},
        grant,
    ),
    "a device for proofs that fails": (ConfigurationError, {"dpop": failing_device(ValueError)}, grant),
    "a callable that returns a public key": (
        ConfigurationError,
        {"private_key": lambda: pem("ES256").replace("PRIVATE", "PUBLIC")},
        grant,
    ),
    "a callable that returns a damaged key": (
        ConfigurationError,
        {"private_key": lambda: pem("ES256").replace("MI", "MJ")},
        grant,
    ),
    "a callable that returns a number": (
        ConfigurationError,
        {"private_key": lambda: int(SECRET.encode().hex(), 16)},
        grant,
    ),
    "a callable that returns an asynchronous function": (ConfigurationError, {"private_key": lambda: vanish}, grant),
}


@each_call
@pytest.mark.parametrize("name", FAILURES)
def test_no_failure_shows_a_key_an_assertion_or_a_proof(
    name: str, call: Callable[[TokenSource], object], server: Server
) -> None:
    kind, options, server.reply = FAILURES[name]
    source = TokenSource(key_client(server, **options), store=MemoryStore())
    error = searched_failure(source, call)
    if server.seen:
        plant_sent(server)
    assert type(error) is kind
    assert exposed(error) == set()


def changed_key(change: Callable[[str], str]) -> Callable[[], object]:
    """A provider whose key is changed."""
    text = plant_key(pem("ES256"))
    return lambda: ClientCredentials(
        client_id="c", token_url="https://a.example/", auth_method="private_key_jwt", private_key=change(text)
    )


REFUSED: dict[str, Callable[[], Callable[[], object]]] = {
    "damaged": lambda: changed_key(lambda text: text.replace("MIG", "MIH")),
    "half": lambda: changed_key(lambda text: text[: len(text) // 2]),
    "without its frame": lambda: changed_key(lambda text: "".join(text.splitlines()[1:-1])),
    "twice": lambda: changed_key(lambda text: text + text),
    "public": lambda: changed_key(lambda text: text.replace("PRIVATE", "PUBLIC")),
    "with a NUL": lambda: changed_key(lambda text: text + "\0"),
    "too long": lambda: changed_key(lambda text: text * 1000),
    "in bytes of UTF-16": lambda: lambda: SigningKey(plant_key(pem("ES256")).encode("utf-16")),
    "for another algorithm": lambda: lambda: SigningKey(plant_key(pem("ES256")), algorithm="RS256"),
    "locked": lambda: lambda: SigningKey(plant_key(pem("ES256", 7, PASSWORD), PASSWORD)),
    "locked by another password": lambda: lambda: SigningKey(pem("ES256", 7, PASSWORD), password=f"not {PASSWORD}"),
    "a secret beside it": lambda: (
        lambda: ClientCredentials(
            client_id="c",
            token_url="https://a.example/",
            auth_method="private_key_jwt",
            client_secret=SECRET,
            private_key=plant_key(pem("ES256")),
        )
    ),
    "beside Basic": lambda: (
        lambda: ClientCredentials(
            client_id="c", token_url="https://a.example/", client_secret=SECRET, private_key=plant_key(pem("ES256"))
        )
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_no_refusal_of_a_key_shows_it(name: str) -> None:
    searched_refusal(REFUSED[name]())


def test_no_refusal_of_a_key_in_a_variable_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_CLIENT_ID", "c")
    monkeypatch.setenv("SHOP_TOKEN_URL", "https://a.example/")
    monkeypatch.setenv("SHOP_AUTH_METHOD", "private_key_jwt")
    text = plant_key(pem("ES256"))
    for value in (text.replace("MIG", "MIH"), text * 2, text[:100]):
        monkeypatch.setenv("SHOP_PRIVATE_KEY", value)
        assert "SHOP_PRIVATE_KEY" in str(searched_refusal(lambda: ClientCredentials.from_env("SHOP")))
    monkeypatch.setenv("SHOP_PRIVATE_KEY", text.replace("\n", "\\n"))
    assert found(repr(vars(ClientCredentials.from_env("SHOP")))) == set()


class OnceOnly:
    """A device that signs the token request, and then no more."""

    algorithm, key_id = "ES256", None

    def __init__(self) -> None:
        key = SigningKey(pem("ES256"))
        self.public_jwk, self._sign, self._left = key.public_jwk, key.sign, 1

    def sign(self, data: bytes) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise RuntimeError(data.decode())
        return self._sign(data)


@pytest.mark.parametrize("call", ["a call", "a call on asyncio", "a call on trio"])
def test_a_proof_that_cannot_be_made_shows_no_token(call: str, server: Server) -> None:
    server.reply = grant
    source = TokenSource(key_client(server, dpop=OnceOnly()), store=MemoryStore())
    assert source.get().access_token == TOKEN
    with pytest.raises(ConfigurationError, match=r"sign\(\) raised RuntimeError") as caught:
        CALLS[call](source)
    assert exposed(caught.value) == set()
    token = source.get()
    with pytest.raises(ConfigurationError, match=r"sign\(\) raised RuntimeError") as caught:
        source.dpop_proof(token, "GET", "https://api.example/")
    assert exposed(caught.value) == set()


@pytest.mark.parametrize("encrypted", [False, True])
def test_no_store_holds_a_key_an_assertion_or_a_proof(
    server: Server, tmp_path: Path, redis_server: RedisServer, *, encrypted: bool
) -> None:
    key = Fernet.generate_key().decode() if encrypted else None
    stores: list[Store] = [MemoryStore(), FileStore(tmp_path, key=key), RedisStore(redis_server.url, key=key)]
    refusal = Reply({"error": "invalid_client", "error_description": "no"}, 401)
    for store in stores:
        server.reply = grant
        TokenSource(key_client(server), store=store).get()
        server.reply = refusal
        with pytest.raises(InvalidClient):
            TokenSource(key_client(server, "client-2"), store=store).get()
    plant_sent(server)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    entries: Any = cast("Any", Redis).from_url(redis_server.url)
    names: list[bytes] = list(entries.scan_iter())
    kept = [*files, *names, *(path.read_bytes() for path in files), *(entries.dump(name) for name in names)]
    entries.close()
    assert len(files) >= 2
    assert len(names) >= 2
    texts = [repr(each) for each in kept] + [text for store in stores for text in shown(vars(store))]
    assert found("\n".join(texts)) - {"tokcanaryd04e"} == set()


PROGRAM = """
import sys, traceback
from pathlib import Path
from rich.console import Console
from rich.traceback import Traceback
from paygrant import ClientCredentials, MemoryStore, SigningKey, TokenError, TokenSource

def source():
    return TokenSource(ClientCredentials(
        client_id="client-1", token_url=sys.argv[-1] if len(sys.argv) == 2 else Path("url").read_text(),
        auth_method="private_key_jwt", private_key=SigningKey(Path("key.pem").read_text()), dpop=True,
    ), store=MemoryStore())

def test_it():
    made = source()
    made.get()

if __name__ == "__main__":
    try:
        test_it()
    except TokenError as error:
        print("".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()))
        Console().print(Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True))
"""


@pytest.mark.parametrize(
    "command", [[], ["-m", "pytest", "-p", "no:cacheprovider", "--showlocals", "--tb=long", "-vv"]]
)
def test_no_report_with_locals_shows_a_key_an_assertion_or_a_proof(
    command: list[str], server: Server, tmp_path: Path
) -> None:
    server.reply = lambda seen: Reply({"error": "invalid_client", "error_description": credentials_of(seen)[0]}, 401)
    url = f"{server.base_url}/token"
    for name, text in {"url": url, "key.pem": plant_key(pem("ES256")), "test_it.py": PROGRAM}.items():
        (tmp_path / name).write_text(text, "utf-8")
    line = [sys.executable, *command, "test_it.py", *([] if command else [url])]
    ran = subprocess.run(line, capture_output=True, text=True, check=False, cwd=tmp_path)
    plant_sent(server)
    assert "credentials refused" in ran.stdout
    assert "TokenSource" in ran.stdout
    assert found(ran.stdout + ran.stderr) == set()


@pytest.mark.parametrize("reply", [granted("token-1", token_type="DPoP"), Reply({"error": "x"}, 401)])
@pytest.mark.parametrize(
    "command", [["token", "--no-cache", "-v", "--json"], ["token"], ["doctor"], ["doctor", "--json"]]
)
def test_the_command_line_shows_no_key_no_assertion_and_no_proof(
    command: list[str],
    reply: Reply,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.reply = reply
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("key.pem").write_text(plant_key(pem("ES256")), "utf-8")
    address = ["--token-url", f"{server.base_url}/token", "--client-id", "client-1"]
    main(
        [
            command[0],
            *address,
            "--auth-method",
            "private_key_jwt",
            "--private-key-file",
            "key.pem",
            "--dpop",
            *command[1:],
        ]
    )
    plant_sent(server)  # after the test, the outputs are searched


@each_client
def test_no_finding_of_the_doctor_shows_a_key_an_assertion_or_a_proof(
    client: Callable[[Server], Any], server: Server
) -> None:
    for status in (401, 400, 200, 500):
        server.reply = lambda seen, status=status: Reply({"error": credentials_of(seen)[0]}, status)
        findings = list(diagnose(client(server)))
        plant_sent(server)
        assert found("\n".join(text for each in findings for text in shown(each))) == set()
