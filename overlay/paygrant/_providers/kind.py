"""ProviderKind: what is known of a provider before its arguments are: their names, types and environment variables."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

from paygrant._arguments import check_text, invalid_argument, shown
from paygrant._errors import ConfigurationError
from paygrant._providers.key_file import CERTIFICATE_FILE, DPOP_KEY, KEY_ID, PRIVATE_KEY, UNLOCKED, with_keys
from paygrant._providers.secret_file import SecretFile
from paygrant._spec.description import WITHOUT_SECRET

if TYPE_CHECKING:
    from paygrant._spec.description import TokenEndpoint

P_co = TypeVar("P_co", covariant=True)

SECRET = "client_secret"  # noqa: S105 - the name of an argument
"""The argument that a terminal prompts for."""

REREAD = frozenset({SECRET, "private_key"})
"""The secrets that are read again for each request, or after a refusal, if they come from a file."""

TextKind: TypeAlias = Literal["string", "integer", "number", "boolean", "object"]
"""The type of an argument, as JSON Schema names it. No text can give an ``object``."""

_BOOLEANS = {"true": True, "false": False}
_EXPECTED: Mapping[str, str] = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "an argument in Python",
}
_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Argument:
    """One argument of a provider.

    Attributes:
        name: Its name.
        kind: The type of its value.
        choices: The allowed values; empty if there are others.
        default: The value if it is not given; None if there is none to show.
        required: Whether the provider needs it.
        secret: Whether its value is secret.
        about: What it is, in the words of the spec; empty if the spec has none.
    """

    name: str
    kind: TextKind = "string"
    choices: tuple[str | float | bool, ...] = ()
    default: str | None = None
    required: bool = False
    secret: bool = False
    about: str = ""

    def from_text(self, text: str) -> str | float | bool:
        """The value that a text gives, such as that of an environment variable.

        Raises:
            ConfigurationError: The text is not of the argument's type.
        """
        if self.kind == "string":
            return text
        try:
            if self.kind == "boolean":
                return _BOOLEANS[text.lower()]
            if self.kind == "integer" and re.fullmatch(r"[+-]?[0-9]{1,20}", text):
                return int(text)
            if self.kind == "number" and re.fullmatch(r"[+-]?[0-9.]{1,40}([eE][+-]?[0-9]{1,3})?", text):
                return float(text) if re.search("[.eE]", text) else int(text)
        except (KeyError, ValueError):
            pass
        fault = "is secret and of another type" if self.secret else f"is {shown(text)}"
        raise invalid_argument(self.name, fault, _EXPECTED[self.kind])


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ProviderKind(Generic[P_co]):
    """A class of providers, or a spec, with the environment variables that give the arguments.

    Attributes:
        name: The provider's name, as its spec has it, such as ``ripple``.
        prefix: How the names of its variables begin, such as ``RIPPLE``.
        make: Makes a provider of its arguments.
        source: The class of the providers.
        arguments: The arguments, credentials first.
        alternatives: Arguments of which exactly one is needed.
        endpoint: The description of the token endpoint; None if only the arguments describe it.
        about: What the provider is, in the words of the spec; empty if the class has a docstring instead.
    """

    name: str
    prefix: str
    make: Callable[..., P_co]
    source: type[P_co]
    arguments: tuple[Argument, ...]
    alternatives: tuple[str, ...] = ()
    endpoint: "TokenEndpoint | None" = None
    about: str = ""

    def variable(self, argument: str) -> str:
        """The environment variable that gives an argument, such as ``RIPPLE_CLIENT_ID``."""
        return f"{self.prefix}_{argument}".upper()

    def from_variables(self, variables: Mapping[str, str], overrides: Mapping[str, Any]) -> P_co:
        """Make a provider, with the arguments that variables give and those that override them.

        Raises:
            ConfigurationError: A variable is missing or its value is bad. The error names the variable.
        """
        names = {each.name: self.variable(each.name) for each in self.arguments if each.kind != "object"}
        found: dict[str, Any] = {}
        replaced = _replaced_by(overrides)
        for each in self.arguments:
            variable = None if each.name in replaced else names.get(each.name)
            if variable and variables.get(variable):
                found[each.name] = variables[variable]
            if variable and each.secret and (path := variables.get(f"{variable}_FILE")):
                if each.name in found:
                    raise invalid_argument(f"{variable}_FILE", f"is set together with {variable}", "one of the two")
                names[each.name] = f"{variable}_FILE"
                found[each.name] = SecretFile(path, each.name)
        self._check_missing(names, {**found, **overrides}, overrides.keys())
        names |= {new: names[old] for new, old in _FROM_FILES.items() if old in names}
        is_read = False
        try:
            files = {name: value for name, value in overrides.items() if isinstance(value, SecretFile)}
            values = {**overrides, **dict(self._converted(found | files))}
            is_read = True
            return self.make(**with_keys(values, self.method_of(values)))
        except ConfigurationError as error:
            argument = error.argument or ""
            if is_read and argument == "dpop" and DPOP_KEY in {*overrides, *found}:
                error, argument = _renamed(error, DPOP_KEY), DPOP_KEY
            origin = _FROM_FILES.get(argument, argument)
            if argument == "password" and origin in {*overrides, *found}:
                error = invalid_argument(argument, "is locked", UNLOCKED)
            if argument in overrides or argument not in names:
                raise error from None
            if origin in overrides:
                raise _renamed(error, origin) from None
            message = str(error).replace(argument, f"environment variable {names[argument]}", 1)
            raise ConfigurationError(message, argument=names[argument]) from None

    def method_of(self, values: Mapping[str, Any]) -> str:
        """The method of client authentication that these arguments choose."""
        default = next((each.default for each in self.arguments if each.name == "auth_method"), None)
        first = self.endpoint.client_auth[0].method if self.endpoint else ""
        return str(values.get("auth_method") or default or first)

    def wants_secret(self, values: Mapping[str, Any]) -> bool:
        """Whether the method that these arguments choose uses a client secret."""
        has_secret = any(each.name == SECRET for each in self.arguments)
        return has_secret and self.method_of(values) not in WITHOUT_SECRET

    def _converted(self, found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """The values that texts and files give. A secret that is read again stays in its file."""
        for each in self.arguments:
            if each.name in found:
                value = found[each.name]
                if isinstance(value, SecretFile) and each.name not in REREAD:
                    value = value.read_in_time()
                yield each.name, each.from_text(value) if isinstance(value, str) else value

    def _check_missing(self, names: Mapping[str, str], given: Mapping[str, Any], overrides: Any) -> None:
        """Report everything that is missing in one error. If only a choice is missing, the constructor lists the choices."""
        method = self.method_of(given)
        needed = {each.name for each in self.arguments if each.required or each.name == _NEEDED_BY.get(method)}
        needed |= {SECRET} if self.wants_secret(given) else set[str]()
        missing = [each.name for each in self.arguments if each.name in needed - given.keys()]
        missing += [] if given.keys() & {*self.alternatives} else self.alternatives[:1]
        choices = {"environment", "base_url", *self.alternatives}
        known = {each.name for each in self.arguments}
        if not (len(missing) > 1 or {*missing} - choices) or not overrides <= known:
            return
        notes = {each.name: " (or ..._FILE)" for each in self.arguments if each.secret}
        others = ", ".join(names[each] for each in self.alternatives[1:])
        notes |= dict.fromkeys(self.alternatives[:1], f" (or {others})")
        wanted = ", ".join(names.get(each, each) + notes.get(each, "") for each in missing)
        each_of = "each of " if len(missing) > 1 else ""
        first = names.get(missing[0], missing[0])
        message = f"environment variable {first}: is missing; expected a value for {each_of}{wanted}"
        raise ConfigurationError(message, argument=first)


_NEEDED_BY = {"private_key_jwt": PRIVATE_KEY, "tls_client_auth": CERTIFICATE_FILE}
"""The argument that a method of client authentication needs, besides the client's id."""


