"""Judging a load: passed only when every tick is there, right, and in time."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import msgspec
import pytest

from loadtests.run.judge import LoadEvidence, budgets_of, judge_load
from loadtests.run.report import LoadReport, write_load_page, write_load_report
from loadtests.source.plan import load_plan
from tests.loadtests.folded import LATENCY_NS, PLAN, folded_evidence, report_of
from validation.checkers.latency import Schedule
from validation.measure.coverage import Inputs
from validation.measure.usage import ProcessUsage
from validation.verdict import EXIT_CODES, Verdict, overall


@pytest.fixture(scope="module")
def evidence() -> LoadEvidence:
    return folded_evidence()


def verdicts(evidence: LoadEvidence, **changes) -> dict[str, Verdict]:
    budgets = changes.pop("budgets", budgets_of(PLAN))
    judged = judge_load(replace(evidence, **changes), budgets)
    return {finding.check.partition(":")[0]: finding.verdict for finding in judged.findings}


def test_a_load_that_is_whole_right_and_in_time_passes(evidence):
    judged = judge_load(evidence, budgets_of(PLAN))
    assert {
        finding.check: finding.detail for finding in judged.findings if finding.verdict != "passed"
    } == {}
    warm = next(latency for latency in judged.latencies if latency.part == "warm")
    assert warm.count == len(evidence.sent.inputs)
    assert warm.covered.p50_ms >= LATENCY_NS / 1e6
    assert warm.covered.mean_ms == pytest.approx(
        sum(stage.mean_ms for stage in warm.stages.values())
    )


def test_a_tick_that_was_not_applied_fails_the_load(evidence):
    assert verdicts(evidence, applied=evidence.applied - 1)["delivery"] is Verdict.FAILED


def test_a_tick_that_the_broker_does_not_have_fails_the_load(evidence):
    assert verdicts(evidence, acknowledged=evidence.acknowledged + 1)["delivery"] is Verdict.FAILED


def test_a_stream_that_never_covers_the_end_fails_the_load(evidence):
    short = evidence.record[:-6]
    assert verdicts(evidence, record=short)["latency"] is Verdict.FAILED


def test_a_wrong_var_fails_the_load(evidence):
    head, *snapshots = evidence.record
    wrong = [msgspec.structs.replace(snapshot, var=snapshot.var + 1.0) for snapshot in snapshots]
    assert verdicts(evidence, record=[head, *wrong])["oracle"] is Verdict.FAILED


def test_what_was_published_before_the_load_is_not_held_against_it(evidence):
    sent, (head, *snapshots) = evidence.sent, evidence.record
    later = Inputs(
        sent.inputs.partition, sent.inputs.offset + 1_000, sent.inputs.key, sent.inputs.intended_ns
    )
    moved = [
        msgspec.structs.replace(
            snapshot, offsets={place: offset + 1_000 for place, offset in snapshot.offsets.items()}
        )
        for snapshot in snapshots
    ]
    marks = {
        day: {place: at + 1_000 for place, at in places.items()}
        for day, places in sent.marks.items()
    }
    old = [
        msgspec.structs.replace(snapshot, var=snapshot.var * 2, epoch=-1) for snapshot in snapshots
    ]
    judged = verdicts(
        evidence, sent=replace(sent, inputs=later, marks=marks), record=[head, *old, *moved]
    )
    assert judged["oracle"] is Verdict.PASSED


def test_a_budget_that_is_not_kept_fails_the_load(evidence):
    tight = budgets_of(PLAN, p99_ms=LATENCY_NS / 2e6)
    assert verdicts(evidence, budgets=tight)["latency"] is Verdict.FAILED


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(messages_per_s=40.0, achieved_fraction=0.9, slip_ms_p99=0.5),
        Schedule(messages_per_s=40.0, achieved_fraction=1.0, slip_ms_p99=9.0),
    ],
)
def test_a_pump_that_was_late_makes_the_latency_unknown(evidence, schedule):
    findings = judge_load(replace(evidence, schedule=schedule), budgets_of(PLAN)).findings
    latency = next(finding for finding in findings if finding.check.startswith("latency"))
    assert latency.verdict is Verdict.UNKNOWN
    assert overall(finding.verdict for finding in findings) is Verdict.UNKNOWN
    assert EXIT_CODES[Verdict.UNKNOWN] not in {0, 1}


def used(name: str, cores: float) -> ProcessUsage:
    return ProcessUsage(
        name=name,
        cpu_s=cores,
        cores=cores,
        memory_mb_first=1.0,
        memory_mb_last=1.0,
        memory_mb_max=1.0,
    )


@pytest.mark.parametrize("name", ["pump", "observer"])
def test_a_measurement_that_took_the_machine_makes_the_run_unknown_and_not_failed(evidence, name):
    usage = (used(name, 0.9), used("stream", 1.5))
    tight = budgets_of(PLAN, p99_ms=LATENCY_NS / 2e6)
    findings = judge_load(replace(evidence, usage=usage), tight).findings
    share = next(finding for finding in findings if finding.check.startswith("measurement"))
    assert share.verdict is Verdict.UNKNOWN
    assert f"the {name} took 0.90 of a core" in share.detail
    assert share.figures == {f"{name}_cores": 0.9}
    assert overall(finding.verdict for finding in findings) is Verdict.UNKNOWN


def test_a_measurement_that_is_light_lets_the_budgets_decide(evidence):
    tight = budgets_of(PLAN, p99_ms=LATENCY_NS / 2e6)
    judged = verdicts(evidence, usage=(used("pump", 0.2), used("stream", 1.5)), budgets=tight)
    assert judged["measurement"] is Verdict.PASSED
    assert judged["latency"] is Verdict.FAILED


def test_the_floor_depends_on_the_rate_and_the_cold_part_has_its_own():
    slow, fast = load_plan(rate=1_000, seconds=1), load_plan(rate=20_000, seconds=1)
    assert [budget.p99_ms for budget in budgets_of(slow)] == [1_000.0, 500.0]
    assert [budget.p99_ms for budget in budgets_of(fast)] == [1_000.0, 1_000.0]
    assert [budget.p99_ms for budget in budgets_of(slow, p99_ms=2_000)] == [2_000.0, 2_000.0]


@pytest.fixture(scope="module")
def report(evidence) -> LoadReport:
    return report_of(judge_load(evidence, budgets_of(PLAN)))


@pytest.fixture(scope="module")
def page(report, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_load_page(path, report)
    return path.read_text()


def rows_below(page: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, row by row."""
    part = page.split(f"<h2>{heading}</h2>")[1].split("<h2>", maxsplit=1)[0]
    body = part.split("<tbody>")[1].split("</tbody>")[0]
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in body.split("<tr>")]
    return [row for row in cells if row]


def test_the_page_has_cpu_and_memory_of_every_process(page):
    assert rows_below(page, "Processes") == [
        ["stream (JVM)", "12.3", "1.23", "0.76", "801", "902", "1003"],
        ["pump", "5.7", "0.45", "unknown", "61", "62", "63"],
    ]


def test_the_page_has_the_collections_of_every_jvm(page):
    assert rows_below(page, "Collections of the JVMs, measured part") == [
        ["driver-17", "21", "2", "345.6", "78.9"],
        ["executor-18", "43", "0", "567.8", "90.1"],
    ]


def test_the_page_says_so_where_no_jvm_logged_its_collections(report, tmp_path):
    write_load_page(tmp_path / "p.html", msgspec.structs.replace(report, pauses=()))
    bare = (tmp_path / "p.html").read_text()
    assert "Not logged: the stack was running before" in bare
    assert "<th>JVM</th>" not in bare


def test_the_page_has_the_pauses_of_the_machine_itself_by_place_and_over_time(page):
    assert rows_below(page, "Pauses of the machine itself, measured part") == [
        ["core 0", "0", "0.0", "0.0"],
        ["disk", "2", "101.9", "98.7"],
    ]
    quiet, late = charts(page)["ms that the machine was late"]
    assert (quiet["x"], late["x"], late["y"]) == ([], [2.5, 3.75], [3.2, 98.7])


def test_the_page_says_so_where_the_machine_was_not_watched(report, tmp_path):
    write_load_page(tmp_path / "p.html", msgspec.structs.replace(report, hiccups=()))
    bare = (tmp_path / "p.html").read_text()
    assert "Not watched: the operating system grants no real-time priority" in bare
    assert "<th>place</th>" not in bare


def test_the_page_has_percentiles_to_p999_of_every_part(page, report):
    rows = rows_below(page, "Latency: intended send to covered in Redis")
    assert [row[0] for row in rows] == [part.part for part in report.latencies]
    for row, part in zip(rows, report.latencies, strict=True):
        covered = part.covered
        figures = [covered.p50_ms, covered.p90_ms, covered.p99_ms, covered.p999_ms, covered.max_ms]
        assert row[1:3] == [f"{part.count:,}", str(part.uncovered)]
        assert row[3:8] == [f"{value:.1f}" for value in figures]


def charts(page: str) -> dict[str, list[dict]]:
    """The lines of each chart that the page draws, by the title of its vertical axis."""
    moments = {}
    for call in re.finditer(r'Plotly\.newPlot\(\s*"[^"]+",\s*', page):
        data, end = json.JSONDecoder().raw_decode(page, call.end())
        layout, _ = json.JSONDecoder().raw_decode(page, re.compile(r",\s*").match(page, end).end())
        moments[layout["yaxis"]["title"]["text"]] = data
    return moments


def test_the_page_draws_the_backlog_and_the_latency_over_time(page, report):
    drawn = charts(page)
    (backlog,) = drawn["ticks due and not covered"]
    assert list(zip(backlog["x"], backlog["y"], strict=True)) == list(report.lag.points)
    assert max(backlog["y"]) > 0
    p50, p99 = drawn["ms"]
    told = zip(p50["x"], p50["y"], p99["y"], strict=True)
    assert list(told) == [tuple(point[:3]) for point in report.latency_over_time] != []


def test_reports_and_histograms_are_written(evidence, tmp_path):
    judged = judge_load(evidence, budgets_of(PLAN))
    report = report_of(judged)
    write_load_report(tmp_path, report, judged.ticks)
    read = msgspec.json.decode((tmp_path / "report.json").read_bytes(), type=LoadReport)
    assert read.part("warm").covered == report.part("warm").covered
    assert "Value" in (tmp_path / "latency.hgrm").read_text()
    log = (tmp_path / "latency.hlog").read_text().splitlines()
    assert sum(line.startswith(("0", "1", "2", "3")) for line in log) >= 4
