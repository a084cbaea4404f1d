"""``riskstream scenarios``: check, list and begin scenario files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table

from system.console import styled
from system.errors import InputError
from system.exits import ExitCode
from system.places import SHARED_DIR, is_checkout
from system.settings import load_settings
from validation.run.console import open_console
from validation.scenarios.file.errors import ScenarioError
from validation.scenarios.file.parser import SUFFIX, Scenario, read_scenario
from validation.scenarios.story.edits.apply import story_days
from validation.scenarios.story.story import Story, kind_of, read_story

FOLDER: Final = SHARED_DIR / "scenarios"
LONG: Final = "long"
"""Folder of scenarios that take hours: found by name, and part of no suite."""
TEMPLATE: Final = '''\
#:schema ./schema.json
title = "{title}"
story = """
What happens, and what must hold.
"""

[market]
kind = "simulated"      # or "real", "prices"
days = 5
instruments = 4         # SIM001 .. SIM004
ticks_per_day = 300

[[portfolio]]
id = "book"
positions = {{ SIM001 = 100, SIM002 = -50 }}

[[timeline]]
do = "halt"             # see README.md for the other kinds
day = 3
series = ["SIM001"]
at = 0.2
until = 0.8

[expect]
stale = ["SIM001"]
'''

scenarios_app = typer.Typer(no_args_is_help=True, help="Check, list and begin scenario files.")


@scenarios_app.command()
def check(
    names: Annotated[
        list[str] | None, typer.Argument(help="Files, or names; default: all in scenarios/.")
    ] = None,
) -> None:
    """Check scenario files without running them: keys, bounds, names, moments."""
    console, failed = open_console(), False
    for name in names or map(str, scenario_paths()):
        try:
            path = found_path(name)
            story = checked(path)
        except InputError as error:
            failed = True
            console.print(styled(("wrong", "red"), f"  {error}"), soft_wrap=True)
        else:
            console.print(styled(("ok", "green"), f"     {path}: {_counts(story)}"))
    raise typer.Exit(ExitCode.of_check(passed=not failed))


@scenarios_app.command("list")
def list_all() -> None:
    """List the scenarios in scenarios/, with their titles."""
    table = Table(box=None)
    for heading in ("scenario", "title", "market", "edits", "faults"):
        table.add_column(heading, justify="left" if heading in {"scenario", "title"} else "right")
    for path in scenario_paths():
        table.add_row(*_row(read_scenario(path)))
    open_console().print(table)


@scenarios_app.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the story, as its file is to be called.")],
) -> None:
    """Begin a scenario: write scenarios/NAME.toml to change (NAME.toml outside a checkout)."""
    folder = FOLDER if is_checkout() else Path.cwd()
    path = folder / f"{name.removesuffix(SUFFIX)}{SUFFIX}"
    if path.exists():
        raise ScenarioError(path, 0, "is there already: choose another name")
    if path.parent != folder:
        raise ScenarioError(path, 0, "a name without folders is needed")
    path.write_text(TEMPLATE.format(title=path.name.removesuffix(SUFFIX)), "utf-8")
    open_console().print(f"wrote {path}; check it: riskstream scenarios check {path}")


def scenario_paths() -> list[Path]:
    """Return the scenarios of the library, by name."""
    return sorted(FOLDER.glob(f"*{SUFFIX}"))


def found_path(name: str) -> Path:
    """Return the file that a person names: a path, or a scenario of the library by name.

    Raises
    ------
    ScenarioError
        If there is none.
    """
    places = (FOLDER, FOLDER / LONG)
    library = [folder / f"{name.removesuffix(SUFFIX)}{SUFFIX}" for folder in places]
    for path in (Path(name), *library):
        if path.is_file():
            return path
    known = ", ".join(path.name.removesuffix(SUFFIX) for path in scenario_paths())
    raise ScenarioError(Path(name), 0, f"no such file; scenarios there are: {known}")


def checked(path: Path) -> Story:
    """Return the story of a file after drawing up every day of it once.

    Raises
    ------
    RiskstreamError
        If something is wrong with it.
    """
    story = read_story(read_scenario(path), load_settings().wheels_dir)
    for _ in story_days(story):
        pass
    return story


def _counts(story: Story) -> str:
    file = story.scenario.file
    parts: Iterable[tuple[int, str]] = (
        (len(story.days), "days"),
        (len(story.books), "books"),
        (len(file.timeline), "edits"),
        (len(file.faults), "faults"),
    )
    return ", ".join(f"{count} {what}" for count, what in parts)


def _row(scenario: Scenario) -> tuple[str, ...]:
    file = scenario.file
    counts = (str(len(file.timeline)), str(len(file.faults)))
    return (scenario.name, file.title, kind_of(file.market), *counts)
