"""The sets of Java archives: locked, fetched, checked."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from system.runtime.components.java import Java
from system.runtime.fetch.ivy import fetch_archives, resolved_archives
from system.runtime.fetch.locked_jars import (
    LOCK_PATH,
    SETS,
    Coordinates,
    JarLockError,
    LockedJar,
    check_jars,
    parsed_lock,
    sha256_of,
)
from system.settings import Settings
from system.stream.spark.class_archive import spark_home

# The connector's version is pyspark's own: the two are one release.
ROOTS: Final[Mapping[str, tuple[Coordinates, ...]]] = {
    "broker": (
        Coordinates("org.apache.kafka", "kafka_2.13", "4.3.1"),
        # Kafka's archives call this to log and do not ask for it.
        Coordinates("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.4"),
    ),
    "compiler": (Coordinates("org.eclipse.jdt", "ecj", "3.42.0"),),
    "connector": (
        Coordinates("org.apache.spark", "spark-sql-kafka-0-10_2.13", "4.2.0"),
        Coordinates("com.globalmentor", "hadoop-bare-naked-local-fs", "0.1.0"),
    ),
}


def fetch_jars(
    settings: Settings, java: Java, on_download: Callable[[], None] = lambda: None
) -> None:
    """Fetch the sets into the cache folder, unless they are there and right already.

    Parameters
    ----------
    settings : Settings
        Names the cache folder, and Ivy settings of one's own.
    java : Java
        Runs Ivy.
    on_download : callable
        Told of each finished download.

    Raises
    ------
    FetchError
        If an archive cannot be fetched.
    JarLockError
        If what was fetched is not what was locked; nothing is put into the cache then.
    """
    missing = missing_jars(settings)
    if not missing:
        return
    jars_dir = settings.broker_jars_dir.parent
    jars_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=jars_dir, prefix=".fetching-") as scratch:
        for set_name, jars in missing.items():
            draft = Path(scratch, set_name)
            coordinates = [jar.coordinates for jar in jars]
            fetch_archives(
                java,
                coordinates,
                draft,
                settings_path=settings.ivy_settings,
                on_download=on_download,
            )
            check_jars(draft, jars)
            _replace(draft, jars_dir / set_name)


def missing_jars(settings: Settings) -> dict[str, list[LockedJar]]:
    """Return the sets that the cache lacks or holds differently, with their archives."""
    jars = parsed_lock(LOCK_PATH.read_text("utf-8"))
    wanted = {name: [jar for jar in jars if jar.set_name == name] for name in SETS}
    folder = settings.broker_jars_dir.parent
    return {name: each for name, each in wanted.items() if not _is_right(folder / name, each)}


def locked_jars(java: Java) -> list[LockedJar]:
    """Resolve and fetch every set anew, and return what the lock should say.

    What pyspark ships itself is left out of the connector set.

    Raises
    ------
    FetchError
        If something cannot be fetched.
    """
    shipped = {path.name for path in (spark_home() / "jars").glob("*.jar")}
    return [jar for name in SETS for jar in _locked_set(java, name, shipped)]


def _locked_set(java: Java, set_name: str, shipped: set[str]) -> Iterable[LockedJar]:
    resolved = resolved_archives(java, ROOTS[set_name])
    if set_name == "connector":
        resolved = [each for each in resolved if each.file_name not in shipped]
    with tempfile.TemporaryDirectory(prefix="riskstream-lock-") as scratch:
        fetch_archives(java, resolved, Path(scratch))
        return [
            LockedJar(set_name, each, sha256_of(Path(scratch, each.file_name))) for each in resolved
        ]


def _is_right(folder: Path, jars: list[LockedJar]) -> bool:
    try:
        check_jars(folder, jars)
    except JarLockError:
        return False
    return True


def _replace(draft: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)
