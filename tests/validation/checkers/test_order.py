"""Order: an id twice, an offset or a version that goes back are caught."""

from __future__ import annotations

from system.contracts.messages import SnapshotKind, StageTimes
from validation.checkers.order import check_monotonic_offsets, check_unique_ids
from validation.measure.record import SeenSnapshot
from validation.verdict import Verdict


def snapshot(
    name: str, offset: int, *, portfolio: str = "long", fence: int = 1, epoch: int = 0
) -> SeenSnapshot:
    return SeenSnapshot(
        received_ns=0,
        entry_id="0-0",
        snapshot_id=name,
        portfolio=portfolio,
        kind=SnapshotKind.LIVE,
        fence=fence,
        epoch=epoch,
        offsets={"market_data:0": offset},
        holding=0,
        stages=StageTimes(),
        event_time_ns=0,
        asof=None,
        var=None,
    )


def test_ids_once_pass_and_an_id_twice_fails() -> None:
    assert check_unique_ids([snapshot("a", 0), snapshot("b", 1)]).verdict is Verdict.PASSED
    finding = check_unique_ids([snapshot("a", 0), snapshot("b", 1), snapshot("a", 2)])
    assert (finding.verdict, finding.detail) == (Verdict.FAILED, "a was pushed 2 times")


def test_offsets_may_stand_still_and_must_not_go_back() -> None:
    still = [snapshot("a", 5, epoch=1), snapshot("b", 5, epoch=1), snapshot("c", 6, epoch=2)]
    assert check_monotonic_offsets(still).verdict is Verdict.PASSED
    back = [*still, snapshot("d", 4, epoch=3)]
    assert check_monotonic_offsets(back).detail == "d: market_data:0 at 4 after 6"


def test_portfolios_are_judged_apart() -> None:
    mixed = [snapshot("a", 9), snapshot("b", 1, portfolio="short")]
    assert check_monotonic_offsets(mixed).verdict is Verdict.PASSED


def test_an_older_driver_that_writes_after_a_newer_one_fails() -> None:
    finding = check_monotonic_offsets([snapshot("a", 1, fence=2), snapshot("b", 2, epoch=9)])
    assert finding.verdict is Verdict.FAILED
    assert "version (1, 9) after (2, 0)" in finding.detail


def test_nothing_observed_is_unknown() -> None:
    assert check_unique_ids([]).verdict is Verdict.UNKNOWN
    assert check_monotonic_offsets([]).verdict is Verdict.UNKNOWN
