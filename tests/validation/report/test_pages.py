"""Pages: every number of a report stands on its page, and names are escaped."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import msgspec
import numpy as np
import pytest

from validation.checkers.latency import Schedule
from validation.measure.coverage import Coverage, Inputs
from validation.measure.latency import TickLatencies, latency_over_time, summaries
from validation.report.pages import write_demo_page
from validation.report.shapes import (
    DayPoint,
    DemoReport,
    PortfolioRow,
    TradeOutcome,
    read_findings,
    write_json,
)
from validation.verdict import Finding, Verdict


def judged() -> TickLatencies:
    index = np.arange(10, dtype=np.int64)
    inputs = Inputs(index * 0, index, index * 0, index * 10**9)
    covered = Coverage(np.ones(10, np.int64), inputs.intended_ns + 80_000_000, index)
    durations = np.full((10, 6), 16_000_000, dtype=np.int64)
    return TickLatencies(inputs, covered, durations)


@pytest.fixture
def report() -> DemoReport:
    days = tuple(
        DayPoint(
            date=dt.date(2020, 2, 3 + i), var=100.0, pnl=-120.0 if i == 2 else 5.0, breach=i == 2
        )
        for i in range(4)
    )
    return DemoReport(
        verdict=Verdict.PASSED,
        first_day=dt.date(2020, 2, 3),
        last_day=dt.date(2020, 4, 30),
        seconds=200.0,
        first_var_s=31.25,
        schedule=Schedule(messages_per_s=1200.0, achieved_fraction=1.0, slip_ms_p99=0.4),
        portfolios=(
            PortfolioRow(
                portfolio="<long>",
                base_currency="USD",
                nav=1e6,
                var=28191.22,
                expected_shortfall=29897.39,
                breach_count=7,
                day_count=62,
                messages=123456,
                covered=123455,
                rejected=1,
                p50_ms=81.0,
                p99_ms=166.0,
                largest_difference=3.2e-13,
            ),
        ),
        trade=TradeOutcome(
            portfolio="<long>",
            instrument="XOM",
            quantity=-500.0,
            price=61.5,
            var_before=28191.22,
            var_after=27003.5,
            accepted_to_pushed_ms=93.4,
            sent_to_pushed_ms=99.9,
        ),
        latencies=summaries(judged(), cold_seconds=5),
        latency_over_time=tuple(latency_over_time(judged())),
        days={"<long>": days},
        findings=(Finding(check="ledger", verdict=Verdict.PASSED, detail="nothing lost"),),
        repeat_with="riskstream demo",
    )


def test_the_numbers_of_the_report_stand_on_the_page(report: DemoReport, tmp_path: Path) -> None:
    write_demo_page(tmp_path / "report.html", report)
    page = (tmp_path / "report.html").read_text()
    for text in ("28,191.22 USD", "7 of 62", "123,455", "3.2e-13", "27,003.50", "93.4", "31.2"):
        assert text in page
    assert "nothing lost" in page
    assert "VaR stated the close before" in page


def test_names_are_escaped(report: DemoReport, tmp_path: Path) -> None:
    write_demo_page(tmp_path / "report.html", report)
    assert "<td><long>" not in (tmp_path / "report.html").read_text()


def test_a_page_loads_nothing_from_outside_its_folder(report: DemoReport, tmp_path: Path) -> None:
    write_demo_page(tmp_path / "report.html", report)
    page = (tmp_path / "report.html").read_text()
    (script,) = re.findall(r'<script src="([^"]+)"', page)
    assert (tmp_path / script).is_file()
    assert "/" not in script
    assert "<link" not in page
    assert len(page) < 200_000


def test_a_report_without_trade_and_without_latencies_has_a_page(
    report: DemoReport, tmp_path: Path
) -> None:
    bare = msgspec.structs.replace(
        report, trade=None, schedule=None, first_var_s=None, latencies=(), latency_over_time=()
    )
    write_demo_page(tmp_path / "report.html", bare)
    assert "A trade during the day" not in (tmp_path / "report.html").read_text()


def test_findings_of_a_report_are_read_back(report: DemoReport, tmp_path: Path) -> None:
    write_json(tmp_path / "report.json", report)
    assert read_findings(tmp_path / "report.json") == report.findings
    assert read_findings(tmp_path / "none.json") == ()
