"""``python -m system.runtime.preflight``: whether this machine can run the product.

The first thing that `make setup` runs, with whatever Python it found: only the standard
library is used, and the environment is read here because `system.settings` cannot be
imported yet. On Debian, root gets what is missing installed; others are told what to.
With ``--browser`` it looks for the browser that the dashboard's tests drive.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from system.errors import InputError
from system.runtime.java import JavaNotFoundError, find_java

OLDEST_PYTHON: Final = (3, 11)
NEWEST_PYTHON: Final = (3, 12)
# Debian 12 has the first, Debian 13 the second.
JAVA_PACKAGES: Final = ("openjdk-17-jre-headless", "openjdk-21-jre-headless")
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "chrome", "headless_shell")
APT_BOUND_S: Final = 600


class UnfitMachineError(InputError):
    """Something that the product needs is missing; the message says what to install."""


def check_python(version: tuple[int, int]) -> None:
    """Return if a Python version was tested.

    Raises
    ------
    UnfitMachineError
        If it was not; says which were.
    """
    if not OLDEST_PYTHON <= version <= NEWEST_PYTHON:
        found, tested = ".".join(map(str, version)), "3.11 and 3.12"
        raise UnfitMachineError(
            f"Python {found} is not supported; {tested} are tested.\n"
            "  Install one of them, or name it: make setup PYTHON=/path/to/python3.12"
        )


def check_system(platform: str) -> None:
    """Return if the operating system can run the embedded servers.

    Raises
    ------
    UnfitMachineError
        If it is not Linux.
    """
    if platform != "linux":
        raise UnfitMachineError(
            f"the embedded servers run on Linux; this is {platform}. Use compose/ instead."
        )


def ensure_venv(version: tuple[int, int], install: Callable[[str], bool]) -> None:
    """Return once virtual environments can be made; Debian ships that part separately.

    Parameters
    ----------
    version : pair of int
        Of the running Python.
    install : callable
        Tries to install a Debian package; returns whether it did.

    Raises
    ------
    UnfitMachineError
        If they cannot; says what to install.
    """
    package = "python{}.{}-venv".format(*version)
    if not _has_venv() and not (install(package) and _has_venv()):
        raise UnfitMachineError(f"this Python lacks ensurepip; apt-get install {package}")


def ensure_java(
    java_home: Path | None, search_path: str, install: Callable[[str], bool]
) -> tuple[Path, int]:
    """Return home and version of a tested Java, installed first where that is possible.

    Parameters
    ----------
    java_home : Path or None
        What ``JAVA_HOME`` says.
    search_path : str
        What ``PATH`` says.
    install : callable
        Tries to install a Debian package; returns whether it did.

    Raises
    ------
    JavaNotFoundError
        If there is none; says what was seen and what to install.
    """
    try:
        java = find_java(java_home, search_path)
    except JavaNotFoundError:
        if not any(install(package) for package in JAVA_PACKAGES):
            raise
        java = find_java(java_home, search_path)
    return java.home, java.version


def find_browser() -> str | None:
    """Return the path of an installed Chromium or Chrome, None if there is none."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def browser_or_advice(
    find: Callable[[], str | None], install: Callable[[str], bool]
) -> tuple[str | None, str]:
    """Return the browser, installed first where that is possible, and a line that says so.

    Parameters
    ----------
    find : callable
        Looks for one; returns its path or None.
    install : callable
        Tries to install a Debian package; returns whether it did.
    """
    browser = find() or (find() if install("chromium") else None)
    if browser is None:
        return None, "no Chromium: the dashboard's tests will be skipped; apt-get install chromium"
    return browser, f"browser of the dashboard's tests: {browser}"


def apt_install(package: str) -> bool:
    """Install a Debian package if we are root on Debian; return whether that worked."""
    if os.geteuid() != 0 or not Path("/etc/debian_version").exists():
        return False
    say(f"installing {package} (apt-get)")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package],
    ):
        done = subprocess.run(
            command, env=quiet, timeout=APT_BOUND_S, check=False, capture_output=True, text=True
        )
        if done.returncode != 0:
            say(f"{' '.join(command[:2])}: {done.stderr.strip()[-200:]}")
            return False
    return True


def _has_venv() -> bool:
    done = subprocess.run(
        [sys.executable, "-c", "import ensurepip, venv"], capture_output=True, check=False
    )
    return done.returncode == 0


def say(line: str) -> None:
    """Print one line for the person who waits."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> int:
    """Check and, where possible, complete this machine; return the exit code."""
    if "--browser" in arguments:
        say(browser_or_advice(find_browser, apt_install)[1])
        return 0
    version = sys.version_info[:2]
    java_home = os.environ.get("JAVA_HOME")
    try:
        check_system(sys.platform)
        check_python(version)
        ensure_venv(version, apt_install)
        home, java_version = ensure_java(
            Path(java_home) if java_home else None, os.environ.get("PATH", ""), apt_install
        )
    except InputError as error:
        say(f"error: {error}")
        return 1
    say(f"Python {version[0]}.{version[1]} ({sys.executable}), Java {java_version} ({home})")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
