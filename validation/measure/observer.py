"""The observer: a process outside the pipeline that stamps what has become readable.

It reads what any reader of Redis can read, the push stream and the watermark. One script
writes a snapshot's hash, its stream entry and the watermark at once, so whoever has
received the entry could have read the number. Receipt is stamped before anything is
decoded; judging is left to ``validation.measure.coverage``, after the run.

Run it as ``python -m validation.measure.observer RECORD [--state-dir DIR]``; it says ``observing``
when it is ready and ends, its record complete, on SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import datetime as dt
import gc
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec

from system.clock import monotonic_ns
from system.contracts.currencies import EUR, unit_of
from system.contracts.messages import MONEY, AssetClass, StageTimes
from system.contracts.text.columns import numbers_of
from system.priority import go_first
from system.runtime.interrupts import StopRequest
from system.settings import load_settings
from system.store.errors import StoreUnavailableError
from system.store.redis.latest import LatestStore
from system.store.redis.redis_values import StreamEntry, Watermark
from validation.measure.record import Holding, RecordWriter, SeenSnapshot, SeenWatermark

READY: Final = "observing"
BLOCK_MS: Final = 20
"""Longest wait for an entry; so often, at least, is the watermark read."""
READ_COUNT: Final = 256
START_OF_STREAM: Final = "0"


class Readable(Protocol):
    """Source that the observer reads: ``LatestStore``, or a fake in tests."""

    def read_since(self, last_id: str, *, block_ms: int, count: int) -> Sequence[StreamEntry]:
        """Return published snapshots after an entry, oldest first."""
        ...

    def watermark(self) -> Watermark | None:
        """Return the newest batch that was published."""
        ...


class HeldPosition(msgspec.Struct, frozen=True):
    """The part of a position that says what moves it."""

    instrument: str
    asset_class: AssetClass
    currency: str
    quantity: float


class HeldColumns(msgspec.Struct, frozen=True):
    """The same of all positions, a column for each field."""

    instrument: tuple[str, ...]
    asset_class: tuple[AssetClass, ...]
    currency: tuple[str, ...]
    quantity: bytes

    @property
    def rows(self) -> tuple[HeldPosition, ...]:
        """Return a row for each position."""
        columns = (self.instrument, self.asset_class, self.currency, numbers_of(self.quantity))
        return tuple(map(HeldPosition, *columns))


class SnapshotHead(msgspec.Struct, frozen=True):
    """The part of a snapshot that the record keeps; other fields are skipped unread."""

    snapshot_id: str
    base_currency: str
    offsets: dict[str, int]
    event_time_ns: int
    asof: dt.date | None
    var: float | None
    positions: HeldColumns | tuple[HeldPosition, ...]
    trade_ids: tuple[str, ...]
    stages: StageTimes
    stale: tuple[str, ...] = ()


class Observer:
    """Reads, stamps, writes down; decides nothing.

    Parameters
    ----------
    store : Readable
        Where snapshots and watermarks are read.
    writer : RecordWriter
        Where they are written down.
    now_ns : callable
        CLOCK_MONOTONIC in nanoseconds.
    """

    def __init__(
        self, store: Readable, writer: RecordWriter, now_ns: Callable[[], int] = monotonic_ns
    ) -> None:
        self._store = store
        self._writer = writer
        self._now_ns = now_ns
        self._last_id = START_OF_STREAM
        self._version = (-1, -1)
        self._holdings: dict[tuple[str, ...], int] = {}

    def observe_once(self) -> int:
        """Record what came within ``BLOCK_MS``, and the watermark if it moved.

        Returns
        -------
        int
            How many snapshots came.

        Raises
        ------
        StoreUnavailableError
            If Redis does not answer within its bound.
        """
        entries = self._store.read_since(self._last_id, block_ms=BLOCK_MS, count=READ_COUNT)
        received_ns = self._now_ns()
        watermark = self._store.watermark()
        read_ns = self._now_ns()
        for entry in entries:
            self._keep_snapshot(entry, received_ns)
        if watermark is not None:
            self._keep_watermark(watermark, read_ns)
        return len(entries)

    def observe_until(self, stopped: Callable[[], bool], *, patient: bool = False) -> None:
        """Observe until told to stop, then once more, so that nothing published is missed.

        Parameters
        ----------
        stopped : callable
            Whether to stop.
        patient : bool
            Whether to go on when Redis does not answer, for runs in which it is broken on
            purpose.

        Raises
        ------
        StoreUnavailableError
            If Redis does not answer within its bound, unless patient.
        """
        while not stopped():
            try:
                self.observe_once()
            except StoreUnavailableError:
                if not patient:
                    raise
        while self.observe_once() == READ_COUNT:
            pass

    def _keep_snapshot(self, entry: StreamEntry, received_ns: int) -> None:
        head = msgspec.json.decode(entry.snapshot, type=SnapshotHead)
        self._last_id = entry.entry_id
        self._writer.write(
            SeenSnapshot(
                received_ns=received_ns,
                entry_id=entry.entry_id,
                snapshot_id=head.snapshot_id,
                portfolio=entry.portfolio,
                kind=entry.kind,
                fence=entry.fence,
                epoch=entry.epoch,
                offsets=head.offsets,
                holding=self._holding(moving_keys(head)),
                stages=head.stages,
                event_time_ns=head.event_time_ns,
                asof=head.asof,
                var=head.var,
                trade_ids=head.trade_ids,
                stale=head.stale,
            )
        )

    def _holding(self, keys: tuple[str, ...]) -> int:
        index = self._holdings.get(keys)
        if index is None:
            index = self._holdings[keys] = len(self._holdings)
            self._writer.write(Holding(index=index, keys=keys))
        return index

    def _keep_watermark(self, watermark: Watermark, received_ns: int) -> None:
        version = (watermark.fence, watermark.epoch)
        if version == self._version:
            return
        self._version = version
        self._writer.write(
            SeenWatermark(
                received_ns=received_ns,
                fence=watermark.fence,
                epoch=watermark.epoch,
                offsets=watermark.offsets,
            )
        )


def moving_keys(head: SnapshotHead) -> tuple[str, ...]:
    """Return what moves a portfolio: tickers it holds, and ``fx:CCY`` of the rates it needs.

    A rate into the base currency takes two quotes per EUR, unless one of them is EUR.
    """
    rows = head.positions if isinstance(head.positions, tuple) else head.positions.rows
    held = [position for position in rows if position.quantity != 0]
    tickers = {position.instrument for position in held if position.asset_class not in MONEY}
    foreign = {unit_of(position.currency).currency for position in held} - {head.base_currency}
    quoted = (foreign | {head.base_currency} if foreign else set()) - {EUR}
    return tuple(sorted(tickers | {f"fx:{currency}" for currency in quoted}))


def main(arguments: Sequence[str] | None = None) -> int:
    """Observe a running stack until a signal ends it.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; default this process's.

    Returns
    -------
    int
        Exit code.
    """
    options = _parser().parse_args(arguments)
    ended = StopRequest()
    go_first()  # what waits for a core here would count as the system's latency
    settings = load_settings()
    if options.state_dir:
        settings = settings.model_copy(update={"state_dir": options.state_dir})
    with (
        LatestStore(settings.connections().redis_url) as store,
        options.record.open("wb") as stream,
    ):
        observer = Observer(store, RecordWriter(stream))
        observer.observe_once()
        gc.freeze()
        sys.stdout.write(f"{READY}\n")
        sys.stdout.flush()
        observer.observe_until(ended.is_set, patient=options.patient)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m validation.measure.observer")
    parser.add_argument("record", type=Path, help="file to write")
    parser.add_argument("--state-dir", type=Path, help="folder of the stack; default: the settings")
    parser.add_argument(
        "--patient", action="store_true", help="go on when Redis does not answer for a while"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
