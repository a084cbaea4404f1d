"""The hot path has not become slower: CPU time as a ratio, against a stored baseline.

``riskstream measure guard``. Each figure is the CPU time of one piece of the product's work over
that of a fixed piece of plain Python and NumPy, both of this process, the least of several rounds:
how fast the machine is, and what else it does, is in both. `make verify` takes few rounds and a
wide tolerance, `make bench` the defaults. ``--store`` writes a new baseline, which names its
processor, its Python and its noise.
"""

from __future__ import annotations

import gc
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Annotated, Final

import msgspec
import numpy as np
import pyarrow as pa
import typer
from rich.table import Table

from loadtests.run.load_run import machine
from loadtests.source.plan import load_plan, load_replay, scheduled_days
from loadtests.studies.batch_growth import opened_book
from system.book.book import Book
from system.book.questions.snapshot_book import SnapshotInputs
from system.book.questions.what_if import what_if
from system.book.state.market import utc_date
from system.bus.routing import partition_of
from system.clock import SystemClock
from system.contracts.codec import decode, encode
from system.contracts.messages import RiskSnapshot, Tick, Trade
from system.exits import ExitCode
from system.outputs import OUTPUT_FILE
from system.stream.batch.decode import batch_events
from system.stream.running import GC_THRESHOLDS
from validation.measure.coverage import Inputs, Observations, Watermarks, coverage
from validation.measure.machine_speed import fixed_piece
from validation.report.shapes import write_json
from validation.report.timings import with_timings_reported
from validation.run.console import format_number, open_console
from validation.verdict import Finding, Verdict, judged, overall, unknown

REPORT: Final = Path("build") / "guard.json"
BASELINE: Final = Path(__file__).with_name("baseline.json")
CPU_INFO: Final = Path("/proc/cpuinfo")
ROUNDS: Final = 15
TOLERANCE: Final = 1.3
"""On two shared cores, ratios of repeats differed by up to 13 %. Another processor or another
Python weighs the works differently: verify allows twice."""
TICKS: Final = 20_000
PARTITIONS: Final = 2
MESSAGES: Final = 10_000
SNAPSHOTS: Final = 1_000
SEED: Final = 20_080_915


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """Baseline of a machine: the day, the machine, and each work's ratio and noise.

    ``load_average`` is that of the machine when it began, one minute: what else ran there.
    """

    on: str
    processor: str
    python: str
    load_average: float
    rounds: int
    ratios: dict[str, float]
    noises: dict[str, float]

    def sentence(self) -> str:
        """Return what it was made with, as a person reads it."""
        noisiest = max(self.noises.values(), default=1.0)
        return (
            f"{self.on} ({self.processor}, Python {self.python}, "
            f"load average {self.load_average:.2f}, noise to {noisiest:.2f})"
        )


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One work: CPU time over that of the fixed piece.

    ``ratio`` is of the least times. ``noise`` is of the rounds' own ratios, the third quartile
    over the first: 1 on a machine that does nothing else.
    """

    name: str
    ratio: float
    noise: float


class GuardReport(msgspec.Struct, frozen=True, kw_only=True):
    """Contents of the guard's report."""

    verdict: Verdict
    machine: str
    processor: str
    rounds: int
    tolerance: float
    baseline: Baseline
    findings: tuple[Finding, ...]


def guard(
    rounds: Annotated[
        int, typer.Option(min=1, max=100, help="Rounds of each piece of work.")
    ] = ROUNDS,
    tolerance: Annotated[
        float, typer.Option(min=1.0, help="Times the baseline that is too much.")
    ] = TOLERANCE,
    report: Annotated[
        Path, typer.Option(callback=OUTPUT_FILE, help="File of the JSON report.")
    ] = REPORT,
    store: Annotated[
        bool, typer.Option("--store", help="Store what is measured as the baseline.")
    ] = False,
    report_timings: Annotated[
        bool,
        typer.Option(
            "--report-timings", help="Report figures over their baseline, without failing for them."
        ),
    ] = False,
) -> None:
    """Compare the hot path's CPU time with the stored baseline."""
    console = open_console(stderr=False)
    load_average = os.getloadavg()[0]
    measurements = [measured(name, rounds) for name in WORKS]
    if store:
        store_baseline(measurements, rounds=rounds, load_average=load_average)
    baseline = read_baseline()
    findings = (
        whole(measurements, baseline),
        *(finding(figures, baseline, tolerance) for figures in measurements),
    )
    if report_timings:
        findings = with_timings_reported(findings)
    console.print(shown(measurements, baseline))
    verdict = overall(finding.verdict for finding in findings)
    report.parent.mkdir(parents=True, exist_ok=True)
    write_json(
        report,
        GuardReport(
            verdict=verdict,
            machine=machine(),
            processor=processor(),
            rounds=rounds,
            tolerance=tolerance,
            baseline=baseline,
            findings=findings,
        ),
    )
    console.print(f"here: {processor()}, {machine()}", highlight=False)
    console.print(f"baseline of {baseline.sentence()}", highlight=False)
    console.print(f"{verdict}: {tolerance:g} times the baseline is too much", highlight=False)
    raise typer.Exit(ExitCode.of_check(passed=verdict is Verdict.PASSED))


