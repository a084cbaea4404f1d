"""A plugin of pytest: the code under test is that of the folder it runs in, and no other."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Final

import pytest

OUTSIDE: Final = 97
"""Exit code where a package comes from elsewhere: what ran was not the copy."""
PACKAGES: Final = ("system", "validation", "loadtests")


def pytest_sessionstart() -> None:
    """End the run if a package is loaded from outside the working folder."""
    here = Path.cwd().resolve()
    for name in PACKAGES:
        place = import_module(name).__file__
        if place is None or not Path(place).resolve().is_relative_to(here):
            pytest.exit(f"{name} comes from {place}, not from {here}", returncode=OUTSIDE)
