"""Spark's classes as a JVM maps them into memory, made once so that every JVM starts sooner.

A JVM of Spark reads, checks and links some 17,000 classes before its first batch. Java keeps
the result in a file (class data sharing): ``make setup`` lets one JVM write it, and driver,
executor, master and worker map it. Without the file, or where it does not fit, everything
works, and starts later. It fits one Java and one set of jars, at their places: both are part of
its name.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from system.errors import InputError, InternalError
from system.places import SETUP_COMMAND
from system.settings import Settings
from system.stream.spark.writer_class import writer_jar

NAME_DIGITS: Final = 16


@dataclass(frozen=True)
class ClassArchive:
    """The archive of one Java and one class path; its file need not be there.

    Parameters
    ----------
    class_path : tuple of Path
        What a JVM's class path must begin with, for the archive to fit.
    file : Path
        Where it is, or is to be.
    """

    class_path: tuple[Path, ...]
    file: Path

    @property
    def is_there(self) -> bool:
        """True where the file exists."""
        return self.file.is_file()

    @property
    def joined_path(self) -> str:
        """The class path as Java takes it."""
        return ":".join(map(str, self.class_path))

    @property
    def use_flag(self) -> str:
        """The JVM's flag to map it."""
        return f"-XX:SharedArchiveFile={self.file}"

    @property
    def make_flag(self) -> str:
        """The JVM's flag to write it when it ends."""
        return f"-XX:ArchiveClassesAtExit={self.file}"


def connector_jars(settings: Settings) -> list[Path]:
    """Return what driver and executor need beside Spark's own jars, in order.

    Raises
    ------
    InputError
        If there are none; says what to run.
    """
    jars = sorted(settings.connector_jars_dir.glob("*.jar"))
    if not jars:
        raise InputError(f"no jars in {settings.connector_jars_dir}: run `{SETUP_COMMAND}`")
    own = writer_jar(settings)
    return [*jars, own] if own.is_file() else jars


def class_archive(settings: Settings, java_home: Path) -> ClassArchive:
    """Return where the archive of this installation is, or is to be.

    Parameters
    ----------
    settings : Settings
        Names the folders.
    java_home : Path
        Of the Java that runs Spark.

    Raises
    ------
    InputError
        If the connector's jars are not there.
    InternalError
        If pyspark is not installed.
    """
    class_path = (*connector_jars(settings), *sorted((spark_home() / "jars").glob("*.jar")))
    return archive_of("spark", class_path, settings, java_home)


def archive_of(
    kind: str, class_path: tuple[Path, ...], settings: Settings, java_home: Path
) -> ClassArchive:
    """Return where the archive of a program is, or is to be.

    Parameters
    ----------
    kind : str
        Program that runs on the class path; the first part of the file's name.
    class_path : tuple of Path
        Archives of the program, in order; each is there.
    settings : Settings
        Names the folder.
    java_home : Path
        Of the Java that runs it.
    """
    release = java_home / "release"
    described = [release.read_text("utf-8") if release.is_file() else str(java_home)]
    for jar in class_path:
        known = jar.stat()
        described.append(f"{jar} {known.st_size} {known.st_mtime_ns}")
    name = hashlib.sha256("\n".join(described).encode()).hexdigest()[:NAME_DIGITS]
    return ClassArchive(class_path, settings.cache_dir / "classes" / f"{kind}-{name}.jsa")


def found_archive(settings: Settings, java_home: Path | None) -> ClassArchive | None:
    """Return the archive if its file is there.

    Parameters
    ----------
    settings : Settings
        Names the folders.
    java_home : Path, optional
        Of the Java that runs Spark; where nobody says which, there is no archive.
    """
    if java_home is None or not settings.connector_jars_dir.is_dir():
        return None
    archive = class_archive(settings, java_home)
    return archive if archive.is_there else None


def spark_home() -> Path:
    """Return the folder of the installed pyspark package.

    Raises
    ------
    InternalError
        If it is not installed.
    """
    spec = find_spec("pyspark")
    if spec is None or not spec.submodule_search_locations:
        raise InternalError("pyspark is not installed; run `make setup`")
    return Path(spec.submodule_search_locations[0])
