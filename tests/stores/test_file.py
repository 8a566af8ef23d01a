"""FileStore: processes of one machine share a token and one request. Other files in the folder are harmless."""

import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
from cryptography.fernet import Fernet

from paygrant import ConfigurationError, Cryptofuse, FileStore, InvalidClient, Token, TokenSource
from paygrant._stores.base import Entry, Store
from paygrant._stores.file import clear_entries, folder_of, make_folder, stored_entries
from paygrant._tokens.lifecycle import Grant
from tests.helpers.clock import Clock
from tests.helpers.fleet import fleet
from tests.helpers.servers import Reply, Server

KEY = "0f" * 32
ROUNDS = 200 if os.environ.get("PAYGRANT_SLOW") or os.environ.get("CI") else 20


def entry_at(now: float, token: str = "token-1", lifetime: float = 3600.0) -> Entry:
    return Entry(Grant(Token(token), now, lifetime), now + lifetime)


def fresh(token: str = "token-1", lifetime: float = 3600.0) -> Entry:
    return entry_at(time.monotonic(), token, lifetime)


def token_in(store: FileStore, key: str = KEY) -> str | None:
    entry = store.load(key)
    assert entry is None or isinstance(entry.outcome, Grant)
    return entry.outcome.token.access_token if entry and isinstance(entry.outcome, Grant) else None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "paygrant"


@pytest.fixture
def store(folder: Path) -> FileStore:
    return FileStore(folder)


@pytest.fixture
def file(folder: Path) -> Path:
    """Where the token of KEY is kept."""
    return folder / f"{KEY}.token"


