"""Reads the spec of a SpecProvider: a file, a folder that was generated, or an imported package."""

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from os import PathLike, fspath
from pathlib import Path
from types import ModuleType

from paygrant._arguments import check_type, invalid_argument
from paygrant._providers.kind import SECRET, Argument
from paygrant._spec.description import TokenEndpoint
from paygrant._spec.misfit import misfit
from paygrant._spec.reader import endpoint_of, read_endpoint


@dataclass(frozen=True, slots=True)
class ReadSpec(PathLike[str]):
    """The path of a spec that has been read already, with its description."""

    path: Path
    endpoint: TokenEndpoint

    def __fspath__(self) -> str:
        return str(self.path)


def sends_client_id(description: TokenEndpoint) -> bool:
    """Whether the request carries the client's id, or a function may need it."""
    sent = any(each.client_id or each.method in {"client_secret_basic", "custom"} for each in description.client_auth)
    return sent or "client_id" in description.token_use.headers.values()


def arguments_of(description: TokenEndpoint) -> Iterator[Argument]:
    """The arguments that a spec gives a provider, credentials first."""
    servers: tuple[str, ...] = tuple(description.servers)
    methods: tuple[str, ...] = tuple(each.method for each in description.client_auth)
    if methods != ("none",):
        needed = "none" not in methods
        yield Argument(name="client_id", required=needed and sends_client_id(description), about="The client's id.")
        yield Argument(name=SECRET, required=needed, secret=True, about="The client's secret.")
    if servers:
        about = "One of the environments that the spec names."
        only = servers[0] if len(servers) == 1 else None
        yield Argument(name="environment", choices=servers, default=only, required=only is None, about=about)
    about = "Replaces the environment's base URL." if servers else "The base URL. The spec names none."
    yield Argument(name="base_url", required=not servers, about=about)
    if "client_secret_basic" in methods:
        about = "How HTTP Basic encodes the credentials (RFC 7617, or RFC 6749 section 2.3.1)."
        yield Argument(name="basic_encoding", choices=("auto", "plain", "form"), default="auto", about=about)
    if len(methods) > 1:
        about = "How the client authenticates."
        yield Argument(name="auth_method", choices=methods, default=methods[0], about=about)
    if "custom" in methods:
        yield Argument(name="authenticate", kind="object", about="A function that completes the request.")
    for each in description.arguments:
        yield Argument(
            name=str(each.argument),
            kind=each.kind,
            choices=each.choices,
            default=each.default if isinstance(each.default, str | None) else json.dumps(each.default),
            required=each.required and each.default is None,
            secret=each.secret,
            about=each.about,
        )


def read_checked(spec: "str | PathLike[str] | ModuleType") -> TokenEndpoint | ReadSpec:
    """Read a spec, and check what no lint rule has checked.

    Raises:
        ConfigurationError: There is no spec, or it breaks a rule.
    """
    if isinstance(spec, ReadSpec):
        return spec
    check_type("spec", spec, str | PathLike | ModuleType, "the path of a spec, or a package that was generated")
    if isinstance(spec, ModuleType):
        return _read_package(spec)
    place = Path(fspath(spec))
    return ReadSpec(place, _fitting(_read(place)))


def read_once(spec: "str | PathLike[str] | ModuleType") -> tuple[TokenEndpoint, str]:
    """Read a spec: its description, and a digest that no other description has. A package is read once."""
    description = description_of(read_checked(spec))
    return description, _package_digest(spec) if isinstance(spec, ModuleType) else _digest_of(description)


def description_of(read: TokenEndpoint | ReadSpec) -> TokenEndpoint:
    """The description in what ``read_checked`` returns."""
    return read if isinstance(read, TokenEndpoint) else read.endpoint


@functools.lru_cache(maxsize=256)
def _read_package(package: ModuleType) -> TokenEndpoint:
    return _fitting(_read(package))


@functools.lru_cache(maxsize=256)
def _package_digest(package: ModuleType) -> str:
    return _digest_of(_read_package(package))


def _digest_of(description: TokenEndpoint) -> str:
    return sha256(repr(description).encode()).hexdigest()


def _fitting(description: TokenEndpoint) -> TokenEndpoint:
    """A description whose values are of the promised types."""
    if (field_name := misfit(description)) or description.path.startswith("//"):
        fault = f"has {field_name or 'path'} with a value of another type or with a control character"
        raise invalid_argument("spec", fault, "what paygrant generate made, unchanged")
    return description


def _read(spec: Path | ModuleType) -> TokenEndpoint:
    """Read the description in a spec's file, or in the spec that a generated package contains.

    Raises:
        ConfigurationError: There is no spec, or it breaks a rule.
    """
    expected = "the path of a normalized spec, or of a package that was generated from one"
    try:
        # The generator has checked the spec of a package, so a package needs no tools at run time.
        if isinstance(spec, ModuleType):
            try:
                return endpoint_of(spec.__name__)
            except ImportError:  # a module that was made by hand
                raise LookupError from None
        if spec.is_dir():
            return read_endpoint(spec.resolve().name, json.loads((spec / "openapi.json").read_text("utf-8-sig")))
        from paygrant._spec.errors import SpecError
        from paygrant._spec.lint import load_checked

        try:
            return read_endpoint(spec.stem, load_checked(spec))
        except SpecError as error:
            fault = f"is not a normalized spec\n{error}\n"
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        place = spec.__name__ if isinstance(spec, ModuleType) else str(spec)
        fault = f"cannot be read at {place!r} ({type(error).__name__})"
    raise invalid_argument("spec", fault, expected)
