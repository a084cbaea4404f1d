"""``python -m system.runtime.preflight``: whether this machine can run the product.

The first thing that `make setup` runs, with whatever Python it found: only the standard
library is used, and the environment is read here because `system.settings` cannot be
imported yet. On Debian, root gets what is missing installed; others are told what to.
With ``--browser`` it looks for the browser that the dashboard's tests drive.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from system.errors import InputError
from system.runtime.components.java import JavaNotFoundError, find_java

OLDEST_PYTHON: Final = (3, 11)
NEWEST_PYTHON: Final = (3, 14)
OLDEST_GLIBC: Final = (2, 28)
"""Of the wheels that carry the embedded servers."""
#: Processor to the locked packages of the product that have no wheel for it and are compiled.
COMPILED: Final[Mapping[str, tuple[str, ...]]] = {"x86_64": (), "aarch64": ("hdrhistogram",)}
# Debian 12 has the first, Debian 13 the second.
JAVA_PACKAGES: Final = ("openjdk-17-jre-headless", "openjdk-21-jre-headless")
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "chrome", "headless_shell")
APT_BOUND_S: Final = 600


class UnfitMachineError(InputError):
    """Something that the product needs is missing; the message says what to install."""


def check_python(version: tuple[int, int]) -> None:
    """Return if a Python version is supported (docs/platforms.md says what was tried on each).

    Raises
    ------
    UnfitMachineError
        If it is not; says which are.
    """
    if not OLDEST_PYTHON <= version <= NEWEST_PYTHON:
        present, oldest, newest = (
            ".".join(map(str, numbers)) for numbers in (version, OLDEST_PYTHON, NEWEST_PYTHON)
        )
        raise UnfitMachineError(
            f"Python {present} is not supported; {oldest} to {newest} are.\n"
            f"  Install one of them, or name it: make setup PYTHON=/path/to/python{oldest}"
        )


def check_system(system: str) -> None:
    """Return if the operating system can run the embedded servers.

    Raises
    ------
    UnfitMachineError
        If it is not Linux.
    """
    if system != "linux":
        raise UnfitMachineError(
            f"the embedded servers run on Linux; this is {system}. Use compose/ instead."
        )


def check_libc(name: str, version: str) -> None:
    """Return if wheels with the embedded servers run with this C library.

    Parameters
    ----------
    name, version : str
        As ``platform.libc_ver`` states them; empty for libraries that it does not know.

    Raises
    ------
    UnfitMachineError
        If they do not.
    """
    oldest = ".".join(map(str, OLDEST_GLIBC))
    advice = "Use a newer distribution, or compose/."
    if name != "glibc":
        raise UnfitMachineError(
            f"the embedded servers need glibc {oldest} or newer; this system has another C "
            f"library ({name or 'musl, as on Alpine?'}). {advice}"
        )
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_GLIBC:
        raise UnfitMachineError(
            f"the embedded servers need glibc {oldest} or newer; this system has {version}. "
            f"{advice}"
        )


def ensure_compiler(
    machine: str, version: tuple[int, int], can_compile: bool, install: Callable[[str], bool]
) -> str:
    """Return what is to be said about this processor, once everything has a wheel or a compiler.

    Parameters
    ----------
    machine : str
        Processor, as ``platform.machine`` names it.
    version : pair of int
        Of the running Python.
    can_compile : bool
        Whether a C compiler and this Python's headers are there.
    install : callable
        Tries to install a Debian package; returns whether it did.

    Raises
    ------
    UnfitMachineError
        If a locked package has neither; names it and what to install.
    """
    if machine not in COMPILED:
        raise UnfitMachineError(
            f"the locked packages have no wheels for {machine}: the embedded PostgreSQL and Redis "
            f"come for {' and '.join(COMPILED)} only"
        )
    compiled = COMPILED[machine]
    if not compiled:
        return ""
    headers = "python{}.{}-dev".format(*version)
    named = ", ".join(compiled)
    if not can_compile and not (install("gcc") and install(headers)):
        raise UnfitMachineError(
            f"{named} has no wheel for {machine} and must be compiled; "
            f"apt-get install gcc {headers}"
        )
    return f"{machine}: {named} is compiled; nobody has tested this processor yet"


def can_compile() -> bool:
    """Return whether there are a C compiler and the headers of this Python."""
    header = Path(sysconfig.get_path("include")) / "Python.h"
    return header.exists() and any(map(shutil.which, ("cc", "gcc", "clang")))


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
        check_libc(*platform.libc_ver())
        ensure_venv(version, apt_install)
        note = ensure_compiler(platform.machine(), version, can_compile(), apt_install)
        home, java_version = ensure_java(
            Path(java_home) if java_home else None, os.environ.get("PATH", ""), apt_install
        )
    except InputError as error:
        say(f"error: {error}")
        return 1
    say(f"Python {version[0]}.{version[1]} ({sys.executable}), Java {java_version} ({home})")
    if note:
        say(note)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
