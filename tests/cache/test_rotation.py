"""A secret may change: it is read for each renewal, and once more after a refusal. No restart is needed."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import jwt
import pytest

from paygrant import ClientCredentials, ConfigurationError, Cryptofuse, InvalidClient, SigningKey, TokenSource
from tests.helpers.clock import Clock
from tests.helpers.keys import pem
from tests.helpers.providers import settle
from tests.helpers.servers import Reply, Seen, Server, granted


class Vault:
    """Gives a secret; those that follow come one a read."""

    def __init__(self, secret: str, *following: str) -> None:
        self.secret = secret
        self.following = [*following]
        self.reads = 0

    def __call__(self) -> str:
        self.reads += 1
        given = self.secret
        if self.following:
            self.secret = self.following.pop(0)
        return given


class Endpoint:
    """Grants token-1, token-2, ... to the one who has the accepted secret, and refuses all others."""

    def __init__(self, server: Server) -> None:
        self.accepted = "first"
        self.server = server
        server.reply = self.respond

    def respond(self, seen: Seen) -> Reply:
        if basic(self.accepted) != seen.headers["Authorization"]:
            return Reply({"error": "invalid_client"}, 401)
        return granted(f"token-{len(self.server.seen)}")

    @property
    def secrets(self) -> list[str]:
        """The secret of each request so far."""
        known = {basic(secret): secret for secret in ("first", "second", "third")}
        return [known[seen.headers["Authorization"]] for seen in self.server.seen]


def basic(secret: str) -> str:
    return f"Basic {b64encode(f'test-client:{secret}'.encode()).decode()}"


@pytest.fixture
def endpoint(server: Server) -> Endpoint:
    return Endpoint(server)


def source_of(vault: Vault, server: Server) -> TokenSource:
    return TokenSource(Cryptofuse(client_id="test-client", client_secret=vault, base_url=server.base_url))


def test_the_secret_is_read_for_renewals_only(endpoint: Endpoint, server: Server) -> None:
    vault = Vault("first")
    source = source_of(vault, server)
    for renewal in (1, 2, 3):
        token = source.get()
        for _ in range(5):
            assert source.get() is token
        assert vault.reads == renewal
        source.invalidate(token)


def test_a_new_secret_is_used_from_the_next_renewal_on(endpoint: Endpoint, server: Server, clock: Clock) -> None:
    vault = Vault("first")
    source = source_of(vault, server)
    source.get()
    vault.secret = endpoint.accepted = "second"
    assert source.get().access_token == "token-1"
    clock.pass_by(3600)
    assert source.get().access_token == "token-2"
    assert endpoint.secrets == ["first", "second"]


def test_a_secret_that_changed_during_its_refusal_fails_no_caller(endpoint: Endpoint, server: Server) -> None:
    endpoint.accepted = "second"
    vault = Vault("first", "second")
    assert source_of(vault, server).get().access_token == "token-2"
    assert endpoint.secrets == ["first", "second"]
    assert vault.reads == 2


def test_an_unchanged_secret_causes_no_second_request(endpoint: Endpoint, server: Server, pauses: list[float]) -> None:
    endpoint.accepted = "second"
    vault = Vault("first")
    source = source_of(vault, server)
    for reads in (2, 4, 6):  # each time once more than for the request
        with pytest.raises(InvalidClient):
            source.get()
        assert vault.reads == reads
    assert endpoint.secrets == ["first"]
    assert pauses == []


def test_a_refused_string_is_sent_once(endpoint: Endpoint, server: Server) -> None:
    provider = Cryptofuse(client_id="test-client", client_secret="second", base_url=server.base_url)
    with pytest.raises(InvalidClient):
        TokenSource(provider).get()
    assert endpoint.secrets == ["second"]


def test_two_refused_secrets_make_exactly_two_requests(endpoint: Endpoint, server: Server) -> None:
    endpoint.accepted = "third"
    source = source_of(Vault("first", "second"), server)
    for _ in range(3):
        with pytest.raises(InvalidClient):
            source.get()
    assert endpoint.secrets == ["first", "second"]


def test_another_refusal_does_not_read_the_secret_again(server: Server) -> None:
    server.reply = Reply({"error": "invalid_scope"}, 400)
    vault = Vault("first", "second")
    with pytest.raises(Exception, match="invalid_scope"):
        source_of(vault, server).get()
    assert (vault.reads, len(server.seen)) == (1, 1)


def test_a_refusal_ends_when_the_secret_changes(endpoint: Endpoint, server: Server, clock: Clock) -> None:
    vault = Vault("first")
    source = source_of(vault, server)
    source.invalidate(source.get())
    endpoint.accepted = "second"
    for _ in range(3):
        with pytest.raises(InvalidClient):
            source.get()
    assert endpoint.secrets == ["first", "first"]

    vault.secret = "second"  # no time has passed
    assert source.get().access_token == "token-3"
    assert endpoint.secrets == ["first", "first", "second"]


def test_a_refusal_affects_its_own_secret_only(endpoint: Endpoint, server: Server, clock: Clock) -> None:
    vault = Vault("second")
    source = source_of(vault, server)
    with pytest.raises(InvalidClient):
        source.get()
    vault.secret = "first"
    source.invalidate(source.get())
    vault.secret = "second"
    with pytest.raises(InvalidClient):
        source.get()
    assert endpoint.secrets == ["second", "first"]


def test_a_rotation_before_the_token_ends_fails_no_caller(endpoint: Endpoint, server: Server, clock: Clock) -> None:
    vault = Vault("first")
    source = source_of(vault, server)
    old = source.get()
    endpoint.accepted = "second"
    clock.pass_by(3600 - 31)  # due
    for _ in range(5):
        assert source.get() is old
    settle(source)
    clock.pass_by(3)  # within the margin
    assert source.get() is old
    settle(source)
    vault.secret = "second"
    clock.pass_by(30)
    assert source.get().access_token != old.access_token
    assert endpoint.secrets[-1] == "second"


def test_the_error_names_a_callable_that_fails_after_a_refusal(endpoint: Endpoint, server: Server) -> None:
    def fails_in_the_end() -> str:
        reads.append(1)
        if len(reads) > 1:
            raise LookupError
        return "second"

    reads: list[int] = []
    provider = Cryptofuse(client_id="test-client", client_secret=fails_in_the_end, base_url=server.base_url)
    with pytest.raises(ConfigurationError, match="client_secret: the callable raised LookupError") as caught:
        TokenSource(provider).get()
    assert caught.value.__context__ is None
    assert endpoint.secrets == ["second"]


# Mounted files


def rewritten(path: Path, secret: str) -> None:
    path.write_text(f"{secret}\n", encoding="utf-8")


def replaced(path: Path, secret: str) -> None:
    """As an orchestrator does: a new file takes the old one's place at once."""
    new = path.with_name("new")
    rewritten(new, secret)
    new.replace(path)


