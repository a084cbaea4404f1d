"""Peers in one run: the same ticks, the same observer, one system at a time, in turn.

``riskstream measure peers`` (`make peers`). A system whose sampled VaR is not that of the
exact reference (1e-9) has no timing. The order of the systems rotates from repeat to repeat, and
a ratio compares runs of the same repeat.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Annotated, Final

import msgspec
import typer
from rich.table import Table

from loadtests.peers.valuing import READY, REDIS_VARIABLE
from loadtests.run.command import evidence_of, load_on_fresh_stack, report_of, site_of
from loadtests.run.judge import budgets_of, judge_load
from loadtests.run.load_run import DRAIN_BOUND_S, LoadSite, load_stack, machine, run_load
from loadtests.run.repeats import (
    OptionValue,
    Spread,
    command_line,
    rotated,
    spread,
    spread_shown,
)
from loadtests.run.report import CORRECT_IF, LoadReport, write_load_report
from loadtests.source.plan import USUAL_CLIENT, LoadPlan, load_books, load_plan
from system.bus.admin import create_topics
from system.bus.consumer import end_offsets
from system.console import PlainConsole
from system.contracts.topics import MARKET_DATA
from system.errors import InputError, UnavailableError
from system.exits import ExitCode
from system.outputs import OUTPUT_FOLDER
from system.places import PROJECT_DIR, REPORTS_DIR
from system.settings import TUNED_PARTS, Connections
from validation.measure.record import SeenSnapshot, read_record
from validation.report.shapes import write_json
from validation.run.child_process import ChildProcess
from validation.run.console import format_number, open_console
from validation.run.wait import polled

REPORT: Final = REPORTS_DIR / "peers"
PRODUCT: Final = "riskstream"
POLL_S: Final = 0.2
PEER_COMPONENTS: Final = ("kafka", "redis")

STOCK: Final = frozenset(TUNED_PARTS) - {"transfer"}
"""All that is a setting; how rows travel is a call."""

PIPELINES: Final[Mapping[str, Mapping[str, object]]] = {
    PRODUCT: {},
    "riskstream, stock Spark settings": {"untuned": STOCK},
    "riskstream, 5 s trigger": {"trigger_seconds": 5},
}
"""This pipeline, as it is and as it would be without its tuning."""
PARTS: Final[Mapping[str, Mapping[str, object]]] = {
    f"{PRODUCT}, default {part}": {"untuned": frozenset({part})} for part in TUNED_PARTS
}
"""This pipeline without one part of its tuning."""


@dataclass(frozen=True)
class Peer:
    """Another system: the module that is its process, and the Python that has its library."""

    module: str
    python: Path = Path(sys.executable)


PEERS_PYTHON: Final = PROJECT_DIR / ".venv-peers" / "bin" / "python"
"""Of the environment that `make peers` makes: the extra `benchmarks`, apart from the product."""
PEERS: Final[Mapping[str, Peer]] = {
    "consumer + NumPy + Redis": Peer("loadtests.peers.handwritten"),
    "quixstreams": Peer("loadtests.peers.quix", PEERS_PYTHON),
    "bytewax": Peer("loadtests.peers.bytewax_flow", PEERS_PYTHON),
}


class PeerRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one system; timings are None where it was not shown to be right."""

    system: str
    repeat: int
    correct: bool
    on_schedule: bool
    p50_ms: float | None
    p99_ms: float | None
    cores: float
    load_average: float
    problems: tuple[str, ...]


class PeerRow(msgspec.Struct, frozen=True, kw_only=True):
    """One system over all repeats; ratios are to the product in the same repeat.

    Figures are medians; None where no repeat had a timing.
    """

    system: str
    runs: int
    p50_ms: float | None
    p99_ms: float | None
    p50_ratio: Spread | None
    p99_ratio: Spread | None
    cores: float


