"""``riskstream feed check``: what the stream would do with each message of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.table import Table

from system.clock import wall_ns
from system.console import PlainConsole, terminal_json
from system.contracts.topics import Topic, offset_key
from system.errors import InputError
from system.exits import ExitCode
from system.feed.field_map import FieldMap, chosen_map
from system.feed.options import Close, Columns, MapFile, Zone
from system.feed.rulings import APPLIED, MARK, NO_OFFSETS, TOPIC_NAMES, WAITS, Judge, Judged, Ruling
from system.feed.sources import (
    is_table,
    json_lines,
    kept_records,
    price_messages,
    stream_state,
)
from system.settings import load_settings
from system.tables.dialect import Dialect
from system.tables.options import Decimal, Separator

SHOWN: Final = 20


class FeedReport(msgspec.Struct, frozen=True, kw_only=True):
    """Rulings on the messages of a source; ``state`` names what they were judged against."""

    source: str
    state: str
    counts: dict[str, int]
    waiting_for: tuple[str, ...]
    messages: tuple[Ruling, ...]


def check(  # noqa: PLR0913, PLR0917 - one argument per option
    source: Annotated[
        str,
        typer.Argument(help="JSON lines (-: standard input), CSV of prices, or an input topic."),
    ],
    topic: Annotated[
        str | None, typer.Option(help="Topic they would be sent to; default: that of their type.")
    ] = None,
    empty: Annotated[
        bool, typer.Option("--empty", help="Judge as a stream that has nothing yet would.")
    ] = False,
    close_days: Annotated[
        bool, typer.Option("--close-days", help="Close each session date of a CSV behind it.")
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Show every message, not the refused ones only.")
    ] = False,
    map_file: MapFile = None,
    columns: Columns = None,
    zone: Zone = None,
    close: Close = None,
    separator: Separator = None,
    decimal: Decimal = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Say what the stream would do with each message, and send nothing.

    Judged by the stream's own functions, against the state that the running stream has now; a topic
    as by a stream that reads all input topics from their beginning. Exits with 1 if a message would
    be rejected, and with 3 if one would wait for an end-of-day mark.
    """
    if source in TOPIC_NAMES:
        judged, state = _judged_topic(source)
    else:
        field_map = chosen_map(map_file, columns=columns or (), zone=zone, close=close)
        dialect = Dialect.named(separator, decimal)
        messages = _messages(source, field_map, dialect, topic=topic, closes_days=close_days)
        judge, state = begun_judge(is_empty=empty)
        goes_to = None if topic is None else _topic(topic)
        for place, value in messages:
            judge.judge(place, value, goes_to)
        judged = judge.finish()
    if not judged.rulings:
        raise InputError(f"{source} has no message: write one JSON object per line")
    report = FeedReport(
        source=source,
        state=state,
        counts=judged.counts,
        waiting_for=judged.waiting_for,
        messages=judged.rulings,
    )
    if as_json:
        typer.echo(terminal_json(report, indent=2))
    else:
        _show(report, judged, every=every)
    if judged.rejected:
        raise typer.Exit(ExitCode.FAILED)
    if WAITS in judged.counts:
        raise typer.Exit(ExitCode.INCOMPLETE)


def _messages(
    source: str, field_map: FieldMap, dialect: Dialect, *, topic: str | None, closes_days: bool
) -> Iterator[tuple[str, bytes]]:
    """Return the place and the bytes of each message of a file, of a table as `feed csv` sends it.

    Raises
    ------
    InputError
        If an option does not fit the file.
    """
    if not is_table(source):
        if closes_days:
            raise InputError(f"--close-days: {source} is no table; its own marks close its days")
        return json_lines(source)
    if topic is not None:
        raise InputError(f"--topic {topic}: prices of a table go to the topics of their types")
    prices = price_messages(Path(source), field_map, closes_days=closes_days, dialect=dialect)
    return ((price.place, price.value) for price in prices)


def _judged_topic(name: str) -> tuple[Judged, str]:
    """Return the rulings on what a topic has kept, and how they are made, in words."""
    records = kept_records(load_settings().connections().kafka_bootstrap_servers)
    begins: dict[str, int] = dict(NO_OFFSETS)
    for record in reversed(records):
        begins[offset_key(record.topic, record.partition)] = record.offset
    judge = Judge(offsets=begins)
    for record in records:
        judge.judge_record(record)
    judged = judge.finish()
    of_topic = tuple(ruling for ruling in judged.rulings if ruling.topic == name)
    cut = [place for place, offset in begins.items() if offset]
    without = f", which begin late in {', '.join(cut)}" if cut else ""
    state = f"a stream that reads the input topics from their beginning{without}"
    return Judged(of_topic, judged.waiting_for), state


def begun_judge(*, is_empty: bool) -> tuple[Judge, str]:
    """Return a judge, and the state that it judges against in words.

    Raises
    ------
    NotConnectedError
        If no stack runs, and the state is not to be empty.
    StoreUnavailableError
        If PostgreSQL does not answer.
    """
    if is_empty:
        return Judge(), "a stream that has nothing yet"
    stored = stream_state(load_settings().connections())
    if not stored.offsets:
        return Judge(), "the running stream, which has nothing yet"
    now_ms = wall_ns() // 1_000_000
    return Judge(stored.state, stored.offsets, now_ms), "the running stream as it is now"


def _topic(name: str) -> Topic:
    if name not in TOPIC_NAMES:
        raise InputError(f"--topic {name!r} is not one of {', '.join(TOPIC_NAMES)}")
    return TOPIC_NAMES[name]


def _show(report: FeedReport, judged: Judged, *, every: bool) -> None:
    console = PlainConsole()
    shown = [ruling for ruling in judged.rulings if every or ruling.outcome not in {APPLIED, MARK}]
    if shown:
        table = Table("message", "topic", "outcome", "why")
        for ruling in shown if every else shown[:SHOWN]:
            why = ruling.detail if ruling.reason is None else f"{ruling.reason}: {ruling.detail}"
            table.add_row(ruling.place, ruling.topic, ruling.outcome, why)
        console.print(table)
    if len(shown) > SHOWN and not every:
        console.print(f"... and {len(shown) - SHOWN} more; --all and --json show every message")
    told = ", ".join(f"{count} {name}" for name, count in report.counts.items())
    console.print(f"{len(judged.rulings)} messages, judged by {report.state}: {told}")
    if report.waiting_for:
        waiting = ", ".join(report.waiting_for)
        console.print(f"messages wait behind an end-of-day mark that {waiting} lack")