@pytest.mark.parametrize("change", [rewritten, replaced])
def test_a_changed_secret_file_is_used_without_a_restart(
    endpoint: Endpoint,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path, str], None],
) -> None:
    mounted = tmp_path / "secret"
    rewritten(mounted, "first")
    monkeypatch.delenv("CRYPTOFUSE_CLIENT_SECRET", raising=False)
    monkeypatch.setenv("CRYPTOFUSE_CLIENT_ID", "test-client")
    monkeypatch.setenv("CRYPTOFUSE_CLIENT_SECRET_FILE", str(mounted))
    source = TokenSource(Cryptofuse.from_env(base_url=server.base_url))
    source.invalidate(source.get())

    endpoint.accepted = "second"
    for _ in range(2):
        with pytest.raises(InvalidClient):
            source.get()
    change(mounted, "second")
    assert source.get().access_token == "token-3"
    assert endpoint.secrets == ["first", "first", "second"]


class Device:
    """A key in a device. It counts as empty, as an object with a length may."""

    algorithm = "ES256"

    def __init__(self, key_id: str) -> None:
        self.key_id = key_id
        self._key = SigningKey(pem("ES256"))

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)

    def __len__(self) -> int:
        return 0


def test_the_earlier_key_is_tried_beside_a_new_one_that_counts_as_empty(server: Server) -> None:
    keys = [Device("first")]

    def respond(seen: Seen) -> Reply:
        [assertion] = parse_qs(seen.body.decode())["client_assertion"]
        known = jwt.get_unverified_header(assertion)["kid"] == "first"
        return granted(f"token-{len(server.seen)}") if known else Reply({"error": "invalid_client"}, 401)

    server.reply = respond
    client = ClientCredentials(
        client_id="c",
        token_url=f"{server.base_url}/token",
        auth_method="private_key_jwt",
        private_key=lambda: keys[-1],
    )
    source = TokenSource(client)
    source.invalidate(source.get())
    keys.append(Device("second"))
    assert source.get().access_token == "token-3"
