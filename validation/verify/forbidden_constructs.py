"""Constructs that the core must avoid so that its numbers repeat to the bit, read from its source.

Banned: wall clocks, unseeded randomness, and iteration over a set in an order that could
reach a result. Sets are known by how a name is made or annotated within a function; what
is handed to ``sorted``, ``len``, ``set`` and the like has no order to lose.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from system.places import PROJECT_DIR

CORE: Final = (
    "system/contracts",
    "system/risk",
    "system/book",
    "system/backtest",
    "system/simulate/paths.py",
    "system/simulate/timeline.py",
    "system/simulate/replay.py",
    "system/simulate/synthetic.py",
    "system/simulate/market.py",
    "validation/scenarios/story/edits",
    "validation/scenarios/story/timeline.py",
)
"""Files and folders that the contract of docs/determinism.md covers."""

BANNED_MODULES: Final = frozenset({"time", "random", "secrets", "uuid", "threading", "asyncio"})
CLOCK_CALLS: Final = frozenset({"now", "today", "utcnow", "time_ns", "monotonic_ns", "urandom"})
SET_CALLS: Final = frozenset({"set", "frozenset"})
SET_TYPES: Final = frozenset({"set", "frozenset", "Set", "AbstractSet", "MutableSet"})
ORDER_FREE: Final = frozenset(
    {"sorted", "len", "set", "frozenset", "any", "all", "min", "max", "bool", "isinstance"}
)
ORDERING: Final = frozenset({"list", "tuple", "iter", "enumerate", "zip", "map", "filter", "sum"})
SET_METHODS: Final = frozenset(
    {"union", "intersection", "difference", "symmetric_difference", "copy"}
)
COMPREHENSIONS: Final = (ast.ListComp, ast.DictComp, ast.GeneratorExp)


def core_files(root: Path = PROJECT_DIR) -> list[Path]:
    """Return the source files that the contract covers."""
    paths: list[Path] = []
    for name in CORE:
        path = root / name
        paths += [path] if path.is_file() else sorted(path.rglob("*.py"))
    return paths


def violations(source: str, name: str) -> list[str]:
    """Return what a module does that could change its results from run to run.

    Parameters
    ----------
    source : str
        Python.
    name : str
        Of the file, for the sentences.

    Returns
    -------
    list of str
        ``name:line: what``; empty when there is nothing.
    """
    tree = ast.parse(source)
    free = _order_free(tree)
    fields = frozenset(name for name in _set_names(ast.walk(tree)) if name.startswith("self."))
    problems = [
        (node.lineno, what)
        for scope in _scopes(tree)
        for node in scope
        for what in (
            *_imports(node),
            *_calls(node),
            *_iterations(node, fields | _set_names(scope), free),
        )
        if isinstance(node, ast.stmt | ast.expr)
    ]
    return [f"{name}:{line}: {what}" for line, what in sorted(set(problems))]


def _scopes(tree: ast.Module) -> list[list[ast.AST]]:
    """Return the nodes of each function, and of the module outside of functions."""
    functions = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    inside = [list(ast.walk(function)) for function in functions]
    in_any = {node for nodes in inside for node in nodes}
    return [[node for node in ast.walk(tree) if node not in in_any], *inside]


def _imports(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        modules = [alias.name.split(".")[0] for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        modules = [(node.module or "").split(".")[0]]
    else:
        return
    for module in modules:
        if module in BANNED_MODULES:
            yield f"imports {module}"


def _calls(node: ast.AST) -> Iterator[str]:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return
    if node.func.attr in CLOCK_CALLS:
        yield f"reads a clock or the system: {ast.unparse(node.func)}()"
    if ast.unparse(node.func.value).endswith("random"):
        if node.func.attr != "default_rng":
            yield f"draws from a generator of nobody's: {ast.unparse(node.func)}()"
        elif not node.args:
            yield "draws without a seed: default_rng()"


def _iterations(node: ast.AST, sets: frozenset[str], free: frozenset[ast.AST]) -> Iterator[str]:
    iterated: list[ast.expr] = []
    if isinstance(node, ast.For):
        iterated = [node.iter]
    elif isinstance(node, COMPREHENSIONS) and node not in free:
        iterated = [each.iter for each in node.generators]
    elif isinstance(node, ast.Starred):
        iterated = [node.value] if node not in free else []
    elif isinstance(node, ast.Call):
        called = ast.unparse(node.func).split(".")[-1]
        joins = isinstance(node.func, ast.Attribute) and called == "join"
        iterated = list(node.args) if (called in ORDERING and node not in free) or joins else []
    for each in iterated:
        if _is_set(each, sets):
            yield f"goes over a set in its own order: {ast.unparse(each)}"


def _is_set(node: ast.expr, sets: frozenset[str]) -> bool:
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name):
            return node.func.id in SET_CALLS
        is_method = isinstance(node.func, ast.Attribute) and node.func.attr in SET_METHODS
        return is_method and _is_set(node.func.value, sets)  # type: ignore[attr-defined]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr | ast.Sub):
        return _is_set(node.left, sets) or _is_set(node.right, sets)
    return isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node) in sets


def _set_names(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """Return names and ``self`` attributes that are made as, or annotated as, sets."""
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Assign) and _is_set(node.value, frozenset(names)):
            names |= {ast.unparse(target) for target in node.targets}
        elif isinstance(node, ast.AnnAssign) and _is_set_type(node.annotation):
            name = ast.unparse(node.target)
            names |= {name, f"self.{name}"}
        elif isinstance(node, ast.arg) and node.annotation and _is_set_type(node.annotation):
            names.add(node.arg)
    return frozenset(names)


def _is_set_type(annotation: ast.expr) -> bool:
    head = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    name = ast.unparse(head).split(".")[-1]
    if name == "Final" and isinstance(annotation, ast.Subscript):
        return _is_set_type(annotation.slice)
    return name in SET_TYPES


def _order_free(tree: ast.Module) -> frozenset[ast.AST]:
    """Return what stands directly in a call, or a set, that has no order to lose."""
    nodes: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ORDER_FREE:
            nodes |= {inner for argument in node.args for inner in ast.walk(argument)}
        elif isinstance(node, ast.Set | ast.SetComp):
            nodes |= set(ast.walk(node)) - {node}
    return frozenset(nodes)
