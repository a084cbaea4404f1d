"""Judge of a run: evidence is recorded first and judged later."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from system.bus.consumer import Record
from system.contracts.messages import FxRate, Mark, Message, Portfolio, Tick
from system.contracts.topics import MARKET_DATA
from system.errors import MessageError
from validation.checkers.barrier import check_barrier
from validation.checkers.end_of_day import (
    EndOfDay,
    check_end_of_day,
    largest_var_difference,
)
from validation.checkers.latency import Budget, Schedule, check_latency, check_schedule
from validation.checkers.ledger import (
    Acknowledged,
    Counters,
    Outcome,
    Ruling,
    check_ledger,
)
from validation.checkers.order import check_monotonic_offsets, check_unique_ids
from validation.measure.coverage import NEVER, BoolArray, coverage
from validation.measure.coverage_arrays import SentMessage, Tables, tables
from validation.measure.latency import (
    LatencyPoint,
    LatencySummary,
    TickLatencies,
    latency_over_time,
    summaries,
    summary,
)
from validation.measure.record import Holding, RecordLine, SeenSnapshot
from validation.report.shapes import DayPoint, PortfolioRow
from validation.rules.marks import incomplete_marks
from validation.rules.rulings import read_message, rulings_of
from validation.verdict import Finding

RATES_PART: Final = "fx rates"

ReadRecord = tuple[Record, Message | MessageError]
"""A record with its message, or with why it has none."""


@dataclass(frozen=True)
class Evidence:
    """Everything that a run left, gathered before anything is judged.

    Parameters
    ----------
    record : sequence of RecordLine
        What the observer wrote.
    records : sequence of Record
        Everything on the input topics.
    stated : mapping
        Ends of day in PostgreSQL.
    expected : mapping
        Ends of day by the references.
    rejected : sequence of Ruling
        Rejected rows in PostgreSQL.
    counters : mapping
        The stream's own counts.
    covered : mapping of str to int
        Offsets that PostgreSQL has not covered.
    acknowledged : sequence of Acknowledged
        What publishers were promised.
    schedule : Schedule or None
        How the publisher kept its schedule.
    portfolios : sequence of Portfolio
        The books, in the order of the report.
    """

    record: Sequence[RecordLine]
    records: Sequence[Record]
    stated: Mapping[tuple[str, dt.date], EndOfDay]
    expected: Mapping[tuple[str, dt.date], EndOfDay]
    rejected: Sequence[Ruling]
    counters: Counters
    covered: Mapping[str, int]
    acknowledged: Sequence[Acknowledged]
    schedule: Schedule | None
    portfolios: Sequence[Portfolio]


@dataclass(frozen=True)
class Judgement:
    """Findings and figures of a run."""

    findings: tuple[Finding, ...]
    latencies: tuple[LatencySummary, ...]
    latency_over_time: tuple[LatencyPoint, ...]
    portfolios: tuple[PortfolioRow, ...]
    days: dict[str, tuple[DayPoint, ...]]


def judge(evidence: Evidence, budgets: Sequence[Budget]) -> Judgement:
    """Return what the evidence shows.

    Parameters
    ----------
    evidence : Evidence
        Of one run.
    budgets : sequence of Budget
        Longest p99 per part of the run; a part without a budget is reported only.
    """
    ruled = rulings_of(evidence.records)
    read = [(record, read_message(record)) for record in evidence.records]
    sent = sent_messages(read, ruled)
    arrays = tables(sent, evidence.record)
    whole = TickLatencies.of(
        arrays.inputs,
        arrays.observations,
        coverage(arrays.inputs, arrays.observations, arrays.watermarks),
    )
    ticks = _on_topic(arrays, MARKET_DATA.name)
    latencies = (*summaries(whole.only(ticks)), summary(RATES_PART, whole, ~ticks))
    rejected = rejected_keys(read, ruled)
    return Judgement(
        findings=tuple(_findings(evidence, ruled, latencies, budgets, marked(read))),
        latencies=latencies,
        latency_over_time=tuple(latency_over_time(whole)),
        portfolios=tuple(
            _portfolio_row(evidence, portfolio, arrays, rejected)
            for portfolio in evidence.portfolios
        ),
        days={
            portfolio.portfolio: _day_points(evidence, portfolio.portfolio)
            for portfolio in evidence.portfolios
        },
    )


def sent_messages(read: Sequence[ReadRecord], ruled: Sequence[Ruling]) -> list[SentMessage]:
    """Return the ticks and rates whose coverage is judged: applied, and sent on a schedule.

    What is superseded, a duplicate or rejected changes no portfolio: the ledger answers
    for it.
    """
    applied = {ruling.place for ruling in ruled if ruling.outcome is Outcome.APPLIED}
    return [
        SentMessage(
            record.topic,
            record.partition,
            record.offset,
            _key(quote),
            quote.intended_monotonic_ns,
        )
        for record, quote in read
        if isinstance(quote, Tick | FxRate)
        and quote.intended_monotonic_ns
        and _place(record) in applied
    ]


def rejected_keys(read: Sequence[ReadRecord], ruled: Sequence[Ruling]) -> Counter[str]:
    """Return how many quotes of each series were rejected."""
    places = {ruling.place for ruling in ruled if ruling.outcome is Outcome.REJECTED}
    return Counter(
        _key(quote)
        for record, quote in read
        if isinstance(quote, Tick | FxRate) and _place(record) in places
    )


def _findings(
    evidence: Evidence,
    ruled: Sequence[Ruling],
    latencies: Sequence[LatencySummary],
    budgets: Sequence[Budget],
    marks: Mapping[dt.date, Mapping[str, int]],
) -> Iterator[Finding]:
    snapshots = [line for line in evidence.record if isinstance(line, SeenSnapshot)]
    yield check_end_of_day(
        "end of day: PostgreSQL equals the exact reference", evidence.stated, evidence.expected
    )
    yield from check_ledger(
        ruled,
        evidence.counters,
        evidence.rejected,
        covered=evidence.covered,
        acknowledged=evidence.acknowledged,
    )
    yield check_schedule("schedule: the publisher was in time", evidence.schedule)
    parts = {latency.part: latency for latency in latencies}
    for budget in budgets:
        name = f"latency: {budget.part}, p99 under {budget.p99_ms:.0f} ms, every tick covered"
        yield check_latency(name, parts[budget.part], budget, schedule=evidence.schedule)
    yield check_unique_ids(snapshots)
    yield check_monotonic_offsets(snapshots)
    yield check_barrier(snapshots, marks)


def _portfolio_row(
    evidence: Evidence, portfolio: Portfolio, arrays: Tables, rejected: Mapping[str, int]
) -> PortfolioRow:
    name = portfolio.portfolio
    stated = {key: one for key, one in evidence.stated.items() if key[0] == name}
    expected = {key: one for key, one in evidence.expected.items() if key[0] == name}
    last = stated[max(stated)] if stated else None
    alone = _summary_of(name, arrays)
    return PortfolioRow(
        portfolio=name,
        base_currency=portfolio.base_currency,
        nav=last.nav if last else None,
        var=last.var if last else None,
        expected_shortfall=last.expected_shortfall if last else None,
        breach_count=sum(bool(snapshot.breach) for snapshot in stated.values()),
        day_count=len(stated),
        messages=alone.count,
        covered=alone.covered.count,
        rejected=sum(rejected.get(key, 0) for key in _moving_keys(evidence.record, name)),
        p50_ms=alone.covered.p50_ms,
        p99_ms=alone.covered.p99_ms,
        largest_difference=largest_var_difference(stated, expected),
    )


def _summary_of(portfolio: str, arrays: Tables) -> LatencySummary:
    """Return the latency of what moved one portfolio, as if there were no other."""
    known = portfolio in arrays.portfolios
    index = arrays.portfolios.index(portfolio) if known else NEVER
    covered = coverage(arrays.inputs, arrays.observations, arrays.watermarks, portfolio=index)
    own = TickLatencies.of(arrays.inputs, arrays.observations, covered)
    return summary(portfolio, own, covered.holder_count > 0)


def _moving_keys(record: Sequence[RecordLine], portfolio: str) -> set[str]:
    """Return what moved a portfolio at any time."""
    snapshots = [line for line in record if isinstance(line, SeenSnapshot)]
    held = {line.holding for line in snapshots if line.portfolio == portfolio}
    holdings = [line for line in record if isinstance(line, Holding)]
    return {key for line in holdings if line.index in held for key in line.keys}


def _day_points(evidence: Evidence, portfolio: str) -> tuple[DayPoint, ...]:
    return tuple(
        DayPoint(date=day, var=one.var, pnl=one.hypothetical_pnl, breach=one.breach)
        for (owner, day), one in sorted(evidence.stated.items())
        if owner == portfolio
    )


def _on_topic(arrays: Tables, topic: str) -> BoolArray:
    chosen = [name.startswith(f"{topic}:") for name in arrays.partitions]
    return np.array([*chosen, False], dtype=np.bool_)[arrays.inputs.partition]


def _key(message: Tick | FxRate) -> str:
    return message.ticker if isinstance(message, Tick) else f"fx:{message.currency}"


def _place(record: Record) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset


def mark_places(records: Sequence[Record]) -> dict[dt.date, dict[str, int]]:
    """Return, per day, the offset of its first complete mark in each ``topic:partition``."""
    return marked([(record, read_message(record)) for record in records])


def marked(read: Sequence[ReadRecord]) -> dict[dt.date, dict[str, int]]:
    """Return what ``mark_places`` does, of records that are read already."""
    places: dict[dt.date, dict[str, int]] = {}
    incomplete = incomplete_marks(record for record, _ in read)
    marks = [
        (record, mark)
        for record, mark in read
        if isinstance(mark, Mark) and _place(record) not in incomplete
    ]
    for record, mark in sorted(marks, key=lambda pair: _place(pair[0])):
        at = places.setdefault(mark.date, {})
        at.setdefault(f"{record.topic}:{record.partition}", record.offset)
    return places
