"""``riskstream verify``: every step, one verdict each, one report.

A step that fails does not stop the ones behind it. Exit code 0 only when all passed;
unknown is not a pass. One kind of unknown is reported and leaves the exit code alone: a step
that asks a service outside this machine, while that service does not answer.
"""

from __future__ import annotations

import os
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Final

import psutil
import typer
from rich.table import Table

from system.clock import SystemClock
from system.console import PlainConsole, styled
from system.exits import ExitCode
from system.places import require_checkout
from system.runtime.interrupts import heed_interrupts
from validation.measure.machine_speed import MachineSpeed, machine_speed
from validation.report.junit import (
    CaseCounts,
    case_counts,
    failed_cases,
    read_suites,
    suite_of_findings,
    write_junit,
)
from validation.report.pages import write_verify_page
from validation.report.shapes import (
    StepOutcome,
    VerifyReport,
    read_evidence,
    read_findings,
    write_json,
)
from validation.report.timings import timing_sentence
from validation.run.command import CommandResult, log_tail, run_command
from validation.run.console import STYLES, open_console
from validation.scenarios.suite.grid import SHORT_GRID, WHOLE_GRID
from validation.verdict import Finding, Verdict, overall
from validation.verify.lanes import run_in_lanes
from validation.verify.steps import MODEL, MODEL_STEP, Step, verify_steps
from validation.verify.steps_screen import StepsScreen

PROJECT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = Path("build") / "verify"
LOG_LINES_SHOWN: Final = 25
PYTEST_FOUND_NOTHING: Final = 5
FEWEST_LANES: Final = 2
MOST_LANES: Final = 4
STACK_MEMORY_BYTES: Final = 4 * 2**30
"""Of a whole stack with its tests, with room to spare."""
FULL: Final = (
    "make verify-full adds a quarter of an hour of fuzzing, faults with a second seed, every story "
    "on its own schedule, and "
    f"{len(WHOLE_GRID) - len(SHORT_GRID)} more points of the determinism grid; "
    "make soak adds two hours of one story"
)
NO_BYTECODE: Final = "PYTHONDONTWRITEBYTECODE"
LEFT_OPEN: Final = (
    "not known on this machine: {names} (a service outside it does not answer, or not completely); "
    "that has not passed, and does not change the exit code"
)


def run_step(
    step: Step,
    folder: Path,
    *,
    stretch: float = 1.0,
    on_wait: Callable[[], None] = lambda: None,
) -> StepOutcome:
    """Run one step and return how it ended.

    Parameters
    ----------
    step : Step
        What to run.
    folder : Path
        Where its log goes.
    stretch : float
        Factor by which its bound is longer on this machine.
    on_wait : callable
        Called about twice a second; what it raises ends the step's processes.
    """
    log = step_log(step, folder)
    for leftover in (log, step.junit, step.findings):
        if leftover is not None:
            leftover.unlink(missing_ok=True)
    results: list[CommandResult] = []
    for command in step.commands:
        results.append(
            run_command(
                command,
                log=log,
                timeout_s=step.timeout_s * stretch,
                cwd=PROJECT,
                on_wait=on_wait,
            )
        )
        if results[-1].ending != "ended" or results[-1].exit_code:
            break
    return _outcome(step, results, log)


def step_log(step: Step, folder: Path) -> Path:
    """Return where a step's output goes."""
    return folder / f"{step.name}.log"


def step_verdict(results: Sequence[CommandResult], cases: CaseCounts) -> tuple[Verdict, str]:
    """Return the verdict of a step and its sentence.

    Parameters
    ----------
    results : sequence of CommandResult
        How its commands ended; the last one is the one that stopped it.
    cases : CaseCounts
        Of the cases that it reported; all 0 when it reports none.
    """
    last = results[-1]
    if last.ending == "not started":
        return Verdict.UNKNOWN, "the program is not there: run `make setup`"
    if last.ending == "timed out":
        return Verdict.FAILED, f"not done within its bound, ended after {last.seconds:.0f} s"
    counts = f"{cases.passed} passed, {cases.failed} failed, {cases.unknown} skipped or unknown"
    if last.exit_code == PYTEST_FOUND_NOTHING and cases == CaseCounts():
        return Verdict.UNKNOWN, "no test was found"
    if last.exit_code or cases.failed:
        told = counts if cases != CaseCounts() else f"exit code {last.exit_code}"
        return Verdict.FAILED, told
    if cases == CaseCounts():
        return Verdict.PASSED, "clean"
    return (Verdict.PASSED if cases.passed else Verdict.UNKNOWN), counts


