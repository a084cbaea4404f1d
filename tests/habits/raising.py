"""Raises sections, compared with the ``raise`` statements of public functions. Static, by AST.

A function is public if neither its name nor that of its class begins with an underscore. An
exception counts as documented if its *Raises* section names it or one of its bases. For
``__init__`` and ``__post_init__`` the section of the class counts as well.

Not counted: a bare ``raise`` and the raise of a variable, which pass another function's error on;
an error that the same function catches; ``typer.Exit``, which is an exit code; what marks our own
mistakes (AssertionError, NotImplementedError); commands of typer and routes of FastAPI, whose
docstring is a page for users. Of ``raise helper(...)`` the return annotation of a helper in the
same module is taken; of any other helper only that there is a section. What a private function of
the same module raises, its public caller raises.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.habits.sources import PACKAGES, modules

Function = ast.FunctionDef | ast.AsyncFunctionDef
CONSTRUCTORS: Final = ("__init__", "__post_init__", "__new__")
OURS: Final = ("AssertionError", "NotImplementedError", "Exit")
ROUTES: Final = ("get", "post", "put", "delete", "exception_handler", "middleware")
UNKNOWN: Final = "an error made by another module"
_SECTION: Final = re.compile(
    r"^Raises\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}$|\Z)", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True)
class RaisingFunction:
    """A public function with a ``raise`` in its body, and the exceptions that it leaves out."""

    place: str
    undocumented: tuple[str, ...]


def error_bases(root: Path) -> dict[str, set[str]]:
    """Return the direct bases of every class of the repository, by name."""
    bases: dict[str, set[str]] = {}
    for module in modules(root, *PACKAGES):
        for node in ast.walk(ast.parse((root / module).read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases.setdefault(node.name, set()).update(map(_last_name, node.bases))
    return bases


def raising_functions(
    root: Path, module: str, bases: Mapping[str, set[str]]
) -> list[RaisingFunction]:
    """Return the public functions of a module that raise, themselves or by a private function."""
    tree = ast.parse((root / module).read_text("utf-8"))
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, Function)}
    reader = _Reader(functions, bases)
    raising = []
    for owner, function in _public_functions(tree.body):
        errors = set(reader.errors(function.body, ())) - set(OURS)
        if errors and not _is_page(function):
            known = _documented(function, owner)
            lacking = (error for error in errors if not _is_covered(error, known, bases))
            name = f"{owner.name}.{function.name}" if owner else function.name
            raising.append(RaisingFunction(f"{module}::{name}", tuple(sorted(lacking))))
    return raising


def _public_functions(
    body: Sequence[ast.stmt], owner: ast.ClassDef | None = None
) -> Iterator[tuple[ast.ClassDef | None, Function]]:
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _public_functions(node.body, node)
        elif isinstance(node, Function) and (
            not node.name.startswith("_") or node.name in CONSTRUCTORS
        ):
            yield owner, node


class _Reader:
    """Reads which errors leave a body of statements.

    Parameters
    ----------
    functions : mapping of str to Function
        Of the module, by name: errors of private ones are their callers' errors.
    bases : mapping of str to set of str
        Bases of every class.
    """

    def __init__(self, functions: Mapping[str, Function], bases: Mapping[str, set[str]]) -> None:
        self._functions = functions
        self._bases = bases
        self._reading: list[str] = []

    def errors(self, body: Sequence[ast.AST], caught: tuple[str, ...]) -> Iterator[str]:
        """Yield the errors that are raised and not caught; nested functions are their own."""
        for node in body:
            if isinstance(node, Function | ast.ClassDef | ast.Lambda):
                continue
            if isinstance(node, ast.Try):
                inside = tuple(name for handler in node.handlers for name in _caught(handler))
                yield from self.errors(node.body, (*caught, *inside))
                for rest in (node.handlers, node.orelse, node.finalbody):
                    yield from self.errors(rest, caught)
                continue
            if isinstance(node, ast.Raise) and node.exc is not None:
                yield from self._leaving(self._names(node.exc), caught)
            elif isinstance(node, ast.Call):
                yield from self._leaving(self._called(node), caught)
            yield from self.errors(list(ast.iter_child_nodes(node)), caught)

    def _leaving(self, errors: Iterable[str], caught: tuple[str, ...]) -> Iterator[str]:
        for error in errors:
            if error and not ancestors(error, self._bases) & set(caught):
                yield error

    def _names(self, error: ast.expr) -> list[str]:
        """Return the names that an error may have; none for a variable."""
        name = _last_name(error)
        if name[:1].isupper():
            return [name]
        if isinstance(error, ast.Name):
            return []
        maker = self._functions.get(name)
        return _union(maker.returns) if maker and maker.returns else [UNKNOWN]

    def _called(self, call: ast.Call) -> list[str]:
        """Return the errors of a private function of the module; none of any other."""
        name = call.func.attr if isinstance(call.func, ast.Attribute) else _last_name(call.func)
        function = self._functions.get(name)
        if function is None or not name.startswith("_") or name in (*self._reading, *CONSTRUCTORS):
            return []
        self._reading.append(name)
        errors = list(self.errors(function.body, ()))
        self._reading.pop()
        return errors


def _caught(handler: ast.ExceptHandler) -> list[str]:
    if handler.type is None:
        return ["BaseException"]
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return [_last_name(name) for name in names]


def ancestors(error: str, bases: Mapping[str, set[str]]) -> set[str]:
    """Return an error and all its bases, of the repository and of Python, by name."""
    names, waiting = set(), [error]
    while waiting:
        name = waiting.pop()
        if name not in names:
            names.add(name)
            waiting.extend(bases.get(name, ()))
            python = getattr(builtins, name, None)
            if isinstance(python, type):
                names.update(base.__name__ for base in python.__mro__)
    return names


def _last_name(node: ast.expr | None) -> str:
    """Return the last name of `a.b.C(...)`, of `await f(...)` or of an annotation."""
    while isinstance(node, ast.Call | ast.Await | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    if isinstance(node, ast.Attribute):
        owner = _last_name(node.value)
        return owner if owner[:1].isupper() else node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _union(annotation: ast.expr) -> list[str]:
    """Return the names of an annotation `A | B`."""
    if isinstance(annotation, ast.BinOp):
        return [*_union(annotation.left), *_union(annotation.right)]
    return [_last_name(annotation)]


def _documented(function: Function, owner: ast.ClassDef | None) -> set[str]:
    names = _section(function)
    if owner is not None and function.name in CONSTRUCTORS:
        names |= _section(owner)
    return names


def _section(node: Function | ast.ClassDef) -> set[str]:
    section = _SECTION.search(ast.get_docstring(node) or "")
    lines = section[1].splitlines() if section else []
    return {name for line in lines if line[:1].strip() for name in re.findall(r"\w+", line)}


def _is_covered(error: str, known: set[str], bases: Mapping[str, set[str]]) -> bool:
    return bool(known) if error == UNKNOWN else bool(ancestors(error, bases) & known)


def _is_page(function: Function) -> bool:
    """Return whether a function's docstring is a command's help or an endpoint's description."""
    arguments = (*function.args.args, *function.args.kwonlyargs)
    annotations = (ast.unparse(each.annotation) for each in arguments if each.annotation)
    options = any("typer." in annotation for annotation in annotations)
    routes = any(
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and decorator.func.attr in ROUTES
        for decorator in function.decorator_list
    )
    return options or routes
