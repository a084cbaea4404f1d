"""Reports of scenario runs: JSON, HTML, JUnit."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from system.places import PROJECT_DIR, is_checkout
from validation.measure.latency import LatencyPoint, LatencySummary
from validation.report.charts import latency_chart, var_chart
from validation.report.junit import suite_of_findings, write_junit
from validation.report.pages import rendered
from validation.report.plots import script_element
from validation.report.shapes import DayPoint, PortfolioRow, write_json
from validation.scenarios.faults.injector import FaultOutcome
from validation.scenarios.suite.charts import timeline_chart
from validation.verdict import Finding, Verdict, overall

GIT_BOUND_S: Final = 10


class ScenarioReport(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of ``report.json`` of one scenario.

    ``numbers_hash`` is over the number fields of every end of day, ``day_hashes`` has each.
    ``timeline`` has (seconds, VaR) of each portfolio as observed, seconds since the first.
    """

    name: str
    title: str
    story: str
    verdict: Verdict
    repeat_with: str
    commit: str
    scenario_hash: str
    seed: int
    speed: str
    partitions: int
    seconds: float
    findings: tuple[Finding, ...]
    faults: tuple[FaultOutcome, ...]
    portfolios: tuple[PortfolioRow, ...]
    days: dict[str, tuple[DayPoint, ...]]
    latencies: tuple[LatencySummary, ...]
    latency_over_time: tuple[LatencyPoint, ...]
    timeline: dict[str, tuple[tuple[float, float | None], ...]]
    fault_seconds: tuple[tuple[str, float, float], ...]
    numbers_hash: str
    day_hashes: dict[str, str]


class SuiteReport(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of ``report.json`` of several scenarios.

    ``findings`` are those of all, each check behind its scenario's name; ``not_run`` has
    what the library holds or waits for, with the reason.
    """

    verdict: Verdict
    seconds: float
    findings: tuple[Finding, ...]
    scenarios: tuple[ScenarioReport, ...]
    not_run: dict[str, str]


def suite_report(
    reports: Sequence[ScenarioReport],
    *,
    seconds: float,
    not_run: dict[str, str],
    extra: Sequence[Finding] = (),
) -> SuiteReport:
    """Return the report of several scenarios."""
    findings = [
        msgspec.structs.replace(finding, check=f"{report.name}: {finding.check}")
        for report in reports
        for finding in report.findings
    ]
    findings += extra
    return SuiteReport(
        verdict=overall(finding.verdict for finding in findings),
        seconds=seconds,
        findings=tuple(findings),
        scenarios=tuple(reports),
        not_run=not_run,
    )


def write_scenario(folder: Path, report: ScenarioReport) -> None:
    """Write ``report.json``, ``report.html`` and ``junit.xml`` of one scenario.

    Parameters
    ----------
    folder : Path
        Of this run; the folder above it is the whole report's, and holds what its pages share.
    report : ScenarioReport
        What was found.
    """
    write_json(folder / "report.json", report)
    _write_junit(folder, report.name, report.findings, report.seconds)
    currencies = {row.portfolio: row.base_currency for row in report.portfolios}
    page = rendered(
        "scenario.html.j2",
        report=report,
        charts_script=script_element(folder, folder.parent),
        timeline=timeline_chart(report.timeline, report.fault_seconds),
        latency=latency_chart(report.latency_over_time),
        var_charts={
            name: var_chart(points, base_currency=currencies[name])
            for name, points in report.days.items()
        },
    )
    (folder / "report.html").write_text(page, encoding="utf-8")


def write_suite(folder: Path, report: SuiteReport) -> None:
    """Write ``report.json``, ``report.html`` and ``junit.xml`` of several scenarios."""
    write_json(folder / "report.json", report)
    _write_junit(folder, "scenarios", report.findings, report.seconds)
    page = rendered("scenarios.html.j2", report=report)
    (folder / "report.html").write_text(page, encoding="utf-8")


def commit() -> str:
    """Return the commit that runs, marked where files differ from it; empty outside git."""
    if not is_checkout():  # an environment may lie in somebody else's repository
        return ""
    head = _git("rev-parse", "--short=12", "HEAD")
    return f"{head}+changes" if head and _git("status", "--porcelain", "-uno") else head


def _write_junit(folder: Path, name: str, findings: Sequence[Finding], seconds: float) -> None:
    suite = suite_of_findings(name, findings, seconds=seconds)
    write_junit(folder / "junit.xml", [(name, [suite])])


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ("git", *arguments),
            cwd=PROJECT_DIR,
            capture_output=True,
            text=True,
            timeout=GIT_BOUND_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
