"""The barrier: one message too many or too few behind a mark is caught."""

from __future__ import annotations

import datetime as dt

import pytest

from system.contracts.messages import SnapshotKind, StageTimes
from validation.checkers.barrier import check_barrier
from validation.measure.record import SeenSnapshot
from validation.verdict import Verdict

DAY = dt.date(2020, 2, 3)
MARKS = {DAY: {"market_data:0": 9, "market_data:1": 7, "trades:0": 0}}


def end_of_day(asof: dt.date | None = DAY, **offsets: int) -> SeenSnapshot:
    covered = {"market_data:0": 10, "market_data:1": 8, "trades:0": 1}
    return SeenSnapshot(
        received_ns=0,
        entry_id="0-0",
        snapshot_id=f"long-eod-{asof}",
        portfolio="long",
        kind=SnapshotKind.END_OF_DAY,
        fence=1,
        epoch=0,
        offsets={**covered, **{name.replace("__", ":"): at for name, at in offsets.items()}},
        holding=0,
        stages=StageTimes(),
        event_time_ns=0,
        asof=asof,
        var=None,
    )


def test_an_end_of_day_right_behind_its_marks_passes() -> None:
    assert check_barrier([end_of_day()], MARKS).verdict is Verdict.PASSED


@pytest.mark.parametrize("offset", [9, 11, 0])
def test_a_message_too_few_or_too_many_fails(offset: int) -> None:
    finding = check_barrier([end_of_day(market_data__0=offset)], MARKS)
    assert (finding.verdict, finding.detail) == (
        Verdict.FAILED,
        f"long-eod-2020-02-03: market_data:0 at {offset}, its mark is at 9",
    )


def test_an_end_of_a_day_without_a_mark_fails() -> None:
    finding = check_barrier([end_of_day(dt.date(2020, 2, 4))], MARKS)
    assert finding.verdict is Verdict.FAILED


def test_without_an_end_of_day_nothing_was_shown() -> None:
    assert check_barrier([], MARKS).verdict is Verdict.UNKNOWN
