"""``python -m system.runtime.classes``: let Java keep Spark's and Kafka's classes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from system.console import PlainConsole
from system.errors import RiskstreamError
from system.runtime.broker_training import write_broker_archive
from system.runtime.components.broker_program import broker_archive
from system.runtime.components.compiler import compiled_writer
from system.runtime.components.java import Java, find_java
from system.runtime.components.programs import Program, run_step
from system.runtime.components.spark import spark_environment
from system.settings import Settings, load_settings
from system.stream.spark.class_archive import ClassArchive, class_archive

KEPT: Final = 2
"""Archives of a program, the newest first: Spark's has some 170 MB, the broker's 40."""
BOUND_S: Final = 240.0
"""It takes half a minute on two idle cores."""


def keep_classes(settings: Settings) -> list[ClassArchive]:
    """Return this installation's archives, Spark's and the broker's; write those that are missing.

    Spark's fits a class path that the stream's own Java class is part of: compile that first.

    Parameters
    ----------
    settings : Settings
        Names the folders.

    Raises
    ------
    RiskstreamError
        If there is no Java, no Spark, no broker, or a JVM wrote nothing.
    """
    java = find_java(settings.java_home, settings.search_path)
    archives = []
    for archive, write in (
        (class_archive(settings, java.home), _write_spark_archive),
        (broker_archive(settings, java), write_broker_archive),
    ):
        if not archive.is_there:
            _write(archive.file, partial(write, settings, java))
        archives.append(archive)
    return archives


def _write(file: Path, write: Callable[[Path], None]) -> None:
    """Write an archive, whole or not at all, and remove old ones of its program."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.unlink(missing_ok=True)
    try:
        write(part)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    program = file.name.partition("-")[0]
    archives = sorted(file.parent.glob(f"{program}-*.jsa"), key=lambda old: -old.stat().st_mtime_ns)
    for old in archives[KEPT:]:
        old.unlink()


def _write_spark_archive(settings: Settings, java: Java, file: Path) -> None:
    command = (sys.executable, "-m", "system.stream.spark.training", str(file))
    environment = {**settings.environment(), **spark_environment(settings, java.home)}
    program = Program(command, file.parent, environment)
    run_step(program, file.parent / "training.program", bound_s=BOUND_S)


def main() -> None:
    """Run; where it does not work, say what that means, and go on."""
    console = PlainConsole(stderr=True)
    settings = load_settings()
    try:
        compiled_writer(settings, find_java(settings.java_home, settings.search_path))
    except (RiskstreamError, OSError) as error:
        console.print(f"the Java class is not compiled: the engine real-time cannot run. {error}")
        return
    try:
        with console.working("letting Java keep classes of Spark and Kafka (half a minute, once)"):
            archives = keep_classes(settings)
    except (RiskstreamError, OSError) as error:
        console.print(f"Java keeps no classes: all works, starts take longer. {error}")
        return
    for archive in archives:
        size_mb = archive.file.stat().st_size / 1e6
        console.print(f"Java keeps classes in {archive.file} ({size_mb:.0f} MB)")


if __name__ == "__main__":
    main()
