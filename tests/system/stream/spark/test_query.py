"""Options of the reader of Kafka; a recording stand-in takes the place of Spark's builder."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, Self

import pytest

from system.stream.spark.query import (
    COLUMNS,
    FETCH_CONF,
    INLINE_BYTES,
    consumed_offsets,
    records,
)


class Reader:
    """Stands for the session, its reader and its frame: keeps what it is told."""

    def __init__(self) -> None:
        self.told: dict[str, Any] = {}
        self.columns: tuple[str, ...] = ()

    @property
    def readStream(self) -> Self:  # noqa: N802 - Spark's name
        return self

    def format(self, name: str) -> Self:
        self.told["format"] = name
        return self

    def option(self, name: str, value: object) -> Self:
        self.told[name] = value
        return self

    def options(self, **told: object) -> Self:
        self.told |= told
        return self

    def load(self) -> Self:
        return self

    def selectExpr(self, *columns: str) -> Self:  # noqa: N802 - Spark's name
        self.columns = columns
        return self


def told(**how: Any) -> dict[str, Any]:
    reader = Reader()
    records(reader, "127.0.0.1:1", {"trades:0": 0, "market_data:1": 7}, **how)  # type: ignore[arg-type]
    assert reader.columns == (
        *COLUMNS[:3],
        f"substring(value, 1, {INLINE_BYTES + 1}) AS value",
        *COLUMNS[4:],
    )
    return reader.told


def test_it_goes_on_where_the_state_ends_and_loses_nothing_silently():
    chosen = told()
    assert json.loads(chosen["assign"]) == {"market_data": [1], "trades": [0]}
    assert json.loads(chosen["startingOffsets"]) == {"market_data": {"1": 7}, "trades": {"0": 0}}
    assert chosen["failOnDataLoss"] == "true"


@pytest.mark.parametrize("tuned", [True, False])
def test_a_fetch_is_short_and_large_unless_it_is_left_at_its_default(tuned):
    chosen = told(tuned_fetch=tuned)
    assert {name: chosen[name] for name in FETCH_CONF if name in chosen} == (
        FETCH_CONF if tuned else {}
    )
    assert len(told()) == len(told(tuned_fetch=False)) + len(FETCH_CONF)


def test_a_batch_is_bounded_only_where_somebody_says_so():
    assert "maxOffsetsPerTrigger" not in told()
    assert told(max_batch_records=5)["maxOffsetsPerTrigger"] == 5


class Query:
    """A query that has finished a batch, or none."""

    def __init__(self, *ends: str) -> None:
        self._ends = ends

    @property
    def lastProgress(self) -> SimpleNamespace | None:  # noqa: N802 - Spark's name
        sources = [SimpleNamespace(endOffset=end) for end in self._ends]
        return SimpleNamespace(sources=sources) if sources else None


def test_the_query_says_how_far_it_has_come_in_each_partition() -> None:
    query: Any = Query('{"market_data": {"0": 5, "1": 0}, "trades": {"0": 12}}')
    assert consumed_offsets(query) == {"market_data:0": 5, "market_data:1": 0, "trades:0": 12}


def test_before_its_first_batch_the_query_has_come_nowhere() -> None:
    none: Any = Query()
    unset: Any = Query("null")
    assert [consumed_offsets(query) for query in (None, none, unset)] == [{}, {}, {}]
