"""Folders of the product, in a checkout and installed from a wheel.

A checkout keeps everything below itself. A wheel puts scenarios, locks and examples under
``share/riskstream`` of the environment, and what a run makes goes to the current folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from system.errors import InputError

PROJECT_DIR: Final = Path(__file__).resolve().parents[1]
"""Folder of the packages: the checkout, or ``site-packages``."""
SHARE: Final = Path("share") / "riskstream"


class NoCheckoutError(InputError):
    """A command that needs the sources and tests runs from an installed package."""


def is_checkout(folder: Path = PROJECT_DIR) -> bool:
    """Return whether a folder is a checkout of the repository."""
    return (folder / "pyproject.toml").is_file()


def base_dir(folder: Path = PROJECT_DIR) -> Path:
    """Return where state, caches and reports go: the checkout, else the current folder."""
    return folder if is_checkout(folder) else Path.cwd()


def shared_dir(folder: Path = PROJECT_DIR) -> Path:
    """Return the folder of scenarios, locks and examples.

    Parameters
    ----------
    folder : Path
        ``PROJECT_DIR``; ``PREFIX/lib/python3.11/site-packages`` where the wheel is installed
        into an environment, any folder where it is installed with ``--target``.
    """
    if is_checkout(folder):
        return folder
    below = folder / SHARE
    return below if below.is_dir() else folder.parents[2] / SHARE


def require_checkout(command: str) -> None:
    """Return if the product runs from a checkout.

    Raises
    ------
    NoCheckoutError
        If it does not; names the command.
    """
    if not is_checkout():
        raise NoCheckoutError(
            f"{command} needs the sources and tests of the repository, which a wheel does not "
            f"have; this package is in {PROJECT_DIR}"
        )


SHARED_DIR: Final = shared_dir()
REPORTS_DIR: Final = base_dir() / "build"
SETUP_COMMAND: Final = "make setup" if is_checkout() else "riskstream setup"
