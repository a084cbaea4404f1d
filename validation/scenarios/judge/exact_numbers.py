"""Live numbers against the exact reference, each at its own vector of offsets.

A snapshot says which messages it covers. What it must state is worked out from those
messages alone: the last accepted quotes below its offsets, the closes of the days whose
marks lie below them, the book and the trades below them.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Final

from system.bus.consumer import Record
from system.contracts.messages import (
    ExchangeSessions,
    Instrument,
    Mark,
    Portfolio,
    SnapshotKind,
    Trade,
)
from system.contracts.topics import REFERENCE, TRADES
from validation.checkers.barrier import MarkPlaces
from validation.checkers.ledger import Fate, Outcome
from validation.measure.record import SeenSnapshot
from validation.references.carrying import SessionTable
from validation.references.exact import ReferenceInputError, exact
from validation.references.revaluation import CurrentMarket, ReferencePosition, needed_series
from validation.references.snapshot import reference_snapshot
from validation.references.stand_ins import covered
from validation.rules.corporate_actions import NO_ACTS, CorporateActions, acts_of
from validation.rules.expected_days import held_positions
from validation.rules.rulings import read_message
from validation.rules.sessions import carrying_of, session_tables
from validation.rules.statements import BookHistory, Defined, SentTrade
from validation.rules.topic_closes import TopicCloses
from validation.verdict import Finding, judged, unknown

CHECK: Final = "live: sampled numbers equal the exact reference at their offsets"
RELATIVE_TOLERANCE: Final = 1e-9
SAMPLE_COUNT: Final = 40
DAY_NS: Final = 86_400_000_000_000
EPOCH: Final = dt.date(1970, 1, 1)
AFTER_FAULT_COUNT: Final = 5


@dataclass(frozen=True)
class Inputs:
    """What lies on the topics, arranged to be looked up by offset.

    Parameters
    ----------
    closes : TopicCloses
        Histories, days, quotes.
    marks : mapping
        Where each day's marks lie.
    mark_ns : mapping of date to int
        Event time of each day's mark.
    instruments : mapping
        Reference data by id.
    definitions, trades : sequence of (str, int, message)
        Applied definitions of portfolios, and trades, with ``topic:partition`` and offset.
    prices : mapping
        Per series its partition, and the offsets and prices of its applied quotes.
    times : mapping
        Per partition the offsets of its applied quotes, and the times they are of.
    acts : CorporateActions
        Splits and dividends that ever take effect.
    sessions : mapping of str to SessionTable
        By exchange.
    """

    closes: TopicCloses
    marks: MarkPlaces
    mark_ns: Mapping[dt.date, int]
    instruments: Mapping[str, Instrument]
    definitions: Sequence[tuple[str, int, Portfolio]]
    trades: Sequence[tuple[str, int, Trade]]
    prices: Mapping[str, tuple[str, list[int], list[float]]]
    times: Mapping[str, tuple[list[int], list[int]]]
    acts: CorporateActions = NO_ACTS
    sessions: Mapping[str, SessionTable] = field(default_factory=dict)

    def day_before(self, partition: str, offset: int) -> dt.date | None:
        """Return the last day whose mark lies before a place, None where none does."""
        days = (day for day, places in self.marks.items() if places[partition] < offset)
        return max(days, default=None)


def inputs_of(
    records: Sequence[Record], ruled: Sequence[Fate], closes: TopicCloses, marks: MarkPlaces
) -> Inputs:
    """Return what lies on the topics, arranged.

    Parameters
    ----------
    records : sequence of Record
        Everything on the input topics.
    ruled : sequence of Fate
        What must become of each.
    closes : TopicCloses
        ``topic_closes(records, ruled)``.
    marks : mapping
        Where each day's marks lie.
    """
    applied = {fate.place for fate in ruled if fate.outcome is Outcome.APPLIED}
    slow = [
        (record, read_message(record))
        for record in records
        if record.topic in {REFERENCE.name, TRADES.name}
        and (record.topic, record.partition, record.offset) in applied
    ]
    messages = [message for _, message in slow]
    marked = _marks(records)
    prices: dict[str, tuple[str, list[int], list[float]]] = {}
    times: dict[str, tuple[list[int], list[int]]] = {}
    for quote in closes.quotes:
        places, moments = times.setdefault(quote.partition, ([], []))
        places.append(quote.offset)
        moments.append(quote.event_time_ns)
        _, offsets, values = prices.setdefault(quote.series, (quote.partition, [], []))
        offsets.append(quote.offset)
        values.append(quote.price)
    return Inputs(
        closes=closes,
        marks=marks,
        mark_ns={
            mark.date: mark.event_time_ns
            for mark in map(read_message, marked)
            if isinstance(mark, Mark)
        },
        instruments={one.instrument: one for one in messages if isinstance(one, Instrument)},
        definitions=[
            (_partition(record), record.offset, message)
            for record, message in slow
            if isinstance(message, Portfolio)
        ],
        trades=[
            (_partition(record), record.offset, message)
            for record, message in slow
            if isinstance(message, Trade)
        ],
        prices=prices,
        times=times,
        acts=acts_of([record for record, _ in slow] + marked, ruled),
        sessions=session_tables(
            message for message in messages if isinstance(message, ExchangeSessions)
        ),
    )


def _partition(record: Record) -> str:
    return f"{record.topic}:{record.partition}"


def _marks(records: Sequence[Record]) -> list[Record]:
    return [
        record
        for record in records
        if record.topic in {REFERENCE.name, TRADES.name} and isinstance(read_message(record), Mark)
    ]


def check_live(
    snapshots: Sequence[SeenSnapshot], inputs: Inputs, *, after_ns: Sequence[int] = ()
) -> Finding:
    """Return whether sampled live snapshots state what the reference does.

    Parameters
    ----------
    snapshots : sequence of SeenSnapshot
        As observed.
    inputs : Inputs
        What lies on the topics.
    after_ns : sequence of int
        Moments (CLOCK_MONOTONIC) behind which the next ones are looked at in any case:
        the beginnings and ends of faults.
    """
    chosen = sample(snapshots, after_ns)
    if not chosen:
        return unknown(CHECK, "no live snapshot with a VaR was observed")
    problems, gaps = [], [0.0]
    for one in chosen:
        try:
            expected = expected_var(one, inputs)
        except ReferenceInputError as error:
            problems.append(f"{one.snapshot_id}: the reference has no number: {error}")
            continue
        assert one.var is not None, "the sample holds snapshots with a VaR only"
        gap = abs(one.var - float(expected)) / (abs(float(expected)) or 1.0)
        gaps.append(gap)
        if not gap <= RELATIVE_TOLERANCE:
            problems.append(f"{one.snapshot_id}: VaR {one.var}, expected {float(expected)}")
    return judged(
        CHECK,
        problems,
        passed=f"{len(chosen)} of {len(snapshots)} snapshots, largest difference {max(gaps):.1e}",
        figures={"sampled": len(chosen), "largest_relative": max(gaps)},
    )


def sample(snapshots: Sequence[SeenSnapshot], after_ns: Sequence[int]) -> list[SeenSnapshot]:
    """Return live snapshots evenly over the run, and those right behind some moments."""
    live = [
        snapshot
        for snapshot in snapshots
        if snapshot.kind is SnapshotKind.LIVE and snapshot.var is not None
    ]
    step = max(1, len(live) // SAMPLE_COUNT)
    chosen = {*range(0, len(live), step), *range(max(0, len(live) - 1), len(live))}
    for moment in after_ns:
        behind = [place for place, one in enumerate(live) if one.received_ns >= moment]
        chosen |= set(behind[:AFTER_FAULT_COUNT])
    return [live[place] for place in sorted(chosen)]


def expected_var(snapshot: SeenSnapshot, inputs: Inputs) -> Fraction:
    """Return the exact VaR of a portfolio at a snapshot's offsets.

    Raises
    ------
    ReferenceInputError
        If a close, quote or history that it needs is not on the topics.
    """
    days = [day for day in inputs.closes.days if _is_closed(day, snapshot, inputs.marks)]
    known = inputs.closes.history_days | set(days)
    as_of = max(known)
    taken = [one for one in inputs.acts.taken if one.day in days]
    acts = replace(inputs.acts, taken=taken)
    history = _history(snapshot, inputs, days)
    book = history.settings(max(days, default=None))
    held = held_positions(history, acts.restruck(), acts)
    closes = {
        name: {day: value for day, value in series.items() if day in known}
        for name, series in inputs.closes.closes.items()
    }
    restated = acts.restated(closes)
    needed = {*needed_series(held, book.base_currency), *_quoted_options(held, snapshot, inputs)}
    now = {name: _price(name, snapshot, inputs, closes, acts) for name in sorted(needed)}
    full = covered(
        held,
        restated,
        {name: one.proxy for name, one in inputs.instruments.items() if one.proxy},
        base_currency=book.base_currency,
        as_of=as_of,
        window=book.window,
    )
    return reference_snapshot(
        full.positions,
        full.closes,
        as_of=as_of,
        window=book.window,
        confidence=book.confidence,
        base_currency=book.base_currency,
        now=CurrentMarket.at(now, _valuation_date(snapshot, inputs, days, as_of), restated),
        carrying=carrying_of(book, held, inputs.instruments, inputs.sessions),
    ).var


def _history(snapshot: SeenSnapshot, inputs: Inputs, days: Sequence[dt.date]) -> BookHistory:
    """Return the definitions and trades of a portfolio below a snapshot's offsets."""
    name = snapshot.portfolio
    return BookHistory(
        [
            Defined(book, inputs.day_before(place, offset))
            for place, offset, book in inputs.definitions
            if book.portfolio == name and _covers(snapshot, place, offset)
        ],
        [
            SentTrade(trade, inputs.day_before(place, offset))
            for place, offset, trade in inputs.trades
            if trade.portfolio == name and _covers(snapshot, place, offset)
        ],
        {day: inputs.mark_ns[day] for day in days},
    )


