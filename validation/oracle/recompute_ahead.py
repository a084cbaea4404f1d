"""``python -m validation.oracle.recompute_ahead FILE``: recompute snapshots while a run goes on.

Every announced one, in their order; each is a line of the file: its digest and the verdict. The
judgement of the run takes a verdict from here only for a stored snapshot of the same digest, and
recomputes every other one itself. It works at a low priority, with the cycles that the pipeline
leaves.

It says ``recomputing`` when it follows, and ends on SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from system.bus.consumer import Follower, Record
from system.contracts.codec import decode, encode
from system.contracts.messages import RiskSnapshot
from system.contracts.oracle import OracleCheck
from system.contracts.topics import INPUT_TOPICS, RISK_SNAPSHOTS
from system.errors import MessageError
from system.runtime.interrupts import StopRequest
from system.settings import load_settings
from validation.measure.record import whole_lines
from validation.oracle.following import Reader
from validation.oracle.inputs_at import OffsetCursor
from validation.oracle.snapshot_check import checked
from validation.rules.marks import MARK_WAIT_MS

READY: Final = "recomputing"
POLL_S: Final = 0.1
LOW_PRIORITY: Final = 10
"""Behind the pipeline, but not so far that a busy machine leaves it nothing."""
MAX_WAITING_RECORDS: Final = 400_000
"""Beyond this nothing is read before what waits is used up."""
_LOG: Final = logging.getLogger(__name__)


class Recomputed(msgspec.Struct, frozen=True, kw_only=True):
    """One snapshot and what the oracle says of it."""

    digest: str
    check: OracleCheck


def digest_of(snapshot: RiskSnapshot) -> str:
    """Return what tells a snapshot from every other one: all of its fields count."""
    return hashlib.sha256(encode(snapshot)).hexdigest()


def read_recomputed(path: Path) -> dict[str, OracleCheck]:
    """Return the verdicts of a file by digest; none where there is no file, or no whole line."""
    if not path.exists():
        return {}
    lines = (msgspec.json.decode(line, type=Recomputed) for line in whole_lines(path))
    return {line.digest: line.check for line in lines}


class AheadOracle:
    """Compares announced snapshots in their order, as far as the inputs have been read.

    Parameters
    ----------
    inputs : Reader
        Of the input topics, from their beginning.
    snapshots : Reader
        Of the topic of snapshots.
    note : callable
        Told of each snapshot that was compared.
    mark_wait_ms : int
        The stream's bound of how long a mark waits for the other partitions.
    """

    def __init__(
        self,
        inputs: Reader,
        snapshots: Reader,
        note: Callable[[Recomputed], None],
        *,
        mark_wait_ms: int = MARK_WAIT_MS,
    ) -> None:
        self._inputs = inputs
        self._snapshots = snapshots
        self._note = note
        self._walk = OffsetCursor(inputs.position, mark_wait_ms=mark_wait_ms)
        self._waiting: deque[RiskSnapshot] = deque()

    def read(self, poll_s: float) -> None:
        """Read what has come, unless much waits already."""
        if self._walk.waiting_count < MAX_WAITING_RECORDS:
            self._walk.add(self._inputs.poll(poll_s))
            self._waiting.extend(_snapshots(self._snapshots.poll(0.0)))

    def compare_next(self) -> bool:
        """Compare the oldest snapshot that waits, if its inputs are there; return whether."""
        if not self._waiting or _is_short(self._inputs.position, self._waiting[0].offsets):
            return False
        self._compare(self._waiting.popleft())
        return True

    def _compare(self, snapshot: RiskSnapshot) -> None:
        """Compare one; one that would lead back is left to whoever judges the run."""
        if self._walk.is_behind(snapshot.offsets, snapshot.kind):
            self._walk.go_to(snapshot.offsets, snapshot.kind)
            check = checked(snapshot, self._walk.inputs, now_ms=0)
            self._note(Recomputed(digest=digest_of(snapshot), check=check))


def _snapshots(records: Sequence[Record]) -> Iterator[RiskSnapshot]:
    """Yield the snapshots among the records of their topic; anybody can write there."""
    for record in records:
        try:
            yield decode(record.value, RiskSnapshot)
        except MessageError as error:
            _LOG.warning("offset %d of %s is skipped: %s", record.offset, record.topic, error)


def _is_short(position: Mapping[str, int], ends: Mapping[str, int]) -> bool:
    return any(position.get(place, 0) < offset for place, offset in ends.items())


def main(arguments: Sequence[str] | None = None) -> int:
    """Follow a running stack until a signal ends it; return the exit code."""
    options = _parser().parse_args(arguments)
    ended = StopRequest()
    os.nice(LOW_PRIORITY)
    settings = load_settings().model_copy(update={"state_dir": options.state_dir.absolute()})
    servers = settings.connections().kafka_bootstrap_servers
    with (
        Follower(servers, INPUT_TOPICS) as inputs,
        Follower(servers, [RISK_SNAPSHOTS]) as snapshots,
        options.file.open("wb") as stream,
    ):

        def note(line: Recomputed) -> None:
            stream.write(msgspec.json.encode(line) + b"\n")
            stream.flush()

        wait_ms = settings.mark_wait_seconds * 1_000
        oracle = AheadOracle(inputs, snapshots, note, mark_wait_ms=wait_ms)
        sys.stdout.write(f"{READY}\n")
        sys.stdout.flush()
        while not ended.is_set():
            if not oracle.compare_next():
                oracle.read(POLL_S)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m validation.oracle.recompute_ahead")
    parser.add_argument("file", type=Path, help="file to write")
    parser.add_argument("--state-dir", type=Path, required=True, help="folder of the stack")
    return parser


if __name__ == "__main__":
    sys.exit(main())
