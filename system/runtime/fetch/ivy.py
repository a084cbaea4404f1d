"""Fetch Java archives with the Ivy that comes inside pyspark: no further tool is needed."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from system.errors import UnavailableError
from system.runtime.components.java import Java
from system.runtime.fetch.locked_jars import Coordinates
from system.stream.spark.class_archive import spark_home

DOWNLOADED: Final = "[SUCCESSFUL ]"
ERROR_LINE_COUNT: Final = 20
RETRIEVE_PATTERN: Final = "[artifact]-[revision].[ext]"

# The lock names every archive, so nothing has to be looked up: archives only, no metadata.
ARCHIVES_ONLY: Final = """\
<ivysettings>
  <settings defaultResolver="central"/>
  <resolvers><ibiblio name="central" m2compatible="true" usepoms="false" checksums=""/></resolvers>
</ivysettings>
"""
_MODULE: Final = """\
<ivy-module version="2.0">
  <info organisation="riskstream" module="archives"/>
  <configurations><conf name="default"/></configurations>
  <dependencies>
{dependencies}
  </dependencies>
</ivy-module>
"""
_DEPENDENCY: Final = (
    '<dependency org="{org}" name="{module}" rev="{rev}" transitive="{transitive}" conf="{conf}"/>'
)


class FetchError(UnavailableError):
    """An archive could not be fetched; the message holds the end of the tool's output."""


def fetch_archives(
    java: Java,
    archives: Iterable[Coordinates],
    folder: Path,
    *,
    settings_path: Path | None = None,
    on_download: Callable[[], None] = lambda: None,
) -> None:
    """Download exactly these archives into a folder.

    Parameters
    ----------
    java : Java
        Runs Ivy.
    archives : iterable of Coordinates
        What to fetch.
    folder : Path
        Where to.
    settings_path : Path, optional
        Ivy settings of one's own, for a mirror; the public repository by default.
    on_download : callable
        Told of each finished download.

    Raises
    ------
    FetchError
        If one cannot be fetched.
    """
    with tempfile.TemporaryDirectory(prefix="riskstream-ivy-") as scratch:
        settings = settings_path or _written(Path(scratch, "settings.xml"), ARCHIVES_ONLY)
        module = _written(Path(scratch, "ivy.xml"), module_xml(archives, transitive=False))
        options = ("-settings", str(settings), "-cache", str(Path(scratch, "cache")))
        retrieve = ("-ivy", str(module), "-retrieve", str(folder / RETRIEVE_PATTERN))
        _run_ivy(java, (*options, *retrieve), on_download)


def resolved_archives(java: Java, roots: Iterable[Coordinates]) -> list[Coordinates]:
    """Return everything that some archives need, themselves included, sorted.

    Raises
    ------
    FetchError
        If the metadata cannot be fetched.
    """
    with tempfile.TemporaryDirectory(prefix="riskstream-ivy-") as scratch:
        module = _written(Path(scratch, "ivy.xml"), module_xml(roots, transitive=True))
        cache = Path(scratch, "cache")
        _run_ivy(java, ("-cache", str(cache), "-ivy", str(module)), lambda: None)
        return sorted(_report(cache / "riskstream-archives-default.xml"))


def module_xml(archives: Iterable[Coordinates], *, transitive: bool) -> str:
    """Return Ivy's description of what to fetch, with or without what that needs."""
    lines = (
        _DEPENDENCY.format(
            org=each.organisation,
            module=each.module,
            rev=each.revision,
            transitive=str(transitive).lower(),
            conf="default->master,runtime" if transitive else "default->*",
        )
        for each in archives
    )
    return _MODULE.format(dependencies="\n".join(f"    {line}" for line in lines))


def _run_ivy(java: Java, arguments: tuple[str, ...], on_download: Callable[[], None]) -> None:
    command = (str(java.executable), "-jar", str(_ivy_jar()), "-confs", "default", *arguments)
    printed: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None, "stdout was asked for"
        for line in process.stdout:
            printed.append(line)
            if DOWNLOADED in line:
                on_download()
    if process.returncode != 0:
        raise FetchError("Ivy failed:\n" + "".join(printed[-ERROR_LINE_COUNT:]))


def _ivy_jar() -> Path:
    archives = sorted((spark_home() / "jars").glob("ivy-*.jar"))
    if not archives:
        raise FetchError(f"no Ivy among the archives of {spark_home()}; run `make setup` anew")
    return archives[-1]


def _report(path: Path) -> Iterator[Coordinates]:
    for module in ElementTree.parse(path).iter("module"):  # noqa: S314 - written by Ivy itself
        for revision in module.iter("revision"):
            if revision.get("evicted") is None:
                names = (module.get("organisation"), module.get("name"), revision.get("name"))
                yield Coordinates(*(str(name) for name in names))


def _written(path: Path, content: str) -> Path:
    path.write_text(content, "utf-8")
    return path