def shown(measurements: Sequence[Measured], baseline: Baseline) -> Table:
    """Return each work beside its baseline, with the noise of both."""
    columns = ("work", "ratio", "noise", "baseline", "its noise", "times")
    table = Table(*columns, box=None)
    for measurement in measurements:
        stored, noise = baseline.ratios.get(measurement.name), baseline.noises.get(measurement.name)
        times = None if stored is None else measurement.ratio / stored
        figures = (measurement.ratio, measurement.noise, stored, noise, times)
        table.add_row(measurement.name, *(format_number(value, 2) for value in figures))
    return table


def measured(name: str, rounds: int = ROUNDS) -> Measured:
    """Return the ratio of one of ``WORKS``."""
    before = gc.get_threshold()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        pairs = [(WORKS[name](), _cpu_s(fixed_piece)) for _ in range(rounds)]
    finally:
        gc.set_threshold(*before)
    return spread(name, pairs)


def spread(name: str, pairs: Sequence[tuple[float, float]]) -> Measured:
    """Return what rounds have shown.

    Parameters
    ----------
    name : str
        Of the work.
    pairs : sequence of (float, float)
        CPU seconds of the work and of the fixed piece, a pair for each round.
    """
    ratio = min(work for work, _ in pairs) / min(fixed for _, fixed in pairs)
    low, high = np.percentile([work / fixed for work, fixed in pairs], (25, 75)).tolist()
    return Measured(name=name, ratio=ratio, noise=high / low)


def finding(measurement: Measured, baseline: Baseline, tolerance: float) -> Finding:
    """Return whether a work takes no more than ``tolerance`` times its baseline."""
    check = f"guard: {measurement.name}"
    stored = baseline.ratios.get(measurement.name)
    if stored is None:
        return unknown(check, "no baseline; store one: riskstream measure guard --store")
    times = measurement.ratio / stored
    words = f"{times:.2f} times the baseline of {baseline.on}, noise {measurement.noise:.2f}"
    judgement = judged(
        check,
        [f"{words}; {tolerance:g} are allowed"] if times > tolerance else [],
        passed=words,
        figures={"ratio": measurement.ratio, "baseline": stored, "noise": measurement.noise},
    )
    return msgspec.structs.replace(judgement, timing_only=times > tolerance)


def whole(measurements: Sequence[Measured], baseline: Baseline) -> Finding:
    """Return whether every work ran and has a baseline, however fast it was."""
    names = [figures.name for figures in measurements]
    missing = [name for name in names if name not in baseline.ratios]
    return judged(
        "guard: every work ran and has a stored baseline",
        [f"{name} has none" for name in missing],
        passed=f"{len(names)} works",
    )


def read_baseline() -> Baseline:
    """Return the stored baseline."""
    return msgspec.json.decode(BASELINE.read_bytes(), type=Baseline)


def store_baseline(measurements: Sequence[Measured], *, rounds: int, load_average: float) -> None:
    """Store ratios as those of this machine, today.

    Parameters
    ----------
    measurements : sequence of Measured
        Every work.
    rounds : int
        Of each.
    load_average : float
        Of the machine before, one minute.
    """
    stored = Baseline(
        on=utc_date(SystemClock().wall_ns()).isoformat(),
        processor=processor(),
        python=platform.python_version(),
        load_average=round(load_average, 2),
        rounds=rounds,
        ratios={measurement.name: round(measurement.ratio, 3) for measurement in measurements},
        noises={measurement.name: round(measurement.noise, 3) for measurement in measurements},
    )
    write_json(BASELINE, stored)


def processor() -> str:
    """Return the processor's name as the kernel tells it, or its architecture."""
    with suppress(OSError):
        for line in CPU_INFO.read_text("utf-8").splitlines():
            key, _, name = line.partition(":")
            if key.strip() == "model name":
                return name.strip()
    return platform.machine()


# -- the works ----------------------------------------------------------------------------------