@pytest.fixture
def wide_open() -> Iterator[None]:
    """A process that takes no permission away from what it makes."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_what_is_saved_is_found_by_another_store_of_the_same_folder(store: FileStore, folder: Path) -> None:
    assert isinstance(store, Store)
    assert store.load(KEY) is None
    store.save(KEY, fresh())
    assert token_in(FileStore(str(folder))) == "token-1"
    store.save(KEY, fresh("token-2"))
    assert token_in(FileStore(str(folder))) == "token-2"


def test_a_refusal_is_shared(provider: Cryptofuse, server: Server, store: FileStore) -> None:
    server.reply = Reply({"error": "invalid_client"}, 401)
    with pytest.raises(InvalidClient):
        TokenSource(provider, store=store).get()
    entry = next(store.load(each.stem) for each in store._folder.glob("*.token"))
    assert entry
    assert isinstance(entry.outcome, InvalidClient)
    assert entry.outcome.error == "invalid_client"
    assert entry.outcome.status == 401


def test_folder_and_files_are_for_their_owner_alone(wide_open: None, store: FileStore, folder: Path) -> None:
    with store.lock(KEY, 1):
        store.save(KEY, fresh())
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {each.suffix: each.stat().st_mode & 0o777 for each in folder.iterdir()} == {".token": 0o600, ".lock": 0o600}


def test_without_a_path_it_is_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    FileStore().save(KEY, fresh())
    assert (tmp_path / "paygrant" / f"{KEY}.token").exists()


class BytesPath:
    def __fspath__(self) -> bytes:
        return b"/tmp"


@pytest.mark.parametrize("path", ["", 5, b"/tmp", BytesPath(), "a\0b"])
def test_a_bad_path_is_refused(path: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^path: "):
        FileStore(path)


def no_entry(uid: int) -> NoReturn:
    raise KeyError(uid)


@pytest.mark.parametrize("home", [None, "relative"])
def test_without_a_home_folder_the_path_must_be_given(
    home: str | None, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", no_entry)
    monkeypatch.setenv("HOME", home) if home else monkeypatch.delenv("HOME", raising=False)
    with pytest.raises(ConfigurationError) as caught:
        FileStore()
    assert str(caught.value) == (
        "path: is not given, and this user has no home folder; "
        "expected the path of a folder, or HOME or XDG_CACHE_HOME set to an absolute path"
    )
    assert FileStore(folder) == FileStore(str(folder))


def test_a_relative_path_needs_a_working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConfigurationError, match=r"^path: is relative, and the working folder does not exist"):
        FileStore("here")


def test_stores_of_the_same_folder_and_key_are_equal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = Fernet.generate_key(), Fernet.generate_key()
    assert FileStore(folder) == FileStore(str(folder))
    assert FileStore(folder, key=one) == FileStore(folder, key=one.decode())
    assert len({FileStore(folder), FileStore(folder), FileStore(folder, key=one), FileStore(folder, key=other)}) == 3
    assert FileStore(folder) != folder
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder.parent)
    assert FileStore("paygrant") == FileStore(folder)


def test_its_repr_shows_the_folder_and_no_key(folder: Path) -> None:
    assert repr(FileStore(folder, key=Fernet.generate_key())) == f"<FileStore {str(folder)!r}>"


def _chmod(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o770)


def _link(folder: Path) -> None:
    folder.parent.mkdir()
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    folder.symlink_to(elsewhere)


def _file(folder: Path) -> None:
    folder.parent.mkdir()
    folder.touch()


@pytest.mark.parametrize("spoil", [_chmod, _link, _file])
def test_a_folder_that_others_could_reach_into_is_refused_at_each_use(
    spoil: Callable[[Path], None], store: FileStore, folder: Path
) -> None:
    spoil(folder)
    uses: list[Callable[[], object]] = [
        lambda: store.load(KEY),
        lambda: store.save(KEY, fresh()),
        lambda: store.discard(KEY, Token("token-1")),
        store.lock(KEY, 1).__enter__,
    ]
    for use in uses:
        with pytest.raises(OSError, match="paygrant"):
            use()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs another user's file: run as root")
def test_a_folder_and_files_of_another_user_are_not_trusted(store: FileStore, folder: Path, file: Path) -> None:
    store.save(KEY, fresh())
    os.chown(file, 65534, 65534)
    assert store.load(KEY) is None
    os.chown(folder, 65534, 65534)
    with pytest.raises(PermissionError):
        store.load(KEY)


def _truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-10])


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _noise(file: Path) -> None:
    file.write_bytes(random.Random(1).randbytes(500))


def _huge(file: Path) -> None:
    os.truncate(file, 1 << 40)


def _another_keys(file: Path) -> None:
    other = "f0" * 32
    FileStore(file.parent).save(other, fresh("token-of-another"))
    file.with_name(f"{other}.token").rename(file)


def _symlink(file: Path) -> None:
    elsewhere = file.rename(file.with_name("elsewhere"))
    file.symlink_to(elsewhere)


def _dangling(file: Path) -> None:
    file.unlink()
    file.symlink_to("nowhere")


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _socket(file: Path) -> None:
    file.unlink()
    here = Path.cwd()
    os.chdir(file.parent)  # the path of a socket has to be short
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(file.name)
    finally:
        os.chdir(here)


@pytest.mark.parametrize(
    "damage", [_truncate, _empty, _noise, _huge, _another_keys, _symlink, _dangling, _pipe, _socket]
)
def test_a_damaged_or_foreign_file_is_ignored(damage: Callable[[Path], None], store: FileStore, file: Path) -> None:
    store.save(KEY, fresh())
    damage(file)
    assert store.load(KEY) is None
    store.discard(KEY, Token("token-1"))
    store.save(KEY, fresh("token-2"))
    assert token_in(store) == "token-2"
    assert not file.is_symlink()


def test_a_token_is_not_written_through_a_symbolic_link(store: FileStore, file: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    store.save(KEY, fresh())
    file.unlink()
    file.symlink_to(victim)
    store.save(KEY, fresh())
    assert victim.read_text() == "precious"


def test_a_save_that_fails_leaves_nothing_behind(store: FileStore, file: Path) -> None:
    file.parent.mkdir(parents=True, mode=0o700)
    (file / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match=KEY):
        store.save(KEY, fresh())
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_a_token_ages_in_its_file(clock: Clock, store: FileStore) -> None:
    store.save(KEY, entry_at(clock.seconds, lifetime=100))
    clock.pass_by(60)
    entry = store.load(KEY)
    assert entry
    assert isinstance(entry.outcome, Grant)
    assert entry.outcome.since == pytest.approx(1000)
    assert entry.until == pytest.approx(1100)
    clock.pass_by(40)
    assert store.load(KEY) is None


def test_times_hold_across_the_monotonic_clocks_of_processes(clock: Clock, store: FileStore) -> None:
    store.save(KEY, entry_at(clock.seconds, lifetime=100))
    clock.seconds, clock.offset = 5.0, timedelta(seconds=1000 + 60 - 5)
    entry = store.load(KEY)
    assert entry
    assert entry.until == pytest.approx(45)


@pytest.mark.parametrize("days", [-1, 1])
def test_a_token_is_ignored_after_a_jump_of_the_wall_clock(clock: Clock, store: FileStore, days: int) -> None:
    store.save(KEY, entry_at(clock.seconds))
    clock.offset = timedelta(days=days)
    assert store.load(KEY) is None
    store.save(KEY, entry_at(clock.seconds, "token-2"))
    assert token_in(store) == "token-2"


def test_a_small_correction_of_the_wall_clock_is_ignored(clock: Clock, store: FileStore) -> None:
    store.save(KEY, entry_at(clock.seconds))
    clock.offset = timedelta(seconds=-0.5)
    entry = store.load(KEY)
    assert entry
    assert entry.until <= clock.seconds + 3600


def test_discard_removes_this_very_token_only(store: FileStore, folder: Path) -> None:
    store.save(KEY, fresh("token-2"))
    store.discard(KEY, Token("token-1"))
    assert token_in(store) == "token-2"
    store.discard(KEY, Token("token-2"))
    assert list(folder.iterdir()) == []
    store.discard(KEY, Token("token-2"))


def test_discarding_an_old_token_keeps_a_new_one(store: FileStore, folder: Path) -> None:
    store.save(KEY, fresh("token-1"))
    holds = store._holds

    def and_then_another_saves(key: str, path: Path, token: Token) -> bool:
        found = holds(key, path, token)
        if path.suffix == ".token":
            FileStore(folder).save(KEY, fresh("token-2"))
        return found

    store._holds = and_then_another_saves  # type: ignore[method-assign]
    store.discard(KEY, Token("token-1"))
    assert token_in(store) == "token-2"
    assert len(list(folder.iterdir())) == 1


def test_the_sweep_removes_ended_entries_only(clock: Clock, store: FileStore, folder: Path) -> None:
    def make(name: str, age: float) -> str:
        now = clock.wall().timestamp()
        (folder / name).touch()
        os.utime(folder / name, (now - age, now - age))
        return name

    store.save("aa", entry_at(clock.seconds, lifetime=10))
    store.save("bb", entry_at(clock.seconds, lifetime=3600))
    clock.pass_by(100)
    make(f"{KEY}.x.new", 100)
    make("ee.lock", 4000)
    kept = {make(f"{KEY}.y.new", 1), make(f"{KEY}.lock", 3000), make("notes.txt", 1e6)}
    FileStore(folder).save(KEY, entry_at(clock.seconds))
    assert {each.name for each in folder.iterdir()} == kept | {"bb.token", f"{KEY}.token"}


def test_encrypted_files_hold_no_token_and_need_their_key(folder: Path, file: Path) -> None:
    key = Fernet.generate_key()
    FileStore(folder, key=key).save(KEY, fresh())
    assert not file.exists()  # the name shows nothing either: it is made with the key
    [file] = folder.glob("*.token")
    assert b"token-1" not in file.read_bytes()
    assert token_in(FileStore(folder, key=lambda: key)) == "token-1"
    assert token_in(FileStore(folder, key=Fernet.generate_key())) is None
    assert token_in(FileStore(folder)) is None


@pytest.mark.parametrize("later", [3601, 86400])
def test_an_old_encrypted_file_that_is_put_back_is_no_younger(folder: Path, clock: Clock, later: float) -> None:
    store = FileStore(folder, key=Fernet.generate_key())
    store.save(KEY, entry_at(clock()))
    [file] = folder.glob("*.token")
    old = file.read_bytes()
    clock.pass_by(1800)
    entry = store.load(KEY)
    assert entry
    assert entry.seconds_left == pytest.approx(1800)
    clock.pass_by(later - 1800)
    store.save(KEY, entry_at(clock(), "token-2"))
    file.write_bytes(old)
    later_still = clock.wall().timestamp() + 7200
    os.utime(file, (later_still, later_still))
    assert store.load(KEY) is None


def test_a_lock_has_one_holder_and_a_waiter_gives_up_after_the_lease(store: FileStore, folder: Path) -> None:
    with store.lock(KEY, 5):
        with FileStore(folder).lock("ee" * 32, 5):
            pass
        outcome: list[type] = []

        def wait() -> None:
            try:
                with FileStore(folder).lock(KEY, 0.1):
                    outcome.append(str)
            except TimeoutError:
                outcome.append(TimeoutError)

        thread = threading.Thread(target=wait)
        thread.start()
        thread.join()
        assert outcome == [TimeoutError]
    with FileStore(folder).lock(KEY, 0.1):
        pass


HOLDER = """
import os, sys, time
from paygrant import FileStore
with FileStore(sys.argv[1]).lock(sys.argv[2], 5):
    if sys.argv[3:] == ["fork"] and not os.fork():
        time.sleep(30)
        os._exit(0)
    print(os.getpid(), flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("more", [[], ["fork"]])
def test_a_lock_ends_with_its_holder_although_a_child_lives_on(store: FileStore, folder: Path, more: list[str]) -> None:
    command = [sys.executable, "-c", HOLDER, str(folder), KEY, *more]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", start_new_session=True
    ) as holder:
        try:
            assert holder.stdout
            assert holder.stdout.readline() == f"{holder.pid}\n"
            with pytest.raises(TimeoutError), store.lock(KEY, 0.05):
                pass
            holder.kill()
            holder.wait()
            started = time.monotonic()
            with store.lock(KEY, 10):
                assert time.monotonic() - started < 1
        finally:
            with suppress(ProcessLookupError):
                os.killpg(holder.pid, signal.SIGKILL)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_forked_while_the_lock_is_held_does_not_have_it(store: FileStore) -> None:
    context = multiprocessing.get_context("fork")
    outcome = context.SimpleQueue()

    def child() -> None:
        try:
            with store.lock(KEY, 0.1):
                outcome.put("has it")
        except TimeoutError:
            outcome.put("waited")

    with store.lock(KEY, 5):
        process = context.Process(target=child)
        process.start()
        process.join()
        assert outcome.get() == "waited"
        with pytest.raises(TimeoutError):
            _on_a_thread(lambda: store.lock(KEY, 0.05).__enter__())
    outcome.close()


