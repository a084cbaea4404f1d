"""Modules of the repository, and the tests that mirror them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

PACKAGES: Final = ("system", "validation", "loadtests")
TESTS: Final = "tests"
INTEGRATION: Final = "integration"


def modules(root: Path, *folders: str) -> list[str]:
    """Return the modules below folders, relative to the repository, sorted; no ``__init__``."""
    paths = (path for folder in folders for path in (root / folder).rglob("*.py"))
    return sorted(path.relative_to(root).as_posix() for path in paths if path.name != "__init__.py")


def is_numbered(module: str) -> bool:
    """Return whether a module is a numbered step (of the schema), which no code can import."""
    return Path(module).name[:1].isdigit()


def twin_places(module: str) -> Iterator[str]:
    """Yield the paths at which a module's test may be.

    `system/risk/historical.py` is tested by `tests/system/risk/test_historical.py`, or, where it
    needs the real servers, by `tests/integration/risk/test_historical.py`.
    """
    path = Path(module)
    name = f"test_{path.stem.strip('_')}.py"
    yield (Path(TESTS) / path.parent / name).as_posix()
    yield (Path(TESTS, INTEGRATION, *path.parent.parts[1:]) / name).as_posix()


def has_twin(root: Path, module: str) -> bool:
    """Return whether a module has its test at a mirrored path."""
    return any((root / place).is_file() for place in twin_places(module))
