"""``riskstream up | status | down``."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Final, get_args

import typer
from rich.table import Table

from system.console import PlainConsole, styled
from system.exits import ExitCode
from system.runtime.components.registry import ALIASES, COMPONENTS, chosen_components
from system.runtime.interrupts import stop_signals_as_interrupt
from system.runtime.running import ComponentStatus, RunningStack
from system.runtime.stack import EmbeddedStack, Progress
from system.settings import EngineName, Settings, load_settings

STYLES: Final = {"healthy": "green", "unhealthy": "red", "stopped": "red", "fatal": "red"}

_ONLY_HELP: Final = f"Components, separated by commas: {', '.join([*COMPONENTS, *ALIASES])}."
ENGINE_NAMES: Final[tuple[EngineName, ...]] = get_args(EngineName)
_ENGINE_HELP: Final = f"How Spark reads Kafka: {' or '.join(ENGINE_NAMES)}."


def up(
    only: Annotated[str, typer.Option(help=_ONLY_HELP)] = "",
    detach: Annotated[bool, typer.Option("--detach", help="Leave it running.")] = False,
    engine: Annotated[str, typer.Option(help=_ENGINE_HELP)] = "",
) -> None:
    """Start the stack: everything, or --only what is named. Ctrl-C stops it."""
    console = PlainConsole(stderr=True)
    settings = _with_engine(load_settings(), engine)
    names = [name.strip() for name in only.split(",") if name.strip()] or list(COMPONENTS)
    chosen_components(names)
    running = RunningStack(settings)
    if running.is_up():
        console.print("A stack runs already; `riskstream down` stops it.")
        _print_status(running.status())
        return
    _print_failure(running)
    stack = EmbeddedStack(
        settings, components=names, detached=detach, on_progress=_printer(console)
    )
    with stop_signals_as_interrupt():
        _run(stack, console, detach=detach)


def _with_engine(settings: Settings, name: str) -> Settings:
    """Return settings with an engine of that name; an empty one leaves them as they are."""
    if not name:
        return settings
    for engine in ENGINE_NAMES:
        if engine == name:
            return settings.model_copy(update={"engine": engine})
    raise typer.BadParameter(f"{name!r} is none of {', '.join(ENGINE_NAMES)}")


def status(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show each component: health, address, process, uptime, log."""
    running = RunningStack(load_settings())
    if not running.is_up():
        sys.stdout.write("[]\n" if as_json else "No stack runs; `riskstream up` starts one.\n")
        _print_failure(running)
        raise typer.Exit(ExitCode.INCOMPLETE)
    components = running.status()
    if as_json:
        sys.stdout.write(json.dumps([asdict(each) for each in components], indent=2) + "\n")
    else:
        _print_status(components)
    if any(each.state != "healthy" for each in components):
        raise typer.Exit(ExitCode.FAILED)


def down() -> None:
    """Stop every component and wait until all are gone."""
    console = PlainConsole(stderr=True)
    running = RunningStack(load_settings())
    if not running.is_up():
        running.forget()
        console.print("No stack runs.")
        return
    with console.working("stopping"):
        running.stop()
    console.print("Stopped.")


def _run(stack: EmbeddedStack, console: PlainConsole, *, detach: bool) -> None:
    try:
        stack.start()
        _print_status(stack.running.status())
        if detach:
            console.print("Left running; `riskstream down` stops it.")
            return
        console.print("Running. Ctrl-C stops everything.")
        stack.wait()
        console.print("Stopped from outside.")
    except KeyboardInterrupt:
        console.print("Stopping.")
    finally:
        if not detach:
            _stop_undisturbed(stack)


def _stop_undisturbed(stack: EmbeddedStack) -> None:
    """Stop; a second Ctrl-C does not interrupt what is bounded anyway."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stack.stop()


def _print_failure(running: RunningStack) -> None:
    """Print why the last stack stopped by itself, if it did; to stderr, as `status --json` asks."""
    if (failure := running.failure()) is not None:
        console = PlainConsole(stderr=True)
        console.print(f"The last stack stopped by itself: {failure}", markup=False)


def _printer(console: PlainConsole) -> Callable[[Progress], None]:
    marks = {
        "preparing": ("...", "dim"),
        "starting": ("->", "yellow"),
        "failing": ("!!", "red"),
    }

    def show(progress: Progress) -> None:
        mark = marks.get(progress.stage, ("ok", "green"))
        elapsed = f"{progress.elapsed_s:6.1f} s  "
        what = f"  {progress.component} {progress.detail or progress.stage}"
        console.print(styled(elapsed, mark, what))

    return show


def _print_status(components: list[ComponentStatus]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("component", "state", "address", "pid", "uptime", "log"):
        table.add_column(heading, overflow="fold")
    for each in components:
        table.add_row(
            each.name,
            styled((each.state, STYLES.get(each.state, "yellow"))),
            each.address,
            str(each.pid or ("external" if each.external else "-")),
            f"{each.uptime_s} s" if each.uptime_s is not None else "-",
            each.log_path or "-",
        )
    PlainConsole().print(table, highlight=False)
    for each in components:
        if each.problem:
            PlainConsole(stderr=True).print(f"{each.name}: {each.problem}", markup=False)