def verify(
    only: Annotated[list[str] | None, typer.Option(help="Run this step alone; repeatable.")] = None,
) -> None:
    """Verify everything: style, types, layers, tests, golden replays, demo; one report."""
    require_checkout("verify")
    raise typer.Exit(run_verify(only or [], open_console()))


def run_verify(only: Sequence[str], console: PlainConsole) -> int:
    """Run the steps and write the reports.

    Parameters
    ----------
    only : sequence of str
        Names of steps; all when empty.
    console : PlainConsole
        Where progress and verdicts are shown.

    Returns
    -------
    int
        0 when every step passed, 2 when a name is unknown, else 1.
    """
    heed_interrupts()
    # Hundreds of Python processes follow: each would compile our modules, and pytest its tests.
    os.environ.pop(NO_BYTECODE, None)
    folder = PROJECT / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    steps = verify_steps(folder)
    unknown = sorted(set(only) - {step.name for step in steps})
    if unknown:
        names = ", ".join(step.name for step in steps)
        console.print(f"no step {', '.join(unknown)}: there are {names}")
        return 2
    chosen = [step for step in steps if not only or step.name in only]
    report = _run_all(chosen, folder, console)
    _write(report, chosen, folder)
    _show(report, folder, console, whole=not only)
    return ExitCode.of_check(passed=report.verdict is Verdict.PASSED)


def _run_all(steps: Sequence[Step], folder: Path, console: PlainConsole) -> VerifyReport:
    clock = SystemClock()
    started_ns = clock.monotonic_ns()
    speed = machine_speed(folder)
    done = _side_by_side(steps, folder, console, speed)
    outcomes = [done.get(step.name) or _not_run(step, folder) for step in steps]
    outside = {step.name for step in steps if step.outside and step.name in done}
    left_open = [o.name for o in outcomes if o.name in outside and o.verdict is Verdict.UNKNOWN]
    return VerifyReport(
        verdict=overall(outcome.verdict for outcome in outcomes if outcome.name not in left_open),
        seconds=(clock.monotonic_ns() - started_ns) / 1e9,
        cases=sum((outcome.cases for outcome in outcomes), CaseCounts()),
        steps=tuple(outcomes),
        model=read_evidence(folder / MODEL) if MODEL_STEP in done else (),
        left_open=tuple(left_open),
        machine=speed,
        timing=timing_sentence(
            [finding for outcome in outcomes for finding in outcome.findings], speed
        ),
    )


def _side_by_side(
    steps: Sequence[Step], folder: Path, console: PlainConsole, speed: MachineSpeed
) -> dict[str, StepOutcome]:
    """Run steps in lanes; what an interrupt ended or kept from its turn is not among them."""
    with StepsScreen(console) as screen:

        def run(step: Step, heed: Callable[[], None]) -> StepOutcome:
            def on_wait() -> None:
                heed()
                screen.refresh()

            screen.begin(step, step_log(step, folder))
            try:
                outcome = run_step(step, folder, stretch=speed.stretch, on_wait=on_wait)
            finally:
                screen.end(step)
            _show_line(outcome, console)
            return outcome

        done = run_in_lanes(steps, run, lane_count=lane_count(), stack_count=stack_count())
    if len(done) < len(steps):
        console.print("interrupted: the steps that did not run to their end are unknown")
    return done


def lane_count() -> int:
    """Return how many steps run at once: two on two cores, never more than four."""
    return min(max(os.cpu_count() or 1, FEWEST_LANES), MOST_LANES)


def stack_count() -> int:
    """Return how many stacks run at once: two where the memory for them is free, else one."""
    return 1 + (psutil.virtual_memory().available > 2 * STACK_MEMORY_BYTES)


def _outcome(step: Step, results: Sequence[CommandResult], log: Path) -> StepOutcome:
    findings = read_findings(step.findings) if step.findings else ()
    seconds = sum(result.seconds for result in results)
    suites = _suites(step, findings, seconds)
    reported = case_counts(suites)
    verdict, detail = step_verdict(results, reported)
    if (
        verdict is Verdict.FAILED
        and overall(finding.verdict for finding in findings) is Verdict.FLAKY
    ):
        verdict = Verdict.FLAKY
    if verdict is Verdict.PASSED and step.outside:
        # Half an answer of a service would read as a whole one.
        verdict = overall(finding.verdict for finding in findings)
    return StepOutcome(
        name=step.name,
        title=step.title,
        verdict=verdict,
        detail=detail,
        seconds=seconds,
        command=_repeats(step),
        log=str(log.relative_to(PROJECT)),
        cases=_counted(reported, verdict),
        findings=findings,
        failures=failed_cases(suites),
        log_tail="" if verdict is Verdict.PASSED else log_tail(log, LOG_LINES_SHOWN),
    )


