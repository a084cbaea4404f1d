"""The study of the whole pipeline's growth: its plans, its points, its lines."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import typer

from loadtests.run.judge import budgets_of, judge_load
from loadtests.studies import latency_growth as growth
from loadtests.studies.latency_growth import (
    GRID,
    LatencyPoint,
    chosen_quantities,
    law_of,
    plan_of,
    point_of,
)
from system.errors import InputError
from tests.loadtests.folded import PLAN, folded_evidence, report_of
from validation.verdict import Verdict


@pytest.mark.parametrize("quantity", GRID)
def test_one_quantity_is_varied_and_the_others_stay(quantity: str) -> None:
    for value in GRID[quantity]:
        plan = plan_of(quantity, value, rate=10.0, seconds=5.0, warm_up=1.0)
        sizes = {
            "portfolios": plan.portfolios,
            "instruments": plan.instruments,
            "window": plan.window,
        }
        usual = {"portfolios": 10, "instruments": 100, "window": 30}
        assert sizes == (usual if quantity == "partitions" else {**usual, quantity: value})
        assert plan.positions == min(100, plan.instruments)


def test_a_slow_run_is_a_point_and_a_wrong_one_is_none() -> None:
    report = report_of(judge_load(folded_evidence(), budgets_of(PLAN)))
    slow = tuple(
        msgspec.structs.replace(finding, verdict=Verdict.FAILED)
        if finding.check.startswith("latency")
        else finding
        for finding in report.findings
    )
    assert any(finding.verdict is Verdict.FAILED for finding in slow)
    assert point_of(3, msgspec.structs.replace(report, findings=slow)).p50_ms is not None
    wrong = tuple(
        msgspec.structs.replace(finding, verdict=Verdict.FAILED, detail="2 are lacking")
        if finding.check.startswith("delivery")
        else finding
        for finding in report.findings
    )
    point = point_of(3, msgspec.structs.replace(report, findings=wrong))
    assert (point.p50_ms, point.cores) == (None, None)
    assert "2 are lacking" in " ".join(point.problems)


def test_lines_go_through_the_points_that_stand() -> None:
    points = [
        LatencyPoint(value=1, p50_ms=101.0, p99_ms=150.0, cores=1.0),
        LatencyPoint(value=10, problems=("delivery: 2 are lacking",)),
        LatencyPoint(value=100, p50_ms=200.0, p99_ms=300.0, cores=1.0),
    ]
    law = law_of("portfolios", points)
    assert law.p50_ms is not None
    assert (law.p50_ms.fixed, law.p50_ms.each) == pytest.approx((100.0, 1.0))
    assert law_of("portfolios", points[:2]).p50_ms is None


def test_an_unknown_quantity_is_named() -> None:
    assert chosen_quantities("window") == ["window"]
    with pytest.raises(InputError, match=r"'size': one of partitions, portfolios"):
        chosen_quantities("size")


def test_one_point_can_be_measured_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []

    def measured(quantity: str, value: int, *_: object) -> LatencyPoint:
        asked.append((quantity, value))
        return LatencyPoint(value=value, p50_ms=1.0, p99_ms=2.0, cores=1.0)

    monkeypatch.setattr(growth, "_measured", measured)
    with pytest.raises(typer.Exit) as done:
        growth.latency_growth(
            only="instruments,window", smallest=1_000, largest=1_000, report=tmp_path
        )
    assert done.value.exit_code == 0
    assert asked == [("instruments", 1_000), ("window", 1_000)]
    assert (tmp_path / "report.json").exists()
    with pytest.raises(InputError, match="no value from 11 to 12 is in the grid"):
        growth.latency_growth(only="window", smallest=11, largest=12, report=tmp_path)


def test_a_run_with_an_uncovered_tick_is_no_point() -> None:
    """Its percentiles leave out what never came."""
    measured = report_of(judge_load(folded_evidence(), budgets_of(PLAN)))
    parts = tuple(
        msgspec.structs.replace(latency, uncovered=1, count=latency.count + 1)
        for latency in measured.latencies
    )
    point = point_of(10, msgspec.structs.replace(measured, latencies=parts))
    assert point.p50_ms is None
    assert "1 of " in point.problems[0]
