"""Writes the module with the provider's class: its constructor has a typed keyword for each argument of the spec.

A name that comes from a spec is checked here as well. Any other text of a spec is written as a literal.
"""

import ast
import keyword
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from paygrant._spec.description import ASSERTION_METHODS, WITHOUT_SECRET, Parameter
from paygrant._spec.errors import GenerationError
from paygrant._spec.reader import NormalizedSpec
from paygrant.generate._docstring import docstring, one_line, paragraph, section

MODULE = "provider"

_MOST_CHOICES = 200
"""A type with more choices would be slow to check and useless to read. The constructor checks them anyway."""

_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}
_SECRET = "str | Callable[[], str]"  # noqa: S105 - a type
_KEY = '"Signer | str | bytes | Callable[[], Signer | str | bytes]"'
_CERTIFICATE = '"ClientCertificate"'
_ABOUT_KEY = (
    "The key that signs assertions: a SigningKey, PEM, a JWK, an object that signs, or a callable that returns one."
)
_ABOUT_CERTIFICATE = "The client certificate that connections to the token endpoint show (RFC 8705)."
_NEEDED = "The provider wants it at each of its own addresses."
_SCOPE = "str | Iterable[str]"

_HEAD = '''{mark}
"""The provider's class. openapi.json in this folder is its spec."""

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Self, TypedDict, Unpack

from paygrant import SpecProvider

from .environments import Environment

if TYPE_CHECKING:
    from paygrant import ClientCertificate, Signer, UnsignedRequest

    {model_import}

_PACKAGE = sys.modules[__name__.rpartition(".")[0]]


class _Arguments(TypedDict, total=False):
{keys}


class {name}(SpecProvider[{model}], spec=_PACKAGE):
{about}

    def __init__(self, *, {parameters}) -> None:
        super().__init__(_PACKAGE, {passed})

    @classmethod
    def from_env(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride] - the spec is known
        cls, prefix: str | None = None, **overrides: "Unpack[_Arguments]"
    ) -> Self:
{about_from_env}
        return super().from_env(_PACKAGE, prefix, **overrides)
'''


_WITHOUT_VARIABLE = frozenset({"authenticate", "certificate", "private_key"})
"""Keywords that no text can give."""


class _Keyword(NamedTuple):
    """A keyword of the constructor: its type, the source of its default (None if there is none), and what it is."""

    name: str
    type: str
    default: str | None
    about: str


def provider_module(spec: NormalizedSpec, mark: str, models: Iterable[tuple[str, str]]) -> str:
    """Return the text of the module, not formatted yet.

    Args:
        spec: The normalized spec.
        mark: A comment for the first line.
        models: The generated models: the name of each class, and that of its module.

    Raises:
        GenerationError: The spec gives a name that no argument or class can have.
    """
    name = _identifier(spec.class_name)
    keywords = list(_keywords(spec))
    module = dict(models).get("TokenResponse")
    model = f"from .models.{_identifier(module)} import TokenResponse  # noqa: F401 - in quotes below" if module else ""
    text = _HEAD.format(
        mark=mark,
        name=name,
        model='"TokenResponse"' if module else "Mapping[str, Any]",
        model_import=model,
        keys="\n".join(f"    {each.name}: {each.type}" for each in keywords),
        about=_about_class(spec, keywords),
        parameters=", ".join(f"{each.name}: {each.type}" + _assigned(each.default) for each in keywords),
        passed=", ".join(f"{each.name}={each.name}" for each in keywords),
        about_from_env=_about_from_env(spec, keywords),
    )
    text += "".join(f"\n{_property(each)}\n" for each in spec.endpoint.arguments)
    if any(each.name == "environment" for each in keywords):
        text = text.replace("\n    def __init__", "\n    environment: Environment\n\n    def __init__", 1)
    _check_shape(text, name)
    return text


