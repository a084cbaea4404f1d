"""Record link: rows in offset order, none lost unnoticed, and no stranger's."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from system.clock import ManualClock, SystemClock
from system.stream.engines.frames import Records
from system.stream.engines.record_link import HELLO_BOUND_NS, LinkBrokenError, RecordLink
from tests.system.stream.engines.link_frames import end, hello, records

MANY = 2**62
PATIENCE_S = 10.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def link(clock) -> Iterator[RecordLink]:
    made = RecordLink("127.0.0.1", clock)
    yield made
    made.close()


class Task:
    """The sending side of one task."""

    def __init__(self, link: RecordLink) -> None:
        self._socket = socket.create_connection((link.host, link.port))

    def send(self, *frames: bytes) -> None:
        self._socket.sendall(b"".join(frames))

    def close(self) -> None:
        self._socket.close()

    def is_refused(self) -> bool:
        self._socket.settimeout(PATIENCE_S)
        try:
            return self._socket.recv(1) == b""
        except ConnectionError:
            return True


@pytest.fixture
def connect(link) -> Iterator[Callable[[], Task]]:
    tasks: list[Task] = []

    def connected() -> Task:
        tasks.append(Task(link))
        return tasks[-1]

    yield connected
    for task in tasks:
        task.close()


def received(link: RecordLink, count: int, bound: int = MANY) -> list[Records]:
    """Return so many frames; they may need several turns to come."""
    deadline_ns = SystemClock().monotonic_ns() + PATIENCE_S * 1e9
    frames: list[Records] = []
    while len(frames) < count:
        assert SystemClock().monotonic_ns() < deadline_ns, f"only {len(frames)} came"
        link.wait(0.1)
        frames += link.receive(bound)
    return frames


def places(frames: list[Records]) -> list[tuple[str, int]]:
    return [(frame.place, frame.next_offset) for frame in frames]


def test_rows_of_a_task_come_in_their_order(link, connect):
    task = connect()
    task.send(hello(link.secret), *(records("trades", 0, at, [b"x"]) for at in range(3)))
    assert places(received(link, 3)) == [("trades:0", 1), ("trades:0", 2), ("trades:0", 3)]


def test_a_stranger_is_closed_and_the_stream_goes_on(link, connect):
    task, stranger, deaf = connect(), connect(), connect()
    task.send(hello(link.secret), records("trades", 0, 0, [b"x"]))
    stranger.send(hello("0" * len(link.secret)), records("trades", 0, 0, [b"forged"]))
    deaf.send(b"GET / HTTP/1.1\r\n\r\n")
    (frame,) = received(link, 1)
    assert frame.values == b"x"
    for other in (stranger, deaf):
        link.wait(0.1)
        link.receive(MANY)
        assert other.is_refused()


def test_a_connection_that_never_says_who_it_is_is_closed(link, connect, clock):
    silent = connect()
    link.wait(PATIENCE_S)
    link.receive(MANY)
    clock.sleep(HELLO_BOUND_NS / 1e9 + 1)
    link.receive(MANY)
    assert silent.is_refused()


def test_a_batch_is_read_to_its_end_before_the_next_one(link, connect):
    """Rows that a task of the old batch still has to send come before those of the new one."""
    old, new = connect(), connect()
    old.send(hello(link.secret, batch=0), records("trades", 0, 0, [b"a"]))
    received(link, 1)
    new.send(hello(link.secret, batch=1), records("trades", 0, 2, [b"c"]))
    for _ in range(3):
        link.wait(0.05)
        assert link.receive(MANY) == []
    old.send(records("trades", 0, 1, [b"b"]), end())
    old.close()
    assert places(received(link, 2)) == [("trades:0", 2), ("trades:0", 3)]


def test_a_task_that_ends_before_its_end_breaks_the_link(link, connect):
    task = connect()
    task.send(hello(link.secret), records("trades", 0, 0, [b"a"]))
    received(link, 1)
    task.close()
    with pytest.raises(LinkBrokenError, match="before it had sent all"):
        received(link, 1)


def test_a_task_that_spark_starts_again_breaks_the_link(link, connect):
    task = connect()
    task.send(hello(link.secret, task=2, attempt=1))
    with pytest.raises(LinkBrokenError, match="task 2 was started again"):
        received(link, 1)


def test_a_turn_is_bounded_and_the_rest_stays_for_the_next_one(link, connect):
    task = connect()
    long = b"x" * 200_000
    task.send(hello(link.secret))
    received_frames: list[Records] = []
    for at in range(20):
        task.send(records("trades", 0, at, [long]))
        received_frames += received(link, 1, bound=1)
    assert [frame.next_offset for frame in received_frames] == list(range(1, 21))


def test_other_topics_wait_while_one_is_read(link, connect):
    trades, reference = connect(), connect()
    trades.send(hello(link.secret, task=0), records("trades", 0, 0, [b"a"]))
    reference.send(hello(link.secret, task=1), records("reference", 0, 0, [b"r"]))
    received(link, 2)
    trades.send(records("trades", 0, 1, [b"b"]))
    reference.send(records("reference", 0, 1, [b"s"]))
    only: list[Records] = []
    while not only:
        only = link.receive(MANY, {"reference"})
    assert places(only) == [("reference:0", 2)]
    assert places(received(link, 1)) == [("trades:0", 2)]