def _not_run(step: Step, folder: Path) -> StepOutcome:
    return StepOutcome(
        name=step.name,
        title=step.title,
        verdict=Verdict.UNKNOWN,
        detail="not run",
        seconds=0.0,
        command=_repeats(step),
        log=str((folder / f"{step.name}.log").relative_to(PROJECT)),
        cases=_as_case(Verdict.UNKNOWN),
    )


def _repeats(step: Step) -> str:
    return f"riskstream verify --only {step.name}"


def _counted(reported: CaseCounts, verdict: Verdict) -> CaseCounts:
    """Return the cases of a step; its own verdict is one where no case tells of it."""
    wrong = verdict in {Verdict.FAILED, Verdict.FLAKY}
    told = reported.failed if wrong else reported != CaseCounts()
    return reported if told else reported + _as_case(verdict)


def _as_case(verdict: Verdict) -> CaseCounts:
    return CaseCounts(
        passed=int(verdict is Verdict.PASSED),
        failed=int(verdict is Verdict.FAILED),
        unknown=int(verdict is Verdict.UNKNOWN),
    )


def _suites(step: Step, findings: Sequence[Finding], seconds: float) -> list[ET.Element]:
    if step.junit is not None:
        return read_suites(step.junit)
    return [suite_of_findings(step.name, findings, seconds=seconds)] if findings else []


def _write(report: VerifyReport, steps: Sequence[Step], folder: Path) -> None:
    write_json(folder / "report.json", report)
    suites = []
    for step, outcome in zip(steps, report.steps, strict=True):
        own = _suites(step, outcome.findings, outcome.seconds)
        whole = Finding(check=step.title, verdict=outcome.verdict, detail=outcome.detail)
        alone = suite_of_findings(step.name, [whole], seconds=outcome.seconds)
        suites.append((step.name, own or [alone]))
    write_junit(folder / "junit.xml", suites)
    write_verify_page(folder / "report.html", report)


def _show_line(outcome: StepOutcome, console: PlainConsole) -> None:
    style = STYLES[outcome.verdict]
    console.print(
        styled(
            (f"{outcome.verdict:<8}", style),
            f" {outcome.name:<12} {outcome.seconds:6.1f} s  {outcome.detail}",
        )
    )
    if outcome.log_tail:
        console.print(outcome.log_tail, style="dim", markup=False, highlight=False)


def _show(report: VerifyReport, folder: Path, console: PlainConsole, *, whole: bool) -> None:
    table = Table(title="verify", title_justify="left")
    for heading in ("step", "verdict", "seconds", "found", "repeat it with"):
        table.add_column(heading, justify="right" if heading == "seconds" else "left")
    for outcome in report.steps:
        style = STYLES[outcome.verdict]
        table.add_row(
            outcome.title,
            styled((outcome.verdict, style)),
            f"{outcome.seconds:.1f}",
            outcome.detail,
            outcome.command,
        )
    console.print(table)
    if whole:
        console.print(FULL)
    if report.timing:
        console.print(report.timing)
    _show_failures(report, console)
    if report.left_open:
        console.print(LEFT_OPEN.format(names=", ".join(report.left_open)), markup=False)
    console.print(f"report: {folder.relative_to(PROJECT)}/report.html, report.json, junit.xml")
    console.print(_plain(report.cases), highlight=False)


def _show_failures(report: VerifyReport, console: PlainConsole) -> None:
    """Name what failed once more, where whoever sees only the last lines sees it."""
    for outcome in report.steps:
        if outcome.verdict is not Verdict.PASSED:
            console.print(f"{outcome.verdict}: {outcome.name}, {outcome.log}", markup=False)
        for line in outcome.failures:
            console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)


def _plain(cases: CaseCounts) -> str:
    line = f"{cases.passed} passed, {cases.failed} failed"
    return f"{line}, {cases.unknown} skipped or unknown" if cases.unknown else line


def main(arguments: Sequence[str]) -> None:
    """Run ``riskstream verify`` with arguments, and leave with its exit code."""
    app = typer.Typer(add_completion=False)
    app.command()(verify)
    app(args=list(arguments), prog_name="riskstream verify")


if __name__ == "__main__":
    main(sys.argv[1:])
