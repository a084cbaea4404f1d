"""The oracle over a whole recorded history, and what it said while the stream ran."""

from __future__ import annotations

import datetime as dt

import msgspec

from system.contracts.messages import Mark, Portfolio
from system.contracts.oracle import OracleStatus
from tests.cases import case_messages, play
from tests.validation.oracle.recorded import RecordedFeed
from tests.validation.oracle.test_following import followed
from tests.validation.oracle.test_snapshot_check import lively
from validation.oracle.history_check import check_live, check_recorded
from validation.verdict import Verdict


def test_a_whole_history_agrees_in_any_order_of_its_rows() -> None:
    feed = lively("USD")
    finding = check_recorded(feed.records, feed.announced[::-1])
    assert finding.verdict is Verdict.PASSED
    assert finding.figures["compared"] == len(feed.announced)
    assert f"{len(feed.announced)} of {len(feed.announced)} agree" in finding.detail


def test_one_wrong_number_fails_and_is_named() -> None:
    feed = lively("USD")
    *rest, last = feed.announced
    wrong = msgspec.structs.replace(last, nav=last.nav + 0.01)
    finding = check_recorded(feed.records, [*rest, wrong])
    assert finding.verdict is Verdict.FAILED
    assert last.snapshot_id in finding.detail
    assert finding.figures["differing"] == 1


def test_nothing_compared_is_unknown() -> None:
    assert check_recorded([], []).verdict is Verdict.UNKNOWN
    assert check_live(None).verdict is Verdict.UNKNOWN
    waiting = OracleStatus(running=True, samples_per_s=2.0, problem="no beginning")
    assert check_live(waiting).verdict is Verdict.UNKNOWN
    assert check_live(waiting).detail == "no beginning"


def test_the_live_oracles_word_is_its_tally() -> None:
    feed = lively("USD")
    oracle, _ = followed(feed.records, feed.announced)
    oracle.step(0.0)
    assert check_live(oracle.tally.status).verdict is Verdict.PASSED
    wrong = [
        msgspec.structs.replace(snapshot, nav=snapshot.nav + 1.0) for snapshot in feed.announced
    ]
    oracle, _ = followed(feed.records, wrong)
    oracle.step(0.0)
    assert check_live(oracle.tally.status).verdict is Verdict.FAILED


CASE = "restated/settings-during-the-day.jsonl"


def restated_during_the_day() -> RecordedFeed:
    """Return the recorded case: two books, the second one's settings changed, then the day ends."""
    feed = RecordedFeed()
    play(feed, case_messages(CASE))
    return feed


def test_settings_changed_during_the_day_are_no_difference_at_its_end() -> None:
    feed = restated_during_the_day()
    oracle, _ = followed(feed.records, feed.announced)
    oracle.step(0.0)
    status = oracle.tally.status
    assert status.first_difference is None
    ends = [snapshot.portfolio for snapshot in feed.ends_of_day()]
    assert ends == ["a", "z"]
    assert status.agreed == status.checked >= len(ends)
    assert check_recorded(feed.records, feed.announced[::-1]).verdict is Verdict.PASSED


def test_settings_that_changed_on_each_of_two_days_are_in_force_at_the_second_end() -> None:
    feed = restated_during_the_day()
    *_, book = (
        case_message for case_message in case_messages(CASE) if isinstance(case_message, Portfolio)
    )
    play(feed, [msgspec.structs.replace(book, confidence="0.8")])
    play(feed, [Mark(date=dt.date(2020, 3, 6), event_time_ns=1583528400000000000)])
    last_day = feed.ends_of_day()[-2:]
    assert [snapshot.confidence for snapshot in last_day] == ["0.95", "0.90"]
    assert check_recorded(feed.records, last_day).verdict is Verdict.PASSED


def test_an_end_of_day_that_is_announced_once_more_is_not_called_different() -> None:
    feed = restated_during_the_day()
    ends = feed.ends_of_day()
    oracle, _ = followed(feed.records, [*feed.announced, *ends])
    oracle.step(0.0)
    assert oracle.tally.status.first_difference is None
