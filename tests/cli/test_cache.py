"""``paygrant cache``."""

import json
import os
from pathlib import Path
from typing import Any, cast

import pytest

from paygrant import Ripple
from paygrant._providers.base import registration_of
from paygrant._request.credentials import Credentials
from paygrant._secrets import fingerprint
from tests.helpers.clock import Clock
from tests.helpers.command_line import SECRET, TOKEN
from tests.helpers.servers import Reply, Server, granted

pytestmark = pytest.mark.usefixtures("user", "nothing_leaks")


def test_the_cache_is_shown_by_fingerprints(run: Any, server: Server) -> None:
    run("token", "ripple")
    server.reply = Reply({"error": "invalid_client"}, 401)
    run("token", "ripple", "--environment", "uat")
    code, out, err = run("cache", "list")
    assert (code, err) == (0, "")
    heading, *lines = [line.split() for line in out.splitlines()]
    assert heading == ["key", "provider", "environment", "kept", "state", "ends"]
    kept = {line[2]: [line[1], *line[3:-1]] for line in lines}
    assert kept == {
        "test": ["ripple", "token", fingerprint(TOKEN), "fresh"],
        "uat": ["ripple", "error", "InvalidClient"],
    }


def test_the_cache_is_shown_as_json(run: Any, clock: Clock) -> None:
    assert run("cache", "list", "--json").out == "[]\n"
    run("token", "ripple")
    key = registration_of(Ripple.from_env()).cache_key(Credentials(SECRET))
    assert json.loads(run("cache", "list", "--json").out) == [
        {
            "key": key[:8],
            "provider": "ripple",
            "environment": "test",
            "kept": f"token {fingerprint(TOKEN)}",
            "fingerprint": fingerprint(TOKEN),
            "state": "fresh",
            "ends": "2026-11-21T01:16:40+00:00",
        }
    ]
    clock.pass_by(3000)
    assert json.loads(run("cache", "list", "--json").out)[0]["state"] == "due"
    clock.pass_by(590)
    assert json.loads(run("cache", "list", "--json").out)[0]["state"] == "expired"
    clock.pass_by(20)
    assert run("cache", "list", "--json").out == "[]\n"


@pytest.fixture
def three_kept(run: Any, server: Server, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Tokens of two environments of Ripple, and one of Cryptofuse."""
    monkeypatch.setenv("CRYPTOFUSE_CLIENT_SECRET", SECRET)
    server.reply = lambda _: granted(f"token-{len(server.seen)}")
    run("token", "ripple")
    run("token", "ripple", "--environment", "uat")
    run("token", "cryptofuse", "--client-id", "mine", "--base-url", server.base_url)
    return cast("list[dict[str, Any]]", json.loads(run("cache", "list", "--json").out))


def kept_after(run: Any, *arguments: str) -> list[tuple[str, str | None]]:
    before = len(json.loads(run("cache", "list", "--json").out))
    code, out, err = run("cache", "clear", *arguments)
    kept = json.loads(run("cache", "list", "--json").out)
    number = before - len(kept)
    assert (code, out, err) == (0, "", f"paygrant: {number} {'entry' if number == 1 else 'entries'} removed\n")
    return sorted((each["provider"], each["environment"] or "") for each in kept)


def test_all_entries_are_removed(run: Any, three_kept: list[dict[str, Any]], tmp_path: Path) -> None:
    assert kept_after(run) == []
    assert list(tmp_path.rglob("*.token")) == []


def test_the_entries_of_a_provider_are_removed(run: Any, three_kept: list[dict[str, Any]]) -> None:
    assert kept_after(run, "ripple") == [("cryptofuse", "")]


@pytest.mark.parametrize("mark", ["key", "fingerprint"])
def test_one_entry_is_removed(run: Any, three_kept: list[dict[str, Any]], mark: str) -> None:
    [uat] = [each for each in three_kept if each["environment"] == "uat"]
    assert kept_after(run, uat[mark]) == [("cryptofuse", ""), ("ripple", "test")]


def test_the_entries_of_several_providers_are_removed(run: Any, three_kept: list[dict[str, Any]]) -> None:
    assert kept_after(run, "cryptofuse", "ripple") == []


def test_an_unknown_entry_cannot_be_removed(run: Any, three_kept: list[dict[str, Any]]) -> None:
    assert run("cache", "clear", "ripio-ramp") == (0, "", "paygrant: 0 entries removed\n")
    code, _, err = run("cache", "clear", "ripple", "nosuch")
    assert code == 2
    assert "no entry has this name; expected one of cryptofuse, ripple; see paygrant cache clear --help" in err
    assert len(json.loads(run("cache", "list", "--json").out)) == 3


def test_reading_an_empty_cache_makes_no_folder(run: Any, tmp_path: Path) -> None:
    assert run("cache", "list").err == f"paygrant: nothing is kept in {tmp_path}/cache/paygrant\n"
    assert run("cache", "clear").code == 0
    assert "no entry has this name; nothing is kept" in run("cache", "clear", "nosuch").err
    assert list(tmp_path.iterdir()) == []


def test_a_token_of_an_earlier_version_is_shown_without_its_provider(run: Any, tmp_path: Path) -> None:
    run("token", "ripple")
    [file] = tmp_path.rglob("*.token")
    document = json.loads(file.read_text())
    assert (document.pop("provider"), document.pop("environment")) == ("ripple", "test")
    end = file.stat().st_mtime
    file.write_text(json.dumps(document))
    os.utime(file, (end, end))
    [shown] = json.loads(run("cache", "list", "--json").out)
    assert (shown["provider"], shown["environment"], shown["state"]) == (None, None, "fresh")
    assert run("token", "ripple").out == f"{TOKEN}\n"
