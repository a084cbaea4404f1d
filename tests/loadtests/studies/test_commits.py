"""Commits compared: the same statements and rows on both sides, and ratios by size of batch."""

from __future__ import annotations

import pytest

from loadtests.studies.commits import CommitPoint, batch_of, multi_row, ratios
from system.store.postgres import limit_trail, sql


@pytest.mark.parametrize(
    "statement",
    [
        sql.UPSERT_OFFSETS,
        sql.UPSERT_STATE,
        sql.INSERT_SNAPSHOTS,
        sql.INSERT_REJECTED,
        limit_trail.INSERT_LEVELS,
    ],
)
def test_the_other_way_writes_the_products_own_statement(statement: str) -> None:
    many, template = multi_row(statement)
    assert many.count("%s") == 1
    assert many.replace("%s", template) == statement
    assert template.startswith("(")
    assert template.endswith(")")


def test_a_batch_changes_what_a_batch_of_a_run_changes() -> None:
    batch = batch_of(3, 7, 10, 5)
    assert len({snapshot.snapshot_id for snapshot in batch.snapshots}) == 10
    assert {len(snapshot.positions) for snapshot in batch.snapshots} == {5}
    assert {(snapshot.fence, snapshot.epoch) for snapshot in batch.snapshots} == {(3, 7)}
    assert batch.state
    assert batch.offsets


def test_ratios_are_of_the_same_size_and_below_one_where_the_product_is_faster() -> None:
    def point(way: str, snapshots: int, ms: float) -> CommitPoint:
        return CommitPoint(
            way=way, snapshots=snapshots, positions=1, least_ms=ms, median_ms=2 * ms, cpu_ms=ms
        )

    points = [point("product", 10, 9.0), point("psycopg2", 10, 10.0)]
    points += [point("product", 300, 50.0), point("psycopg2", 300, 100.0)]
    assert ratios(points) == {10: (0.9, 0.9, 0.9), 300: (0.5, 0.5, 0.5)}
