"""Which providers there are: the box, the user's specs, and what installed packages declare, however they behave."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paygrant import ConfigurationError, Ripple
from paygrant._providers import registry
from tests.helpers.short import written

SECRET = "canary-secret-41aa"

GOOD = """
import paygrant

class Shop(paygrant.ClientCredentials):
    "A shop."
    _package = "shop"
"""

HOSTILE = {
    "fails": "raise RuntimeError('{secret}\\n second line')",
    "leaves": "raise SystemExit(7)",
    "nothing": "Shop = 7",
    "liar": GOOD,
    "bare": "import paygrant\nclass Shop(paygrant.Provider): pass",
    "ripple": GOOD.replace('"shop"', '"ripple"'),
}


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run ``paygrant`` where packages declare entry points: a module for each, and a distribution."""

    def run(packages: dict[str, str], *arguments: str, names: dict[str, str] | None = None) -> Any:
        for module, code in packages.items():
            (tmp_path / f"{module}_module.py").write_text(code.replace("{secret}", SECRET), "utf-8")
            info = tmp_path / f"{module}_dist-1.0.dist-info"
            info.mkdir(exist_ok=True)
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}-dist\nVersion: 1.0\n", "utf-8")
            name = (names or {}).get(module, module)
            text = f"[paygrant.providers]\n{name} = {module}_module:Shop\n"
            (info / "entry_points.txt").write_text(text, "utf-8")
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SHOP_")},
            "PYTHONPATH": str(tmp_path),
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "SHOP_CLIENT_SECRET": SECRET,
            "COLUMNS": "200",
        }
        command = [sys.executable, "-m", "paygrant", *arguments]
        return subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=tmp_path)

    return run


def test_the_box_is_found_by_any_spelling_of_a_name() -> None:
    for word in ("ripple", "Ripple", "RIPPLE"):
        found = registry.find(word)
        assert found
        assert found.source is Ripple
    widget = registry.find("ripio-widget", "SHOP2")
    assert widget
    assert widget.variable("client_id") == "SHOP2_CLIENT_ID"
    assert registry.find("nobody") is None


def test_a_path_is_found_and_gives_the_whole_spec(tmp_path: Path) -> None:
    path = written(tmp_path)
    found = registry.find(str(path))
    assert found
    assert (found.name, found.prefix) == ("acme", "ACME")
    spec = registry.spec_at(path)
    assert spec.name == "acme"
    assert {each.name for each in spec.examples()} == {"granted", "wrong_credentials"}
    with pytest.raises(ConfigurationError, match=r"absent\.yaml: the file does not exist"):
        registry.find("absent.yaml")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        registry.spec_at(written(tmp_path, "openapi: 3.1.0"))


def test_a_provider_of_an_installed_package_is_one_like_the_others(run: Any) -> None:
    listed = run({"shop": GOOD}, "providers", "--json")
    assert (listed.returncode, listed.stderr) == (0, "")
    found = {each["name"]: each for each in json.loads(listed.stdout)}
    assert {*found} == {*registry.names(), "shop"}
    assert found["shop"]["package"] == "shop-dist"
    shown = run({"shop": GOOD}, "token", "shop", "--help")
    assert "SHOP_CLIENT_ID" in shown.stdout
    assert run({"shop": GOOD}, "token", "Shop", "--client-id", "id").returncode == 2  # no token URL


def test_a_hostile_package_stops_no_other(run: Any) -> None:
    packages = {**HOSTILE, "shop": GOOD}
    listed = run(packages, "providers", "--json")
    assert listed.returncode == 0
    assert {each["name"] for each in json.loads(listed.stdout)} == {*registry.names(), "shop"}
    assert SECRET not in listed.stdout + listed.stderr
    faults = {json.loads(line)["note"] for line in listed.stderr.splitlines()}
    assert faults == {
        (
            "bare of the package bare-dist is not used: from_env: Shop has no environment variables of its own; "
            "expected a provider's class such as Ripple, or SpecProvider(...) with its arguments"
        ),
        "fails of the package fails-dist is not used: it cannot be imported (RuntimeError)",
        "leaves of the package leaves-dist is not used: it cannot be imported (SystemExit)",
        "liar of the package liar-dist is not used: its provider calls itself 'shop'",
        (
            "nothing of the package nothing-dist is not used: it leads to an object of type int; expected a "
            "class or a package"
        ),
        "ripple of the package ripple-dist is not used: paygrant has a provider of this name, which is used instead",
    }


def test_the_box_wins_over_a_package(run: Any) -> None:
    shown = run({"ripple": HOSTILE["ripple"]}, "providers", "ripple", "--json")
    assert [each["class"] for each in json.loads(shown.stdout)] == ["Ripple"]


def test_a_name_of_two_packages_is_used_for_none(run: Any) -> None:
    packages = {"shop": GOOD, "other": GOOD}
    listed = run(packages, "providers", names={"other": "shop"})
    assert "shop of the package other-dist, shop-dist is not used: several entry points have this name" in listed.stderr
    assert run({}, "token", "shop", "--client-id", "id").returncode == 2


def test_a_package_that_fails_says_so_when_it_is_named(run: Any) -> None:
    failed = run({"fails": HOSTILE["fails"]}, "token", "fails")
    assert failed.returncode == 2
    assert failed.stderr.count("\n") == 1
    assert "the package fails-dist declares fails, but it cannot be imported (RuntimeError)" in failed.stderr
    assert SECRET not in failed.stderr


def test_a_misspelt_name_of_an_installed_provider_is_recognized(run: Any) -> None:
    said = run({"shop": GOOD}, "token", "shopp").stderr
    assert said == "paygrant: unknown provider 'shopp'; similar to shop; see paygrant token --help\n"


def test_a_name_that_forges_a_line_is_not_shown(run: Any) -> None:
    listed = run({"shop": GOOD}, "providers", names={"shop": "a\x1b[2Jb"})
    assert "\x1b" not in listed.stderr
    assert "? of the package shop-dist is not used: its name is not in snake_case" in listed.stderr


def test_entry_points_are_not_read_for_the_box() -> None:
    code = (
        "import sys\n"
        "from paygrant._providers import registry\n"
        "import importlib.metadata as metadata\n"
        "def fail(**_): raise AssertionError\n"
        "registry.entry_points = fail\n"
        "assert registry.find('ripple')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
