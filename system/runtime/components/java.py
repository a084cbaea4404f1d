"""Find a Java that Spark and Kafka were tested with.

Only the standard library is used here: `make setup` asks before anything is installed.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from system.errors import InputError

TESTED_VERSIONS: Final = (17, 21)
PROBE_BOUND_S: Final = 20
JDK_FOLDERS: Final = (
    "/usr/lib/jvm/*",
    "/usr/java/*",
    "/opt/java/*",
    "/opt/jdk*",
)
# Spark's launcher adds this module to every JVM; some trimmed Java builds lack it.
REQUIRED_MODULE: Final = "jdk.incubator.vector"
_VERSION: Final = re.compile(r'version "(?:1\.)?(\d+)')


class JavaNotFoundError(InputError):
    """No tested Java is installed; the message lists what was seen and what to install."""


@dataclass(frozen=True)
class Java:
    """A Java installation.

    Parameters
    ----------
    home : Path
        The folder that ``JAVA_HOME`` names.
    version : int
        Major version, 17 for 17.0.15.
    """

    home: Path
    version: int

    @property
    def executable(self) -> Path:
        """The ``java`` program."""
        return self.home / "bin" / "java"


@dataclass(frozen=True)
class Refused:
    """A Java installation that was looked at and not taken.

    Parameters
    ----------
    home : Path
        The folder.
    reason : str
        Why not, for a person.
    """

    home: Path
    reason: str


def find_java(java_home: Path | None, search_path: str) -> Java:
    """Return the first tested Java: ``JAVA_HOME``, then the path, then the usual folders.

    Parameters
    ----------
    java_home : Path or None
        What ``JAVA_HOME`` says.
    search_path : str
        What ``PATH`` says.

    Raises
    ------
    JavaNotFoundError
        If none of them is a tested version; says what was seen and what to install.
    """
    return chosen_java(_probed(home) for home in java_homes(java_home, search_path))


def chosen_java(probed: Iterable[Java | Refused]) -> Java:
    """Return the first accepted installation.

    Raises
    ------
    JavaNotFoundError
        If every one was refused, or there is none.
    """
    refused = []
    for answer in probed:
        if isinstance(answer, Java):
            return answer
        refused.append(answer)
    raise JavaNotFoundError(_not_found(refused))


def java_homes(java_home: Path | None, search_path: str) -> Iterator[Path]:
    """Yield each folder that may be a Java home once, in the order of preference."""
    seen: set[Path] = set()
    for home in _candidates(java_home, search_path):
        real = home.resolve()
        if real not in seen and (real / "bin" / "java").is_file():
            seen.add(real)
            yield real


def java_version(banner: str) -> int | None:
    """Return the major version that ``java -version`` printed, None if it shows none."""
    version = _VERSION.search(banner)
    return int(version.group(1)) if version else None


def _candidates(java_home: Path | None, search_path: str) -> Iterator[Path]:
    if java_home is not None:
        yield java_home
    for folder in filter(None, search_path.split(os.pathsep)):
        java = Path(folder) / "java"
        if java.is_file():
            yield java.resolve().parents[1]
    for pattern in JDK_FOLDERS:
        yield from sorted(Path("/").glob(pattern.lstrip("/")))


def _probed(home: Path) -> Java | Refused:
    try:
        answer = subprocess.run(
            [home / "bin" / "java", "--add-modules", REQUIRED_MODULE, "-version"],
            capture_output=True,
            text=True,
            timeout=PROBE_BOUND_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Refused(home, f"does not run: {error}")
    return judged(home, answer.returncode, answer.stderr + answer.stdout)


def judged(home: Path, exit_code: int, banner: str) -> Java | Refused:
    """Return whether an installation is taken, from what its version query printed.

    Parameters
    ----------
    home : Path
        The installation's folder.
    exit_code : int
        Of ``java --add-modules jdk.incubator.vector -version``.
    banner : str
        What that printed, both streams.
    """
    if exit_code != 0 and f"Module {REQUIRED_MODULE} not found" in banner:
        return Refused(home, f"a trimmed Java without the module {REQUIRED_MODULE}")
    version = java_version(banner)
    if exit_code != 0 or version is None:
        return Refused(home, f"`java -version` failed: {banner.strip()[-200:]}")
    if version not in TESTED_VERSIONS:
        return Refused(home, f"Java {version}, not tested")
    return Java(home, version)


def _not_found(refused: list[Refused]) -> str:
    tested = " or ".join(map(str, TESTED_VERSIONS))
    seen = "".join(f"\n  seen: {each.home}: {each.reason}" for each in refused)
    return (
        f"Java {tested} is needed and was not found.{seen or ' No Java is installed.'}\n"
        "  Debian, Ubuntu:  apt-get install openjdk-17-jre-headless   (or openjdk-21-...)\n"
        "  Fedora, RHEL:    dnf install java-17-openjdk-headless\n"
        "  If it is installed elsewhere, set JAVA_HOME to its folder."
    )
