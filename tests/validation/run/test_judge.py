"""Judging: evidence of a small run passes, and each defect planted in it is found."""

from __future__ import annotations

import dataclasses

import pytest

from system.contracts.messages import SnapshotKind, Tick
from tests.validation.small_run import (
    APPLE,
    BOOK,
    COVERED,
    EVIDENCE,
    EXXON,
    MARK,
    RATE,
    RECORD,
    TICKS,
    on_topic,
    snapshot,
    tick,
)
from validation.checkers.latency import Budget
from validation.checkers.ledger import Acknowledged
from validation.run.judge import Judgement, judge
from validation.verdict import Verdict, overall

BUDGETS = (Budget(part="cold", p99_ms=1_000.0),)


def judged(**changes: object) -> Judgement:
    return judge(dataclasses.replace(EVIDENCE, **changes), BUDGETS)


def failing(judgement: Judgement) -> set[str]:
    return {
        finding.check for finding in judgement.findings if finding.verdict is not Verdict.PASSED
    }


def test_a_run_in_which_everything_holds_passes() -> None:
    judgement = judged()
    assert failing(judgement) == set()
    assert overall(finding.verdict for finding in judgement.findings) is Verdict.PASSED


def test_the_row_of_a_portfolio_counts_what_moved_it() -> None:
    (row,) = judged().portfolios
    assert (row.messages, row.covered, row.rejected) == (3, 3, 0)
    assert row.p99_ms == pytest.approx(190.0, rel=2e-3)
    assert (row.breach_count, row.day_count, row.var) == (1, 1, 28_000.0)


def test_ticks_and_rates_are_reported_apart() -> None:
    parts = {latency.part: latency for latency in judged().latencies}
    assert (parts["all"].count, parts["fx rates"].count) == (2, 1)
    assert parts["held by nobody"].count == 1
    assert parts["fx rates"].covered.max_ms == pytest.approx(70.0)


def test_a_rejected_tick_of_something_held_is_charged_to_the_holder() -> None:
    late = tick("AAPL", 3, 1012)
    stale = Tick(
        **{name: getattr(late, name) for name in late.__struct_fields__ if name != "event_time_ns"},
        event_time_ns=1,
    )
    records = [
        *on_topic("reference", APPLE, EXXON, BOOK, MARK),
        *on_topic("market_data", *TICKS, b"garbage", MARK, stale),
        *on_topic("fx_rates", RATE, MARK),
        *on_topic("trades", MARK),
    ]
    assert judged(records=records).portfolios[0].rejected == 1


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"stated": {}}, "end of day: PostgreSQL"),
        ({"rejected": EVIDENCE.rejected[:1]}, "ledger: rejected rows"),
        ({"counters": {}}, "ledger: counters"),
        ({"acknowledged": [Acknowledged(topics=("market_data",), count=6)]}, "delivery"),
        ({"schedule": None}, "schedule"),
        ({"record": RECORD[:-2]}, "latency: cold"),
        ({"record": [*RECORD, RECORD[1]]}, "snapshots: each id once"),
        ({"record": [*RECORD, RECORD[1]]}, "snapshots: offsets"),
        (
            {
                "record": [
                    *RECORD[:4],
                    snapshot(1200, 3, {**COVERED, "trades:0": 0}, SnapshotKind.END_OF_DAY),
                ]
            },
            "end of day: taken",
        ),
    ],
)
def test_each_defect_is_found_by_its_check(changes: dict[str, object], check: str) -> None:
    assert any(name.startswith(check) for name in failing(judged(**changes)))


def test_a_portfolio_that_was_never_seen_has_a_row_of_zeros() -> None:
    (row,) = judged(record=[], stated={}).portfolios
    assert (row.messages, row.covered, row.largest_difference) == (0, 0, float("inf"))
