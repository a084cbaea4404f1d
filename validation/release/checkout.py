"""Release of a checkout: the changelog's section, the version, a commit and a tag.

The version stands in `pyproject.toml` alone. A release writes it there, turns the fragments of
`changelog.d` into a section of `CHANGELOG.md` (by towncrier), commits both and tags the commit.
Nothing leaves the machine.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path
from typing import Final

from system.errors import InputError

PYPROJECT: Final = "pyproject.toml"
CHANGELOG: Final = "CHANGELOG.md"
FRAGMENTS: Final = "changelog.d"
COMMAND_BOUND_S: Final = 120
_VERSION: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_VERSION_LINE: Final = re.compile(r'^version = "[^"]*"$', re.MULTILINE)


def make_release(root: Path, version: str, on: date) -> str:
    """Commit and tag a release of a checkout, and return the tag.

    Parameters
    ----------
    root : Path
        The checkout.
    version : str
        Three numbers, not below the version in `pyproject.toml`.
    on : date
        Date of the release, for the changelog.

    Raises
    ------
    InputError
        If the version is wrong or was released before, a file is not committed, there is nothing
        to release, or a command fails; nothing was committed then.
    """
    pyproject = root / PYPROJECT
    text = pyproject.read_text("utf-8")
    check_version(version, tomllib.loads(text)["project"]["version"])
    tag = f"v{version}"
    if _output(root, "git", "status", "--porcelain"):
        raise InputError("files are changed; commit or stash them before a release")
    if _output(root, "git", "tag", "--list", tag):
        raise InputError(f"{tag}: released before; name a later version")
    if not any((root / FRAGMENTS).glob("*.*.md")):
        raise InputError(f"{FRAGMENTS}: no fragment, so nothing to release")
    towncrier = (sys.executable, "-m", "towncrier", "build", "--yes")
    _output(root, *towncrier, "--version", version, "--date", on.isoformat())
    changelog = root / CHANGELOG
    changelog.write_text(without_heading(changelog.read_text("utf-8"), version), "utf-8")
    pyproject.write_text(with_version(text, version), "utf-8")
    _output(root, "git", "add", PYPROJECT, CHANGELOG, FRAGMENTS)
    _output(root, "git", "commit", "--quiet", "-m", f"Release {version}")
    _output(root, "git", "tag", "--annotate", tag, "-m", f"riskstream {version}")
    return tag


def check_version(version: str, current: str) -> None:
    """Return if a version may follow the current one.

    Raises
    ------
    InputError
        If it is not three numbers, or below the current version.
    """
    if _VERSION.fullmatch(version) is None:
        raise InputError(f"version {version!r}: three numbers, such as 0.2.0")
    if _numbers(version) < _numbers(current):
        raise InputError(f"version {version}: below {current}, the current one")


def with_version(pyproject: str, version: str) -> str:
    """Return the text of `pyproject.toml` with another version."""
    changed, count = _VERSION_LINE.subn(f'version = "{version}"', pyproject)
    assert count == 1, f"{PYPROJECT} states its version in one line"
    return changed


def without_heading(changelog: str, version: str) -> str:
    """Return a changelog without the heading of a version that was written by hand as unreleased.

    What is below that heading then belongs to the section that towncrier has put above it.
    """
    return changelog.replace(f"## [{version}] - unreleased\n\n", "")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _output(root: Path, *command: str) -> str:
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, timeout=COMMAND_BOUND_S, check=False
    )
    if done.returncode:
        raise InputError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout
