"""Verify: verdicts of steps, what a failure leaves behind, and the exit code."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import psutil
import pytest

from system.console import PlainConsole
from validation.report.junit import CaseCounts
from validation.run.command import CommandResult
from validation.verdict import Verdict
from validation.verify import command as module
from validation.verify.command import run_verify, step_verdict
from validation.verify.steps import Step, verify_steps

NO_CASES = CaseCounts()


def ended(exit_code: int = 0, ending: str = "ended") -> CommandResult:
    return CommandResult(ending=ending, exit_code=exit_code, seconds=1.0)


@pytest.mark.parametrize(
    ("last", "cases", "verdict"),
    [
        (ended(), NO_CASES, Verdict.PASSED),
        (ended(), CaseCounts(passed=3), Verdict.PASSED),
        (ended(), CaseCounts(passed=3, unknown=1), Verdict.PASSED),
        (ended(), CaseCounts(unknown=3), Verdict.UNKNOWN),
        (ended(), CaseCounts(passed=3, failed=1), Verdict.FAILED),
        (ended(1), NO_CASES, Verdict.FAILED),
        (ended(1), CaseCounts(passed=3), Verdict.FAILED),
        (ended(5), NO_CASES, Verdict.UNKNOWN),
        (ended(-2, "timed out"), CaseCounts(passed=3), Verdict.FAILED),
        (ended(0, "not started"), NO_CASES, Verdict.UNKNOWN),
    ],
)
def test_the_verdict_of_a_step(last: CommandResult, cases: CaseCounts, verdict: Verdict) -> None:
    assert step_verdict([ended(), last], cases)[0] is verdict


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def findings_code(path: Path) -> str:
    findings = [
        {"check": "var", "verdict": "passed", "detail": "equal"},
        {"check": "ledger", "verdict": "failed", "detail": "one lost"},
    ]
    return f"open({str(path)!r}, 'w').write({json.dumps({'findings': findings})!r}); exit(1)"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "PROJECT", tmp_path)
    return tmp_path


def use(monkeypatch: pytest.MonkeyPatch, *steps: Step) -> None:
    monkeypatch.setattr(module, "verify_steps", lambda _folder: steps)


def run(only: tuple[str, ...] = ()) -> tuple[int, str]:
    out = io.StringIO()
    return run_verify(only, PlainConsole(file=out, width=200)), out.getvalue()


def test_a_failing_step_does_not_stop_the_next_and_the_exit_code_tells(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(
        monkeypatch,
        Step("lint", "style", (python("print('E501'); exit(1)"), python("exit(9)")), 60),
        Step("unit", "tests", (python("pass"),), 60),
    )
    code, text = run()
    assert code == 1
    assert text.rstrip().endswith("1 passed, 1 failed")
    assert "E501" in text
    assert "riskstream verify --only lint" in text


def test_all_passed_is_exit_code_0_and_three_files(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Step("unit", "tests", (python("pass"),), 60))
    code, text = run()
    assert code == 0
    assert text.rstrip().endswith("1 passed, 0 failed")
    report = json.loads((project / "build/verify/report.json").read_bytes())
    assert report["verdict"] == "passed"
    assert "passed" in (project / "build/verify/report.html").read_text()
    assert "<testcase" in (project / "build/verify/junit.xml").read_text()


def test_a_step_that_could_not_start_is_not_a_pass(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Step("lint", "style", (("no-such-program",),), 60))
    code, text = run()
    assert code == 1
    assert text.rstrip().endswith("0 passed, 0 failed, 1 skipped or unknown")


def test_findings_of_a_step_are_its_cases(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = project / "findings.json"
    use(monkeypatch, Step("demo", "demo", (python(findings_code(path)),), 60, findings=path))
    code, text = run()
    assert code == 1
    assert text.rstrip().endswith("1 passed, 1 failed")
    assert "one lost" in (project / "build/verify/report.html").read_text()


def test_what_failed_is_named_again_below_the_table(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project / "findings.json"
    use(monkeypatch, Step("demo", "demo", (python(findings_code(path)),), 60, findings=path))
    assert "demo::ledger  one lost" in run()[1].splitlines()[-3]


def test_what_an_earlier_run_left_is_not_read_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project / "unit.xml"
    path.write_text("<testsuites><testsuite><testcase name='old'/></testsuite></testsuites>")
    use(monkeypatch, Step("unit", "tests", (python("exit(1)"),), 60, junit=path))
    assert run()[1].rstrip().endswith("0 passed, 1 failed")


def test_a_crash_of_the_runner_counts_as_a_failure_although_no_case_failed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project / "unit.xml"
    xml = "<testsuites><testsuite><testcase name='one'/></testsuite></testsuites>"
    crash = f"open({str(path)!r}, 'w').write({xml!r}); exit(3)"
    use(monkeypatch, Step("unit", "tests", (python(crash),), 60, junit=path))
    assert run()[1].rstrip().endswith("1 passed, 1 failed")


def test_only_runs_the_steps_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(
        monkeypatch,
        Step("lint", "style", (python("exit(1)"),), 60),
        Step("unit", "tests", (python("pass"),), 60),
    )
    assert run(("unit",))[0] == 0


def test_an_unknown_step_is_refused_with_the_names_there_are(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Step("unit", "tests", (python("pass"),), 60))
    code, text = run(("units",))
    assert code == 2
    assert "no step units: there are unit" in text


def test_python_keeps_the_bytecode_of_the_steps_whatever_the_shell_says(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(module.NO_BYTECODE, "1")
    code = f"import os; assert {module.NO_BYTECODE!r} not in os.environ"
    use(monkeypatch, Step("unit", "tests", (python(code),), 60))
    assert run(("unit",))[0] == 0


def test_every_step_has_a_name_of_its_own_and_a_bound() -> None:
    steps = verify_steps(Path("build"))
    assert len({step.name for step in steps}) == len(steps)
    assert all(0 < step.timeout_s <= 3_600 for step in steps)
    assert all(bool(step.expected_s) is step.servers for step in steps)


def test_two_steps_run_side_by_side_each_with_its_log_and_its_verdict(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet = f"""
import pathlib, sys, time
here, there = (pathlib.Path({str(project)!r}) / name for name in sys.argv[1:])
here.touch()
print("this is", here.name, flush=True)
while not there.exists():
    time.sleep(0.01)
