"""``python -m validation.containers.closing``: judges topics and stores, from the inner network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from system.bus.consumer import end_offsets
from system.contracts.messages import RiskSnapshot, SnapshotKind
from system.contracts.topics import INPUT_TOPICS
from system.outputs import OUTPUT_FILE
from system.settings import load_settings
from system.store.redis.latest import LatestStore
from validation.oracle.history_check import check_live, check_recorded
from validation.run.read_back import read_announced, read_inputs, read_stated
from validation.scenarios.judge.completeness import check_announced, check_trades_named
from validation.verdict import Finding, judged

COVERED: Final = "end: everything that lies on the topics is in the newest numbers"
COUNTED: Final = "end: every end of day of every book is stored once"


def close(
    report: Annotated[
        Path, typer.Option(callback=OUTPUT_FILE, help="JSON file of findings to write.")
    ],
    days: Annotated[int, typer.Option(help="Ends of day that each book must have.")],
) -> None:
    """Judge topics, PostgreSQL and Redis once nothing is sent any more."""
    connections = load_settings().connections()
    ends = end_offsets(connections.kafka_bootstrap_servers, INPUT_TOPICS)
    with LatestStore(connections.redis_url) as latest:
        watermark, oracle = latest.watermark(), latest.status().oracle
    records = read_inputs(connections.kafka_bootstrap_servers)
    stated = read_stated(connections.database_url)
    announced = read_announced(connections.kafka_bootstrap_servers)
    findings = (
        check_covered({} if watermark is None else watermark.offsets, ends),
        check_days(stated.snapshots, days),
        check_recorded(records, stated.snapshots),
        check_live(oracle),
        check_trades_named(records, stated.snapshots),
        check_announced(stated.snapshots, announced),
    )
    report.write_bytes(msgspec.json.encode(findings))


def check_covered(covered: Mapping[str, int], ends: Mapping[str, int]) -> Finding:
    """Return whether the newest batch in Redis covers the ends of all input topics."""
    return judged(
        COVERED,
        (
            f"{place}: {covered.get(place, 0)} of {end} messages"
            for place, end in sorted(ends.items())
            if covered.get(place, 0) < end
        ),
        passed=f"{sum(ends.values()):,} messages",
        figures={"messages": sum(ends.values())},
    )


def check_days(snapshots: Sequence[RiskSnapshot], days: int) -> Finding:
    """Return whether each book has one stored end of day for each of a number of days."""
    ends = [each for each in snapshots if each.kind is SnapshotKind.END_OF_DAY]
    return judged(
        COUNTED,
        _miscounted(ends, days),
        passed=f"{len(ends)} ends of day",
        figures={"ends_of_day": len(ends)},
    )


def _miscounted(ends: Sequence[RiskSnapshot], days: int) -> Iterator[str]:
    books = sorted({each.portfolio for each in ends})
    if not books:
        yield "no end of day is stored"
    for book in books:
        dates = [each.asof for each in ends if each.portfolio == book]
        if len(dates) != days or len(set(dates)) != days:
            yield f"{book}: {len(dates)} ends of day of {len(set(dates))} days, not {days}"


if __name__ == "__main__":
    typer.run(close)