def _replaced_by(overrides: Mapping[str, Any]) -> set[str]:
    """The arguments whose variables do not count, because overrides give them, or what their files lead to."""
    replaced = {*overrides}
    if "certificate" in overrides:
        replaced.add(CERTIFICATE_FILE)
    if overrides.get("dpop", True) is not True:
        replaced.add(DPOP_KEY)
    if DPOP_KEY in overrides:
        replaced.add("dpop")
    return replaced


def _renamed(error: ConfigurationError, argument: str) -> ConfigurationError:
    """An error that names another argument."""
    return ConfigurationError(str(error).replace(error.argument or "", argument, 1), argument=argument)


_FROM_FILES = {
    "certificate": CERTIFICATE_FILE,
    "password": PRIVATE_KEY,
    "private_key_file": PRIVATE_KEY,
}
"""Other arguments that an error may name, and those whose variables determine them."""


def key_arguments() -> Iterator[Argument]:
    """The arguments that name files with keys and certificates."""
    about = "The private key, in PEM or as a JWK: it signs assertions, or belongs to the certificate."
    yield Argument(name=PRIVATE_KEY, secret=True, about=about)
    yield Argument(name=KEY_ID, about="The private key's id as the provider knows it.")
    about = "A file with the client certificate in PEM. It also holds the private key, unless that has its own file."
    yield Argument(name=CERTIFICATE_FILE, about=about)


def proof_arguments(*, is_bound: bool = False) -> Iterator[Argument]:
    """The arguments that bind tokens to a key. ``is_bound`` says whether the provider gives no other tokens."""
    about = "Binds tokens to a key that this process makes (RFC 9449)."
    yield Argument(name="dpop", kind="boolean", default="true" if is_bound else None, about=about)
    about = (
        "The private key to bind tokens to (RFC 9449), in PEM or as a JWK. Processes that have it may share the tokens."
    )
    yield Argument(name=DPOP_KEY, secret=True, about=about)


def prefix_of(name: str, prefix: str | None) -> str:
    """How the names of variables begin: the given prefix, or the provider's name.

    Raises:
        ConfigurationError: The prefix cannot begin the name of a variable.
    """
    if prefix is None:
        return re.sub("[^A-Za-z0-9_]", "_", name).upper()
    if not _PREFIX.fullmatch(check_text("prefix", prefix)):
        raise invalid_argument("prefix", f"is {shown(prefix)}", "letters, digits and underscores, such as SHOP2")
    return prefix.rstrip("_").upper() or prefix