exit(here.name == "second")
"""
    use(
        monkeypatch,
        Step("first", "waits for the second", ((*python(meet), "first", "second"),), 60),
        Step("second", "waits for the first", ((*python(meet), "second", "first"),), 60),
    )
    code, text = run()
    assert code == 1
    assert text.rstrip().endswith("1 passed, 1 failed")
    folder = project / "build/verify"
    assert "this is first" in (folder / "first.log").read_text()
    assert "this is second" in (folder / "second.log").read_text()
    report = json.loads((folder / "report.json").read_bytes())
    assert [step["name"] for step in report["steps"]] == ["first", "second"]
    assert [step["verdict"] for step in report["steps"]] == ["passed", "failed"]


def test_ctrl_c_ends_every_step_that_runs_and_reports_them_as_unknown(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleep = python("import time; print('up', flush=True); time.sleep(600)")
    interrupting = project / "interrupting.py"
    interrupting.write_text(
        "import os, pathlib, signal, sys, time\n"
        "logs = [pathlib.Path('build/verify') / f'{name}.log' for name in ('one', 'two')]\n"
        "while not all(log.exists() and 'up' in log.read_text() for log in logs):\n"
        "    time.sleep(0.01)\n"
        f"os.kill({os.getpid()}, signal.SIGINT)\n"
    )
    monkeypatch.setattr(module, "lane_count", lambda: 3)
    use(
        monkeypatch,
        Step("one", "sleeps", (sleep,), 60),
        Step("two", "sleeps", (sleep,), 60),
        Step("three", "interrupts", ((sys.executable, str(interrupting)),), 60),
        Step("four", "never begins", (python("pass"),), 60),
    )
    monkeypatch.setattr(module, "PROJECT", project)
    code, text = run()
    assert code == 1
    assert "interrupted" in text
    report = json.loads((project / "build/verify/report.json").read_bytes())
    verdicts = {step["name"]: step["verdict"] for step in report["steps"]}
    assert verdicts["one"] == verdicts["two"] == "unknown"
    assert not [child for child in psutil.Process().children(recursive=True) if is_asleep(child)]


def is_asleep(process: psutil.Process) -> bool:
    """Return whether a process is one of those that sleep for a test."""
    try:
        return "time.sleep(600)" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False


def test_the_end_names_what_the_full_run_adds(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Step("unit", "tests", (python("pass"),), 60))
    full = " ".join(run()[1].split())
    assert "make verify-full adds a quarter of an hour of fuzzing" in full
    assert "faults with a second seed" in full
    assert "make verify-full" not in run(("unit",))[1]


def outside(path: Path, *verdicts: str) -> Step:
    """Return a step that asks a service and found so."""
    findings = [{"check": f"group {n}", "verdict": v, "detail": v} for n, v in enumerate(verdicts)]
    code = f"open({str(path)!r}, 'w').write({json.dumps({'findings': findings})!r})"
    exit_code = 1 if "failed" in verdicts else 0
    commands = (python(f"{code}; exit({exit_code})"),)
    return Step("audit", "vulnerabilities", commands, 60, findings=path, outside="a database")


@pytest.mark.parametrize(
    ("verdicts", "code", "stated", "left_open"),
    [
        (("unknown", "unknown"), 0, "unknown", ["audit"]),
        (("passed", "unknown"), 0, "unknown", ["audit"]),
        (("passed", "passed"), 0, "passed", []),
        (("failed", "unknown"), 1, "failed", []),
    ],
)
def test_silence_of_a_service_outside_is_unknown_and_leaves_the_exit_code_to_the_rest(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    verdicts: tuple[str, ...],
    code: int,
    stated: str,
    left_open: list[str],
) -> None:
    tests = Step("unit", "tests", (python("pass"),), 60)
    use(monkeypatch, tests, outside(project / "audit.json", *verdicts))
    exit_code, text = run()
    report = json.loads((project / "build/verify/report.json").read_bytes())
    assert exit_code == code
    assert report["verdict"] == ("failed" if code else "passed")
    assert [step["verdict"] for step in report["steps"]] == ["passed", stated]
    assert report["left_open"] == left_open
    assert ("not known on this machine: audit" in text) == bool(left_open)
    page = (project / "build/verify/report.html").read_text()
    assert ("Not known on this machine" in page) == bool(left_open)


def test_a_run_that_could_judge_nothing_has_not_passed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, outside(project / "audit.json", "unknown"))
    assert run()[0] == 1


def test_another_step_that_is_unknown_still_decides(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lint = Step("lint", "style", (("no-such-program",),), 60)
    use(monkeypatch, lint, outside(project / "audit.json", "unknown"))
    assert run()[0] == 1


def test_the_audit_alone_asks_outside_this_machine() -> None:
    assert [step.name for step in verify_steps(Path("x")) if step.outside] == ["audit"]
