"""Live coverage: told piece by piece, it comes to the same as the whole record."""

from __future__ import annotations

import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from system.bus.consumer import Record
from system.contracts.codec import encode
from system.contracts.messages import SnapshotKind, StageTimes, Tick
from validation.measure.coverage import NEVER, coverage
from validation.measure.coverage_arrays import SentMessage, tables
from validation.measure.open_coverage import LiveCoverage, RecordTail, live_latency
from validation.measure.record import Holding, RecordWriter, SeenSnapshot
from validation.measure.sent_ticks import placed_trades, sent_ticks

HOLDINGS = [Holding(index=0, keys=("A", "B")), Holding(index=1, keys=("B",))]
BOOKS = ("both", "one")


def tick_record(offset: int, ticker: str) -> Record:
    tick = Tick(
        ticker=ticker,
        bid=1.0,
        ask=1.0,
        mid=1.0,
        volume=0.0,
        event_time_ns=1,
        sequence=offset,
        intended_monotonic_ns=(offset + 1) * 1_000,
    )
    return Record("market_data", 0, offset, ticker.encode(), encode(tick), 0)


def snapshot(received_ns: int, book: int, reach: int, epoch: int) -> SeenSnapshot:
    return SeenSnapshot(
        received_ns=received_ns,
        entry_id=f"{received_ns}-{book}",
        snapshot_id=f"{BOOKS[book]}-1-{epoch}",
        portfolio=BOOKS[book],
        kind=SnapshotKind.LIVE,
        fence=1,
        epoch=epoch,
        offsets={"market_data:0": reach},
        holding=book,
        stages=StageTimes(),
        event_time_ns=0,
        asof=None,
        var=1.0,
    )


@st.composite
def histories(draw):
    """Ticks, and batches that each cover some more of them for one book or both."""
    tickers = draw(st.lists(st.sampled_from(("A", "B")), min_size=1, max_size=12))
    lines, reach = [snapshot(1, 0, 0, 0), snapshot(1, 1, 0, 0)], 0
    for epoch in range(1, draw(st.integers(1, 6)) + 1):
        reach = min(reach + draw(st.integers(0, 5)), len(tickers))
        books = draw(st.sampled_from(((0,), (1,), (0, 1))))
        lines += [snapshot(100_000 + epoch * 1_000 + book, book, reach, epoch) for book in books]
    return tickers, lines


def told_in_pieces(history, *, per_tick: int, per_line: int, keep_ns: int):
    tickers, lines = history
    records = [tick_record(offset, ticker) for offset, ticker in enumerate(tickers)]
    live, told = LiveCoverage(keep_ns=keep_ns), []
    live.add_lines([*HOLDINGS, *lines[:2]])
    rest = lines[2:]
    for piece in range(max(len(records), len(rest))):
        live.add_ticks(records[piece * per_tick : (piece + 1) * per_tick])
        live.add_lines(rest[piece * per_line : (piece + 1) * per_line])
        told += live.settled().tolist()
    assert len(told) + live.open_count == len(tickers)
    return sorted(told)


def of_the_whole(history):
    tickers, lines = history
    sent = [
        SentMessage("market_data", 0, at, ticker, (at + 1) * 1_000)
        for at, ticker in enumerate(tickers)
    ]
    arrays = tables(sent, [*HOLDINGS, *lines])
    whole = coverage(arrays.inputs, arrays.observations, arrays.watermarks)
    done = whole.covered_ns != NEVER
    return sorted((whole.covered_ns - arrays.inputs.intended_ns)[done].tolist())


@given(histories(), st.integers(1, 4), st.integers(1, 4))
def test_ticks_that_come_after_their_snapshots_are_told_as_in_the_whole_record(
    history, per_tick, per_line
):
    told = told_in_pieces(history, per_tick=per_tick, per_line=per_line, keep_ns=10**9)
    assert told == of_the_whole(history)


@given(histories(), st.integers(1, 4))
def test_what_is_forgotten_changes_nothing_for_ticks_that_are_open(history, per_line):
    told = told_in_pieces(history, per_tick=12, per_line=per_line, keep_ns=0)
    assert told == of_the_whole(history)


def test_records_that_are_no_ticks_are_left_out():
    garbage = [
        Record("market_data", 0, at, b"\xff", value, 0) for at, value in enumerate([b"", b"[" * 9])
    ]
    live = LiveCoverage()
    live.add_ticks([*garbage, tick_record(2, "A")])
    assert live.open_count == 1
    assert len(sent_ticks([*garbage, tick_record(2, "A")]).mid) == 1
    assert placed_trades(garbage) == ()


def test_a_record_is_read_while_it_grows_whole_lines_only(tmp_path):
    path, stream = tmp_path / "record.jsonl", io.BytesIO()
    tail = RecordTail(path)
    assert tail.lines() == []
    RecordWriter(stream).write(*HOLDINGS)
    first, second = stream.getvalue().splitlines(keepends=True)
    path.write_bytes(first + second[:5])
    assert tail.lines() == HOLDINGS[:1]
    path.write_bytes(first + second)
    assert tail.lines() == HOLDINGS[1:]
    assert tail.lines() == []


def test_latencies_are_counted_by_whole_milliseconds():
    told = live_latency(np.array([900_000, 1_100_000, 1_900_000, -5]), at_ns=7, open_count=3)
    assert told.counts == {0: 2, 1: 2}
    assert (told.at_ns, told.open_count) == (7, 3)
