"""``riskstream watch``: the risk of every portfolio, or of one, as it changes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final

import typer
from rich.console import Group, RenderableType
from rich.live import Live

from system.client.commands.board import Board, limit_table, line_of, line_of_summary, line_table
from system.client.commands.portfolios import connected_client
from system.client.commands.printing import AsJson, print_answer
from system.client.errors import QuestionError
from system.client.events import GapEvent, SnapshotEvent, StatusEvent, StreamEvent
from system.client.sync_client import RiskClient
from system.clock import SystemClock
from system.console import PlainConsole, terminal_json
from system.contracts.api.portfolios import Portfolios
from system.contracts.api.risk import CurrentRisk, CurrentVar

REFRESHES_PER_S: Final = 4
MARGIN_LINES: Final = 6
"""Of the terminal's height: head, borders, and the line of the prompt."""
LINES_MIN: Final = 5


def watch(
    portfolio: Annotated[
        str | None, typer.Argument(help="Name of the portfolio; default: all of them.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Show the risk of now, and end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show VaR, limits and P&L live, until Ctrl-C; those closest to a limit come first.

    With --json and without --once, each event of the stream is a line of JSON.
    """
    with connected_client() as client:
        if once:
            _show_once(client, portfolio, as_json=as_json)
            return
        if not as_json and not sys.stdout.isatty():
            raise QuestionError(
                "the output of `riskstream watch` is no terminal; --once shows the risk of now, "
                "--json prints each event"
            )
        if portfolio is not None:
            client.current_var(portfolio)  # an unknown name is refused before the screen is taken
        try:
            events = client.stream(portfolio, compact=True)
            if as_json:
                print_events(events)
            else:
                _show_live(events, Board(SystemClock()), with_limits=portfolio is not None)
        except KeyboardInterrupt:
            return


def print_events(
    events: Iterable[StreamEvent], write: Callable[[str], object] = typer.echo
) -> None:
    """Print each event as one line of JSON, as it comes."""
    for event in events:
        write(terminal_json(event_fields(event)))


def event_fields(event: StreamEvent) -> dict[str, Any]:
    """Return an event for programs: its kind, and what it carries."""
    if isinstance(event, SnapshotEvent):
        return {"event": "snapshot", "id": event.event_id, "risk": event.risk}
    if isinstance(event, StatusEvent):
        return {"event": "status", "status": event.status}
    return {"event": "gap", "gap": event.gap}


def _show_once(client: RiskClient, portfolio: str | None, *, as_json: bool) -> None:
    if portfolio is None:
        print_answer(client.portfolios(), _show_all, as_json=as_json)
    else:
        print_answer(client.current_var(portfolio), _show_one, as_json=as_json)


def _show_all(answer: Portfolios) -> None:
    lines = [line_of_summary(summary) for summary in answer.portfolios]
    PlainConsole().print(line_table(lines, title=f"stream {answer.stream}"))


def _show_one(risk: CurrentVar) -> None:
    console = PlainConsole()
    title = f"stream {risk.stream}, oracle {risk.oracle}"
    console.print(line_table([line_of(risk)], title=title))
    console.print(limit_table(risk))


def _show_live(events: Iterable[StreamEvent], board: Board, *, with_limits: bool) -> None:
    console = PlainConsole()

    def screen() -> RenderableType:
        count = max(console.height - MARGIN_LINES, LINES_MIN)
        table = line_table(board.lines(count), title=board.title(count))
        newest = board.newest
        if not with_limits or newest is None:
            return table
        return Group(table, limit_table(newest))

    live = Live(
        get_renderable=screen, console=console, refresh_per_second=REFRESHES_PER_S, screen=False
    )
    with live:
        for event in events:
            if isinstance(event, SnapshotEvent) and isinstance(event.risk, CurrentRisk):
                board.put(event.risk)
            elif isinstance(event, StatusEvent):
                board.put_status(event.status)
            elif isinstance(event, GapEvent):
                board.clear()
