"""``riskstream oracle``: what the independent check has found, and that a person has seen it."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from system.console import PlainConsole
from system.contracts.limits import Acknowledgement
from system.exits import ExitCode
from system.settings import load_settings
from system.store.postgres.oracle_record import OracleRecord
from system.store.redis.latest import LatestStore

oracle_app = typer.Typer(
    no_args_is_help=True, help="Show what the oracle has found; acknowledge a difference."
)


@oracle_app.command("status")
def status() -> None:
    """Show what was checked, what was skipped and since when; 1 as exit code where it differs."""
    connections = load_settings().connections()
    with LatestStore(connections.redis_url) as latest:
        status = latest.status().oracle
    with OracleRecord(connections.oracle_database_url) as record:
        difference = record.open_difference()
    console = PlainConsole()
    if status is None:
        console.print("the oracle is not running")
    else:
        since = dt.datetime.fromtimestamp(status.since_ms // 1000, dt.UTC)
        console.print(
            f"since {since:%Y-%m-%d %H:%M:%S} UTC, from {status.base or 'nowhere yet'}: "
            f"{status.agreed:,} of {status.checked:,} agreed, {status.not_compared:,} not compared"
        )
        console.print(
            f"not checked: {status.skipped:,} not sampled, {status.behind:,} came too late, "
            f"{status.not_stored:,} not in PostgreSQL, {status.unreadable:,} unreadable"
        )
        if status.problem:
            console.print(status.problem)
    if difference is not None:
        console.print(
            f"DIFFERS: {difference.portfolio}, {difference.snapshot_id}: {difference.detail}; "
            "red until `riskstream oracle acknowledge`"
        )
        raise typer.Exit(ExitCode.FAILED)


@oracle_app.command("acknowledge")
def acknowledge(
    actor: Annotated[str, typer.Option("--by", help="Who has seen it.")],
    note: Annotated[str, typer.Option(help="What is done about it.")] = "",
) -> None:
    """Record that the open difference was seen: the oracle is red for the next one only."""
    said = Acknowledgement(actor=actor, note=note)
    with OracleRecord(load_settings().connections().oracle_database_url) as record:
        difference = record.acknowledge(actor=said.actor, note=said.note)
    console = PlainConsole()
    if difference is None:
        console.print("there is no difference to acknowledge")
        return
    console.print(f"{difference.snapshot_id} of {difference.portfolio}: seen by {actor}")
