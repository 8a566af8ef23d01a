"""Specs that are kept as JSON beside the tokens."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from paygrant import ConfigurationError
from paygrant._providers import registry
from paygrant._spec.files import SpecCache, spec_at
from tests.helpers.short import SHORT, written

CREDENTIALS: dict[str, Any] = {"client_id": "id", "client_secret": "secret", "environment": "sandbox", "realm": "r"}


@pytest.fixture
def cache(tmp_path: Path) -> SpecCache:
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    return SpecCache(folder, "1")


def kept(cache: SpecCache) -> list[Path]:
    return sorted(cache.folder.iterdir())


def test_a_spec_is_kept_once_and_private(tmp_path: Path, cache: SpecCache) -> None:
    path = written(tmp_path)
    first, second = spec_at(path, cache), spec_at(path, cache)
    assert first.endpoint == second.endpoint == spec_at(path).endpoint
    assert first.data == second.data
    [file] = kept(cache)
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_another_content_name_or_version_is_another_spec(tmp_path: Path, cache: SpecCache) -> None:
    spec_at(written(tmp_path), cache)
    assert (
        spec_at(written(tmp_path, SHORT.replace("sandbox.acme", "test.acme")), cache)
        .endpoint.servers["sandbox"]
        .url.startswith("https://test.acme")
    )
    assert spec_at(written(tmp_path, name="other.yaml"), cache).name == "other"
    spec_at(written(tmp_path), SpecCache(cache.folder, "2"))
    assert len(kept(cache)) == 4


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"7", b"{}", b'{"paths": {"/a": {"post": {}}}}', b"\xff", b"[" * 100_000, b'{"paths": 7}'],
)
def test_a_damaged_file_is_as_if_it_were_not_there(tmp_path: Path, cache: SpecCache, content: bytes) -> None:
    path = written(tmp_path)
    wanted = spec_at(path, cache).endpoint
    [file] = kept(cache)
    file.write_bytes(content)
    assert spec_at(path, cache).endpoint == wanted
    assert json.loads(file.read_bytes())["openapi"] == "3.1.0"


def changed(file: Path, value: Any, *steps: str | int) -> None:
    """Put a value at some steps in a kept spec."""
    data: Any = json.loads(file.read_bytes())
    *parents, last = steps
    here = data
    for step in parents:
        here = here[step]
    here[last] = value
    file.write_text(json.dumps(data), "utf-8")


@pytest.mark.parametrize(
    ("value", "steps"),
    [
        ("a\nforged log line", ("servers", 0, "x-environment")),
        ([7], ("x-token-endpoint", "response", "access_token")),
        ("telepathy", ("x-token-endpoint", "client_authentication", 0, "method")),
        ({"//evil.example/t": {"post": {"responses": {}}}}, ("paths",)),
    ],
)
def test_what_the_types_do_not_allow_is_not_used(
    tmp_path: Path, cache: SpecCache, value: Any, steps: tuple[str | int, ...]
) -> None:
    path = written(tmp_path)
    wanted = spec_at(path, cache).endpoint
    [file] = kept(cache)
    changed(file, value, *steps)
    assert spec_at(path, cache).endpoint == wanted


def test_an_address_that_leads_elsewhere_is_refused(tmp_path: Path, cache: SpecCache) -> None:
    path = written(tmp_path)
    spec_at(path, cache)
    [file] = kept(cache)
    item = next(iter(json.loads(file.read_bytes())["paths"].values()))
    changed(file, {"@evil.example/t": item}, "paths")
    kind = registry.kind_at(path, cache=(cache.folder, cache.mark))
    with pytest.raises(ConfigurationError, match="token_url: leads to another host"):
        kind.make(**CREDENTIALS)


@pytest.mark.skipif(os.name != "posix", reason="needs modes and links")
def test_a_file_of_others_is_not_used(tmp_path: Path, cache: SpecCache) -> None:
    path = written(tmp_path)
    wanted = spec_at(path, cache).endpoint
    [file] = kept(cache)
    changed(file, "https://elsewhere.example", "servers", 0, "url")
    file.chmod(0o644)
    assert spec_at(path, cache).endpoint == wanted
    changed(file, "https://elsewhere.example", "servers", 0, "url")
    other = tmp_path / "other.json"
    file.rename(other)
    file.symlink_to(other)
    assert spec_at(path, cache).endpoint == wanted


def test_a_folder_that_cannot_be_used_does_no_harm(tmp_path: Path) -> None:
    assert spec_at(written(tmp_path), SpecCache(tmp_path / "absent", "1")).name == "acme"


def test_a_spec_that_cannot_be_used_is_not_kept(tmp_path: Path, cache: SpecCache) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used"):
        registry.kind_at(written(tmp_path, "openapi: 3.1.0"), cache=(cache.folder, "1"))
    assert kept(cache) == []


def test_a_kept_spec_needs_no_yaml(tmp_path: Path, cache: SpecCache) -> None:
    path = written(tmp_path)
    spec_at(path, cache)
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from paygrant._providers import registry\n"
        f"kind = registry.kind_at(Path({str(path)!r}), cache=(Path({str(cache.folder)!r}), '1'))\n"
        "assert kind.name == 'acme'\n"
        "print(sorted({'yaml', 'jsonschema', 'referencing'} & sys.modules.keys()))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout == "[]\n"
