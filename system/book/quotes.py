"""Which quotes count: newest event time first, then sequence; each sequence once."""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec

from system.book.events import QuoteRow
from system.book.rows import QuoteState

SEQUENCE_MEMORY: Final = 63
"""How far below the newest a repeated sequence number is still known as a duplicate, as is
that of the last accepted quote; further below, a repetition counts as superseded."""

_MASK: Final = (1 << SEQUENCE_MEMORY) - 1


class Verdict(Enum):
    """What becomes of a message."""

    APPLIED = "applied"
    SUPERSEDED = "superseded"
    DUPLICATE = "duplicate"


def quote_after(
    last: QuoteState | None, row: QuoteRow, partition: str
) -> tuple[QuoteState, Verdict]:
    """Return the quote of a ticker or currency after one more message, and its verdict.

    Parameters
    ----------
    last : QuoteState or None
        None before the first.
    row : QuoteRow
        The next message of that name in its partition's order.
    partition : str
        ``topic:partition``.

    Returns
    -------
    tuple of QuoteState and Verdict
        Superseded: older than the accepted one by (event time, sequence). Duplicate:
        its sequence number was there already.
    """
    if last is None:
        return _accepted(row, row.sequence, 1, partition), Verdict.APPLIED
    if row.sequence == last.sequence or _is_remembered(last, row.sequence):
        return last, Verdict.DUPLICATE
    newest, seen = _remembered(last.newest_sequence, last.seen, row.sequence)
    if (row.event_time_ns, row.sequence) < (last.event_time_ns, last.sequence):
        return msgspec.structs.replace(last, newest_sequence=newest, seen=seen), Verdict.SUPERSEDED
    return _accepted(row, newest, seen, partition), Verdict.APPLIED


def _is_remembered(last: QuoteState, sequence: int) -> bool:
    behind = last.newest_sequence - sequence
    return 0 <= behind < SEQUENCE_MEMORY and bool((last.seen >> behind) & 1)


def _remembered(newest: int, seen: int, sequence: int) -> tuple[int, int]:
    """Return the newest sequence number and the memory behind it, with one more in it."""
    ahead = sequence - newest
    if ahead > 0:
        kept = (seen << ahead) & _MASK if ahead < SEQUENCE_MEMORY else 0
        return sequence, kept | 1
    if -ahead < SEQUENCE_MEMORY:
        return newest, seen | (1 << -ahead)
    return newest, seen


def _accepted(row: QuoteRow, newest: int, seen: int, partition: str) -> QuoteState:
    return QuoteState(
        price=row.price,
        event_time_ns=row.event_time_ns,
        sequence=row.sequence,
        newest_sequence=newest,
        seen=seen,
        partition=partition,
    )