@cache
def _ticks() -> tuple[Tick, ...]:
    plan = load_plan(rate=TICKS, seconds=1, warm_up_seconds=0, seconds_per_day=60)
    days = scheduled_days(plan, load_replay(plan))
    messages = [slot.message for day in days for slot in day.slots()]
    return tuple(message for message in messages if isinstance(message, Tick))


@cache
def _batch() -> pa.Table:
    """Return a micro-batch as Spark hands it over."""
    sent = [msgspec.structs.replace(tick, intended_monotonic_ns=10**15) for tick in _ticks()]
    places = [partition_of(tick.ticker.encode(), PARTITIONS) for tick in sent]
    return pa.table(
        {
            "topic": ["market_data"] * len(sent),
            "partition": pa.array(places, pa.int32()),
            "offset": list(range(len(sent))),
            "value": pa.array([encode(tick) for tick in sent], pa.binary()),
            "timestamp": pa.array([0] * len(sent), pa.timestamp("us", "UTC")),
        }
    )


def _book() -> Book:
    return opened_book(load_plan(rate=1, seconds=1))


def _priced_book() -> Book:
    book = _book()
    book.fold(batch_events(_batch()), fence=1, epoch=1)
    return book


@cache
def _valued_book() -> tuple[Book, tuple[RiskSnapshot, ...]]:
    """Return a book and its snapshots, for works that change neither."""
    book = _priced_book()
    return book, tuple(book.revalue(fence=1, epoch=2).snapshots)


def _decoding() -> float:
    table = _batch()
    return _cpu_s(lambda: batch_events(table))


def _folding() -> float:
    book, events = _book(), batch_events(_batch())
    return _cpu_s(lambda: book.fold(events, fence=1, epoch=1))


def _valuing() -> float:
    book = _priced_book()
    return _cpu_s(lambda: [book.revalue(fence=1, epoch=2) for _ in range(20)])


def _encoding() -> float:
    _, snapshots = _valued_book()
    # A snapshot keeps its JSON, a copy has none yet.
    copies = [msgspec.structs.replace(snapshot) for _ in range(20) for snapshot in snapshots]
    return _cpu_s(lambda: [encode(snapshot) for snapshot in copies])


def _asking() -> float:
    book, (snapshot, *_) = _valued_book()
    stored, name = encode(snapshot), snapshot.positions[0].instrument
    order = Trade(
        trade_id="t", portfolio=snapshot.portfolio, instrument=name, quantity=1.0, price=100.0
    )
    recall = SnapshotInputs(book.market)
    return _cpu_s(
        lambda: [what_if(decode(stored, RiskSnapshot), [order], recall) for _ in range(20)]
    )


@cache
def _received() -> tuple[Inputs, Observations, Watermarks]:
    """Return messages of 100 tickers, and as many snapshots as ten books make of them."""
    rng = np.random.default_rng(SEED)
    partition = np.arange(MESSAGES) % PARTITIONS
    inputs = Inputs(
        partition.astype(np.int64),
        (np.arange(MESSAGES) // PARTITIONS).astype(np.int64),
        rng.integers(0, 100, MESSAGES),
        np.arange(MESSAGES, dtype=np.int64) * 1_000_000,
    )
    batch = np.arange(SNAPSHOTS) // 10
    ends = (batch + 1) * (MESSAGES * 10 // SNAPSHOTS // PARTITIONS)
    received_ns = (batch + 1) * 100_000_000 + np.arange(SNAPSHOTS)
    observations = Observations(
        received_ns,
        (np.arange(SNAPSHOTS) % 10).astype(np.int64),
        np.zeros(SNAPSHOTS, dtype=np.int64),
        np.column_stack([np.ones(SNAPSHOTS, dtype=np.int64), batch]),
        np.column_stack([ends] * PARTITIONS),
        np.column_stack([received_ns - back for back in (50, 30, 20, 10, 1)]),
        np.ones((1, 100), dtype=np.bool_),
    )
    return inputs, observations, Watermarks(received_ns[9::10], observations.offsets[9::10])


def _judging() -> float:
    received = _received()
    return _cpu_s(lambda: [coverage(*received) for _ in range(10)])


WORKS: Final[Mapping[str, Callable[[], float]]] = {
    "decode 20,000 ticks": _decoding,
    "fold 20,000 ticks": _folding,
    "revalue 10 x 100 x 30, 20 times": _valuing,
    "encode 10 snapshots of 100 positions, 20 times": _encoding,
    "what-if of 100 positions, 20 times": _asking,
    "judge coverage of 10,000 ticks, 10 times": _judging,
}
"""Each returns the CPU seconds of its work, without what makes it ready."""


def _cpu_s(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
