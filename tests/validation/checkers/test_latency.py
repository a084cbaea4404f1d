"""The latency budget: what is slow, lost or impossible fails; an invalid run is unknown."""

from __future__ import annotations

import msgspec
import pytest

from validation.checkers.latency import Budget, Schedule, check_latency, check_schedule
from validation.measure.latency import LatencySummary, Percentiles
from validation.verdict import Verdict

COVERED = Percentiles(
    count=100, p50_ms=80, p90_ms=120, p99_ms=160, p999_ms=200, max_ms=210, mean_ms=85
)
GOOD = LatencySummary(part="warm", count=100, uncovered=0, negative=0, covered=COVERED, stages={})
KEPT = Schedule(messages_per_s=1_000, achieved_fraction=0.9999, slip_ms_p99=0.4)
BUDGET = Budget(part="warm", p99_ms=500)


def verdict_of(schedule: Schedule | None = KEPT, **changes: object) -> Verdict:
    summary = msgspec.structs.replace(GOOD, **changes)
    return check_latency("latency", summary, BUDGET, schedule=schedule).verdict


def test_a_quick_run_on_schedule_passes() -> None:
    finding = check_latency("latency", GOOD, BUDGET, schedule=KEPT)
    assert (finding.verdict, finding.detail) == (Verdict.PASSED, "p50 80 ms, p99 160 ms")


@pytest.mark.parametrize(
    "changes",
    [
        {"uncovered": 1},
        {"negative": 1},
        {"covered": msgspec.structs.replace(COVERED, p99_ms=501.0)},
    ],
)
def test_a_slow_lost_or_impossible_message_fails(changes: dict[str, object]) -> None:
    assert verdict_of(**changes) is Verdict.FAILED


@pytest.mark.parametrize(
    "schedule",
    [
        None,
        Schedule(messages_per_s=998, achieved_fraction=0.998, slip_ms_p99=0.4),
        Schedule(messages_per_s=1_000, achieved_fraction=1, slip_ms_p99=5.1),
        Schedule(messages_per_s=0, achieved_fraction=0, slip_ms_p99=0),
    ],
)
def test_a_run_that_did_not_keep_its_schedule_is_unknown(schedule: Schedule | None) -> None:
    assert verdict_of(schedule) is Verdict.UNKNOWN


def test_a_defect_is_a_defect_also_in_an_invalid_run() -> None:
    assert verdict_of(None, uncovered=3) is Verdict.FAILED


def test_a_part_without_messages_is_unknown() -> None:
    empty = msgspec.structs.replace(COVERED, count=0)
    assert verdict_of(count=0, covered=empty) is Verdict.UNKNOWN


def test_the_schedule_itself_is_judged() -> None:
    assert check_schedule("schedule", KEPT).verdict is Verdict.PASSED
    late = msgspec.structs.replace(KEPT, slip_ms_p99=9.0)
    assert check_schedule("schedule", late).verdict is Verdict.FAILED
    assert check_schedule("schedule", None).verdict is Verdict.UNKNOWN
