"""The rules of the source tree, as functions: each reads modules by ``ast`` and returns its offenders as lines of text."""

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

PACKAGE = "paygrant"


@dataclass(frozen=True)
class Module:
    """One file.

    Attributes:
        name: The dotted name by which it is imported.
        path: The path below the root, for messages.
        source: The text.
        is_package: Whether it is the ``__init__`` of a folder.
    """

    name: str
    path: str
    source: str
    is_package: bool

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @property
    def room(self) -> str:
        """The folder below the top package, or the module itself if it lies on the ground floor."""
        return ".".join(self.name.split(".")[:2])

    def at(self, node: ast.AST | int) -> str:
        """The place of a node, for messages."""
        return f"{self.path}:{node if isinstance(node, int) else getattr(node, 'lineno', 1)}"


@dataclass(frozen=True)
class Import:
    """One imported thing: ``target`` is what was written, in full; ``name`` is what it is called in the module."""

    importer: Module
    line: int
    target: str
    name: str

    @property
    def place(self) -> str:
        return self.importer.at(self.line)


def modules(root: Path, folder: str, prefix: str = "") -> dict[str, Module]:
    """All modules below a folder, by name.

    Args:
        root: The root of the repository.
        folder: The folder, below the root.
        prefix: What stands before the names: empty for a folder on the path, else the folder's own name.
    """
    found: dict[str, Module] = {}
    for path in sorted((root / folder).rglob("*.py")):
        steps = [*filter(None, [prefix]), *path.relative_to(root / folder).with_suffix("").parts]
        is_package = steps[-1] == "__init__"
        name = ".".join(steps[:-1] if is_package else steps)
        found[name] = Module(name, path.relative_to(root).as_posix(), path.read_text("utf-8"), is_package)
    return found


def imports(module: Module) -> Iterator[Import]:
    """All imports of a module, those within functions and under TYPE_CHECKING as well, and those by ``import_module``."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                yield Import(module, node.lineno, each.name, each.asname or each.name.split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node)
            for each in node.names:
                yield Import(module, node.lineno, f"{base}.{each.name}", each.asname or each.name)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in {
            "import_module",
            "__import__",
        }:
            for value in node.args[:1]:
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield Import(module, node.lineno, value.value, "")


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    steps = module.name.split(".")
    above = steps[: len(steps) - node.level + module.is_package] if node.level else []
    return ".".join([*above, *filter(None, [node.module])])


def import_graph(overlay: Mapping[str, Module]) -> dict[str, dict[str, str]]:
    """Which module of the package imports which, and where.

    A name that the top package loads lazily counts as an import from its module. The top package itself is apart.
    """
    top = overlay.get(PACKAGE)
    lazy = {each.name: each.target for each in imports(top)} if top else {}
    graph: dict[str, dict[str, str]] = {name: {} for name in overlay if name.startswith(f"{PACKAGE}.")}
    for name, targets in graph.items():
        for each in imports(overlay[name]):
            target = each.target
            steps = target.split(".")
            if steps[0] == PACKAGE and len(steps) > 1 and target not in overlay:
                target = ".".join([lazy.get(steps[1], f"{PACKAGE}.{steps[1]}"), *steps[2:]])
            while target and target not in graph:
                target = target.rpartition(".")[0]
            if target and target != name:
                targets.setdefault(target, each.place)
    return graph


def room_graph(overlay: Mapping[str, Module]) -> dict[str, dict[str, str]]:
    """Which room imports which, and where first."""
    rooms: dict[str, dict[str, str]] = defaultdict(dict)
    for name, targets in import_graph(overlay).items():
        room = rooms[overlay[name].room]
        for target, place in targets.items():
            if overlay[target].room != overlay[name].room:
                room.setdefault(overlay[target].room, place)
    return dict(rooms)


def circles(graph: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The shortest circle through each node that is in one, written once."""
    found: dict[frozenset[str], str] = {}
    for start in sorted(graph):
        circle = _shortest_path(graph, start)
        if circle and not any(set(circle) <= known for known in found):
            steps = [f"{one} -> {other} ({graph[one][other]})" for one, other in pairwise([*circle, start])]
            found[frozenset(circle)] = "circle: " + ", ".join(steps)
    return list(found.values())


