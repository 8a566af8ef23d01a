# ruff: noqa: INP001 - Sphinx loads this file by its path
"""How the pages are built: ``make docs``. Nothing here needs a network.

The directive ``provider`` writes the tables of a provider's page. They come from ``paygrant providers --json`` and from
``x-provenance`` in the spec.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from paygrant._spec.document import load

SPECS = Path(__file__).resolve().parents[2] / "specs"

HIDDEN_COLON = "\0"
METHODS = {
    "client_secret_basic": "HTTP Basic (RFC 7617)",
    "client_secret_post": "fields of the body",
    "header": "headers",
    "query": "parameters of the query",
    "private_key_jwt": "an assertion that the client's private key signs (RFC 7523)",
}

project = "paygrant"
author = "The paygrant project"
version = release = installed_version("paygrant")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
napoleon_use_ivar = True
python_maximum_signature_line_length = 60

html_theme = "furo"
html_title = f"paygrant {release}"
html_static_path = ["_static"]
html_css_files = ["paygrant.css"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False


class ProviderTables(SphinxDirective):
    """Endpoint, environments, arguments and deviations of one provider: ``{provider} ripple``."""

    required_arguments = 1

    def run(self) -> list[Any]:
        """Write the tables as Markdown, and have them parsed."""
        name = self.arguments[0]
        spec = SPECS / f"{name}.yaml"
        self.env.note_dependency(str(spec))
        document = load(spec)
        text = "\n".join(provider_page(_providers()[name], document))
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def provider_page(provider: dict[str, Any], spec: dict[str, Any]) -> Iterator[str]:
    """The generated part of a provider's page, as lines of Markdown."""
    yield from ["## Environments", ""]
    if provider["environments"]:
        yield from _table("environment", "base URL", rows=provider["environments"].items())
    else:
        yield from ["The provider documents no host, so you pass `base_url`.", ""]
    yield from [f"The token endpoint is `{provider['path']}` below the base URL.", ""]
    places = " or as ".join(METHODS[method] for method in provider["auth_methods"])
    yield from [f"The credentials are sent as {places}.", ""]
    yield from _keys(spec)

    yield from ["## Arguments and variables", ""]
    yield from ["`from_env()` reads the variables. An argument in bold is required.", ""]
    for each in provider["parameters"]:
        name = f"**`{each['name']}`**" if each["required"] else f"`{each['name']}`"
        yield from [name, f": {_variables(each)}", "", f"  {each['help']}", *_choices(each), ""]

    limits = spec["x-token-endpoint"].get("limits", ())
    if limits:
        yield from ["## Documented rate limits", ""]
        yield from _table("requests", "in seconds", rows=((each["requests"], each["seconds"]) for each in limits))

    provenance = spec["x-provenance"]
    yield from ["## Where the spec differs from the provider's pages", ""]
    for each in provenance["deviations"]:
        yield from [f"### {each['id']}", ""]
        yield from [
            f"- The pages say: {each['upstream']}",
            f"- paygrant: {each['here']}",
            f"- Why: {each['reason']}",
            "",
        ]
    yield from ["## Sources", ""]
    yield from [f"- <{each['url']}> (read on {each['read']})" for each in provenance["sources"]]


def _keys(spec: dict[str, Any]) -> Iterator[str]:
    """What the provider wants of certificates, audiences and proofs."""
    if "mutualTLS" in [each["type"] for each in spec["components"].get("securitySchemes", {}).values()]:
        yield from ["Each connection shows the client's certificate (RFC 8705).", ""]
    servers = [each for each in spec.get("servers", ()) if "x-mtls-url" in each]
    if servers:
        rows = [(each["x-environment"], each["x-mtls-url"]) for each in servers]
        yield from _table("environment", "base URL with a certificate", rows=rows)
    for method in spec["x-token-endpoint"]["client_authentication"]:
        if "algorithms" in method:
            yield from [f"The key signs by {' or '.join(method['algorithms'])}.", ""]
            audience = method.get("audience", "token_url")
            if audience == "token_url":
                yield from ["The audience of the assertion is the token URL.", ""]
            elif "value" in audience:
                yield from [f"The audience of the assertion is `{audience['value']}`.", ""]
            else:
                rows = [
                    (each["x-environment"], each["x-environment-facts"][audience["fact"]]) for each in spec["servers"]
                ]
                yield from _table("environment", "audience of the assertion", rows=rows)
    if spec["x-token-endpoint"].get("token_use", {}).get("dpop"):
        yield from ["Each token is bound to a key by DPoP (RFC 9449).", ""]


def _variables(parameter: dict[str, Any]) -> str:
    """Where ``from_env`` finds an argument."""
    variable = parameter["variable"]
    return f"`{variable}_FILE` or `{variable}`" if parameter["secret"] else f"`{variable}`"


def _choices(parameter: dict[str, Any]) -> Iterator[str]:
    """The allowed words and the default, where there are such."""
    if parameter["choices"]:
        yield f"  Allowed: {', '.join(f'`{each}`' for each in parameter['choices'])}."
    if parameter["default"] is not None:
        yield f"  Default: `{parameter['default']}`."


def _table(*titles: str, rows: Any) -> Iterator[str]:
    """A table of Markdown."""
    yield f"| {' | '.join(titles)} |"
    yield f"|{'---|' * len(titles)}"
    for row in rows:
        yield f"| {' | '.join(f'`{each}`' for each in row)} |"
    yield ""


@cache
def _providers() -> dict[str, dict[str, Any]]:
    """What the command line says of each provider, by name."""
    command = [sys.executable, "-m", "paygrant", "providers", "--json"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603 - our own command
    return {each["name"]: each for each in found}


def hide_colons(_app: Sphinx, kind: str, _name: str, _object: object, _options: object, lines: list[str]) -> None:
    """Hide the colons in the first line of a property from napoleon, which takes the words before one for a type."""
    if kind == "property" and lines:
        lines[0] = lines[0].replace(":", HIDDEN_COLON)


def show_colons(_app: Sphinx, _kind: str, _name: str, _object: object, _options: object, lines: list[str]) -> None:
    """Show them again."""
    lines[:] = [line.replace(HIDDEN_COLON, ":") for line in lines]


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive. Sphinx calls this function."""
    app.add_directive("provider", ProviderTables)
    app.connect("autodoc-process-docstring", hide_colons, priority=400)  # napoleon has 500
    app.connect("autodoc-process-docstring", show_colons, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