def _quoted_options(
    held: Sequence[ReferencePosition], snapshot: SeenSnapshot, inputs: Inputs
) -> set[str]:
    """Return the options that have been quoted themselves."""
    options = [one.instrument for one in held if one.option is not None]
    return {
        name
        for name in options
        if name in inputs.prices
        and _covers(snapshot, inputs.prices[name][0], inputs.prices[name][1][0])
    }


def _valuation_date(
    snapshot: SeenSnapshot, inputs: Inputs, closed: Sequence[dt.date], as_of: dt.date
) -> dt.date:
    """Return the day of the newest quote behind the last mark, before one the as-of date."""
    marks = inputs.marks[max(closed)] if closed else {}
    newest_ns = 0
    for partition, (offsets, times) in inputs.times.items():
        first = bisect_right(offsets, marks.get(partition, -1))
        end = bisect_right(offsets, snapshot.offsets.get(partition, 0) - 1)
        newest_ns = max([newest_ns, *times[first:end]])
    return max(as_of, EPOCH + dt.timedelta(days=newest_ns // DAY_NS)) if newest_ns else as_of


def _covers(snapshot: SeenSnapshot, partition: str, offset: int) -> bool:
    return offset < snapshot.offsets.get(partition, 0)


def _is_closed(day: dt.date, snapshot: SeenSnapshot, marks: MarkPlaces) -> bool:
    return all(_covers(snapshot, place, offset) for place, offset in marks[day].items())


def _price(
    name: str,
    snapshot: SeenSnapshot,
    inputs: Inputs,
    closes: Mapping[str, Mapping[dt.date, float]],
    acts: CorporateActions,
) -> Fraction:
    """Return the last accepted price below a snapshot's offsets, else the last close."""
    if name in inputs.prices:
        partition, offsets, values = inputs.prices[name]
        place = bisect_right(offsets, snapshot.offsets.get(partition, 0) - 1)
        if place:
            since = inputs.day_before(partition, offsets[place - 1]) if acts.taken else None
            return exact(acts.price(name, values[place - 1], since, closes))
    restated = acts.restated(closes).get(name)
    if not restated:
        raise ReferenceInputError(f"no price of {name}")
    return exact(restated[max(restated)])
