"""From a provider's own OpenAPI document to a draft of a normalized spec: what ``paygrant new`` does.

    from paygrant.propose import propose

    proposal = propose("https://docs.acme.example/openapi.json")
    Path(f"{proposal.name}.yaml").write_text(proposal.text)

The draft is normalized and works; what the document leaves open is assumed, and said in ``decisions``. Reading is left
to ``_read``, 2.0 to ``_swagger``, the search to ``_find``, schemas to ``_schema``; ``_asking`` and ``_answering`` settle
what is sent and what comes back, and ``_write`` puts it all together. Needs ``pip install "paygrant[generate]"``.
"""

from dataclasses import dataclass
from pathlib import Path

from paygrant._arguments import checked
from paygrant._errors import missing_extra


@dataclass(frozen=True, slots=True, repr=False)
class Proposal:
    """A draft of a normalized spec.

    Attributes:
        name: The provider's name, in snake_case: the file should be called so, and end in ``.yaml``.
        text: The spec, as YAML. Its first lines repeat the decisions.
        decisions: What a person must decide, a line each, with its place: a JSON Pointer (RFC 6901) into the draft, or
            into the document after the word ``upstream``. What concerns the secret comes first: how it travels, and to
            which hosts. Of very many others the last line only says how many there are.
    """

    name: str
    text: str
    decisions: tuple[str, ...]


@checked
def propose(source: str | Path) -> Proposal:
    """Propose a normalized spec.

    Args:
        source: The address (https) or the path of an OpenAPI document, 2.0, 3.0 or 3.1, as JSON or YAML; or of a page in
            Markdown that shows one in a fenced block. No reference to another document is followed.

    Raises:
        ConfigurationError: The source cannot be read, holds no such document, or nothing in it looks like a token
            endpoint; the text says what was looked for.
        ImportError: The extra is not installed.
    """
    try:
        from paygrant.propose._find import find
        from paygrant.propose._read import read
        from paygrant.propose._write import write
    except ModuleNotFoundError as missing:
        raise missing_extra(__name__, missing, "generate") from missing
    page = read(source)
    return Proposal(*write(find(page.documents), page.address))
