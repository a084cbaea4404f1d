"""``python -m validation.containers.verify``: the system in containers, replayed, broken, judged.

A story is replayed in containers and on the embedded stack, and every end-of-day number must be
equal to the bit. Then, on empty volumes, ticks flow while each container is killed, and those that
the stream depends on are paused and cut off: it must recover by itself each time, and hold for
30 s. At the end every message on the topics must be in the newest numbers.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.table import Table

from system.clock import SystemClock
from system.console import PlainConsole, terminal_json
from system.outputs import OUTPUT_FOLDER
from system.places import REPORTS_DIR
from system.runtime.interrupts import stop_signals_as_interrupt
from system.simulate.progress import PublishSummary, read_progress
from validation.containers.engine import IMAGES, ContainerError, Engine
from validation.containers.outages import Outage, OutageKind, make, plan
from validation.containers.project import SERVICES, ComposeProject
from validation.containers.watch import STOP
from validation.measure.record import whole_lines
from validation.report.shapes import write_json
from validation.run.console import finding_table, open_console
from validation.scenarios.faults.recovery import Look, Recovery, recovery
from validation.scenarios.file.fault_tables import HOLDS_S
from validation.scenarios.file.parser import read_scenario
from validation.scenarios.play.play import Run
from validation.scenarios.play.stack import PipelineConfig, ScenarioStack, replay_settings
from validation.scenarios.story.story import read_story
from validation.scenarios.suite.file_commands import found_path
from validation.scenarios.suite.report import ScenarioReport
from validation.scenarios.suite.suite import RunSite, run_scenario
from validation.verdict import EXIT_CODES, Finding, Verdict, judged, overall, unknown

REPORT: Final = REPORTS_DIR / "compose-verify"
STORY: Final = "bear-2022"
"""Real closes of a whole year, without faults: its numbers do not depend on how batches are cut."""
FIRST_DAY: Final = dt.date(2020, 2, 3)
SECONDS_PER_DAY: Final = 15
DAYS_BEFORE: Final = 4
DAYS_EACH: Final = 4
"""Days of ticks for each outage: a minute, in which it is made, ends, and its recovery holds."""
LOOKS: Final = "looks.jsonl"
LOOK_EACH_S: Final = 1.0
RECOVERED: Final = "outages: the stream recovered by itself from each, and held for 30 s"
REPLAY_BOUND_S: Final = 900.0
RECOVERY_BOUND_S: Final = 120.0
SHORT: Final = (
    ("redis", OutageKind.KILL),
    ("spark-worker", OutageKind.KILL),
    ("postgres", OutageKind.PAUSE),
)
SAME: Final = "numbers: every end of day equal to the embedded run, to the bit"
STORY_PASSED: Final = "story: judged in containers as the harness judges the embedded stack"


class OutageRow(msgspec.Struct, frozen=True, kw_only=True):
    """An outage and the recovery from it; ``recovered_s`` from its beginning, None where never."""

    service: str
    kind: OutageKind
    container: str
    witness: str
    recovered_s: float | None
    is_held: bool


class ComposeReport(msgspec.Struct, frozen=True, kw_only=True):
    """Content of ``report.json``. ``images``: name to id; ids are of this machine's images."""

    verdict: Verdict
    seconds: float
    images: dict[str, str]
    containers: dict[str, str]
    up_s: float
    outages: tuple[OutageRow, ...]
    findings: tuple[Finding, ...]


