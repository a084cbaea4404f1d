"""The demo's verdict: right, complete, recovered; how fast is stated beside the machine's speed."""

from __future__ import annotations

import dataclasses
import io

import msgspec
import pytest

from system.console import PlainConsole
from system.settings import load_settings
from system.simulate.progress import PublishSummary, Slip
from tests.validation.small_run import BOOK, DAY, DAYS, EVIDENCE, MS, RECORD, RECORDS
from validation.checkers.end_of_day import EndOfDay
from validation.checkers.latency import FLOOR
from validation.demo import command
from validation.demo.replay import Replayed
from validation.measure.machine_speed import REFERENCE
from validation.measure.record import RecordLine, SeenSnapshot, SeenWatermark
from validation.report.shapes import DemoReport
from validation.run.console import show_report
from validation.run.demo_run import DemoPlan, DemoRun
from validation.run.read_back import Stated
from validation.verdict import Finding, Verdict

SLOW = msgspec.structs.replace(REFERENCE, elapsed_ms=REFERENCE.elapsed_ms * 3.1, disk_ms=6.0)
COLD_BUDGET, _ = FLOOR


def later(line: RecordLine, by_ms: int) -> RecordLine:
    """Return what an observer sees on a machine that needs so much longer for each batch."""
    if isinstance(line, SeenSnapshot | SeenWatermark):
        return msgspec.structs.replace(line, received_ns=line.received_ns + by_ms * MS)
    return line


@pytest.fixture
def judged(monkeypatch, tmp_path):
    """Return a function that judges a small run with changes, as the demo does."""

    def judge(*, late_ms: int = 0, slip_ms: float = 0.4, speed=REFERENCE, **changes) -> DemoReport:
        evidence = dataclasses.replace(EVIDENCE, **changes)
        stated = Stated(evidence.stated, evidence.rejected, evidence.counters, evidence.covered, ())
        agreed = Finding(check="oracle", verdict=Verdict.PASSED, detail="agreed")
        record = [later(line, late_ms) for line in evidence.record]
        monkeypatch.setattr(command, "real_closes", lambda _: {"AAPL": {}})
        monkeypatch.setattr(command, "read_record", lambda _: record)
        monkeypatch.setattr(command, "expected_of", lambda *_args, **_options: DAYS)
        monkeypatch.setattr(command, "check_recorded", lambda *_: agreed)
        monkeypatch.setattr(command, "check_live", lambda _: agreed)
        monkeypatch.setattr(command, "FLOOR", (COLD_BUDGET,))
        summary = PublishSummary(
            tick_count=6,
            day_count=1,
            sent=10,
            acked=10,
            failed=0,
            on_schedule=slip_ms < 5,
            offsets={},
            seconds=1.0,
            ticks_per_second=1_200.0,
            achieved_ratio=1.0,
            slip=Slip(ms_p50=0.1, ms_p99=slip_ms, ms_max=slip_ms),
        )
        site = DemoRun(
            DemoPlan(DAY, DAY), load_settings(), tmp_path, PlainConsole(file=io.StringIO())
        )
        left = command.Gathered(evidence.records, stated, None, {})
        replayed = Replayed(summary, 1.0, None, (DAY,))
        return command.judged_report(site, left, [BOOK], replayed, speed)

    return judge


def said(report: DemoReport) -> str:
    out = io.StringIO()
    show_report(PlainConsole(file=out, width=300), report)
    return out.getvalue()


def test_a_fast_machine_passes_and_says_that_budgets_were_kept(judged) -> None:
    report = judged()
    assert report.verdict is Verdict.PASSED
    assert report.timing.startswith("Timings are within their budgets, on a machine as fast")
    assert report.machine == REFERENCE


def test_a_slow_machine_passes_with_a_sentence_on_its_latency_and_its_speed(judged) -> None:
    report = judged(late_ms=5_000, speed=SLOW)
    assert report.verdict is Verdict.PASSED
    assert "a machine 3.1 times slower than the reference" in report.timing
    assert "a disk write 6.0 ms against 1.0" in report.timing
    assert "p99 5194 ms, budget 1000 ms" in report.timing
    assert report.timing.count(". ") == 0, "one sentence"
    assert report.timing in said(report).replace("\n", " ")


def test_a_publisher_that_was_late_is_a_timing_too(judged) -> None:
    report = judged(slip_ms=80.0)
    assert report.verdict is Verdict.PASSED
    assert "slip p99 80.0 ms" in report.timing


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"stated": {("euro", DAY): EndOfDay(var=28_001.0, nav=1e6)}}, "end of day: PostgreSQL"),
        ({"record": RECORD[:-2]}, "latency: cold"),
        ({"records": RECORDS[:-1]}, "ledger"),
        ({"records": [*RECORDS[:5], *RECORDS[6:]]}, "delivery"),
        ({"rejected": ()}, "ledger: rejected rows"),
    ],
)
def test_what_is_wrong_or_lost_fails_on_a_slow_machine_too(judged, changes, check) -> None:
    report = judged(late_ms=5_000, speed=SLOW, **changes)
    wrong = [finding.check for finding in report.findings if finding.verdict is Verdict.FAILED]
    assert report.verdict is Verdict.FAILED
    assert any(name.startswith(check) for name in wrong)
