"""``riskstream feed csv``: prices of a file to the stream, checked first, days closed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated, Final

import typer

from system.bus.producer import MessageProducer
from system.client.commands.portfolios import connected_client
from system.clock import SystemClock
from system.console import PlainConsole
from system.contracts.codec import decode_topic
from system.contracts.messages import Mark
from system.errors import InputError
from system.exits import ExitCode, print_error
from system.feed.check import begun_judge
from system.feed.close_day import WAIT_SECONDS, await_close
from system.feed.field_map import chosen_map
from system.feed.options import Close, Columns, MapFile, Zone, day_of
from system.feed.prices import PriceMessage
from system.feed.rulings import REJECTED, Judged
from system.feed.sources import price_messages
from system.settings import load_settings
from system.simulate.progress import DaySent, PublishSummary
from system.simulate.publisher import OpenLoopPublisher
from system.simulate.timeline import Planned
from system.tables.dialect import Dialect
from system.tables.options import Decimal, Separator

MAX_SPEED: Final = 1e6
AFTER_LAST_NS: Final = 1_000_000
"""Between the last price of a paced day and its mark or the next day."""


@dataclass(frozen=True)
class FeedDay:
    """Prices of one session date on a schedule.

    Parameters
    ----------
    date : date
        The session date.
    prices : tuple of PriceMessage
        In the order of time, its mark last where it has one.
    speed : float or None
        Seconds of event time per second; None: as fast as the broker takes them.
    """

    date: dt.date
    prices: tuple[PriceMessage, ...]
    speed: float | None

    @property
    def duration_ns(self) -> int:
        """Length on the schedule; 0 when it is not paced."""
        if self.speed is None:
            return 0
        return self._due_ns(self.prices[-1]) + 2 * AFTER_LAST_NS

    @property
    def tick_count(self) -> int:
        """Number of prices, without the mark."""
        return sum(price.topic is not None for price in self.prices)

    def slots(self) -> Iterator[Planned]:
        """Yield every message with its due offset, in the order of time."""
        for price in self.prices:
            if price.topic is None:
                mark = Mark(date=self.date, event_time_ns=price.event_time_ns)
                yield Planned(self._due_ns(price) + AFTER_LAST_NS, mark)
            else:
                yield Planned(self._due_ns(price), decode_topic(price.value, price.topic))

    def _due_ns(self, price: PriceMessage) -> int:
        if self.speed is None:
            return 0
        return round((price.event_time_ns - self.prices[0].event_time_ns) / self.speed)


def feed_days(prices: Sequence[PriceMessage], speed: float | None = None) -> list[FeedDay]:
    """Return prices by session date, each day on its own schedule.

    Parameters
    ----------
    prices : sequence of PriceMessage
        In the order of time.
    speed : float or None
        As in `FeedDay`.
    """
    return [
        FeedDay(date, tuple(of_date), speed)
        for date, of_date in groupby(prices, key=lambda price: price.date)
    ]


def csv(  # noqa: PLR0913, PLR0917 - one argument per option
    file: Annotated[Path, typer.Argument(help="CSV or Parquet of prices; see docs/feed.md.")],
    first_day: Annotated[str | None, typer.Option(help="First session date to send.")] = None,
    last_day: Annotated[str | None, typer.Option(help="Last session date to send.")] = None,
    speed: Annotated[
        float | None,
        typer.Option(help="Seconds of the file per second; default: as fast as Kafka takes them."),
    ] = None,
    close_days: Annotated[
        bool, typer.Option("--close-days", help="Close each session date behind its prices.")
    ] = False,
    skip_rejected: Annotated[
        bool, typer.Option("--skip-rejected", help="Leave out what the stream would reject.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the file, and send nothing.")
    ] = False,
    wait: Annotated[
        float, typer.Option(min=0, max=3_600, help="Longest wait for the last close, seconds.")
    ] = WAIT_SECONDS,
    map_file: MapFile = None,
    columns: Columns = None,
    zone: Zone = None,
    close: Close = None,
    separator: Separator = None,
    decimal: Decimal = None,
) -> None:
    """Send the prices of a file as ticks and FX rates, in the order of time.

    Nothing is sent if the stream would reject a price of it. Days pass one behind the other: the
    nights between them take no time.
    """
    if speed is not None and not 0 < speed <= MAX_SPEED:
        raise InputError(f"--speed {speed:g} is not above 0 and at most {MAX_SPEED:g}")
    field_map = chosen_map(map_file, columns=columns or (), zone=zone, close=close)
    dialect = Dialect.named(separator, decimal)
    first, last = day_of("--first-day", first_day), day_of("--last-day", last_day)
    prices = [
        price
        for price in price_messages(file, field_map, closes_days=close_days, dialect=dialect)
        if (first is None or first <= price.date) and (last is None or price.date <= last)
    ]
    if not prices:
        raise InputError(f"{file} has no price between {first or 'its'} and {last or 'its end'}")
    judged = _judged(prices)
    if judged.rejected and not skip_rejected:
        raise InputError(_refusal(file, judged))
    kept = [
        price
        for price, ruling in zip(prices, judged.rulings, strict=True)
        if ruling.outcome != REJECTED
    ]
    console = PlainConsole()
    if dry_run:
        told = ", ".join(f"{count} {name}" for name, count in judged.counts.items())
        console.print(f"would send {len(kept)} messages: {told}")
        return
    days = feed_days(kept, speed)
    console.print(_summary(_sent(days, console), days, closes_days=close_days))
    if close_days and wait and not _is_closed(days[-1].date, wait):
        print_error(f"{days[-1].date} is not closed after {wait:g} s; `riskstream status` says why")
        raise typer.Exit(ExitCode.INCOMPLETE)


def _judged(prices: Sequence[PriceMessage]) -> Judged:
    judge, _ = begun_judge(is_empty=False)
    for price in prices:
        judge.judge(price.place, price.value)
    return judge.finish()


def _refusal(file: Path, judged: Judged) -> str:
    first, count = judged.rejected[0], len(judged.rejected)
    return (
        f"{file}, {first.place}: the stream would reject it, {first.reason}: {first.detail} "
        f"({count} of {len(judged.rulings)} messages); nothing was sent: `riskstream feed check` "
        "shows each, --skip-rejected leaves them out"
    )


def _sent(days: Sequence[FeedDay], console: PlainConsole) -> PublishSummary:
    def say(sent: DaySent) -> None:
        console.print(
            f"{sent.date}: {sent.tick_count} prices (day {sent.index + 1} of {sent.day_count})"
        )

    servers = load_settings().connections().kafka_bootstrap_servers
    with MessageProducer(servers, linger_ms=2) as producer:
        publisher = OpenLoopPublisher(producer, SystemClock())
        return publisher.publish(days, day_count=len(days), on_day=say)


def _summary(sent: PublishSummary, days: Sequence[FeedDay], *, closes_days: bool) -> str:
    of_days = f"{len(days)} day{'s' if len(days) > 1 else ''}"
    closed = f", end-of-day marks of {of_days}" if closes_days else ""
    return f"sent {sent.tick_count} prices of {of_days}{closed}; the broker has all of them"


def _is_closed(date: dt.date, wait_s: float) -> bool:
    with connected_client() as client:
        return await_close(client, date, wait_s)
