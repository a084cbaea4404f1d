"""``python -m system.runtime.fetch jars | wheels | lock``: used by the Makefile."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from system.console import PlainConsole, plain_column, styled
from system.errors import RiskstreamError
from system.runtime.components.java import find_java
from system.runtime.fetch.jars import fetch_jars, locked_jars, missing_jars
from system.runtime.fetch.locked_jars import LOCK_PATH, lock_text
from system.runtime.fetch.wheels import fetch_wheels
from system.settings import Settings, load_settings

console = PlainConsole(stderr=True)


def fetch(what: Annotated[str, typer.Argument(help="jars, wheels, or lock")]) -> None:
    """Fetch what pip does not install, or lock the Java archives anew."""
    settings = load_settings()
    {"jars": _fetch_jars, "wheels": _fetch_wheels, "lock": _lock}[what](settings)


def _fetch_jars(settings: Settings) -> None:
    count = sum(len(jars) for jars in missing_jars(settings).values())
    if count == 0:
        return
    columns = (
        plain_column("Java archives"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=count)
        java = find_java(settings.java_home, settings.search_path)
        fetch_jars(settings, java, lambda: progress.advance(task))
    console.print(f"{count} Java archives fetched and checked")


def _fetch_wheels(settings: Settings) -> None:
    names = fetch_wheels(settings)
    console.print(f"{len(names)} data wheels fetched and checked: {', '.join(names)}")


def _lock(settings: Settings) -> None:
    java = find_java(settings.java_home, settings.search_path)
    LOCK_PATH.write_text(lock_text(locked_jars(java)), "utf-8")
    console.print(f"{LOCK_PATH.name} written")


def main() -> None:
    """Run; an expected failure prints its message and exits with 1."""
    try:
        typer.run(fetch)
    except RiskstreamError as error:
        console.print(styled(("error:", "red"), f" {error}"))
        sys.exit(1)


if __name__ == "__main__":
    main()