class PeerReport(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of a comparison's ``report.json``."""

    plan: LoadPlan
    machine: str
    rows: tuple[PeerRow, ...]
    runs: tuple[PeerRun, ...]


def compare(
    rate: Annotated[float, typer.Option(help="Ticks per second.")] = 1_000.0,
    duration: Annotated[float, typer.Option(help="Seconds measured per run.")] = 60.0,
    warm_up: Annotated[float, typer.Option(help="Seconds of warm-up before.")] = 60.0,
    repeats: Annotated[int, typer.Option(min=1, max=9, help="Runs of each system.")] = 3,
    only: Annotated[str, typer.Option(help="Names, separated by semicolons; or all.")] = "",
    parts: Annotated[
        bool, typer.Option("--parts", help="Each part of the tuning left out, instead of peers.")
    ] = False,
    client: Annotated[str, typer.Option(help="confluent or kafka-python.")] = USUAL_CLIENT,
    report: Annotated[
        Path, typer.Option(callback=OUTPUT_FOLDER, help="Folder of the reports.")
    ] = REPORT,
) -> None:
    """Compare this pipeline with other ways to the same number."""
    console = open_console(stderr=False)
    plan = load_plan(
        rate=rate,
        seconds=duration,
        warm_up_seconds=warm_up,
        seconds_per_day=duration + warm_up,
        client=client,
    )
    names = chosen_systems(only, parts=parts)
    runs = []
    for repeat in range(repeats):
        for system in rotated(names, repeat):
            runs.append(_run(system, plan, report / f"{repeat}" / _slug(system), console, repeat))
            console.print(_line(runs[-1]), highlight=False)
            rows = rows_of(names, runs)
            comparison = PeerReport(plan=plan, machine=machine(), rows=rows, runs=tuple(runs))
            write_json(report / "report.json", comparison)
    show_rows(console, comparison.rows)
    raise typer.Exit(ExitCode.of_check(passed=all(run.correct for run in runs)))


def chosen_systems(only: str, *, parts: bool = False) -> list[str]:
    """Return the systems to compare, in their order; the product is always among them.

    Parameters
    ----------
    only : str
        Names of systems, separated by semicolons; empty for all.
    parts : bool
        Whether all are the pipeline with one part of its tuning left out, or the peers.

    Raises
    ------
    InputError
        If a name is not known; says which there are.
    """
    known = [*PIPELINES, *PEERS, *PARTS]
    every = [PRODUCT, *PARTS] if parts else [*PIPELINES, *PEERS]
    asked = [name.strip() for name in only.split(";") if name.strip()]
    for name in asked:
        if name not in known:
            raise InputError(f"no such system: {name}; there are {'; '.join(known)}")
    return [name for name in known if name in (asked or every) or name == PRODUCT]


def rows_of(names: Sequence[str], runs: Sequence[PeerRun]) -> tuple[PeerRow, ...]:
    """Return one row per system."""
    product = {run.repeat: run for run in runs if run.system == PRODUCT}
    return tuple(_row(name, [run for run in runs if run.system == name], product) for name in names)


def run_of(system: str, repeat: int, report: LoadReport) -> PeerRun:
    """Return what a load shows about a system: its timing only when its numbers are right."""
    lacking = report.lacking
    correct = not any(finding.check.startswith(CORRECT_IF) for finding in lacking)
    on_schedule = not any(finding.check.startswith("schedule") for finding in lacking)
    covered = report.part("warm").covered
    counts = report.has_timing
    return PeerRun(
        system=system,
        repeat=repeat,
        correct=correct,
        on_schedule=on_schedule,
        p50_ms=covered.p50_ms if counts else None,
        p99_ms=covered.p99_ms if counts else None,
        cores=report.system_cores,
        load_average=report.load_average,
        problems=tuple(f"{finding.check}: {finding.detail}" for finding in lacking),
    )


def show_rows(console: PlainConsole, rows: Sequence[PeerRow]) -> None:
    """Print the table of the systems."""
    columns = ("system", "runs", "p50 ms", "p99 ms", "p50 / product", "p99 / product", "cores")
    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(
            row.system,
            str(row.runs),
            format_number(row.p50_ms, 1),
            format_number(row.p99_ms, 1),
            spread_shown(row.p50_ratio, 2),
            spread_shown(row.p99_ratio, 2),
            f"{row.cores:.2f}",
        )
    console.print(table)


def _run(system: str, plan: LoadPlan, folder: Path, console: PlainConsole, repeat: int) -> PeerRun:
    site = site_of(folder, console, local=False)
    try:
        if system in PEERS:
            report = peer_report(system, plan, site)
        else:
            report = _pipeline_report(system, plan, site)
    except UnavailableError as error:
        return failed_run(system, repeat, str(error))
    return run_of(system, repeat, report)


def failed_run(system: str, repeat: int, problem: str) -> PeerRun:
    """Return the run of a system that did not come to its end."""
    return PeerRun(
        system=system,
        repeat=repeat,
        correct=False,
        on_schedule=False,
        p50_ms=None,
        p99_ms=None,
        cores=0.0,
        load_average=0.0,
        problems=(problem,),
    )


def repeat_of(system: str, plan: LoadPlan) -> str:
    """Return the command that runs a system again, after the product."""
    options: dict[str, OptionValue] = {
        "rate": plan.rate,
        "duration": plan.seconds,
        "warm-up": plan.warm_up_seconds,
        "repeats": 1,
        "only": system,
        "client": plan.client,
    }
    return command_line("riskstream measure peers", options)


def _pipeline_report(system: str, plan: LoadPlan, site: LoadSite) -> LoadReport:
    site = replace(
        site, settings=site.settings.model_copy(update=dict({**PIPELINES, **PARTS}[system]))
    )
    return load_on_fresh_stack(plan, site, mode=system, repeat_with=repeat_of(system, plan))


def peer_report(system: str, plan: LoadPlan, site: LoadSite) -> LoadReport:
    """Run a plan through a peer beside a broker and Redis, judge it and write its reports.

    Raises
    ------
    InputError
        If the peer's environment was not made.
    UnavailableError
        If a process or server fails.
    """
    with load_stack(site, PEER_COMPONENTS) as connections:
        create_topics(connections.kafka_bootstrap_servers, site.settings.partitions)
        site.plan_path.write_bytes(msgspec.json.encode(plan))
        with peer_process(PEERS[system], site, connections) as pid:
            drained = _reached_end(site, connections, len(load_books(plan)))
            run = run_load(plan, connections, site, drained=drained, also_watched={system: pid})
        evidence = evidence_of(plan, site, connections, load_books(plan), run, None)
    judgement = judge_load(evidence, budgets_of(plan))
    report = report_of(
        evidence, judgement, run, site, mode=system, repeat_with=repeat_of(system, plan)
    )
    write_load_report(site.folder, report, judgement.ticks)
    return report


@contextmanager
def peer_process(peer: Peer, site: LoadSite, connections: Connections) -> Iterator[int]:
    """Run a peer's process, and give its id once it is ready.

    Raises
    ------
    InputError
        If its environment was not made.
    UnavailableError
        If it does not get ready in time.
    """
    if not peer.python.exists():
        raise InputError(f"{peer.module} has no {peer.python}; run `make peers`")
    command = [str(peer.python), "-m", peer.module, str(site.plan_path)]
    command += ["--bootstrap", connections.kafka_bootstrap_servers]
    environment = {**os.environ, REDIS_VARIABLE: connections.redis_url}
    with ChildProcess(
        peer.module,
        command,
        log=site.log_path,
        ready=READY,
        environment=environment,
        cwd=PROJECT_DIR,
    ) as process:
        yield process.pid


def _reached_end(site: LoadSite, connections: Connections, count: int) -> Callable[[], bool]:
    """Return what waits until every book was seen at the topic's end, but for the mark."""

    def wait() -> bool:
        ends = end_offsets(connections.kafka_bootstrap_servers, [MARKET_DATA])
        last = {place: end - 1 for place, end in ends.items()}

        def has_all() -> bool:
            record = read_record(site.record_path)
            seen = [entry for entry in record if isinstance(entry, SeenSnapshot)]
            at_end = {entry.portfolio for entry in seen[-count:] if entry.offsets == last}
            return len(at_end) == count

        return bool(polled(has_all, bound_s=DRAIN_BOUND_S, poll_s=POLL_S))

    return wait


def _row(name: str, runs: Sequence[PeerRun], product: Mapping[int, PeerRun]) -> PeerRow:
    timed = [run for run in runs if run.p99_ms is not None]
    beside = [(run, product[run.repeat]) for run in timed if run.repeat in product]
    return PeerRow(
        system=name,
        runs=len(timed),
        p50_ms=_median([run.p50_ms for run in timed if run.p50_ms is not None]),
        p99_ms=_median([run.p99_ms for run in timed if run.p99_ms is not None]),
        p50_ratio=_ratio([(own.p50_ms, base.p50_ms) for own, base in beside]),
        p99_ratio=_ratio([(own.p99_ms, base.p99_ms) for own, base in beside]),
        cores=_median([run.cores for run in runs]) or 0.0,
    )


def _ratio(pairs: Sequence[tuple[float | None, float | None]]) -> Spread | None:
    return spread([mine / base for mine, base in pairs if mine is not None and base is not None])


def _median(values: Sequence[float]) -> float | None:
    return float(median(values)) if values else None


def _slug(system: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in system)


def _line(run: PeerRun) -> str:
    timing = f"p50 {format_number(run.p50_ms, 1)} ms, p99 {format_number(run.p99_ms, 1)} ms"
    return f"{run.system}: {timing} {'; '.join(run.problems)}"
