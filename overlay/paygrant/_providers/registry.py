"""Which providers there are: those of the box, those that installed packages declare, and those of the user's own specs.

The command line, the doctor, the sandbox and the pytest plugin ask this module alone. A package declares its providers as
entry points of the group ``paygrant.providers``. They are looked up only if a name is not in the box.
"""

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard, cast

from paygrant._arguments import invalid_argument
from paygrant._errors import ConfigurationError
from paygrant._providers.base import Provider, kind_of
from paygrant._secrets import compared_as_a_whole

if TYPE_CHECKING:
    from paygrant._providers.kind import ProviderKind
    from paygrant._spec.files import SpecCache
    from paygrant._spec.reader import NormalizedSpec

Cache: TypeAlias = tuple[Path, str]
"""Where specs are kept that have been read: a folder that only this user can write to, and a mark of this version."""

GROUP = "paygrant.providers"
"""The group of entry points by which a package declares its providers: a class of providers, or a generated package."""

_SPEC_SUFFIXES = {".yaml", ".yml", ".json"}
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

HAND_WRITTEN = {"ripio_widget": ("ripio", "RipioWidget"), "ripple": ("ripple", "Ripple")}
"""The module and the class of the providers with code of their own. All other classes are generated."""


@dataclass(frozen=True, slots=True, repr=False)
class Installed:
    """A provider that an installed package declares.

    Attributes:
        name: The name that the package declares.
        package: The distribution.
        kind: What is known of the provider; None if it cannot be used.
        fault: Why it cannot be used; empty if it can.
        module: The generated package with its spec; empty if it has none.
    """

    name: str
    package: str
    kind: "ProviderKind[Provider] | None" = None
    fault: str = ""
    module: str = ""


@compared_as_a_whole
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ServedSpec:
    """A spec as the sandbox serves it.

    Attributes:
        word: How the command line names it: a name, or the path of a spec.
        spec: The spec.
        kind: Returns what is known of the provider.
    """

    word: str
    spec: "NormalizedSpec"
    kind: "Callable[[], ProviderKind[Provider]]"


def names() -> list[str]:
    """The names of all providers of the box, as their specs have them, sorted."""
    return sorted(each.name for each in iter_modules(import_module("paygrant_clients").__path__) if each.ispkg)


def known_names() -> list[str]:
    """The names above, and those that installed packages declare. No package is imported."""
    return [*names(), *sorted({each.name for each in _declared() if _NAME.fullmatch(each.name)} - {*names()})]


def class_of(name: str) -> type[Provider]:
    """The class of a provider of the box. It is imported when it is used."""
    if name in HAND_WRITTEN:
        module, kind = HAND_WRITTEN[name]
        return cast("type[Provider]", getattr(import_module(f"paygrant._providers.{module}"), kind))
    from paygrant._spec.reader import spec_of

    package = f"paygrant_clients.{name}"
    return cast("type[Provider]", getattr(import_module(package), spec_of(package).class_name))


def kind_named(name: str, prefix: str | None = None) -> "ProviderKind[Provider]":
    """What is known of a provider of the box."""
    return kind_of(class_of(name), prefix)


def kind_at(path: Path, prefix: str | None = None, cache: Cache | None = None) -> "ProviderKind[Provider]":
    """What is known of the provider that the spec at a path describes.

    Args:
        path: A spec, or the folder of a generated package.
        prefix: How the names of its variables begin; by default the spec's name.
        cache: Where specs are kept that have been read.

    Raises:
        ConfigurationError: The spec cannot be used.
        ImportError: The extra ``generate`` is not installed, and the spec has not been read before.
    """
    from paygrant._providers.spec_provider import kind_of_spec

    return kind_of_spec(path, prefix, _spec_cache(cache))


def spec_at(path: Path, cache: Cache | None = None) -> "NormalizedSpec":
    """The spec at a path, with its name, for the sandbox. Raises what ``kind_at`` raises."""
    from paygrant._providers.read_spec import read_spec

    return read_spec(path, _spec_cache(cache))


def served_specs() -> Iterator[ServedSpec]:
    """The specs of the box, and those of the providers that installed packages declare, sorted by origin and name."""
    from paygrant._spec.reader import spec_of

    for name in names():
        yield ServedSpec(name, spec_of(f"paygrant_clients.{name}"), functools.partial(kind_named, name))
    for each in installed():
        if each.kind is not None and each.module:
            try:
                spec = spec_of(each.module)
                usable = spec.endpoint.name == each.name
            except Exception:  # noqa: BLE001, S112 - the package may be anybody's, and the others go on
                continue
            if usable:
                yield ServedSpec(each.name, spec, functools.partial(_same, each.kind))


def served_spec_at(path: Path) -> ServedSpec:
    """The spec at a path. Raises what ``kind_at`` raises."""
    return ServedSpec(str(path), spec_at(path), functools.partial(kind_at, path))


