"""Command lines of Kafka's programs: the broker and the tool that formats its log folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from system.errors import InputError
from system.places import SETUP_COMMAND
from system.runtime.components.java import Java
from system.runtime.components.programs import Program
from system.settings import Settings
from system.stream.spark.class_archive import ClassArchive, archive_of

FORMAT_FLAGS: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx128m")
BROKER_FLAGS: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData")
"""The first compiler only, and one thread that collects: on two cores the second compiler and the
other collector's threads take what the stream needs in its first minutes (decision 0173)."""
LOGGING_FILE: Final = "log4j2.properties"
PROPERTIES_FILE: Final = "server.properties"

LOGGING: Final = """\
status = warn
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSS'Z'}{UTC} %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
logger.server.name = org.apache.kafka.server
logger.server.level = info
"""


def broker_archive(settings: Settings, java: Java) -> ClassArchive:
    """Return where the archive of the broker's classes is, or is to be.

    Parameters
    ----------
    settings : Settings
        Names the folders.
    java : Java
        What runs the broker.

    Raises
    ------
    InputError
        If the broker's Java archives are not installed; names the command that fetches them.
    """
    jars = sorted(settings.broker_jars_dir.glob("*.jar"))
    if not jars:
        raise InputError(f"no Java archives in {settings.broker_jars_dir}: run `{SETUP_COMMAND}`")
    return archive_of("kafka", tuple(jars), settings, java.home)


def broker_program(
    settings: Settings, java: Java, folder: Path, flags: tuple[str, ...] | None = None
) -> Program:
    """Return the program of the broker whose properties are in a folder.

    Parameters
    ----------
    settings : Settings
        Names the Java archives and the broker's heap.
    java : Java
        What runs it.
    folder : Path
        Of the properties; it starts there.
    flags : tuple of str, optional
        Of the JVM, in place of the one that maps the archive of classes.

    Raises
    ------
    InputError
        If the broker's Java archives are not installed.
    """
    chosen = (f"-Xmx{settings.broker_heap_mb}m", *BROKER_FLAGS)
    return _program(settings, java, folder, (*chosen, *(flags or ())), flags is None, "kafka.Kafka")


def format_program(settings: Settings, java: Java, folder: Path, cluster: str) -> Program:
    """Return the program that prepares the empty log folder of a new cluster.

    Parameters
    ----------
    settings : Settings
        Names the Java archives.
    java : Java
        What runs it.
    folder : Path
        Of the broker's properties.
    cluster : str
        Id of the new cluster.

    Raises
    ------
    InputError
        If the broker's Java archives are not installed.
    """
    tool = ("kafka.tools.StorageTool", "format", "--cluster-id", cluster, "--config")
    return _program(settings, java, folder, FORMAT_FLAGS, True, *tool)


def write_configuration(folder: Path, properties: str) -> None:
    """Write the broker's properties and those of its log.

    Parameters
    ----------
    folder : Path
        Where a broker is started.
    properties : str
        Text of ``server.properties``.
    """
    (folder / PROPERTIES_FILE).write_text(properties, "utf-8")
    (folder / LOGGING_FILE).write_text(LOGGING, "utf-8")


def _program(
    settings: Settings, java: Java, folder: Path, flags: tuple[str, ...], mapped: bool, *main: str
) -> Program:
    archive = broker_archive(settings, java)
    if mapped and archive.is_there:
        flags = (*flags, archive.use_flag)
    logging = f"-Dlog4j2.configurationFile={folder / LOGGING_FILE}"
    command = (str(java.executable), "-cp", archive.joined_path, *flags, logging, *main)
    return Program((*command, str(folder / PROPERTIES_FILE)), directory=folder)
