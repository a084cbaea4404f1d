"""The ledger: each way of losing, doubling or misjudging a message is caught."""

from __future__ import annotations

import pytest

from validation.checkers.ledger import (
    DELIVERY,
    OUTCOMES,
    REJECTIONS,
    SUMS,
    Acknowledged,
    Outcome,
    Ruling,
    check_ledger,
)
from validation.verdict import Finding, Verdict


def ruling(offset: int, outcome: Outcome = Outcome.APPLIED, reason: str = "") -> Ruling:
    return Ruling(topic="market_data", partition=0, offset=offset, outcome=outcome, reason=reason)


BAD = ruling(3, Outcome.REJECTED, "not_json")
EXPECTED = [ruling(0), ruling(1), ruling(2, Outcome.DUPLICATE), BAD, ruling(4, Outcome.SUPERSEDED)]
COUNTERS = {"market_data": {"applied": 2, "duplicate": 1, "rejected": 1, "superseded": 1}}


def acknowledgements(count: int) -> tuple[Acknowledged, ...]:
    return (Acknowledged(topics=("market_data", "fx_rates"), count=count),)


def findings(
    *,
    expected=EXPECTED,
    counters=COUNTERS,
    rejected=(BAD,),
    covered=None,
    acknowledged=None,
) -> dict[str, Finding]:
    checked = check_ledger(
        expected,
        counters,
        rejected,
        covered={"market_data:0": 5} if covered is None else covered,
        acknowledged=acknowledgements(5) if acknowledged is None else acknowledged,
    )
    return {finding.check: finding for finding in checked}


def test_a_run_that_lost_nothing_passes_all_four() -> None:
    assert {name: finding.verdict for name, finding in findings().items()} == dict.fromkeys(
        (DELIVERY, SUMS, OUTCOMES, REJECTIONS), Verdict.PASSED
    )


def test_an_acknowledged_message_that_is_not_on_its_topic_fails() -> None:
    delivery = findings(acknowledged=acknowledgements(6))[DELIVERY]
    assert (delivery.verdict, delivery.detail) == (
        Verdict.FAILED,
        "market_data, fx_rates: 6 acknowledged, 5 on the topics",
    )


def test_marks_are_not_among_what_was_acknowledged() -> None:
    expected = [*EXPECTED, ruling(5, Outcome.MARK)]
    counters = {"market_data": {**COUNTERS["market_data"], "mark": 1}}
    checked = findings(expected=expected, counters=counters, covered={"market_data:0": 6})
    assert checked[DELIVERY].verdict is Verdict.PASSED
    assert checked[OUTCOMES].verdict is Verdict.PASSED


def test_without_a_publisher_delivery_is_unknown() -> None:
    assert findings(acknowledged=())[DELIVERY].verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("change", [-1, 1])
def test_a_dropped_or_doubled_message_breaks_the_sum(change: int) -> None:
    counters = {"market_data": {**COUNTERS["market_data"], "applied": 2 + change}}
    checked = findings(counters=counters)
    assert checked[SUMS].verdict is Verdict.FAILED
    assert checked[OUTCOMES].verdict is Verdict.FAILED


def test_a_late_tick_that_was_applied_keeps_the_sum_and_fails_the_outcome() -> None:
    counters = {"market_data": {**COUNTERS["market_data"], "applied": 3, "superseded": 0}}
    checked = findings(counters=counters)
    assert checked[SUMS].verdict is Verdict.PASSED
    assert checked[OUTCOMES].detail == (
        "market_data applied: 3 counted, 2 expected; market_data superseded: 0 counted, 1 expected"
    )


def test_counts_on_a_topic_without_messages_fail() -> None:
    checked = findings(counters={**COUNTERS, "trades": {"applied": 1}})
    assert checked[OUTCOMES].verdict is Verdict.FAILED


@pytest.mark.parametrize(
    ("rejected", "detail"),
    [
        ((), "market_data:0:3 is not rejected, expected not_json"),
        (
            (BAD, ruling(1, Outcome.REJECTED, "late")),
            "market_data:0:1 is late, expected not rejected",
        ),
        (
            (ruling(3, Outcome.REJECTED, "invalid"),),
            "market_data:0:3 is invalid, expected not_json",
        ),
        ((BAD, BAD), "1 messages were rejected twice"),
    ],
)
def test_rejected_rows_are_compared_one_by_one(rejected, detail: str) -> None:
    rejections = findings(rejected=rejected)[REJECTIONS]
    assert (rejections.verdict, rejections.detail) == (Verdict.FAILED, detail)


def test_a_stream_that_is_behind_is_unknown_and_not_passed() -> None:
    checked = findings(covered={"market_data:0": 4})
    assert {checked[check].verdict for check in (SUMS, OUTCOMES, REJECTIONS)} == {Verdict.UNKNOWN}
    assert "market_data:0" in checked[SUMS].detail
