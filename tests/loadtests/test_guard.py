"""The guard against slower code: what it compares, and what it says of noise."""

from __future__ import annotations

import pytest

from loadtests.guard import WORKS, Baseline, Measured, finding, measured, read_baseline, spread
from validation.checkers.verdict import Verdict

STORED = Baseline(on="2026-01-02", ratios={"fold": 4.0})


def of(ratio: float, name: str = "fold") -> Measured:
    return Measured(name=name, ratio=ratio, noise=1.2)


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [(2.0, Verdict.PASSED), (8.0, Verdict.PASSED), (8.1, Verdict.FAILED)],
)
def test_more_than_the_tolerance_times_the_baseline_fails(ratio, verdict):
    found = finding(of(ratio), STORED, 2.0)
    assert found.verdict is verdict
    assert "noise 1.20" in found.detail


def test_a_work_without_a_baseline_is_unknown_and_not_passed():
    assert finding(of(1.0, "other"), STORED, 2.0).verdict is Verdict.UNKNOWN


def test_the_least_times_count_and_the_rounds_tell_the_noise():
    found = spread("fold", [(8.0, 2.0), (4.0, 1.0), (12.0, 3.0)])
    assert (found.ratio, found.noise) == (4.0, 1.0)
    assert spread("fold", [(6.0, 2.0), (9.0, 3.0), (8.0, 1.0), (8.0, 1.0)]).noise > 2.0


def test_every_work_has_a_baseline():
    assert read_baseline().ratios.keys() == WORKS.keys()


@pytest.mark.parametrize("name", WORKS)
def test_every_work_does_something(name):
    assert measured(name, rounds=1).ratio > 0
