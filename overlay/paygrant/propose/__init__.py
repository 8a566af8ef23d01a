"""From a provider's own OpenAPI document to a draft of a normalized spec: ``paygrant new``.

    from paygrant.propose import propose

    proposal = propose("https://docs.acme.example/openapi.json")
    Path(f"{proposal.name}.yaml").write_text(proposal.text)

The draft is normalized and works. What the document leaves open is assumed, and listed in ``decisions``. The steps are
modules: ``_source`` reads the document, ``_candidates`` finds the token endpoint, ``_servers``, ``_parts``,
``_client_auth``, ``_request`` and ``_responses`` describe it, and ``_assemble`` writes the draft. ``_templates`` has
short specs to fill in. The drafts need ``pip install "paygrant[generate]"``.
"""

from dataclasses import dataclass
from pathlib import Path

from paygrant._arguments import check_choice, check_text, checked
from paygrant._errors import missing_extra
from paygrant.propose._templates import TEMPLATES, fill


@dataclass(frozen=True, slots=True, repr=False)
class Proposal:
    """A draft of a normalized spec.

    Attributes:
        name: The provider's name in snake_case. Save the draft under this name, with the suffix ``.yaml``.
        text: The spec in YAML. Its first lines repeat the decisions.
        decisions: What a person must decide, one line each. A line starts with its place: a JSON Pointer (RFC 6901) into
            the draft, or ``upstream`` and one into the document. Decisions about the secret come first: how it is sent,
            and to which hosts. If there are too many, the last line gives the number of those left out.
    """

    name: str
    text: str
    decisions: tuple[str, ...]


@checked
def propose(source: str | Path, *, operation: str | None = None) -> Proposal:
    """Propose a normalized spec.

    Args:
        source: The address (https) or the path of an OpenAPI document (2.0, 3.0, 3.1 or 3.2), in JSON or YAML. Or that of
            an authorization server's metadata (RFC 8414), or of a Markdown page with either in a fenced code block.
            References to other documents are not followed.
        operation: Method and path of the token endpoint, such as ``"POST /v1/authorize"``. The default is the operation
            that looks most like one.

    Raises:
        ConfigurationError: The source cannot be read, contains no such document, or contains no token endpoint. The text
            says what was searched for. Or the document does not have the operation.
        ImportError: The extra is not installed.
    """
    try:
        from paygrant.propose._assemble import assemble
        from paygrant.propose._candidates import best_candidate
        from paygrant.propose._source import read
    except ModuleNotFoundError as missing:
        raise missing_extra(__name__, missing, "generate") from missing
    if operation is not None:
        check_text("operation", operation)
    documents, address = read(source)
    return Proposal(*assemble(best_candidate(documents, operation), address))


@checked
def template(kind: str) -> str:
    """Return a short spec to fill in, in YAML.

    Args:
        kind: How the credentials are sent: in a form (``"form"``), in HTTP Basic (``"basic"``), or in a JSON body
            (``"json"``).

    Raises:
        ConfigurationError: There is no such template.
    """
    check_choice("kind", kind, TEMPLATES)
    return fill(kind)