def _keywords(spec: NormalizedSpec) -> Iterator[_Keyword]:
    """The keywords of the constructor, credentials first."""
    environments = [environment for environment, _ in spec.servers]
    methods: list[str] = list(dict.fromkeys(each.method for each in spec.client_auth))
    if methods != ["none"]:
        signing = {"client_secret_basic", "custom", *ASSERTION_METHODS}
        sent = any(each.client_id or each.method in signing for each in spec.client_auth)
        sent = "none" not in methods and (sent or "client_id" in spec.token_use.headers.values())
        yield _Keyword("client_id", "str" if sent else "str | None", None if sent else "None", "The client's id.")
        about = "The client's secret, or a callable that returns it. A callable is called for each token request."
        needs_secret = {*methods} - WITHOUT_SECRET
        needed = needs_secret == {*methods}
        if needs_secret:
            yield _Keyword("client_secret", _SECRET + (" | None" * (not needed)), None if needed else "None", about)
        yield from _key_keywords(methods, needs_certificate=spec.needs_certificate)
    if environments:
        known = _alternatives(environments)
        only = ascii(environments[0]) if len(environments) == 1 else None
        yield _Keyword("environment", "Environment", only, f"{known}. It determines the base URL.")
        about = "Replaces the environment's base URL. Plain http is allowed for loopback only."
        yield _Keyword("base_url", "str | None", "None", about)
    else:
        yield _Keyword("base_url", "str", None, "The base URL. The documentation names none.")
    for each in sorted(spec.endpoint.arguments, key=lambda each: not each.required):
        name = _identifier(str(each.argument))
        yield _Keyword(name, _argument_type(each), _argument_default(each), _argument_about(each))
    if len(methods) > 1:
        about = f"The method of client authentication: {_alternatives(methods)}."
        yield _Keyword("auth_method", _literal(methods), ascii(methods[0]), about)
    yield from _further_key_keywords(spec, methods)
    if "client_secret_basic" in methods:
        about = 'How HTTP Basic encodes id and secret: "plain" (RFC 7617), "form" (RFC 6749 section 2.3.1), or "auto".'
        stated = next(each.encoding for each in spec.client_auth if each.method == "client_secret_basic")
        yield _Keyword("basic_encoding", _literal(["auto", "plain", "form"]), ascii(stated), about)
    if "none" in methods:
        about = "Whether the base URL may be a link-local address, such as that of a cloud's metadata service."
        yield _Keyword("allow_link_local", "bool", "False", about)
    if "custom" in methods:
        about = "Computes the credentials. It completes an UnsignedRequest in place."
        kind = '"Callable[[UnsignedRequest], object]"'
        default = None if methods == ["custom"] else "None"
        yield _Keyword("authenticate", kind if default is None else f'{kind[:-1]} | None"', default, about)


def _key_keywords(methods: list[str], *, needs_certificate: bool) -> Iterator[_Keyword]:
    """The keywords for a key or a certificate that every method needs."""
    if methods == ["private_key_jwt"]:
        yield _Keyword("private_key", _KEY, None, _ABOUT_KEY)
    if methods == ["tls_client_auth"]:
        yield _Keyword("certificate", _CERTIFICATE, None, _ABOUT_CERTIFICATE)
    elif needs_certificate:
        yield _Keyword("certificate", f'"{_CERTIFICATE[1:-1]} | None"', "None", f"{_ABOUT_CERTIFICATE} {_NEEDED}")


def _further_key_keywords(spec: NormalizedSpec, methods: list[str]) -> Iterator[_Keyword]:
    """The keywords for keys and certificates that may be left out."""
    if "private_key_jwt" in methods and len(methods) > 1:
        yield _Keyword("private_key", f'"{_KEY[1:-1]} | None"', "None", _ABOUT_KEY)
    if methods not in (["tls_client_auth"], ["none"]) and not spec.needs_certificate:
        yield _Keyword("certificate", f'"{_CERTIFICATE[1:-1]} | None"', "None", _ABOUT_CERTIFICATE)
    if ASSERTION_METHODS & {*methods}:
        about = "The audience of assertions, such as the issuer, instead of what the spec says."
        yield _Keyword("assertion_audience", "str | None", "None", about)
    if methods != ["none"]:
        about = "Binds tokens to a key (RFC 9449): True for a key of this process, or a key that others share."
        bound = spec.token_use.dpop
        about += " The provider gives no other tokens." if bound else ""
        yield _Keyword("dpop", '"bool | Signer"', str(bound), about)


def _argument_type(argument: Parameter) -> str:
    if argument.choices and len(argument.choices) <= _MOST_CHOICES:
        kind = _literal(argument.choices)
    else:
        kind = _SCOPE if _is_scope(argument) else _TYPES[argument.kind]
    return kind if argument.required else f"{kind} | None"


def _argument_default(argument: Parameter) -> str | None:
    if argument.default is not None:
        return ascii(argument.default)
    return None if argument.required else "None"


