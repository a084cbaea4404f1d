"""Turns of the real-time engine: reference data first, nothing lost, restarts within bounds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from system.clock import Clock, ManualClock, SystemClock
from system.errors import InternalError, RiskstreamError, UnavailableError
from system.stream.engines import real_time
from system.stream.engines.engine import Subscription
from system.stream.engines.frames import FrameReader, Records
from system.stream.engines.real_time import MAX_RESTARTS, RunningRealTime, TasksMissingError
from system.stream.engines.record_link import LinkBrokenError
from tests.system.stream.engines.link_frames import hello, records

OFFSETS = {"reference:0": 0, "trades:0": 0}
BOUND_S = 10.0


def frame(topic: str, first: int, count: int = 1) -> Records:
    """Return a frame of so many records."""
    _, made = FrameReader().frames(hello("") + records(topic, 0, first, [b"x"] * count))
    assert isinstance(made, Records)
    return made


Arrival = list[Records] | Exception


@dataclass
class Lives:
    """Queries that hand over what a test has written down, one arrival a turn."""

    scripts: list[list[Arrival]]
    tasks: int = 2
    begun: list[dict[str, int]] = field(default_factory=list)
    ended: int = 0
    is_active: bool = True

    def begin(self, offsets: Mapping[str, int], number: int) -> Any:
        self.begun.append(dict(offsets))
        script = self.scripts[number] if number < len(self.scripts) else []
        query = SimpleNamespace(isActive=self.is_active, exception=lambda: "it failed")
        return SimpleNamespace(
            link=Link(script, self.tasks),
            query=query,
            started_ns=0,
            end=self.end,
        )

    def end(self) -> None:
        self.ended += 1


class Link:
    """A link that is a list."""

    def __init__(self, script: list[Arrival], tasks: int) -> None:
        self._script = list(script)
        self.most_tasks = tasks

    def wait(self, seconds: float) -> bool:
        if not self._script:
            SystemClock().sleep(0.001)
        return bool(self._script)

    def receive(self, bound: int, topics: set[str] | None = None) -> list[Records]:
        if not self._script:
            return []
        arrival = self._script[0]
        if isinstance(arrival, Exception):
            raise self._script.pop(0)  # type: ignore[misc]
        if topics is not None and not {each.topic for each in arrival} <= topics:
            return []
        self._script.pop(0)
        return arrival


class Run:
    """An engine over scripted queries; remembers what each turn read."""

    def __init__(self, lives: Lives, **options: Any) -> None:
        self.turns: list[list[tuple[str, int]]] = []
        self.error: Exception | None = options.pop("error", None)
        self.done = threading.Event()
        self._expected = options.pop("rows")
        bound = options.pop("bound", None)
        subscription = Subscription("q", None, "", OFFSETS, Path(), bound)  # type: ignore[arg-type]
        self.running = RunningRealTime(
            lives.begin,
            subscription,
            self._work,
            options.pop("clock", SystemClock()),
            options.pop("ask", None),
            options.pop("empty", None),
        )
        assert not options
        self.running.start()

    def _work(self, read: Callable[[], Any]) -> None:
        table = read()
        self.turns.append(
            list(zip(table["topic"].to_pylist(), table["offset"].to_pylist(), strict=True))
        )
        if self.error is not None:
            raise self.error
        if sum(map(len, self.turns)) >= self._expected:
            self.done.set()

    def finish(self) -> list[list[tuple[str, int]]]:
        assert self.done.wait(BOUND_S), self.turns
        self.running.stop()
        assert self.running.error() is None
        return self.turns

    def failure(self) -> Exception:
        assert self.running.await_end(BOUND_S)
        error = self.running.error()
        assert error is not None
        return error


def test_a_turn_is_what_has_come() -> None:
    lives = Lives([[[frame("trades", 0, 2), frame("reference", 0)], [frame("trades", 2)]]])
    run = Run(lives, rows=4)
    assert run.finish() == [
        [("trades", 0), ("trades", 1), ("reference", 0)],
        [("trades", 2)],
    ]
    assert run.running.consumed() == {"reference:0": 1, "trades:0": 3}
    assert lives.ended == 1


def test_a_stream_waits_until_every_partition_is_read() -> None:
    lives = Lives([[[frame("trades", 0)]]], tasks=1)
    run = Run(lives, rows=1, clock=ManualClock())
    assert run.done.wait(BOUND_S)
    asked: list[bool] = []

    def is_wanted() -> bool:
        asked.append(True)
        return len(asked) < 3

    run.running.await_readers(is_wanted)
    assert len(asked) == 3, "one partition of two had no task, and then none was wanted"
    run.finish()
    run.running.await_readers(lambda: True)  # what has ended is not waited for


def test_partitions_that_are_read_are_not_waited_for() -> None:
    run = Run(Lives([[[frame("trades", 0)]]]), rows=1)
    assert run.done.wait(BOUND_S)
    run.running.await_readers(lambda: True)
    run.finish()


def test_a_trade_waits_for_the_reference_data_that_were_there_before_it() -> None:
    lives = Lives([[[frame("trades", 0)], [frame("reference", 0)], [frame("reference", 1)]]])
    run = Run(lives, rows=3, ask=lambda: {"reference:0": 2})
    assert run.finish() == [[("trades", 0), ("reference", 0), ("reference", 1)]]


def test_reference_data_that_are_too_many_for_a_turn_go_first() -> None:
    arrivals: list[Arrival] = [[frame("trades", 0)]]
    arrivals += [[frame("reference", at, 3)] for at in (0, 3)]
    run = Run(Lives([arrivals]), rows=7, bound=3, ask=lambda: {"reference:0": 6})
    assert run.finish() == [
        [("reference", 0), ("reference", 1), ("reference", 2)],
        [("reference", 3), ("reference", 4), ("reference", 5)],
        [("trades", 0)],
    ]


def test_a_broker_that_is_away_holds_up_the_turn_and_no_more() -> None:
    answers: Iterator[Any] = iter([UnavailableError("away"), {"reference:0": 0}])

    def ask() -> Mapping[str, int]:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    run = Run(Lives([[[frame("trades", 0)]]]), rows=1, ask=ask)
    assert run.finish() == [[("trades", 0)]]


def test_an_offset_of_the_reference_topic_without_a_record_holds_up_nothing(monkeypatch) -> None:
    monkeypatch.setattr(real_time, "REFERENCE_PATIENCE_NS", 1_000_000)
    passed: dict[str, int] = {}
    empty = SimpleNamespace(
        look=lambda ends, consumed: passed.update(ends), beyond=lambda at: {**at, **passed}
    )
    lives = Lives([[[frame("trades", 0)]]])
    run = Run(lives, rows=1, ask=lambda: {"reference:0": 1}, empty=lambda: empty)
    assert run.finish() == [[("trades", 0)]]


def test_a_query_that_lost_rows_begins_again_where_the_last_turn_ended() -> None:
    broken = LinkBrokenError("a task ended")
    lives = Lives([[[frame("trades", 0, 2)], broken], [[frame("trades", 2)]]])
    run = Run(lives, rows=3)
    assert run.finish() == [[("trades", 0), ("trades", 1)], [("trades", 2)]]
    assert lives.begun == [OFFSETS, {"reference:0": 0, "trades:0": 2}]
    assert lives.ended == 2


def test_a_query_that_fails_for_ever_ends_the_driver() -> None:
    lives = Lives([[LinkBrokenError("a task ended")] for _ in range(MAX_RESTARTS + 5)])
    failure = Run(lives, rows=1).failure()
    assert isinstance(failure, InternalError)
    assert len(lives.begun) == MAX_RESTARTS + 1 == lives.ended


def test_a_query_that_ended_by_itself_begins_again(monkeypatch) -> None:
    monkeypatch.setattr(real_time, "POLL_S", 0.0)
    failure = Run(Lives([], is_active=False), rows=1).failure()
    assert "it failed" in str(failure)


def test_an_error_of_the_work_is_the_drivers_and_keeps_its_class() -> None:
    lives = Lives([[[frame("trades", 0)]]])
    run = Run(lives, rows=2, error=RiskstreamError("no store"))
    assert run.failure() is run.error
    assert run.running.consumed() == OFFSETS
    assert not run.running.is_active


def test_a_mistake_in_a_turn_is_an_internal_error_as_with_the_other_engine() -> None:
    run = Run(Lives([[[frame("trades", 0)]]]), rows=2, error=ZeroDivisionError("by a record"))
    failure = run.failure()
    assert isinstance(failure, InternalError)
    assert failure.__cause__ is run.error


def test_partitions_without_a_task_are_an_error_that_says_what_to_do(monkeypatch) -> None:
    monkeypatch.setattr(real_time, "POLL_S", 0.0)
    clock: Clock = ManualClock()
    clock.sleep(real_time.TASKS_BOUND_S + 1)
    failure = Run(Lives([], tasks=1), rows=1, clock=clock).failure()
    assert isinstance(failure, TasksMissingError)
    assert "RISKSTREAM_EXECUTOR_CORES" in str(failure)


@pytest.mark.parametrize(("end", "waits"), [(0, False), (1, False), (2, True)])
def test_records_wait_while_a_partition_ends_beyond_the_last_turn(end, waits) -> None:
    run = Run(Lives([[[frame("trades", 0)]]]), rows=1)
    run.finish()
    assert run.running.waits({"trades:0": end}) is waits
    assert (run.running.silence({"trades:0": end}) == 1) is waits
