"""``riskstream alerts run | test | show | dead | resend``."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated, Final

import typer
from rich.table import Table

from system.alerts.__main__ import main
from system.alerts.sending import Sender
from system.alerts.target import target_of
from system.clock import SystemClock
from system.console import PlainConsole, terminal_json
from system.contracts.api.alerts import (
    AlertAction,
    AlertKind,
    AlertNotice,
    AlertSubject,
    Deliveries,
    Delivery,
    DeliveryState,
    Severity,
)
from system.errors import InputError
from system.exits import ExitCode
from system.settings import load_settings
from system.store.alerts.record import AlertRecord
from system.store.alerts.statements import MAX_SHOWN

alerts_app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Send alerts; show and re-send notices."
)
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON, for programs.")]
Count = Annotated[int, typer.Option(min=1, max=MAX_SHOWN, help="How many, newest first.")]
TEST_TYPE: Final = "alert.test"


class NoSuchNoticeError(InputError):
    """A number is not that of a dead notice; says where the numbers are."""


@alerts_app.command("run", epilog="Examples:\n\nriskstream alerts run")
def run() -> None:
    """Send alerts until Ctrl-C; `riskstream up` does so where RISKSTREAM_ALERTS_URL is set."""
    raise typer.Exit(main())


@alerts_app.command("test", epilog="Examples:\n\nriskstream alerts test")
def send_test() -> None:
    """Post one signed test notice now, and say what the receiver answered; 1 if it refused.

    The notice is a raised alert of kind stream, then its cleared one: at PagerDuty an incident
    opens and closes.
    """
    clock = SystemClock()
    send = Sender(target_of(load_settings()), clock)
    alert_id, console = str(uuid.uuid4()), PlainConsole()
    for action in AlertAction:
        notice = AlertNotice(
            type=TEST_TYPE,
            alert_id=alert_id,
            key="test",
            action=action,
            subject=AlertSubject(
                kind=AlertKind.STREAM,
                severity=Severity.WARNING,
                summary=f"a test of riskstream: {action}",
            ),
            recorded_at_ms=clock.wall_ns() // 10**6,
        )
        outcome = send(notice)
        console.print(f"{action}: {'accepted' if outcome.is_delivered else outcome.reason}")
        if not outcome.is_delivered:
            raise typer.Exit(ExitCode.FAILED)


@alerts_app.command("show", epilog="Examples:\n\nriskstream alerts show --count 50 --json")
def show(count: Count = 20, as_json: AsJson = False) -> None:
    """Show notices and what became of them."""
    _print(_deliveries(None, count), as_json=as_json)


@alerts_app.command("dead", epilog="Examples:\n\nriskstream alerts dead")
def dead(count: Count = 100, as_json: AsJson = False) -> None:
    """Show notices that the receiver did not accept; 1 as exit code where there are some."""
    deliveries = _deliveries(DeliveryState.DEAD, count)
    _print(deliveries, as_json=as_json)
    raise typer.Exit(ExitCode.of_check(passed=not deliveries.deliveries))


@alerts_app.command("resend", epilog="Examples:\n\nriskstream alerts resend 17")
def resend(
    number: Annotated[
        int | None, typer.Argument(min=1, help="Number of a dead notice; default: all of them.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take dead notices up again: the process of alerts sends them, with their old ids."""
    with AlertRecord(load_settings().connections().alerts_database_url) as record:
        taken = record.resend(number)
    if number is not None and not taken.deliveries:
        raise NoSuchNoticeError(
            f"notice {number} is not dead; `riskstream alerts dead` shows those that are"
        )
    _print(taken, as_json=as_json)


def _deliveries(state: DeliveryState | None, count: int) -> Deliveries:
    with AlertRecord(load_settings().connections().alerts_database_url) as record:
        return record.deliveries(state, limit=count)


def _print(deliveries: Deliveries, *, as_json: bool) -> None:
    if as_json:
        typer.echo(terminal_json(deliveries, indent=2))
        return
    table = Table("number", "recorded (UTC)", "", "alert", "state", "attempts", "last error")
    for delivery in deliveries.deliveries:
        table.add_row(*_cells(delivery))
    PlainConsole().print(table)


def _cells(delivery: Delivery) -> tuple[str, ...]:
    notice = delivery.notice
    recorded = dt.datetime.fromtimestamp(notice.recorded_at_ms // 1_000, dt.UTC)
    return (
        str(delivery.delivery_id),
        recorded.strftime("%Y-%m-%d %H:%M:%S"),
        notice.action.value,
        notice.subject.summary,
        delivery.state.value,
        str(delivery.attempts),
        delivery.last_error,
    )
