"""The lock of the Java archives: which, from where, and the checksum of each.

One line per archive: ``SET SHA256 ORGANISATION#MODULE;REVISION``. The set is the folder that it
belongs to: ``broker`` (Kafka), ``connector`` (beside Spark's archives) or ``compiler`` (Java's).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from system.errors import InputError
from system.places import SHARED_DIR

LOCK_PATH: Final = SHARED_DIR / "requirements" / "jars.lock"
SETS: Final = ("broker", "compiler", "connector")
_LINE: Final = re.compile(
    r"(?P<set>\w+) (?P<sha256>[0-9a-f]{64}) (?P<org>[\w.-]+)#(?P<module>[\w.-]+);(?P<rev>[\w.-]+)"
)
_HEAD: Final = "# set, SHA-256, organisation#module;revision. Made by `make lock`.\n"


class JarLockError(InputError):
    """The lock is malformed, or an archive is not the one that was locked."""


@dataclass(frozen=True, order=True)
class Coordinates:
    """Which archive: the names that Ivy and Maven use.

    Parameters
    ----------
    organisation, module, revision : str
        As published.
    """

    organisation: str
    module: str
    revision: str

    def __str__(self) -> str:
        return f"{self.organisation}#{self.module};{self.revision}"

    @property
    def file_name(self) -> str:
        """The archive's file name."""
        return f"{self.module}-{self.revision}.jar"


@dataclass(frozen=True, order=True)
class LockedJar:
    """One archive of the lock.

    Parameters
    ----------
    set_name : str
        One of ``SETS``.
    coordinates : Coordinates
        Which.
    sha256 : str
        Hexadecimal checksum of the file.
    """

    set_name: str
    coordinates: Coordinates
    sha256: str


def parsed_lock(text: str) -> tuple[LockedJar, ...]:
    """Return the archives of a lock file.

    Raises
    ------
    JarLockError
        If a line is malformed; says which.
    """
    lines = enumerate(text.splitlines(), start=1)
    return tuple(_parsed_line(n, line) for n, line in lines if line and not line.startswith("#"))


def lock_text(jars: Iterable[LockedJar]) -> str:
    """Return the lock file of some archives, sorted."""
    lines = (f"{jar.set_name} {jar.sha256} {jar.coordinates}\n" for jar in sorted(jars))
    return _HEAD + "".join(lines)


def sha256_of(path: Path) -> str:
    """Return the checksum of a file, hexadecimal.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_jars(folder: Path, jars: Iterable[LockedJar]) -> None:
    """Return if a folder holds exactly these archives, each unchanged.

    Raises
    ------
    JarLockError
        If one is missing, not locked, or differs; names it.
    """
    expected = {jar.coordinates.file_name: jar.sha256 for jar in jars}
    present = {path.name for path in folder.glob("*.jar")}
    for name in sorted(present ^ set(expected)):
        raise JarLockError(
            f"{folder / name}: {'not in the lock' if name in present else 'missing'}"
        )
    for name, sha256 in expected.items():
        if (actual := sha256_of(folder / name)) != sha256:
            raise JarLockError(f"{folder / name}: SHA-256 is {actual}, the lock says {sha256}")


def _parsed_line(number: int, line: str) -> LockedJar:
    match = _LINE.fullmatch(line)
    if match is None or match["set"] not in SETS:
        raise JarLockError(f"jars.lock, line {number}: expected {_HEAD[2:40]}..., got {line!r}")
    coordinates = Coordinates(match["org"], match["module"], match["rev"])
    return LockedJar(match["set"], coordinates, match["sha256"])
