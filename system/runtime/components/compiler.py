"""Compiling the stream's Java class: with the compiler of the JDK, else with the locked one."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import Final

from system.errors import InputError
from system.places import SETUP_COMMAND
from system.runtime.components.java import Java
from system.runtime.components.programs import Program, run_step
from system.settings import Settings
from system.stream.spark.class_archive import spark_home
from system.stream.spark.writer_class import DIGEST_ENTRY, SOURCE, source_digest, writer_jar

RELEASE: Final = "17"
"""The oldest Java that the product runs on."""
BOUND_S: Final = 120.0
ZIP_MOMENT: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest that an archive can state: the same source makes the same jar."""


def compiled_writer(settings: Settings, java: Java) -> Path:
    """Return the jar of the class that streams records, compiled now if it is not there.

    Parameters
    ----------
    settings : Settings
        Names the cache folder.
    java : Java
        Runs the compiler; a JRE has none of its own.

    Raises
    ------
    InputError
        If there is no compiler.
    StackError
        If the compiler fails.
    """
    jar = writer_jar(settings)
    if jar.is_file():
        return jar
    jar.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=jar.parent, prefix=".compiling-") as scratch:
        classes = Path(scratch, "classes")
        command = (*compiler(settings, java), *_options(classes), str(SOURCE))
        run_step(Program(command, jar.parent), Path(scratch, "compiler.program"), bound_s=BOUND_S)
        draft = Path(scratch, jar.name)
        _pack(classes, draft)
        draft.replace(jar)
    return jar


def compiler(settings: Settings, java: Java) -> tuple[str, ...]:
    """Return the command of a Java compiler.

    Parameters
    ----------
    settings : Settings
        Names the folder of the locked compiler.
    java : Java
        Asked first: a JDK brings one.

    Raises
    ------
    InputError
        If there is none; says what to run.
    """
    own = java.home / "bin" / "javac"
    if own.is_file():
        return (str(own),)
    folder = locked_compiler_dir(settings)
    jars = sorted(folder.glob("ecj-*.jar"))
    if not jars:
        raise InputError(f"no compiler in {folder}: run `{SETUP_COMMAND}`")
    return (str(java.executable), "-jar", str(jars[-1]))


def locked_compiler_dir(settings: Settings) -> Path:
    """Return the folder of the locked Java compiler, for machines with a JRE only."""
    return settings.broker_jars_dir.with_name("compiler")


def _options(classes: Path) -> tuple[str, ...]:
    class_path = ":".join(map(str, sorted((spark_home() / "jars").glob("*.jar"))))
    release = ("-source", RELEASE, "-target", RELEASE)
    return ("-nowarn", "-proc:none", *release, "-cp", class_path, "-d", str(classes))


def _pack(classes: Path, jar: Path) -> None:
    manifest = f"Manifest-Version: 1.0\r\n{DIGEST_ENTRY}: {source_digest()}\r\n\r\n"
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("META-INF/MANIFEST.MF", ZIP_MOMENT), manifest)
        for path in sorted(classes.rglob("*.class")):
            name = path.relative_to(classes).as_posix()
            archive.writestr(zipfile.ZipInfo(name, ZIP_MOMENT), path.read_bytes())
