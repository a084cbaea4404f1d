"""``python -m system.runtime.classes``: let Java keep Spark's classes for every later start."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from system.console import PlainConsole
from system.errors import RiskstreamError
from system.runtime.components.compiler import compiled_writer
from system.runtime.components.java import find_java
from system.runtime.components.programs import Program, run_step
from system.runtime.components.spark import spark_environment
from system.settings import Settings, load_settings
from system.stream.spark.class_archive import ClassArchive, class_archive

KEPT: Final = 2
"""Archives, the newest first: each is some 170 MB."""
BOUND_S: Final = 240.0
"""It takes half a minute on two idle cores."""


def keep_classes(settings: Settings) -> ClassArchive:
    """Return this installation's archive, written now if it is not there.

    Parameters
    ----------
    settings : Settings
        Names the folders.

    Raises
    ------
    RiskstreamError
        If there is no Java, no Spark, or the JVM wrote nothing.
    """
    java = find_java(settings.java_home, settings.search_path)
    compiled_writer(settings, java)  # part of the class path that the archive fits
    archive = class_archive(settings, java.home)
    if archive.is_there:
        return archive
    folder = archive.file.parent
    folder.mkdir(parents=True, exist_ok=True)
    part = archive.file.with_suffix(".part")
    part.unlink(missing_ok=True)
    command = (sys.executable, "-m", "system.stream.spark.training", str(part))
    environment = {**settings.environment(), **spark_environment(settings, java.home)}
    try:
        run_step(
            Program(command, folder, environment), folder / "training.program", bound_s=BOUND_S
        )
        part.replace(archive.file)
    finally:
        part.unlink(missing_ok=True)
    _drop_old(folder)
    return archive


def _drop_old(folder: Path) -> None:
    archives = sorted(folder.glob("spark-*.jsa"), key=lambda file: -file.stat().st_mtime_ns)
    for old in archives[KEPT:]:
        old.unlink()


def main() -> None:
    """Run; where it does not work, say what that means, and go on."""
    console = PlainConsole(stderr=True)
    settings = load_settings()
    try:
        with console.working("letting Java keep Spark's classes (half a minute, once)"):
            archive = keep_classes(settings)
    except (RiskstreamError, OSError) as error:
        console.print(f"Java does not keep Spark's classes: all works, starts take longer. {error}")
    else:
        size_mb = archive.file.stat().st_size / 1e6
        console.print(f"Java keeps Spark's classes in {archive.file} ({size_mb:.0f} MB)")


if __name__ == "__main__":
    main()
