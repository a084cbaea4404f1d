"""Live numbers of a book of options against the reference, each at its own offsets."""

from __future__ import annotations

import msgspec
import pytest

from system.contracts.messages import SnapshotKind
from tests.system.book.feed import at_ns, holding, portfolio, rate, tick, trade
from tests.validation.oracle.recorded import (
    RecordedFeed,
    foreign_and_optional,
    opened_and_recorded,
)
from validation.checkers.end_of_day import EndOfDay, check_end_of_day
from validation.measure.record import SeenSnapshot
from validation.rules.rulings import rulings_of
from validation.rules.topic_closes import topic_closes
from validation.run.read_back import expected_of
from validation.scenarios.judge.exact_numbers import check_live
from validation.verdict import Verdict


@pytest.fixture(scope="module")
def feed() -> RecordedFeed:
    return foreign_and_optional()


def seen(feed: RecordedFeed, **changes: float) -> list[SeenSnapshot]:
    return [
        SeenSnapshot(
            received_ns=number,
            entry_id=str(number),
            snapshot_id=one.snapshot_id,
            portfolio=one.portfolio,
            kind=one.kind,
            fence=one.fence,
            epoch=one.epoch,
            offsets=one.offsets,
            holding=0,
            stages=one.stages,
            event_time_ns=one.event_time_ns,
            asof=one.asof,
            var=one.var,
        )
        for number, one in enumerate(feed.announced)
    ]


def test_a_book_of_options_is_sampled_and_agrees_with_the_reference(feed: RecordedFeed) -> None:
    finding = check_live(seen(feed), feed.records, feed.announced)
    live = [snapshot for snapshot in feed.announced if snapshot.kind is SnapshotKind.LIVE]
    assert (finding.verdict, finding.figures["sampled"]) == (Verdict.PASSED, len(live)), (
        finding.detail
    )
    wrong = [
        msgspec.structs.replace(stated_snapshot, var=stated_snapshot.var * 1.000001)
        for stated_snapshot in seen(feed)
        if stated_snapshot.var
    ]
    assert check_live(wrong, feed.records).verdict is Verdict.FAILED


def test_ends_of_day_of_a_book_of_options_are_expected_from_the_closes_of_the_topics(
    feed: RecordedFeed,
) -> None:
    closes = topic_closes(feed.records, rulings_of(feed.records))
    expected = expected_of(feed.records, closes.closes, calendar=closes.calendar, days=closes.days)
    stated = {
        (snapshot.portfolio, snapshot.asof): EndOfDay(
            nav=snapshot.nav,
            var=snapshot.var,
            expected_shortfall=snapshot.expected_shortfall,
            hypothetical_pnl=snapshot.hypothetical_pnl,
            breach=snapshot.breach,
            scenario_date=snapshot.scenario_date,
            components={row.instrument: row.component_var for row in snapshot.positions},
        )
        for snapshot in feed.announced
        if snapshot.kind is SnapshotKind.END_OF_DAY and snapshot.asof is not None
    }
    finding = check_end_of_day("ends", stated, expected)
    assert (finding.verdict, len(expected)) == (Verdict.PASSED, 3), finding.detail


def test_a_book_restated_during_a_replay_agrees_at_its_own_offsets() -> None:
    feed = opened_and_recorded()
    feed.send(tick("A", 101.0), rate("USD", 1.12), rate("GBP", 0.85), tick("C", 905.0))
    feed.send(trade("t-1", "A", 5.0, 100.5), trade("t-2", "D", -0.5, 3_010.0))
    again = portfolio("P", holding("A", 25.0), holding("D", 0.5, 3_000.0), window=6)
    feed.send(again)
    feed.send(tick("A", 99.0, hour=16.0))
    feed.close(0, tick("B", 97.0, hour=16.0))
    feed.send(
        msgspec.structs.replace(again, positions=(holding("A", 7.0),), as_of_ns=at_ns(1, 9.0))
    )
    feed.send(trade("t-3", "A", 4.0, 99.0, event_time_ns=at_ns(1, 10.0)), tick("A", 98.0, day=1))
    finding = check_live(seen(feed), feed.records, feed.announced)
    assert finding.verdict is Verdict.PASSED, finding.detail
    assert {snapshot.window for snapshot in feed.announced} == {5, 6}