def _shortest_path(graph: Mapping[str, Mapping[str, str]], start: str) -> list[str]:
    """The nodes from a node back to itself."""
    paths, known = [[start]], set[str]()
    for steps in paths:
        for target in graph.get(steps[-1], {}):
            if target == start:
                return steps
            if target not in known:
                known.add(target)
                paths.append([*steps, target])
    return []


def circular_modules(overlay: Mapping[str, Module]) -> list[str]:
    """Circles between modules."""
    return circles(import_graph(overlay))


def circular_rooms(overlay: Mapping[str, Module]) -> list[str]:
    """Circles between packages. A module on the ground floor counts as a package of its own."""
    return circles(room_graph(overlay))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def private_imports(tree: Mapping[str, Module]) -> list[str]:
    """Imports of another package's underscore names, and attributes of imported things that have such names.

    The rooms themselves may have underscores: ``paygrant._stores.file`` is open to the other rooms.
    """
    offenders: list[str] = []
    for module in tree.values():
        known: dict[str, str] = {}
        for each in imports(module):
            known.setdefault(each.name, each.target if each.name != each.target.split(".")[0] else each.name)
            if _is_foreign(module, each.target):
                offenders.append(f"{each.place}: imports {each.target}")
        for node in ast.walk(module.tree):
            chain = _chain(node)
            if chain and chain[0] in known and is_private(chain[-1]):
                target = ".".join([known[chain[0]], *chain[1:]])
                if _is_foreign(module, target):
                    offenders.append(f"{module.at(node)}: uses {target}")
    return offenders


def _is_foreign(module: Module, target: str) -> bool:
    """Whether a dotted name of this project has an underscore that is not for this module."""
    steps = target.split(".")
    if steps[0] not in {PACKAGE, "scripts"} or not any(map(is_private, steps[2:])):
        return False
    return steps[:2] != module.room.split(".")


def _chain(node: ast.AST) -> list[str]:
    """The names of ``a.b.c``. Empty if the node is anything else."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [*names, node.id][::-1] if isinstance(node, ast.Name) and names else []


def private_attributes(tree: Mapping[str, Module], allowed: Iterable[str] = ()) -> list[str]:
    """Uses of an object's underscore names that only another package of the tree defines. A subclass may use its base's.

    Args:
        tree: The modules.
        allowed: Names that belong to objects of other libraries.
    """
    definitions: dict[str, set[str]] = defaultdict(set)
    for module in tree.values():
        for name in _defined(module):
            definitions[name].add(module.room)
    offenders: list[str] = []
    for module in tree.values():
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Attribute) or not is_private(node.attr) or _is_own_instance(node.value):
                continue
            if node.attr in allowed:
                continue
            rooms = definitions.get(node.attr, set())
            if rooms and module.room not in rooms:
                offenders.append(f"{module.at(node)}: uses {ast.unparse(node)} of {', '.join(sorted(rooms))}")
    return offenders


def _is_own_instance(node: ast.expr) -> bool:
    return ast.unparse(node) in {"self", "cls", "super()"}


def _defined(module: Module) -> Iterator[str]:
    """The underscore names of attributes and functions that a module defines."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names = [node.id]
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_own_instance(node.value):
            names = [node.attr]
        else:
            names = []
        yield from filter(is_private, names)


def ground_floor(overlay: Mapping[str, Module], most: int) -> list[str]:
    """Modules on the ground floor, if there are too many."""
    ground = [
        each.path
        for each in overlay.values()
        if each.name == PACKAGE
        or (each.name.startswith(f"{PACKAGE}.") and each.name.count(".") == 1 and not each.is_package)
    ]
    return [f"{len(ground)} modules on the ground floor: {', '.join(ground)}"] if len(ground) > most else []


def long_modules(overlay: Mapping[str, Module], most: int) -> list[str]:
    """Modules of too many lines."""
    lengths = {each.path: len(each.source.splitlines()) for each in overlay.values()}
    return [f"{path}: {length} lines" for path, length in lengths.items() if length > most]