def _same(kind: "ProviderKind[Provider]") -> "ProviderKind[Provider]":
    return kind


def _spec_cache(cache: Cache | None) -> "SpecCache | None":
    if cache is None:
        return None
    from paygrant._spec.files import SpecCache

    return SpecCache(*cache)


def find(word: str, prefix: str | None = None, cache: Cache | None = None) -> "ProviderKind[Provider] | None":
    """What is known of the provider that a word names; None if it names none.

    The box comes first, then the path of a spec, then the entry points. A name may have dashes, and letters of any case.

    Args:
        word: A name or the path of a spec.
        prefix: How the names of its variables begin; by default the provider's name.
        cache: Where specs are kept that have been read.

    Raises:
        ConfigurationError: The word leads to a provider that cannot be used.
        ImportError: As for ``kind_at``.
    """
    plain = _plain(word)
    if name := next((each for each in names() if _plain(each) == plain), None):
        return kind_named(name, prefix)
    if is_path(word):
        return kind_at(Path(word), prefix, cache)
    found = [each for each in _declared() if _plain(each.name) == plain]
    if not found:
        return None
    installed = _checked(found[0], found[1:], prefix)
    if installed.kind is None:
        fault = f"the package {installed.package} declares {installed.name}, but {installed.fault}"
        raise ConfigurationError(f"provider: {fault}", argument="provider")
    return installed.kind


def is_path(word: str) -> bool:
    """Whether a word is the path of a spec: it has the ending of one, or a file or a generated package is there."""
    path = Path(word)
    try:
        return path.suffix.lower() in _SPEC_SUFFIXES or path.is_file() or (path / "openapi.json").is_file()
    except (OSError, ValueError):
        return False


def installed() -> Iterator[Installed]:
    """The providers that installed packages declare, by name. One that cannot be used does not stop the others."""
    declared = _declared()
    for name in dict.fromkeys(_plain(each.name) for each in declared):
        first, *others = [each for each in declared if _plain(each.name) == name]
        yield _checked(first, others, None)


def _declared() -> list[EntryPoint]:
    """The entry points of all installed packages. One that is listed twice, as in an editable install, counts once."""
    found = {(each.name, each.value, _package(each)): each for each in entry_points(group=GROUP)}
    return [found[key] for key in sorted(found)]


def _checked(point: EntryPoint, others: list[EntryPoint], prefix: str | None) -> Installed:
    """The provider behind an entry point. Its package may be anybody's: whatever it does becomes a fault in words."""
    name, package = point.name, _package(point)
    if not _NAME.fullmatch(name):
        return Installed("?", package, fault="its name is not in snake_case")
    if any(_plain(each) == _plain(name) for each in names()):
        return Installed(name, package, fault="paygrant has a provider of this name, which is used instead")
    if others:
        packages = ", ".join(dict.fromkeys(map(_package, [point, *others])))
        return Installed(name, packages, fault="several entry points have this name, so none of them is used")
    try:
        kind, module = _kind_behind(point, prefix)
        own_name = str(kind.name)
        fault = "" if own_name == name else f"its provider calls itself {_first_line(own_name)!r}"
    except ConfigurationError as error:
        fault = _first_line(str(error)).removeprefix("provider: ")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - its text may hold anything
        fault = f"it cannot be imported ({type(error).__name__})"
    else:
        return Installed(name, package, None if fault else kind, fault, module)
    return Installed(name, package, fault=fault)


def _kind_behind(point: EntryPoint, prefix: str | None) -> "tuple[ProviderKind[Provider], str]":
    """What is known of the provider that an entry point leads to, and the name of the package with its spec.

    Raises:
        ConfigurationError: It leads to something else, or the spec is bad.
        Exception: The package failed.
    """
    found: Any = point.load()
    if _is_class(found):
        package = getattr(getattr(found, "_spec", None), "__name__", None) or getattr(found, "_package", "")
        return kind_of(found, prefix), str(package)
    if isinstance(found, ModuleType):
        from paygrant._providers.spec_provider import kind_of_spec

        return kind_of_spec(found, prefix), found.__name__
    fault = f"it leads to an object of type {type(cast('object', found)).__name__}"
    raise invalid_argument("provider", fault, "a class or a package")


def _is_class(found: Any) -> TypeGuard[type[Provider]]:
    return isinstance(found, type) and issubclass(found, Provider)


def _package(point: EntryPoint) -> str:
    """The name of the distribution that declares an entry point, in a form that can be shown."""
    name = point.dist.name if point.dist else ""
    return name if re.fullmatch(r"[A-Za-z0-9._-]{1,100}", name or "") else "?"


def _plain(name: str) -> str:
    """A name without dashes and underscores, in lower case."""
    return name.replace("-", "").replace("_", "").lower()


def _first_line(text: str) -> str:
    """The beginning of a text of others, without characters that change a line."""
    line = text.partition("\n")[0][:200]
    return "".join(each if each.isprintable() else "?" for each in line)
