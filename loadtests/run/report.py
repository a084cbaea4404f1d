"""The reports of a load: JSON, HTML, and HdrHistogram files for other tools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from hdrh.log import HistogramLogWriter
from markupsafe import Markup

from loadtests.run.price_reference import OracleSummary
from loadtests.source.plan import LoadPlan
from validation.checkers.latency import Schedule
from validation.measure.backlog import LagSummary
from validation.measure.coverage import NEVER, STAGES
from validation.measure.jitter import DISK, Hiccups
from validation.measure.jvm_pauses import JvmPauses
from validation.measure.latency import LatencyPoint, LatencySummary, TickLatencies, histogram_of
from validation.measure.memory_growth import MemoryGrowth
from validation.measure.spark_profile import SparkProfile
from validation.measure.usage import ProcessUsage
from validation.report.charts import latency_chart, stages_chart
from validation.report.pages import rendered
from validation.report.plots import chart, chart_html, graph_objects, script_element
from validation.report.shapes import write_json
from validation.verdict import Finding, Verdict

TEMPLATES: Final = Path(__file__).parents[1] / "templates"
US_PER_MS: Final = 1_000.0
CORRECT_IF: Final = ("delivery", "oracle")
TIMED_IF: Final = (*CORRECT_IF, "schedule")
"""Checks without which a run has no timing: its numbers would be wrong, or of another load."""


class LoadReport(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of a load's ``report.json``.

    ``load_average`` is the machine's one-minute load when the run began: above a few tenths
    other programs shared it, and the timings are those of that machine on that day.
    ``memory`` is of soaks alone; ``hiccups`` is empty where no real-time priority is granted.
    """

    verdict: Verdict
    plan: LoadPlan
    mode: str
    machine: str
    load_average: float
    schedule: Schedule
    slip_ms_max: float
    latencies: tuple[LatencySummary, ...]
    latency_over_time: tuple[LatencyPoint, ...]
    lag: LagSummary
    oracle: OracleSummary
    usage: tuple[ProcessUsage, ...]
    pauses: tuple[JvmPauses, ...]
    spark: SparkProfile | None = None
    findings: tuple[Finding, ...]
    repeat_with: str
    memory: tuple[MemoryGrowth, ...] = ()
    hiccups: tuple[Hiccups, ...] = ()

    def part(self, name: str) -> LatencySummary:
        """Return the latency of one part of the run."""
        return next(latency for latency in self.latencies if latency.part == name)

    @property
    def lacking(self) -> tuple[Finding, ...]:
        """Findings that did not pass."""
        return tuple(finding for finding in self.findings if finding.verdict is not Verdict.PASSED)

    @property
    def has_timing(self) -> bool:
        """True if the warm percentiles count: every tick covered, in time, the numbers right."""
        wrong = any(finding.check.startswith(TIMED_IF) for finding in self.lacking)
        return self.part("warm").is_whole and not wrong

    @property
    def system_cores(self) -> float:
        """Cores that the system used, without pump and observer."""
        return sum(usage.cores for usage in self.usage if usage.name not in {"pump", "observer"})

    @property
    def longest_hiccup_ms(self) -> float | None:
        """The longest pause of a core in the measured part; None where none was watched."""
        cores = [hiccup.longest_ms for hiccup in self.hiccups if hiccup.place != DISK]
        return max(cores, default=None)

    @property
    def longest_disk_hiccup_ms(self) -> float | None:
        """The longest pause of the disk in the measured part; None where it was not watched."""
        return next((hiccup.longest_ms for hiccup in self.hiccups if hiccup.place == DISK), None)


def write_load_report(folder: Path, report: LoadReport, ticks: TickLatencies) -> None:
    """Write ``report.json``, ``report.html`` and the histograms of a load.

    Parameters
    ----------
    folder : Path
        Must exist.
    report : LoadReport
        What was found.
    ticks : TickLatencies
        Every tick, for the histograms.
    """
    write_json(folder / "report.json", report)
    write_load_page(folder / "report.html", report)
    write_histograms(folder, ticks)


def write_load_page(path: Path, report: LoadReport) -> None:
    """Write the page of a load."""
    page = rendered(
        "load.html.j2",
        TEMPLATES,
        report=report,
        stages=STAGES,
        charts_script=script_element(path.parent),
        latency=latency_chart(report.latency_over_time),
        stage_means=stages_chart(report.latencies),
        lag=_lag_chart(report.lag),
        memory=_memory_chart(report.memory) if report.memory else None,
        hiccups=_hiccups_chart(report.hiccups) if report.hiccups else None,
    )
    path.write_text(page, encoding="utf-8")


def write_histograms(folder: Path, ticks: TickLatencies) -> None:
    """Write the latency of covered ticks for HdrHistogram's tools, microseconds.

    ``latency.hgrm`` is the percentile distribution of the whole run in milliseconds,
    ``latency.hlog`` a log of one histogram per second of intended send time.
    """
    covered = ticks.coverage.covered_ns != NEVER
    total_ns = ticks.total_ns[covered]
    with (folder / "latency.hgrm").open("wb") as stream:
        histogram_of(total_ns).output_percentile_distribution(stream, US_PER_MS)
    intended_ns = ticks.inputs.intended_ns[covered]
    second = (intended_ns - intended_ns.min(initial=2**62)) // 10**9
    with (folder / "latency.hlog").open("w", encoding="ascii") as stream:
        log = HistogramLogWriter(stream)
        log.output_log_format_version()
        log.output_comment("[seconds since the first tick; microseconds]")
        log.output_legend()
        for at in np.unique(second).tolist():
            histogram = histogram_of(total_ns[second == at])
            log.output_interval_histogram(histogram, at or 1e-6, at + 1.0, US_PER_MS)


@chart
def _lag_chart(lag: LagSummary) -> Markup:
    go = graph_objects()
    figure = go.Figure(
        go.Scatter(
            x=[at for at, _ in lag.points], y=[count for _, count in lag.points], name="backlog"
        )
    )
    figure.update_xaxes(title="seconds since the first tick")
    return chart_html(figure, "ticks due and not covered")


@chart
def _memory_chart(growths: Sequence[MemoryGrowth]) -> Markup:
    go = graph_objects()
    figure = go.Figure(
        [
            go.Scatter(
                x=[at for at, _ in growth.points],
                y=[mb for _, mb in growth.points],
                name=growth.name,
            )
            for growth in growths
        ]
    )
    figure.update_xaxes(title="seconds since the measured part began")
    return chart_html(figure, "MB of each process's own")


@chart
def _hiccups_chart(hiccups: Sequence[Hiccups]) -> Markup:
    go = graph_objects()
    figure = go.Figure(
        [
            go.Scatter(
                x=[at for at, _ in hiccup.points],
                y=[ms for _, ms in hiccup.points],
                name=hiccup.place,
                mode="markers",
            )
            for hiccup in hiccups
        ]
    )
    figure.update_xaxes(title="seconds since the first tick")
    return chart_html(figure, "ms that the machine was late")