def path_changes(tree: Mapping[str, Module]) -> list[str]:
    """Changes of ``sys.path``."""
    offenders: list[str] = []
    for module in tree.values():
        for node in ast.walk(module.tree):
            changed: list[ast.expr] = []
            if isinstance(node, ast.Call):
                changed = [node.func]
            elif isinstance(node, ast.Assign | ast.Delete):
                changed = node.targets
            elif isinstance(node, ast.AugAssign | ast.AnnAssign):
                changed = [node.target]
            elif (
                isinstance(node, ast.ImportFrom)
                and node.module == "sys"
                and any(each.name == "path" for each in node.names)
            ):
                offenders.append(f"{module.at(node)}: from sys import path")
            offenders += [
                f"{module.at(node)}: {text}" for text in map(ast.unparse, changed) if _PATH_CHANGE.search(text)
            ]
    return offenders


_PATH_CHANGE = re.compile(
    r"\bsys\.path($|\[|\.(append|extend|insert|remove|pop|clear|reverse|sort)$)|addsitedir|syspath_"
)


def imports_of_tests(tree: Mapping[str, Module]) -> list[str]:
    """Imports out of test modules and conftest."""
    return [
        f"{each.place}: imports {each.target}"
        for module in tree.values()
        for each in imports(module)
        if any(re.fullmatch(r"test_\w+|conftest", step) for step in _module_steps(each.target, tree))
    ]


def _module_steps(target: str, tree: Mapping[str, Module]) -> list[str]:
    """The steps of an imported name that are modules: a helper may have a function called test_something."""
    while target and target not in tree:
        target = target.rpartition(".")[0]
    return target.split(".")


def without_docstring(tree: Mapping[str, Module]) -> list[str]:
    """Modules that do not begin with a docstring."""
    return [each.path for each in tree.values() if not (ast.get_docstring(each.tree) or "").strip()]


def old_identifiers(tree: Mapping[str, Module], words: Iterable[str]) -> list[str]:
    """Identifiers that have one of these words as a part: ``take_off`` is in ``_take_off_now``."""
    old = re.compile(rf"_({'|'.join(words)})_")
    return [
        f"{module.at(node)}: {name}"
        for module in tree.values()
        for node in ast.walk(module.tree)
        for name in _identifiers(node)
        if old.search(f"_{re.sub(r'(?<=[a-z0-9])(?=[A-Z])', '_', name).lower()}_")
    ]


def _identifiers(node: ast.AST) -> list[str]:
    """The names that a node introduces."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.arg):
        return [node.arg]
    if isinstance(node, ast.alias):
        return [node.asname or ""]
    if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
        return [node.id if isinstance(node, ast.Name) else node.attr]
    return []


def old_prose(tree: Mapping[str, Module], words: Iterable[str]) -> list[str]:
    """Docstrings and comments that have one of these words."""
    old = re.compile(rf"\b({'|'.join(words)})\b", re.IGNORECASE)
    return [
        f"{module.at(line)}: {match[0]!r} in {text.strip()!r}"
        for module in tree.values()
        for first, prose in _prose(module)
        for line, text in enumerate(prose.splitlines(), first)
        for match in old.finditer(text)
    ]


def long_sentences(tree: Mapping[str, Module], most: int) -> list[str]:
    """Sentences of docstrings with more words than that. A list, a table or a drawing has none."""
    return [
        f"{module.at(line)}: {len(sentence.split())} words in {sentence!r}"
        for module in tree.values()
        for line, prose in _prose(module)
        for sentence in _sentences(prose)
        if len(sentence.split()) > most
    ]


def _sentences(prose: str) -> Iterator[str]:
    """The sentences of paragraphs, with each piece of code as one word. The text of an argument is a paragraph."""
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*(?:- |[*\w]+: |[├└│|=]|Args:|Returns:|Raises:))", prose):
        if not re.match(r"\s*[-├└│|=]", paragraph):
            text = " ".join(re.sub(r"``[^`]*``", "code", paragraph).split())
            yield from re.split(r"(?<=[.!?:;])\s+", text)


def _prose(module: Module) -> Iterator[tuple[int, str]]:
    """Docstrings, those of fields too, and comments, each with its first line."""
    for node in ast.walk(module.tree):
        value = node.value if isinstance(node, ast.Expr) else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.lineno, value.value
    for token in tokenize.generate_tokens(io.StringIO(module.source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
