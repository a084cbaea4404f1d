"""The wheel of the client alone: its modules, what they import, and the few libraries they need.

``python -m validation.release.client_wheel FOLDER`` (`make client-wheel`) builds
``riskstream_client-VERSION-py3-none-any.whl``. Its files are those of the product, byte for byte:
which ones follows from the imports of the two clients, so that none is listed twice.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from system.console import PlainConsole
from system.errors import InputError, InternalError
from system.exits import ExitCode, print_error
from system.places import PROJECT_DIR, is_checkout

NAME: Final = "riskstream-client"
ROOTS: Final = ("system.client.sync_client", "system.client.async_client")
PRODUCT: Final = "system"
TYPED: Final = f"{PRODUCT}/py.typed"
DISTRIBUTIONS: Final = {"httpx_sse": "httpx-sse"}
"""Distributions that are not named as what is imported of them."""
OF_OTHERS: Final = frozenset({"anyio"})
"""Libraries that a dependency brings: httpx stands on anyio."""
BUILD_BOUND_S: Final = 120
_BUILD: Final = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
_PYPROJECT: Final = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "{version}"
description = "Typed Python client of riskstream's API, synchronous and asynchronous"
readme = "README.md"
requires-python = "{python}"
license = "{license}"
license-files = ["LICENSE"]
dependencies = [
{dependencies}]

[tool.setuptools.packages.find]
include = ["{product}*"]

[tool.setuptools.package-data]
"*" = ["py.typed"]
"""
_README: Final = """\
# riskstream-client

The typed client of riskstream's API, without the product: four small libraries.

```python
from system.client.sync_client import RiskClient

with RiskClient("http://127.0.0.1:8000", "the token") as client:
    print(client.current_var("long-equities").var)
```

`system.client.async_client.AsyncRiskClient` has the same methods for asyncio. Its modules are
those of the package `riskstream`, which contains it: install one of the two.
"""


def client_modules(root: Path) -> dict[str, Path]:
    """Return the modules that the clients import, directly or not, with their packages.

    Parameters
    ----------
    root : Path
        The checkout.

    Returns
    -------
    dict of str to Path
        Files by path relative to the checkout, sorted.
    """
    files: dict[str, Path] = {}
    waiting = list(ROOTS)
    while waiting:
        name = waiting.pop()
        path = _place(root, name)
        if path is None or (place := path.relative_to(root).as_posix()) in files:
            continue
        files[place] = path
        waiting += _parents(name)
        waiting += [other for other in _imports(path) if _top(other) == PRODUCT]
    return dict(sorted(files.items()))


def client_dependencies(root: Path) -> list[str]:
    """Return the libraries that the clients import, with the bounds of the product, sorted.

    Raises
    ------
    InternalError
        If one of them is no dependency of the product.
    """
    imported = {
        _top(name) for path in client_modules(root).values() for name in _imports(path)
    } - sys.stdlib_module_names
    wanted = {DISTRIBUTIONS.get(name, name) for name in imported - {PRODUCT} - OF_OTHERS}
    stated = {_bare(each): each for each in _project(root)["dependencies"]}
    if missing := sorted(wanted - set(stated)):
        raise InternalError(f"the client imports what is no dependency: {', '.join(missing)}")
    return [stated[name] for name in sorted(wanted)]


def build_client_wheel(root: Path, folder: Path) -> Path:
    """Build the wheel and return its path.

    Parameters
    ----------
    root : Path
        The checkout.
    folder : Path
        For the wheel; made where it is not there.

    Raises
    ------
    InputError
        If the sources are not a checkout.
    InternalError
        If the build fails; says how it ended.
    """
    if not is_checkout(root):
        raise InputError(f"{root}: no checkout; the client's wheel is built from the sources")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="riskstream-client-") as place:
        sources, built = Path(place) / "sources", Path(place) / "built"
        _write_sources(root, sources)
        built.mkdir()
        command = [sys.executable, "-W", "ignore", "-c", _BUILD, str(built)]
        done = subprocess.run(
            command, cwd=sources, capture_output=True, text=True, timeout=BUILD_BOUND_S, check=False
        )
        if done.returncode != 0:
            raise InternalError(f"the client's wheel was not built: {done.stderr[-2_000:]}")
        (wheel,) = built.glob("*.whl")
        target = folder / wheel.name
        shutil.copy(wheel, target)
    return target


def _write_sources(root: Path, sources: Path) -> None:
    for place, path in {**client_modules(root), TYPED: root / TYPED}.items():
        target = sources / place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    project = _project(root)
    text = _PYPROJECT.format(
        name=NAME,
        version=project["version"],
        python=project["requires-python"],
        license=project["license"],
        dependencies="".join(f'  "{each}",\n' for each in client_dependencies(root)),
        product=PRODUCT,
    )
    (sources / "pyproject.toml").write_text(text, "utf-8")
    (sources / "README.md").write_text(_README, "utf-8")
    shutil.copy(root / "LICENSE", sources / "LICENSE")


def _project(root: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    return project


def _place(root: Path, name: str) -> Path | None:
    """Return the file of a module or package; None for a name inside of one."""
    path = root.joinpath(*name.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


def _imports(path: Path) -> Iterator[str]:
    """Yield what a file imports, also names that could be modules."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _parents(name: str) -> list[str]:
    words = name.split(".")
    return [".".join(words[:count]) for count in range(1, len(words))]


def _top(name: str) -> str:
    return name.partition(".")[0]


def _bare(requirement: str) -> str:
    """Return the name of a requirement: ``httpx`` of ``httpx>=0.28``."""
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0]


def main(
    folder: Annotated[Path, typer.Argument(help="Folder for the wheel.")] = Path("dist"),
) -> None:
    """Build the wheel of the client alone."""
    try:
        wheel = build_client_wheel(PROJECT_DIR, folder)
    except InputError as error:
        print_error(str(error))
        raise typer.Exit(ExitCode.WRONG_INPUT) from None
    PlainConsole().print(f"{wheel}: {wheel.stat().st_size:,} bytes", soft_wrap=True)


if __name__ == "__main__":
    typer.run(main)