def verify(
    short: Annotated[
        bool, typer.Option("--short", help="Three outages, and no replay on the embedded stack.")
    ] = False,
    report: Annotated[
        Path, typer.Option(callback=OUTPUT_FOLDER, help="Folder of report.json.")
    ] = REPORT,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Run the system in containers, replay a story, break every container, judge what is left."""
    console, engine = open_console(stderr=as_json), Engine()
    report.mkdir(parents=True, exist_ok=True)
    whole = run(engine, report, console, outages=SHORT if short else plan(), compares=not short)
    write_json(report / "report.json", whole)
    show(console, whole)
    if as_json:
        sys.stdout.write(terminal_json(whole) + "\n")
    raise typer.Exit(EXIT_CODES[whole.verdict])


def run(
    engine: Engine,
    folder: Path,
    console: PlainConsole,
    *,
    outages: Sequence[tuple[str, OutageKind]],
    compares: bool,
) -> ComposeReport:
    """Run all parts and return their report: *unknown* where Docker does not answer."""
    clock = SystemClock()
    began_ns = clock.monotonic_ns()
    if why := engine.missing():
        findings: tuple[Finding, ...] = (unknown("containers: the system ran in containers", why),)
        return _report(clock, began_ns, findings)
    name = f"riskstream-verify-{os.getpid()}"
    with stop_signals_as_interrupt(), ComposeProject(engine, name) as project:
        console.print("starting nine services in containers", highlight=False)
        up_ns = clock.monotonic_ns()
        project.up()
        up_s = (clock.monotonic_ns() - up_ns) / 1e9
        containers = {service: project.container(service)[:12] for service in SERVICES}
        for service, container in containers.items():
            console.print(f"  {container}  {service}", highlight=False)
        findings = _story(project, folder, console, compares=compares)
        project.remove()
        project.up()
        rows, left = _broken(project, engine, console, outages)
        shutil.copytree(project.reports, folder / "containers", dirs_exist_ok=True)
    return _report(
        clock,
        began_ns,
        (*findings, *left),
        images={image: _image_id(engine, image) for image in IMAGES},
        containers=containers,
        up_s=up_s,
        outages=rows,
    )


def _report(
    clock: SystemClock,
    began_ns: int,
    findings: tuple[Finding, ...],
    *,
    images: dict[str, str] | None = None,
    containers: dict[str, str] | None = None,
    up_s: float = 0.0,
    outages: tuple[OutageRow, ...] = (),
) -> ComposeReport:
    return ComposeReport(
        verdict=overall(finding.verdict for finding in findings),
        seconds=(clock.monotonic_ns() - began_ns) / 1e9,
        images=images or {},
        containers=containers or {},
        up_s=up_s,
        outages=outages,
        findings=findings,
    )


def _story(
    project: ComposeProject, folder: Path, console: PlainConsole, *, compares: bool
) -> tuple[Finding, ...]:
    """Replay the story in containers; also on the embedded stack, to compare, if asked for."""
    console.print(f"replaying {STORY} in containers", highlight=False)
    command = ("riskstream", "replay", STORY, "--running", "--speed", "max", "--report")
    try:
        project.harness(*command, "/reports/replay", bound_s=REPLAY_BOUND_S)
    except ContainerError as error:
        if not (project.reports / "replay" / STORY / "report.json").exists():
            return (unknown(STORY_PASSED, str(error)),)
    text = (project.reports / "replay" / STORY / "report.json").read_bytes()
    inside = msgspec.json.decode(text, type=ScenarioReport)
    problems = [
        f"{each.check}: {each.detail}"
        for each in inside.findings
        if each.verdict not in {Verdict.PASSED, Verdict.MEASURED}
    ]
    passed = f"{len(inside.findings)} checks, numbers {inside.numbers_hash}"
    findings = (judged(STORY_PASSED, problems, passed=passed),)
    return (*findings, _same(inside, _embedded(folder, console))) if compares else findings


def _embedded(folder: Path, console: PlainConsole) -> ScenarioReport:
    console.print(f"replaying {STORY} on the embedded stack", highlight=False)
    settings = replay_settings(warm_up_seconds=0.0)
    story = read_story(read_scenario(found_path(STORY)), settings.wheels_dir)
    shape = PipelineConfig()
    with ScenarioStack(settings) as stack:
        connections = stack.fresh(shape)
        site = RunSite(
            connections, stack.running, stack.rig, settings, folder / "embedded", console
        )
        return run_scenario(Run(story, None), shape, site, repeat_with=f"riskstream replay {STORY}")


def _same(inside: ScenarioReport, embedded: ScenarioReport) -> Finding:
    days = inside.day_hashes.keys() | embedded.day_hashes.keys()
    return judged(
        SAME,
        (
            f"{day}: {inside.day_hashes.get(day)} in containers, "
            f"{embedded.day_hashes.get(day)} embedded"
            for day in sorted(days)
            if inside.day_hashes.get(day) != embedded.day_hashes.get(day)
        ),
        passed=f"{len(days)} ends of day, {inside.numbers_hash}",
        figures={"ends_of_day": len(days)},
    )


def _broken(
    project: ComposeProject,
    engine: Engine,
    console: PlainConsole,
    outages: Sequence[tuple[str, OutageKind]],
) -> tuple[tuple[OutageRow, ...], tuple[Finding, ...]]:
    """Break containers while ticks flow, then judge each recovery and what is left."""
    rows: list[OutageRow] = []
    with ThreadPoolExecutor(2, thread_name_prefix="in-containers") as pool, _watched(project, pool):
        source = pool.submit(_send, project, len(outages))
        _await_recovery(project, SystemClock().monotonic_ns())
        for service, kind in outages:
            row = _row(project, make(project, engine, service, kind))
            rows.append(row)
            console.print(_sentence(row), highlight=False)
        days = source.result()
        _await_recovery(project, SystemClock().monotonic_ns())
    project.harness(
        *("python", "-m", "validation.containers.closing", "--report", "/reports/closing.json"),
        *("--days", str(days)),
        bound_s=REPLAY_BOUND_S,
    )
    text = (project.reports / "closing.json").read_bytes()
    return tuple(rows), (_recovered(rows), *msgspec.json.decode(text, type=tuple[Finding, ...]))


@contextmanager
def _watched(project: ComposeProject, pool: ThreadPoolExecutor) -> Iterator[None]:
    """Have a container of the harness write looks at the stream down, from now until the end."""
    module = "validation.containers.watch"
    command = ("python", "-m", module, "--record", f"/reports/{LOOKS}", "--seconds", "3600")
    watching = pool.submit(project.harness, *command, bound_s=3_700)
    try:
        yield
    finally:
        (project.reports / STOP).touch()
    watching.result()


def _send(project: ComposeProject, outages: int) -> int:
    """Send real days at 1,000 ticks a second while outages last; return how many."""
    days = DAYS_BEFORE + DAYS_EACH * outages
    until = FIRST_DAY + dt.timedelta(days=round(days * 7 / 5))
    command = ("bash", "/app/compose/replay.sh", until.isoformat(), str(SECONDS_PER_DAY))
    said = project.harness(*command, bound_s=60.0 + 2 * days * SECONDS_PER_DAY)
    summary = read_progress(said.strip().splitlines()[-1])
    if not isinstance(summary, PublishSummary):
        raise ContainerError(f"the source ended without a summary: {summary}")
    return summary.day_count


def _looks(project: ComposeProject) -> list[Look]:
    path = project.reports / LOOKS
    decoder = msgspec.json.Decoder(Look)
    return [decoder.decode(line) for line in whole_lines(path)] if path.exists() else []


def _await_recovery(
    project: ComposeProject, began_ns: int, ended_ns: int | None = None
) -> Recovery:
    """Wait until the stream has recovered and held, or until the bound; return what was seen."""
    clock = SystemClock()
    after_ns = began_ns if ended_ns is None else ended_ns
    deadline_ns = after_ns + round(RECOVERY_BOUND_S * 1e9)
    while True:
        seen = recovery(
            _looks(project), began_ns=began_ns, ended_ns=after_ns, deadline_ns=deadline_ns
        )
        late = clock.monotonic_ns() > deadline_ns + round(2 * HOLDS_S * 1e9)
        if seen.is_held or late:
            return seen
        clock.sleep(LOOK_EACH_S)


def _row(project: ComposeProject, outage: Outage) -> OutageRow:
    seen = _await_recovery(project, outage.began_ns, outage.ended_ns)
    since_ns = seen.since_ns
    return OutageRow(
        service=outage.service,
        kind=outage.kind,
        container=outage.container[:12],
        witness=outage.witness,
        recovered_s=None if since_ns is None else (since_ns - outage.began_ns) / 1e9,
        is_held=seen.is_held,
    )


def _sentence(row: OutageRow) -> str:
    recovered = "never" if row.recovered_s is None else f"after {row.recovered_s:.1f} s"
    held = "" if row.is_held else ", not held for 30 s"
    return f"{row.kind} {row.service} ({row.container}): {row.witness}; recovered {recovered}{held}"


def _recovered(rows: Sequence[OutageRow]) -> Finding:
    return judged(
        RECOVERED,
        (_sentence(row) for row in rows if not row.is_held),
        passed=f"{len(rows)} outages of {len({row.service for row in rows})} services, the longest "
        f"{max((row.recovered_s or 0.0 for row in rows), default=0.0):.1f} s",
        figures={"outages": len(rows)},
    )


def _image_id(engine: Engine, image: str) -> str:
    return engine.run("image", "inspect", "--format", "{{.Id}}", image).strip()


def show(console: PlainConsole, report: ComposeReport) -> None:
    """Print outages, findings and the verdict."""
    table = Table(title="outages", title_justify="left")
    for heading in ("service", "outage", "container", "recovered after s", "witness"):
        table.add_column(heading)
    for row in report.outages:
        recovered = "never" if row.recovered_s is None else f"{row.recovered_s:.1f}"
        table.add_row(row.service, row.kind, row.container, recovered, row.witness)
    if report.outages:
        console.print(table)
    console.print(finding_table(report.findings))
    console.print(f"{report.verdict} in {report.seconds:.0f} s", highlight=False)


if __name__ == "__main__":
    typer.run(verify)