def _on_a_thread(call: Callable[[], object]) -> None:
    """Run a call on a thread of its own, and raise here what it raises."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    for error in raised:
        raise error


@pytest.mark.parametrize("key", ["", f", key={Fernet.generate_key()!r}"], ids=["clear", "encrypted"])
def test_8_processes_of_8_threads_make_one_request(server: Server, folder: Path, key: str) -> None:
    with fleet(f"FileStore({str(folder)!r}{key})", server) as processes:
        assert processes.get() == ["token-1"] * 64
    assert len(server.seen) == 1


KILLED = """
import sys, time
from paygrant import FileStore, Token
from paygrant._tokens.lifecycle import Grant
from paygrant._stores.base import Entry
store, key = FileStore(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
number = 0
while True:
    number += 1
    token = Token(f"token-{number}-" + "x" * 20000)
    with store.lock(key, 5):
        now = time.monotonic()
        store.save(key, Entry(Grant(token, now, 3600.0), now + 3600.0))
    assert store.load(key)
    if number % 5 == 0:
        store.discard(key, token)
"""


def test_killed_processes_leave_whole_files_and_a_free_lock(store: FileStore, folder: Path) -> None:
    moments = random.Random(7)
    for _ in range(ROUNDS):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, str(folder), KEY], stdout=subprocess.PIPE, encoding="utf-8"
        ) as process:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            time.sleep(moments.uniform(0, 0.03))
            assert process.poll() is None
            process.kill()
        started = time.monotonic()
        with store.lock(KEY, 5):
            token = token_in(store)
            assert token is None or len(token) > 20000
            file = folder / f"{KEY}.token"
            assert (token is not None) == file.exists()
        assert time.monotonic() - started < 1


def test_processes_killed_during_their_request_block_no_others(server: Server, folder: Path) -> None:
    expression = f"FileStore({str(folder)!r})"
    for _ in range(ROUNDS // 10):
        asked = len(server.seen)
        server.hold.clear()
        server.asked.clear()
        with (
            fleet(expression, server, processes=1, threads=1) as first,
            fleet(expression, server, processes=1) as second,
        ):
            process = first.processes[0]
            assert process.stdin
            process.stdin.write("get\n")
            process.stdin.flush()
            assert server.asked.wait(10)
            process.kill()
            server.hold.set()
            started = time.monotonic()
            assert set(second.get()) == {f"token-{asked + 2}"}
            assert time.monotonic() - started < 1.5
        for file in folder.glob("*.token"):
            file.unlink()


def test_an_unusable_folder_fails_no_caller(
    provider: Cryptofuse, server: Server, store: FileStore, folder: Path
) -> None:
    _chmod(folder)
    assert TokenSource(provider, store=store).get().access_token == "token-1"
    assert len(server.seen) == 1


# For people who look into a store


def test_the_entries_of_a_folder_are_listed_by_key(store: FileStore, clock: Clock) -> None:
    other = "a" * 64
    store.save(KEY, entry_at(clock()))
    store.save(other, entry_at(clock(), "token-2", 60))
    first, second = stored_entries(store)
    assert (first.key, second.key) == (KEY, other)
    assert first.entry is not None
    assert first.entry.holds(Token("token-1"))
    assert first.expires > second.expires
    clock.pass_by(60)
    assert [each.key for each in stored_entries(store)] == [KEY]


def test_an_entry_of_another_key_is_listed_without_its_contents(folder: Path, clock: Clock) -> None:
    FileStore(folder, key=Fernet.generate_key()).save(KEY, entry_at(clock()))
    [found] = stored_entries(FileStore(folder))
    assert found.entry is None
    assert found.key != KEY


def test_chosen_entries_of_a_folder_are_removed(store: FileStore, clock: Clock) -> None:
    keys = ["a" * 64, "b" * 64, "c" * 64]
    for key in keys:
        store.save(key, entry_at(clock()))
    clear_entries(store, keys[:1])
    assert [each.key for each in stored_entries(store)] == keys[1:]
    clear_entries(store)
    assert stored_entries(store) == []


def test_looking_into_a_store_makes_no_folder(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "none")
    assert stored_entries(store) == []
    clear_entries(store)
    assert not folder_of(store).exists()
    assert make_folder(store) == folder_of(store) == tmp_path / "none"
    assert folder_of(store).is_dir()
