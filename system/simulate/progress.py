"""Progress lines of a publisher: one JSON object each, distinguished by ``event``."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final, cast

import msgspec
from msgspec import Struct

from system.bus.producer import SendCounts
from system.simulate.errors import SimulationError

MIN_ACHIEVED_RATIO: Final = 0.999
MAX_SLIP_MS_P99: Final = 5.0


class Slip(Struct, frozen=True, kw_only=True):
    """Delay of ticks against their schedule when handed to the client, milliseconds."""

    ms_p50: float
    ms_p99: float
    ms_max: float


class ReferenceSent(Struct, frozen=True, kw_only=True, tag_field="event", tag="reference"):
    """Instruments and closes, of stressed windows too, are acknowledged by the broker."""

    instruments: int
    histories: int
    stressed: int = 0


class DaySent(Struct, frozen=True, kw_only=True, tag_field="event", tag="day"):
    """One day is sent, its mark included. ``index`` is 0-based; ``slip`` is that day's."""

    date: dt.date
    index: int
    day_count: int
    tick_count: int
    slip: Slip


class PublishSummary(Struct, frozen=True, kw_only=True, tag_field="event", tag="summary"):
    """Totals of a whole run, and whether it kept its schedule.

    ``tick_count`` counts ticks and FX rates, ``sent`` every record, marks once per
    partition. ``achieved_ratio`` is the time that the schedule meant to take over the time
    it took, None where nothing was paced. ``on_schedule`` is False when a paced run is not
    valid for measurements: a ratio below ``MIN_ACHIEVED_RATIO`` or a slip at the 99th
    percentile above ``MAX_SLIP_MS_P99``. ``offsets`` maps ``topic:partition`` to the
    first offset after the last acknowledged record.
    """

    day_count: int
    tick_count: int
    sent: int
    acked: int
    failed: int
    seconds: float
    ticks_per_second: float
    achieved_ratio: float | None
    on_schedule: bool
    slip: Slip
    offsets: dict[str, int]


def summary_of(
    *,
    day_count: int,
    tick_count: int,
    counts: SendCounts,
    offsets: dict[str, int],
    scheduled_ns: int | None,
    elapsed_ns: int,
    slip: Slip,
) -> PublishSummary:
    """Return the totals of a run.

    Parameters
    ----------
    day_count, tick_count : int
        Days that were sent, and ticks and FX rates.
    counts : SendCounts
        Of the client.
    offsets : dict of str to int
        ``topic:partition`` to the first offset after the last acknowledged record.
    scheduled_ns, elapsed_ns : int
        From the first tick to the last: by the schedule (None: nothing was paced), and in truth.
    slip : Slip
        Of all ticks.
    """
    ratio = None if scheduled_ns is None else scheduled_ns / elapsed_ns
    return PublishSummary(
        day_count=day_count,
        tick_count=tick_count,
        sent=counts.sent,
        acked=counts.acked,
        failed=counts.failed,
        seconds=elapsed_ns / 1e9,
        ticks_per_second=tick_count / (elapsed_ns / 1e9),
        achieved_ratio=ratio,
        on_schedule=ratio is None
        or (ratio >= MIN_ACHIEVED_RATIO and slip.ms_p99 <= MAX_SLIP_MS_P99),
        slip=slip,
        offsets=offsets,
    )


Progress = ReferenceSent | DaySent | PublishSummary


def progress_line(progress: Progress) -> bytes:
    """Return one line of JSON, its end included."""
    return msgspec.json.encode(progress) + b"\n"


def read_progress(line: bytes | str) -> Progress:
    """Return what one line says.

    Raises
    ------
    SimulationError
        If it is no such line.
    """
    try:
        return cast(Progress, _DECODER.decode(line))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SimulationError(f"no line of a publisher: {line!r}: {error}") from None


_DECODER: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(Progress)
