"""Rates in one run: the order, what counts as a timing, and what is told of the repeats."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import typer

from loadtests.run.judge import budgets_of, judge_load
from loadtests.run.repeats import Spread
from loadtests.run.report import LoadReport
from loadtests.source.plan import LoadPlan
from loadtests.studies import rates as rates_module
from loadtests.studies.rates import (
    RateRun,
    RatesReport,
    line_of,
    measure_rates,
    plans_of,
    rows_of,
    run_of,
    show_rates,
)
from system.console import PlainConsole
from system.errors import InputError, UnavailableError
from tests.loadtests.folded import PLAN, folded_evidence, report_of
from validation.verdict import Verdict


@pytest.fixture(scope="module")
def right() -> LoadReport:
    return report_of(judge_load(folded_evidence(), budgets_of(PLAN)))


def lacking(report: LoadReport, check: str) -> LoadReport:
    findings = tuple(
        msgspec.structs.replace(finding, verdict=Verdict.FAILED, detail="it lacks")
        if finding.check.startswith(check)
        else finding
        for finding in report.findings
    )
    assert findings != report.findings
    return msgspec.structs.replace(report, findings=findings, verdict=Verdict.FAILED)


def at_p99(report: LoadReport, rate: float, p99_ms: float) -> RateRun:
    """Return a run of a rate whose slowest hundredth took so long."""
    warm = report.part("warm")
    covered = msgspec.structs.replace(warm.covered, p99_ms=p99_ms)
    part = msgspec.structs.replace(warm, covered=covered)
    return msgspec.structs.replace(run_of(0, report), rate=rate, warm=part)


def test_every_rate_has_a_plan_of_the_same_lengths() -> None:
    plans = plans_of("1000,20000", seconds=7.0, warm_up=3.0)
    assert [plan.rate for plan in plans] == [1_000.0, 20_000.0]
    assert {(plan.seconds, plan.warm_up_seconds) for plan in plans} == {(7.0, 3.0)}


@pytest.mark.parametrize(
    ("text", "told"),
    [("1000,fast", "'fast'"), ("", "''"), ("5,5.0", "there twice"), ("5,-1", "rate")],
)
def test_a_rate_that_cannot_be_is_named(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        plans_of(text, seconds=1.0, warm_up=1.0)


@pytest.mark.parametrize("check", ["latency", "lag"])
def test_a_slow_run_keeps_its_timing_and_does_not_pass(right: LoadReport, check: str) -> None:
    run = run_of(2, lacking(right, check))
    assert run.warm == right.part("warm")
    assert (run.repeat, run.verdict) == (2, Verdict.FAILED)
    assert "it lacks" in line_of(run)


@pytest.mark.parametrize("check", ["delivery", "oracle", "schedule"])
def test_a_run_that_is_wrong_or_late_has_no_timing(right: LoadReport, check: str) -> None:
    run = run_of(0, lacking(right, check))
    assert (run.warm, run.cold) == (None, None)
    assert "p50 n/a, p99 n/a" in line_of(run)


def test_a_run_with_an_uncovered_tick_has_no_timing(right: LoadReport) -> None:
    parts = tuple(msgspec.structs.replace(latency, uncovered=1) for latency in right.latencies)
    assert run_of(0, msgspec.structs.replace(right, latencies=parts)).warm is None


def test_a_row_is_of_the_runs_of_its_rate_that_have_a_timing(right: LoadReport) -> None:
    runs = [at_p99(right, 10.0, p99) for p99 in (300.0, 100.0, 200.0)]
    runs += [at_p99(right, 20.0, 900.0)]
    runs.append(RateRun(rate=10.0, repeat=3, verdict=Verdict.UNKNOWN, problems=("it is gone",)))
    ten, twenty, none = rows_of([10.0, 20.0, 30.0], runs)
    assert ten.p99_ms == Spread(middle=200.0, low=100.0, high=300.0)
    assert (ten.runs, ten.timed, ten.passed) == (4, 3, 3)
    assert twenty.p99_ms == Spread(middle=900.0, low=900.0, high=900.0)
    assert (none.runs, none.p99_ms, none.cores) == (0, None, None)
    console = PlainConsole(record=True, width=200)
    show_rates(console, [ten, twenty, none])
    shown = console.export_text()
    assert "200 (100 to 300)" in shown
    assert "3 of 4" in shown
    assert "n/a" in shown


def test_the_warm_up_is_told_apart(right: LoadReport) -> None:
    warm = right.part("warm")
    cold = msgspec.structs.replace(
        warm, part="cold", covered=msgspec.structs.replace(warm.covered, p99_ms=777.0)
    )
    others = [latency for latency in right.latencies if latency.part != "cold"]
    run = run_of(0, msgspec.structs.replace(right, latencies=(*others, cold)))
    (row,) = rows_of([PLAN.rate], [run])
    assert row.cold_p99_ms == Spread(middle=777.0, low=777.0, high=777.0)
    assert row.p99_ms is not None
    assert row.p99_ms.middle == warm.covered.p99_ms


def test_every_rate_begins_in_turn_and_the_report_is_there_after_each_run(
    right: LoadReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def load(plan: LoadPlan, *_: object, **__: object) -> LoadReport:
        if asked:
            kept = (tmp_path / "report.json").read_bytes()
            assert len(msgspec.json.decode(kept, type=RatesReport).runs) == len(asked)
        asked.append(plan.rate)
        if len(asked) == 4:
            raise UnavailableError("the broker is gone")
        return msgspec.structs.replace(right, plan=plan)

    monkeypatch.setattr(rates_module, "load_on_fresh_stack", load)
    with pytest.raises(typer.Exit) as done:
        measure_rates(rates="10,20", duration=1.0, warm_up=1.0, repeats=3, report=tmp_path)
    assert asked == [10.0, 20.0, 20.0, 10.0, 10.0, 20.0]
    assert done.value.exit_code == 4
    report = msgspec.json.decode((tmp_path / "report.json").read_bytes(), type=RatesReport)
    assert [(row.passed, row.runs) for row in report.rows] == [(2, 3), (3, 3)]
    assert "the broker is gone" in report.runs[3].problems
