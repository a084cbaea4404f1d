"""Version of the installed product."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def product_version() -> str:
    """Return the installed version, ``0`` when run from files that are not installed."""
    try:
        return version("riskstream")
    except PackageNotFoundError:
        return "0"
