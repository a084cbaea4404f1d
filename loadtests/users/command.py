"""``riskstream measure users``: a stack, its market, and locust before it.

Headless by default: exit code 0 when every budget was kept and the ticks passed, 1 otherwise.
``--ui`` opens locust's console on loopback and waits there (Ctrl-C ends it).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from loadtests.run.command import connected, site_of
from loadtests.run.load_run import LoadSite, open_books
from loadtests.run.repeats import OptionValue, command_line
from loadtests.source.plan import USUAL_CLIENT, LoadPlan, load_plan
from loadtests.source.shapes import SHAPES
from system.outputs import OUTPUT_FOLDER
from system.places import PROJECT_DIR, REPORTS_DIR
from system.settings import ENVIRONMENT_PREFIX, LOOPBACK
from validation.run.command import end_group
from validation.run.console import open_console

REPORT: Final = REPORTS_DIR / "users"
LOCUSTFILE: Final = Path(__file__).with_name("locustfile.py")
MAX_USERS: Final = 200
MAX_PROCESSES: Final = 8
CONSOLE_PORT: Final = 8089
JUDGING_BOUND_S: Final = 180
"""Longest wait for the tasks to end after the last tick: the tick user judges then."""
SLACK_S: Final = 120.0


def users(  # noqa: PLR0913, PLR0917 - one option each
    rate: Annotated[float, typer.Option(help="Ticks per second, the shape's highest.")] = 1_000.0,
    duration: Annotated[float, typer.Option(help="Seconds measured.")] = 60.0,
    warm_up: Annotated[float, typer.Option(help="Seconds of warm-up before.")] = 30.0,
    shape: Annotated[str, typer.Option(help=f"One of {', '.join(SHAPES)}.")] = "steady",
    user_count: Annotated[
        int, typer.Option("--users", min=1, max=MAX_USERS, help="Besides the tick user.")
    ] = 10,
    processes: Annotated[
        int, typer.Option(min=0, max=MAX_PROCESSES, help="Workers of locust; 0: none.")
    ] = 0,
    client: Annotated[str, typer.Option(help="confluent or kafka-python.")] = USUAL_CLIENT,
    report: Annotated[
        Path, typer.Option(callback=OUTPUT_FOLDER, help="Folder of the reports.")
    ] = REPORT,
    ui: Annotated[bool, typer.Option("--ui", help="locust's console.")] = False,
) -> None:
    """Send ticks, trades, questions and listeners through the whole pipeline with locust."""
    plan = load_plan(
        rate=rate, seconds=duration, warm_up_seconds=warm_up, shape=shape, client=client
    )
    site = site_of(report, open_console(stderr=False), local=False)
    with connected(site, running=False) as connections:
        open_books(plan, connections, site)
        site.plan_path.write_bytes(msgspec.json.encode(plan))
        (site.folder / "verdict.json").unlink(missing_ok=True)
        command = locust_command(site, user_count, processes, ui=ui)
        command += ["--repeat-with", repeat_of(plan, user_count, processes, ui=ui)]
        code = _run_locust(plan, site, command, ui=ui)
    raise typer.Exit(code)


def locust_command(site: LoadSite, user_count: int, processes: int, *, ui: bool) -> list[str]:
    """Return locust's command.

    Parameters
    ----------
    site : LoadSite
        Where plan and reports are.
    user_count : int
        Users besides the tick user, at the shape's highest rate.
    processes : int
        Worker processes; 0 runs everything in one.
    ui : bool
        With the console instead of headless.
    """
    common = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE)]
    load = ["--plan", str(site.plan_path), "--report-dir", str(site.folder)]
    amount = ["--users", str(user_count), "--spawn-rate", str(user_count)]
    ending = ["--stop-timeout", str(JUDGING_BOUND_S), "--csv", str(site.folder / "locust")]
    workers = ["--processes", str(processes), "--master-bind-host", LOOPBACK] if processes else []
    if ui:
        shown = ["--web-host", LOOPBACK, "--web-port", str(CONSOLE_PORT)]
    else:
        shown = ["--headless", "--only-summary", "--html", str(site.folder / "locust.html")]
    return [*common, *load, *amount, *ending, *workers, *shown]


def repeat_of(plan: LoadPlan, user_count: int, processes: int, *, ui: bool) -> str:
    """Return the command that repeats a run with users; arguments as in ``locust_command``."""
    options: dict[str, OptionValue] = {
        "rate": plan.rate,
        "duration": plan.seconds,
        "warm-up": plan.warm_up_seconds,
        "shape": plan.shape,
        "users": user_count,
        "processes": processes,
        "client": plan.client,
        "ui": ui,
    }
    return command_line("riskstream measure users", options)


def _run_locust(plan: LoadPlan, site: LoadSite, command: Sequence[str], *, ui: bool) -> int:
    bound_s = None if ui else plan.seconds + plan.warm_up_seconds + JUDGING_BOUND_S + SLACK_S
    if ui:
        site.say(f"locust's console: http://{LOOPBACK}:{CONSOLE_PORT}")
    state_dir = {f"{ENVIRONMENT_PREFIX}STATE_DIR": str(site.settings.state_dir)}
    process = subprocess.Popen(
        command, cwd=PROJECT_DIR, env={**os.environ, **state_dir}, start_new_session=True
    )
    try:
        return process.wait(bound_s)
    except subprocess.TimeoutExpired:
        site.say(f"locust did not end within {bound_s:.0f} s")
        return 1
    finally:
        end_group(process)
