"""Micro-batch engine: why its query has ended, and how far it is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.errors import StreamingQueryException

from system.errors import InternalError, RiskstreamError
from system.stream.engines.micro_batches import RunningMicroBatches


class FakeQuery:
    """A query that ends, with an error or without, or does not."""

    def __init__(self, ends: bool | Exception = False) -> None:
        self._ends = ends
        self.isActive = ends is False
        self.status = {"isDataAvailable": True}
        report = SimpleNamespace(timestamp=lambda: "2026-01-01T00:00:00Z")
        self._jsq = SimpleNamespace(lastProgress=lambda: report)

    def awaitTermination(self, _seconds: float) -> bool:  # noqa: N802 - Spark's own name
        if isinstance(self._ends, Exception):
            raise self._ends
        return self._ends

    def exception(self) -> str:
        return "no such topic"


def running(query: Any, work: Any = None) -> RunningMicroBatches:
    made = RunningMicroBatches(work, None)
    made.query = query
    return made


@pytest.mark.parametrize(
    ("ends", "has_ended"), [(False, False), (True, True), (StreamingQueryException("x"), True)]
)
def test_a_query_that_failed_has_ended_too(ends, has_ended):
    made = running(FakeQuery(ends))
    assert made.await_end(1.0) is has_ended
    assert made.is_active is not has_ended


def test_it_says_what_spark_says():
    made = running(FakeQuery())
    assert made.waits({}) is True
    assert made.silence({}) == "2026-01-01T00:00:00Z"
    assert made.error() is None


def test_an_error_of_the_work_keeps_its_class_though_spark_passes_on_a_text():
    failure = RiskstreamError("no store")

    def work(_read: object) -> None:
        raise failure

    made = running(FakeQuery(ends=True), work)
    with pytest.raises(RiskstreamError):
        made.work(lambda: None)  # type: ignore[arg-type, return-value]
    assert made.error() is failure


def test_a_query_that_ended_without_an_error_of_ours_is_an_internal_error():
    error = running(FakeQuery(ends=True)).error()
    assert isinstance(error, InternalError)
    assert "no such topic" in str(error)
