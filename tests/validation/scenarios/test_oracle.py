"""Live numbers of a book of options against the reference, each at its own offsets."""

from __future__ import annotations

import msgspec
import pytest

from loadtests.record import SeenSnapshot
from system.contracts.messages import SnapshotKind
from tests.validation.oracle.recorded import RecordedFeed, foreign_and_optional
from validation.checkers.end_of_day import EndOfDay, check_end_of_day
from validation.checkers.verdict import Verdict
from validation.fates import fates
from validation.gathering import expected_of
from validation.judging import mark_places
from validation.scenarios.closes import topic_closes
from validation.scenarios.oracle import check_live, inputs_of


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
    ruled = fates(feed.records)
    inputs = inputs_of(
        feed.records, ruled, topic_closes(feed.records, ruled), mark_places(feed.records)
    )
    found = check_live(seen(feed), inputs)
    live = [one for one in feed.announced if one.kind is SnapshotKind.LIVE]
    assert (found.verdict, found.figures["sampled"]) == (Verdict.PASSED, len(live)), found.detail
    wrong = [msgspec.structs.replace(one, var=one.var * 1.000001) for one in seen(feed) if one.var]
    assert check_live(wrong, inputs).verdict is Verdict.FAILED


def test_ends_of_day_of_a_book_of_options_are_expected_from_the_closes_of_the_topics(
    feed: RecordedFeed,
) -> None:
    closes = topic_closes(feed.records, fates(feed.records))
    expected = expected_of(feed.records, closes.closes, calendar=closes.calendar, days=closes.days)
    stated = {
        (one.portfolio, one.asof): EndOfDay(
            nav=one.nav,
            var=one.var,
            expected_shortfall=one.expected_shortfall,
            hypothetical_pnl=one.hypothetical_pnl,
            breach=one.breach,
            scenario_date=one.scenario_date,
            components={row.instrument: row.component_var for row in one.positions},
        )
        for one in feed.announced
        if one.kind is SnapshotKind.END_OF_DAY and one.asof is not None
    }
    found = check_end_of_day("ends", stated, expected)
    assert (found.verdict, len(expected)) == (Verdict.PASSED, 3), found.detail
