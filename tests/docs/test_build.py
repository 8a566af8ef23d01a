"""The documentation builds without a warning and without a network, and says what the specs say."""

import html
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.helpers.examples import DOCS, ROOT

SPECS = sorted((ROOT / "specs").glob("*.yaml"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built pages. A warning fails the build."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", str(DOCS), str(folder)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return folder


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.stem)
def test_the_page_of_a_provider_has_what_its_spec_says(site: Path, spec: Path) -> None:
    page = _text((site / f"providers/{spec.stem}.html").read_text("utf-8"))
    document = yaml.safe_load(spec.read_text("utf-8"))
    provenance = document["x-provenance"]
    wanted = [each["url"] for each in (*document.get("servers", ()), *provenance["sources"])]
    wanted += [each["id"] for each in provenance["deviations"]]
    wanted += [each["x-mtls-url"] for each in document.get("servers", ()) if "x-mtls-url" in each]
    methods = document["x-token-endpoint"]["client_authentication"]
    secret = "PRIVATE_KEY" if methods[0]["method"] == "private_key_jwt" else "CLIENT_SECRET"
    wanted += [f"{spec.stem.upper()}_{secret}_FILE", *document["paths"]]
    wanted += [word for method in methods for word in method.get("algorithms", ())]
    for each in wanted:
        assert each in page


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        for tag in re.findall(r"<(?:link|script|img|iframe)\b[^>]*>", page.read_text("utf-8")):
            assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", tag), tag
    for sheet in site.rglob("*.css"):
        assert not re.search(r"@import|url\(\s*[\"']?(?:https?:)?//", sheet.read_text("utf-8")), sheet


def _text(page: str) -> str:
    """What a reader sees of a page."""
    return html.unescape(re.sub(r"<[^>]+>", "", page))
