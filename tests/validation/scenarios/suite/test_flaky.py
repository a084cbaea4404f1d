"""A scenario that does not pass is repeated once, from a fresh start: flaky or failed."""

from pathlib import Path

import pytest

from system.console import PlainConsole
from system.errors import UnavailableError
from validation.scenarios.file.parser import read_scenario
from validation.scenarios.play.play import Run
from validation.scenarios.play.stack import PipelineConfig
from validation.scenarios.story.story import read_story
from validation.scenarios.suite import flaky as repeating
from validation.scenarios.suite.file_commands import found_path
from validation.scenarios.suite.flaky import BROKE_OFF, MAX_REPEATED, Repeater, broken_off
from validation.verdict import Finding, Verdict, overall

NUMBERS = "numbers"


class StackOfNothing:
    """Counts how often it was stopped; there is nothing to start."""

    running = rig = settings = None

    def __init__(self) -> None:
        self.stops = 0

    def fresh(self, shape, faults=(), *, is_hosted):
        return None

    def release(self) -> None:
        pass

    def stop(self) -> None:
        self.stops += 1


@pytest.fixture
def run() -> Run:
    return Run(read_story(read_scenario(found_path("calm-day")), Path()))


@pytest.fixture
def outcomes(monkeypatch, run) -> list[Verdict | Exception]:
    """Verdicts of the next runs, first one first."""
    ahead: list[Verdict | Exception] = []

    def run_scenario(run, shape, place, *, repeat_with, on_gathered):
        outcome = ahead.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        place.folder.mkdir(parents=True, exist_ok=True)
        finding = Finding(check=NUMBERS, verdict=outcome, detail="as they were")
        report = broken_off(run, shape, Exception(), seconds=1, repeat_with=repeat_with)
        return repeating.msgspec.structs.replace(report, findings=(finding,), verdict=outcome)

    monkeypatch.setattr(repeating, "run_scenario", run_scenario)
    return ahead


def repeater(folder: Path) -> tuple[Repeater, StackOfNothing]:
    stack = StackOfNothing()
    return Repeater(stack, folder, PlainConsole(quiet=True)), stack


def test_what_passes_is_not_repeated(run, outcomes, tmp_path):
    outcomes += [Verdict.PASSED]
    repeated, stack = repeater(tmp_path)
    assert repeated.run(run, PipelineConfig(), "calm").verdict is Verdict.PASSED
    assert (outcomes, stack.stops) == ([], 0)


@pytest.mark.parametrize("first", [Verdict.FAILED, Verdict.UNKNOWN])
def test_what_passes_only_on_a_fresh_stack_is_flaky_and_both_reports_are_kept(
    run, outcomes, tmp_path, first
):
    outcomes += [first, Verdict.PASSED]
    repeated, stack = repeater(tmp_path)
    report_again = repeated.run(run, PipelineConfig(), "calm")
    assert (report_again.verdict, report_again.name, stack.stops) == (Verdict.FLAKY, "calm", 1)
    assert (tmp_path / "calm").is_dir()
    assert (tmp_path / "calm-first").is_dir()
    assert 'type="flaky"' in (tmp_path / "calm" / "junit.xml").read_text("utf-8")


def test_what_fails_twice_has_failed(run, outcomes, tmp_path):
    outcomes += [Verdict.FAILED, Verdict.FAILED]
    repeated, _ = repeater(tmp_path)
    assert repeated.run(run, PipelineConfig(), "calm").verdict is Verdict.FAILED


def test_a_run_that_breaks_off_does_not_end_the_suite(run, outcomes, tmp_path):
    outcomes += [UnavailableError("no broker"), Verdict.PASSED]
    repeated, _ = repeater(tmp_path)
    report_again = repeated.run(run, PipelineConfig(), "calm")
    assert report_again.verdict is Verdict.FLAKY
    assert {finding.check: finding.verdict for finding in report_again.findings} == {
        NUMBERS: Verdict.PASSED,
        BROKE_OFF: Verdict.FLAKY,
    }
    assert "no broker" in (tmp_path / "calm-first" / "report.json").read_text("utf-8")


def test_only_so_many_runs_of_a_suite_are_repeated(run, outcomes, tmp_path):
    outcomes += [Verdict.FAILED, Verdict.PASSED] * MAX_REPEATED + [Verdict.FAILED]
    repeated, _ = repeater(tmp_path)
    verdicts = [
        repeated.run(run, PipelineConfig(), "calm").verdict for _ in range(MAX_REPEATED + 1)
    ]
    assert verdicts == [Verdict.FLAKY] * MAX_REPEATED + [Verdict.FAILED]
    assert overall(verdicts) is Verdict.FAILED
