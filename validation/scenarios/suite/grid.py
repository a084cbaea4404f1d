"""The determinism grid: the same story in other shapes, and that its numbers are the same."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from system.settings import EngineName
from validation.scenarios.play.stack import PipelineConfig
from validation.scenarios.story.timeline import Moment
from validation.scenarios.suite.report import ScenarioReport
from validation.verdict import Finding, judged, unknown

GRID_STORY: Final = "dirty-feed"
CUT_RECORDS: Final = (None, 700, 300)
PARTITIONS: Final = (1, 2, 4)
SPEEDS: Final = (1.0, None)
RESTARTS: Final = (False, True)
SHARDED: Final = (False, True)
ENGINES: Final[tuple[EngineName, ...]] = ("micro-batch", "real-time")
FIRST_RESTART_DAY: Final = 1
LAST_RESTART_DAY: Final = 4
GRID: Final = (
    "determinism: ends of day hash alike over partitions, cuts, speeds, restarts, shards, engines"
)
FAULTS: Final = "determinism: ends of day hash alike whatever broke on the way"


@dataclass(frozen=True)
class Point:
    """One point of the determinism grid.

    Parameters
    ----------
    partitions : int
        Of market data.
    cut_records : int or None
        Most records in a batch; None: the default.
    speed : float or None
        Times the file's; None: as fast as it goes.
    restarts : bool
        Whether the stream is restarted on the way, at a moment drawn for this point.
    sharded : bool
        Whether the executors value every batch, else the driver.
    engine : str
        How Spark reads Kafka.
    """

    partitions: int = 2
    cut_records: int | None = None
    speed: float | None = 1.0
    restarts: bool = False
    sharded: bool = False
    engine: EngineName = "micro-batch"

    @property
    def name(self) -> str:
        """Name of the point, unlike that of any other."""
        cut = "all" if self.cut_records is None else str(self.cut_records)
        restart = "" if self.restart_at is None else f"-restart{self.restart_at}"
        where = "-sharded" if self.sharded else ""
        engine = "-real-time" if self.engine == "real-time" else ""
        return f"p{self.partitions}-cut{cut}-{speed_text(self.speed)}{restart}{where}{engine}"

    @property
    def folder(self) -> str:
        """Of its report."""
        return f"{GRID_STORY}-{self.name}"

    @property
    def shape(self) -> PipelineConfig:
        """Configuration of its pipeline."""
        return PipelineConfig(self.partitions, self.cut_records, self.sharded, self.engine)

    @property
    def ends_processes(self) -> bool:
        """True where the driver's process ends on the way."""
        return self.restarts

    @property
    def restart_at(self) -> Moment | None:
        """When the stream is restarted: anywhere, but the same at every run of this point."""
        if not self.restarts:
            return None
        rng = random.Random(f"{self.partitions} {self.cut_records} {self.speed} {self.sharded}")  # noqa: S311
        day = rng.randint(FIRST_RESTART_DAY, LAST_RESTART_DAY)
        return Moment(day, round(rng.uniform(0.02, 0.98), 2))


def speed_text(speed: float | None) -> str:
    """Return a speed as ``--speed`` takes it."""
    return "max" if speed is None else f"{speed:g}x"


BASE: Final = Point()
"""The story as its file says; every other point is compared with it."""
SHORT_GRID: Final = (
    Point(1, None, 1.0, restarts=True, sharded=True, engine="real-time"),
    Point(1, 700, 1.0, sharded=True, engine="real-time"),
    Point(1, 300, None),
    Point(2, 700, None, restarts=True),
    Point(2, 300, None, sharded=True, engine="real-time"),
    Point(4, None, None),
    Point(4, 700, None, sharded=True),
    Point(4, 300, 1.0, restarts=True, engine="real-time"),
)
"""With ``BASE``: each two values of two different factors meet in a run (pairwise).

A restart costs a driver's start, so as few as can be restart: one for each number of partitions.
"""
_SHORT_ENGINES: Final = {replace(point, engine=ENGINES[0]): point.engine for point in SHORT_GRID}
WHOLE_GRID: Final = tuple(
    replace(point, engine=_SHORT_ENGINES.get(point, engine))
    for point, engine in zip(
        itertools.starmap(
            Point, itertools.product(PARTITIONS, CUT_RECORDS, SPEEDS, RESTARTS, SHARDED)
        ),
        itertools.cycle((*ENGINES, *reversed(ENGINES))),
        strict=False,
    )
    if point != BASE
)
"""Every combination of the other factors; the engines take turns."""


def check_grid(reports: Sequence[ScenarioReport]) -> Finding:
    """Return whether every run of one story has the same numbers at every end of day."""
    if len(reports) < 2:
        return unknown(GRID, "two runs at least are needed")
    first = reports[0]
    problems = [
        f"{other.name} differs on {_differing(first.day_hashes, other.day_hashes)}"
        for other in reports[1:]
        if other.day_hashes != first.day_hashes
    ]
    told = f"{len(reports)} runs, {len(first.day_hashes)} ends of day, {first.numbers_hash}"
    figures = {report.name: report.numbers_hash for report in reports}
    return judged(GRID, problems, passed=told, figures={**figures})


def check_faults_alike(worlds: Iterable[Sequence[ScenarioReport]]) -> Finding:
    """Return whether runs of one market with other faults agree on the days they share.

    Parameters
    ----------
    worlds : iterable of sequence of ScenarioReport
        In each the runs with the same market, books and timeline, and faults of their own.
    """
    pairs = [
        (one, other)
        for reports in worlds
        for one, other in itertools.combinations(reports, 2)
        if one.seed == other.seed and one.day_hashes.keys() & other.day_hashes.keys()
    ]
    if not pairs:
        return unknown(FAULTS, "two runs of one market at least are needed")
    problems = [
        f"{one.name} and {other.name} differ on {days}"
        for one, other in pairs
        if (days := _differing(*_shared(one.day_hashes, other.day_hashes)))
    ]
    count = len({report.name for pair in pairs for report in pair})
    told = f"{count} runs, each two of one market and seed agree on every day that both have"
    return judged(FAULTS, problems, passed=told)


def _shared(
    one: Mapping[str, str], other: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    names = one.keys() & other.keys()
    return {name: one[name] for name in names}, {name: other[name] for name in names}


def _differing(one: Mapping[str, str], other: Mapping[str, str]) -> str:
    names = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def uncovered_pairs(points: Sequence[Point]) -> Iterator[tuple[object, object]]:
    """Yield pairs of values of two different factors that no point brings together."""
    factors = (
        ("partitions", PARTITIONS),
        ("cut_records", CUT_RECORDS),
        ("speed", SPEEDS),
        ("restarts", RESTARTS),
        ("sharded", SHARDED),
        ("engine", ENGINES),
    )
    for (one, values), (other, others) in itertools.combinations(factors, 2):
        met = {(getattr(point, one), getattr(point, other)) for point in points}
        yield from (pair for pair in itertools.product(values, others) if pair not in met)
