"""``riskstream limits show | events | acknowledge``."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer
from rich.table import Table

from system.client.commands.portfolios import connected_client
from system.client.commands.printing import AsJson, print_answer
from system.client.commands.what_if import PortfolioArgument
from system.console import PlainConsole
from system.contracts.limits import (
    Acknowledgement,
    LimitMeasure,
    Limits,
    LimitStatus,
    TrailPage,
    TrailRow,
)

limits_app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Show limits and their trail; acknowledge."
)


@limits_app.command("show")
def show(portfolio: PortfolioArgument, as_json: AsJson = False) -> None:
    """Show every limit: where it stands, what is raised, and who has seen it."""
    with connected_client() as client:
        limits = client.limits(portfolio)
    print_answer(limits, _show, as_json=as_json)


def _show(limits: Limits) -> None:
    table = Table("limit", "of NAV", "warning", "breach", "used", "raised", "seen by")
    for status in limits.limits:
        table.add_row(*_cells(status))
    PlainConsole().print(table)


@limits_app.command("events")
def events(
    portfolio: PortfolioArgument,
    count: Annotated[int, typer.Option(min=1, max=1_000, help="How many, newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show the audit trail: levels raised and left, and who has acknowledged them."""
    with connected_client() as client:
        page = client.limit_events(portfolio, limit=count)
    print_answer(page, _show_trail, as_json=as_json)


def _show_trail(page: TrailPage) -> None:
    table = Table("recorded (UTC)", "limit", "what", "of NAV", "snapshot", "note")
    for row in page.rows:
        what = f"seen by {row.actor}" if row.actor else f"{row.before} -> {row.after}"
        values = (f"{row.value:.3%}", row.snapshot_id, row.note)
        table.add_row(_recorded(row), row.measure.value, what, *values)
    PlainConsole().print(table)


@limits_app.command("acknowledge")
def acknowledge(
    portfolio: PortfolioArgument,
    measure: Annotated[LimitMeasure, typer.Argument(help="Which limit.")],
    actor: Annotated[str, typer.Option("--by", help="Who has seen it.")],
    note: Annotated[str, typer.Option(help="What is done about it.")] = "",
) -> None:
    """Record that what is raised was seen; the same once more changes nothing."""
    with connected_client() as client:
        row = client.acknowledge_limit(portfolio, measure, Acknowledgement(actor=actor, note=note))
    PlainConsole().print(
        f"{row.after} of {row.measure} in {row.portfolio} ({row.snapshot_id}): seen by {row.actor}",
        highlight=False,
    )


def _cells(status: LimitStatus) -> tuple[str, ...]:
    use = status.use
    shown = ("-" if value is None else f"{value:.3%}" for value in (use.value, use.warning))
    used = "-" if use.used is None else f"{use.used:.0%}"
    raised = "-" if use.raised is None else use.raised.value
    seen = status.acknowledgement.actor if status.acknowledgement else ""
    if status.acknowledged is False:
        seen = "nobody yet"
    return use.measure.value, *shown, f"{use.breach:.3%}", used, raised, seen


def _recorded(row: TrailRow) -> str:
    moment = dt.datetime.fromtimestamp(row.recorded_at_ns // 10**9, dt.UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S")
