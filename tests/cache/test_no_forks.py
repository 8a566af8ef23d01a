"""A system without forks, such as Windows: ``os`` has no fork, no register_at_fork and no users, and there is no fcntl."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.helpers.servers import Server

ABSENT = """
import os, sys
for name in ("fork", "forkpty", "register_at_fork", "getuid", "geteuid", "getppid", "O_NOFOLLOW", "O_NONBLOCK"):
    if name in gone:
        delattr(os, name)
if "fcntl" in gone:
    sys.modules["fcntl"] = None
from paygrant import ClientCredentials, FileStore, MemoryStore, SpecProvider, TokenSource
provider = ClientCredentials(client_id="c", client_secret="s", token_url=sys.argv[1] + "/token")
"""

FORKS = ["fork", "forkpty", "register_at_fork"]
MORE = {
    "no forks": FORKS,
    "no forks, no users": [*FORKS, "getuid", "geteuid"],
    "no forks, no flags of files": [*FORKS, "O_NOFOLLOW", "O_NONBLOCK"],
    "no forks, no fcntl": [*FORKS, "fcntl"],
}


@pytest.mark.parametrize("gone", MORE.values(), ids=MORE)
@pytest.mark.parametrize("store", ["MemoryStore()", "FileStore(sys.argv[2])"])
def test_a_source_works_on_a_system_without_forks(gone: list[str], store: str, server: Server, tmp_path: Path) -> None:
    program = f"""
        source = TokenSource(provider, store={store})
        token = source.get()
        other = TokenSource(provider, store=source._store, transport=None).get()
        source.invalidate(token)
        print(token.access_token, other.access_token, source.get().access_token)
    """
    code = f"gone = {gone!r}\n{ABSENT}{textwrap.dedent(program)}"
    # Without fcntl, the library of the locks warns when it is imported. On Windows it has locks of its own.
    warnings = "ignore:only soft file lock" if "fcntl" in gone else "error"
    command = [sys.executable, "-W", warnings, "-c", code, server.base_url, str(tmp_path / "store")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("token-1 token-1 token-2\n", "")
    assert len(server.seen) == 2


def test_all_modules_can_be_imported_on_a_system_without_forks(server: Server) -> None:
    program = """
        import paygrant._providers.function_identity as functions, paygrant.adapters.requests, paygrant.cli
        for name in paygrant.__all__:
            getattr(paygrant, name)
        print(functions.identity_of(lambda: None) != functions.identity_of(lambda: None))
    """
    code = f"gone = {FORKS!r}\n{ABSENT}import paygrant\n{textwrap.dedent(program)}"
    command = [sys.executable, "-c", code, server.base_url]
    assert subprocess.check_output(command, text=True, timeout=60) == "True\n"
