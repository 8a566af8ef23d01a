"""Keeps secrets out of the repr of the generated classes, and out of what test runners print where two of them differ.

Each field that may hold a secret gets `repr=False`. Each class gets a comparison of its own: where attrs made it, pytest
prints the fields of both values. A field that is not found is an error: the generator then writes
other code than this module knows. Formatting is left to others.
"""

import ast
import re
import warnings
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from pathlib import Path

from openapi_python_client import schema as oai
from openapi_python_client.parser.properties import ModelProperty

from paygrant._spec.errors import GenerationError

_CONNECTION = ("_cookies", "_headers", "_httpx_args")


class MaskError(GenerationError):
    """Something that must be masked was not found."""


def mask_package(folder: Path, models: Sequence[ModelProperty]) -> None:
    """Mask the client package in `folder`, in place.

    Raises:
        MaskError: Something that must be masked was not found.
    """
    for model in models:
        path = folder / "models" / f"{model.class_info.module_name}.py"
        source = path.read_text("utf-8")
        masked = mask_fields(source, model.class_info.name, [*_secret_fields(model)], "_attrs_field")
        path.write_text(compare_as_a_whole(masked), "utf-8")
    for name, mask in (("client.py", _client), ("errors.py", _errors), ("types.py", _types)):
        path = folder / name
        path.write_text(mask(path.read_text("utf-8")), "utf-8")


def mask_fields(source: str, owner: str, names: Collection[str], field: str = "field") -> str:
    """Give `repr=False` to fields of the attrs class `owner`, in a module that calls `attrs.field` by the name `field`.

    Raises:
        MaskError: The class does not have a field of this name.
    """
    with warnings.catch_warnings(action="ignore", category=SyntaxWarning):  # the generator writes `if x != 1and ...`
        module = ast.parse(source)
    declarations = {
        node.target.id: node
        for definition in module.body
        if isinstance(definition, ast.ClassDef) and definition.name == owner
        for node in definition.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    if missing := set(names) - declarations.keys():
        raise MaskError(f"{owner} has no {', '.join(sorted(missing))} to mask")
    lines = source.split("\n")
    for name, node in reversed(declarations.items()):  # from the end: the line numbers before stay valid
        if name in names:
            lines[node.lineno - 1 : node.end_lineno] = [" " * node.col_offset + _masked(node, field)]
    return "\n".join(lines)


_COMPARISON = """
    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return _attrs_astuple(self, recurse=False) == _attrs_astuple(other, recurse=False)
"""


def compare_as_a_whole(source: str) -> str:
    """Give each attrs class of a module a comparison that is not generated.

    Raises:
        MaskError: There is no such class.
    """
    with warnings.catch_warnings(action="ignore", category=SyntaxWarning):
        module = ast.parse(source)
    classes = [node for node in module.body if isinstance(node, ast.ClassDef) and node.decorator_list]
    if not classes:
        raise MaskError("there is no class to compare")
    lines = source.split("\n")
    for node in reversed(classes):
        lines[node.end_lineno : node.end_lineno] = _COMPARISON.split("\n")
    first = next(index for index, line in enumerate(lines) if line.startswith("from attrs import"))
    lines.insert(first, "from attrs import astuple as _attrs_astuple")
    return "\n".join(lines)


def _masked(node: ast.AnnAssign, field: str) -> str:
    annotation = ast.unparse(node.annotation)
    match node.value:
        case None:
            arguments: list[str] = []
        case ast.Call(func=ast.Name(id=name)) if name == field:
            arguments = [ast.unparse(argument) for argument in node.value.keywords]
        case default:
            arguments = [f"default={ast.unparse(default)}"]
    # Pyright does not know the types in a bare dict.
    arguments = [f"factory={annotation}" if argument == "factory=dict" else argument for argument in arguments]
    return f"{ast.unparse(node.target)}: {annotation} = {field}({', '.join([*arguments, 'repr=False'])})"


# These three modules are the same for every provider.
@cache
def _client(source: str) -> str:
    source = mask_fields(source, "Client", _CONNECTION)
    return compare_as_a_whole(mask_fields(source, "AuthenticatedClient", (*_CONNECTION, "token")))


@cache
def _types(source: str) -> str:
    source = _replaced(source, "from attrs import define\n", "from attrs import define, field\n")
    masked = mask_fields(mask_fields(source, "File", ["payload"]), "Response", ["content", "headers"])
    return compare_as_a_whole(masked)


@cache
def _errors(source: str) -> str:
    return _replaced(source, r"\n\nResponse content:\n{content.decode(errors='ignore')}", "")


def _replaced(source: str, old: str, new: str) -> str:
    if source.count(old) != 1:
        raise MaskError(f"found {source.count(old)} times, expected once: {old.strip()}")
    return source.replace(old, new)


def _secret_fields(model: ModelProperty) -> Iterator[str]:
    """Yield the fields to mask. An error's fields are all masked: a server's text may repeat the credentials."""
    for field in (*(model.required_properties or ()), *(model.optional_properties or ())):
        schema = (model.data.properties or {}).get(field.name)
        if model.class_info.name.startswith("TokenError") or not _is_open(schema):
            yield field.python_name
    if model.additional_properties:
        yield "additional_properties"


def _is_open(schema: oai.Schema | oai.Reference | None) -> bool:
    """Whether the schema is known to hold no secret. One that is elsewhere (`$ref`, or inherited: None) is not known."""
    return schema is not None and not re.search(r'"format":"password"|"\$ref"', schema.model_dump_json(by_alias=True))
