"""The end of a run in containers: what must be covered, and how many ends of day there must be."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest

from system.contracts.messages import SnapshotKind
from validation.containers.closing import check_covered, check_days
from validation.verdict import Verdict

MONDAY, TUESDAY = dt.date(2020, 2, 3), dt.date(2020, 2, 4)


def stored(portfolio: str, asof: dt.date, kind: SnapshotKind = SnapshotKind.END_OF_DAY) -> Any:
    return SimpleNamespace(portfolio=portfolio, asof=asof, kind=kind)


@pytest.mark.parametrize(
    ("covered", "verdict", "named"),
    [
        ({"trades:0": 3, "fx_rates:0": 5}, Verdict.PASSED, "8 messages"),
        ({"trades:0": 4, "fx_rates:0": 5}, Verdict.PASSED, "8 messages"),
        ({"trades:0": 2, "fx_rates:0": 5}, Verdict.FAILED, "trades:0: 2 of 3 messages"),
        ({"fx_rates:0": 5}, Verdict.FAILED, "trades:0: 0 of 3 messages"),
    ],
)
def test_what_lies_on_a_topic_must_be_in_the_newest_numbers(
    covered: dict[str, int], verdict: Verdict, named: str
) -> None:
    finding = check_covered(covered, {"trades:0": 3, "fx_rates:0": 5})
    assert finding.verdict is verdict
    assert named in finding.detail


def test_every_day_of_every_book_is_stored_once() -> None:
    live = stored("b", MONDAY, SnapshotKind.LIVE)
    snapshots = [stored(book, day) for book in "ab" for day in (MONDAY, TUESDAY)]
    assert check_days([*snapshots, live], 2).verdict is Verdict.PASSED


@pytest.mark.parametrize(
    "snapshots",
    [
        [],
        [stored("a", MONDAY)],
        [stored("a", MONDAY), stored("a", MONDAY)],
        [stored("a", MONDAY), stored("a", TUESDAY), stored("b", MONDAY)],
    ],
    ids=["none", "one missing", "one twice", "one missing of the second book"],
)
def test_a_day_that_is_missing_or_there_twice_is_a_failure(snapshots: list[Any]) -> None:
    assert check_days(snapshots, 2).verdict is Verdict.FAILED
