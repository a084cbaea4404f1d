"""The oracle over a whole recorded history, and what it said while the stream ran."""

from __future__ import annotations

import msgspec

from system.contracts.oracle import OracleStatus
from tests.validation.oracle.test_checking import lively
from tests.validation.oracle.test_following import followed
from validation.checkers.verdict import Verdict
from validation.oracle.recorded import check_live, check_recorded


def test_a_whole_history_agrees_in_any_order_of_its_rows() -> None:
    feed = lively("USD")
    found = check_recorded(feed.records, feed.announced[::-1])
    assert found.verdict is Verdict.PASSED
    assert found.figures["compared"] == len(feed.announced)
    assert f"{len(feed.announced)} of {len(feed.announced)} agree" in found.detail


def test_one_wrong_number_fails_and_is_named() -> None:
    feed = lively("USD")
    *rest, last = feed.announced
    wrong = msgspec.structs.replace(last, nav=last.nav + 0.01)
    found = check_recorded(feed.records, [*rest, wrong])
    assert found.verdict is Verdict.FAILED
    assert last.snapshot_id in found.detail
    assert found.figures["differing"] == 1


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
    wrong = [msgspec.structs.replace(one, nav=one.nav + 1.0) for one in feed.announced]
    oracle, _ = followed(feed.records, wrong)
    oracle.step(0.0)
    assert check_live(oracle.tally.status).verdict is Verdict.FAILED