def _argument_about(argument: Parameter) -> str:
    about = one_line(argument.about) or f"Fills {argument.name} in the token request."
    if _is_scope(argument):
        about += " One string, or several strings."
    return about


def _is_scope(argument: Parameter) -> bool:
    return argument.argument == "scope" and argument.kind == "string" and not argument.choices


def _property(argument: Parameter) -> str:
    """A property that returns what was given for an argument."""
    name = _identifier(str(argument.argument))
    if _is_scope(argument):
        kind, body = "tuple[str, ...]", 'return tuple((self.parameters.get("scope") or "").split())'
    else:
        kind = _argument_type(argument)
        given = f"[{name!r}]" if argument.required else f".get({name!r})"
        body = f"value: {kind} = self.parameters{given}\n        return value"
    about = docstring(_argument_about(argument), indent=8)
    return f"    @property\n    def {name}(self) -> {kind}:\n{about}\n        {body}"


def _about_class(spec: NormalizedSpec, keywords: Iterable[_Keyword]) -> str:
    sources = [("", f"{source['url']} (read {source['read']})") for source in spec.sources]
    return docstring(
        f"{one_line(spec.title).rstrip('.')}.",
        paragraph(spec.endpoint.about, width=116),
        section("Attributes", ((each.name, each.about) for each in keywords), indent=4),
        section("Sources", sources, indent=4),
        section("Raises", [("ConfigurationError", "An argument is bad or missing.")], indent=4),
        indent=4,
    )


def _about_from_env(spec: NormalizedSpec, keywords: Iterable[_Keyword]) -> str:
    prefix = spec.name.upper()
    variables = ", ".join(f"{prefix}_{each.name.upper()}" for each in keywords if each.name not in _WITHOUT_VARIABLE)
    secret = any(each.name == "client_secret" for each in keywords)
    file = f" {prefix}_CLIENT_SECRET_FILE names a file with the secret." if secret else ""
    if any(each.name == "private_key" for each in keywords):
        file += f" {prefix}_PRIVATE_KEY_FILE names a file with the key, {prefix}_KEY_ID is its id."
    if any(each.name == "certificate" for each in keywords):
        file += f" {prefix}_CERTIFICATE_FILE names a file with the certificate."
    if any(each.name == "dpop" for each in keywords):
        file += f" {prefix}_DPOP_KEY_FILE names a file with the key to bind tokens to."
    return docstring(
        "Make a provider from environment variables.",
        paragraph(f"The variables are {variables}.{file}", width=112),
        section(
            "Args",
            [
                ("prefix", f"How the names of the variables begin, instead of {prefix}."),
                ("**overrides", "Arguments of the class that replace those of the variables."),
            ],
            indent=8,
        ),
        section(
            "Raises",
            [("ConfigurationError", "A variable is missing or its value is bad. The error names the variable.")],
            indent=8,
        ),
        indent=8,
    )


def _literal(choices: Iterable[object]) -> str:
    return f"Literal[{', '.join(ascii(each) for each in choices)}]"


def _alternatives(words: list[str]) -> str:
    """Words as a person lists them: "a", "b" or "c"."""
    *others, last = [f'"{each}"' for each in words]
    return f"{', '.join(others)} or {last}" if others else last


def _assigned(default: str | None) -> str:
    return "" if default is None else f" = {default}"


def _identifier(name: str) -> str:
    if not name.isascii() or not name.isidentifier() or keyword.iskeyword(name):
        raise GenerationError(f"{name!a} cannot be a name in Python; expected a name that the lint rules allow")
    return name


def _check_shape(text: str, name: str) -> None:
    """Check that the text is a module with these statements and no others: no text of a spec has become code.

    Raises:
        GenerationError: It is not.
    """
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError) as error:
        raise GenerationError(f"the class {name} cannot be written ({type(error).__name__})") from None
    found = [type(each).__name__ for each in statements]
    wanted = ["Expr", "Import", *["ImportFrom"] * 4, "If", "Assign", "ClassDef", "ClassDef"]
    body = statements[-1].body if isinstance(statements[-1], ast.ClassDef) else []
    if found != wanted or not all(
        isinstance(each, ast.FunctionDef | ast.AnnAssign) or (index == 0 and isinstance(each, ast.Expr))
        for index, each in enumerate(body)
    ):
        raise GenerationError(f"the class {name} cannot be written: the spec changes its code")
