"""Acceptance of quotes: a newer event time counts, a repeated message does not.

1. A quote with a newer event time than the accepted one is applied, whatever its number.
2. Of equal event times the higher sequence number is newer.
3. A quote that is not newer is a duplicate if the source has used its number already, else
   superseded. Neither changes a price.
4. Numbers restart (with a day, a connection, a counter that wraps) where a newer quote has no
   higher number than the newest. Those from before the restart are kept for quotes from before
   it, so that a replay of these is still known as duplicates.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec

from system.book.state.events import QuoteRow
from system.book.state.rows import EarlierNumbers, HeldBackQuote, QuoteState

SEQUENCE_MEMORY: Final = 63
"""How far below the newest a repeated sequence number is still known as a duplicate, as is
that of the last accepted quote; further below, a repetition counts as superseded."""

CLOCK_LEAD_NS: Final = 900_000_000_000
"""15 minutes: how far beyond an end-of-day mark repeats of what came before it are known by their
numbers. A source whose clock runs further ahead must not make the next day's restarted numbers
look like repeats."""

_MASK: Final = (1 << SEQUENCE_MEMORY) - 1


class QuoteOutcome(Enum):
    """What becomes of a message."""

    APPLIED = "applied"
    SUPERSEDED = "superseded"
    DUPLICATE = "duplicate"


def quote_after(
    last: QuoteState | None, row: QuoteRow, partition: str
) -> tuple[QuoteState, QuoteOutcome]:
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
        Applied: newer than the accepted one by (event time, sequence). Duplicate: not newer,
        and its sequence number was used already. Superseded: not newer, and not known.
    """
    if last is None:
        return _first(row, partition), QuoteOutcome.APPLIED
    if _is_duplicate(last, row):
        return last, QuoteOutcome.DUPLICATE
    if (row.event_time_ns, row.sequence) < (last.event_time_ns, last.sequence):
        return _noted(last, row), QuoteOutcome.SUPERSEDED
    before = _restarted(last, row) if _is_restart(last, row) else _noted(last, row)
    return _accepted(before, row, partition), QuoteOutcome.APPLIED


def held_back(quote: QuoteState, mark_ns: int) -> QuoteState:
    """Return a quote that claims to come from beyond a mark, as of the mark's event time.

    Parameters
    ----------
    quote : QuoteState
        The accepted quote of a ticker or currency.
    mark_ns : int
        Event time of the mark, nanoseconds since 1970; earlier than the quote's.
    """
    sent_ns = quote.event_time_ns
    return msgspec.structs.replace(
        quote,
        event_time_ns=mark_ns,
        held_back=HeldBackQuote(
            sequence=quote.sequence,
            event_time_ns=sent_ns,
            known_until_ns=min(sent_ns, mark_ns + CLOCK_LEAD_NS),
        ),
    )


def _is_duplicate(last: QuoteState, row: QuoteRow) -> bool:
    held, sent = last.held_back, (row.sequence, row.event_time_ns)
    if held is not None and sent == (held.sequence, held.event_time_ns):
        return True
    if row.event_time_ns > _known_until_ns(last):
        return False
    if _is_earlier(last, row):
        earlier = last.earlier
        assert earlier is not None, "an earlier quote needs earlier numbers"
        return _is_seen(earlier, row.sequence)
    return row.sequence == last.sequence or _is_seen(last, row.sequence)


def _known_until_ns(last: QuoteState) -> int:
    """Return the event time up to which a number that was used already is a repeat."""
    held = last.held_back
    return last.event_time_ns if held is None else max(last.event_time_ns, held.known_until_ns)


def _is_earlier(last: QuoteState, row: QuoteRow) -> bool:
    """Return whether a quote is from before the last restart of its numbers."""
    return last.earlier is not None and row.event_time_ns <= last.earlier.until_ns


def _is_restart(last: QuoteState, row: QuoteRow) -> bool:
    """Return whether the number of an accepted quote shows that its source began to count again."""
    is_newer = row.event_time_ns > last.event_time_ns
    return is_newer and row.sequence <= last.newest_sequence


def _restarted(last: QuoteState, row: QuoteRow) -> QuoteState:
    """Return the accepted quote with the numbers so far put away, and the new one remembered."""
    held = last.held_back
    return msgspec.structs.replace(
        last,
        newest_sequence=row.sequence,
        seen=1,
        earlier=EarlierNumbers(
            newest_sequence=last.newest_sequence,
            seen=last.seen,
            until_ns=min(_known_until_ns(last), row.event_time_ns - 1),
        ),
        held_back=None if held is None else msgspec.structs.replace(held, known_until_ns=0),
    )


def _noted(last: QuoteState, row: QuoteRow) -> QuoteState:
    """Return the accepted quote with one more number remembered, where its event time belongs."""
    if not _is_earlier(last, row):
        newest, seen = _remembered(last.newest_sequence, last.seen, row.sequence)
        return msgspec.structs.replace(last, newest_sequence=newest, seen=seen)
    assert last.earlier is not None, "an earlier quote needs earlier numbers"
    newest, seen = _remembered(last.earlier.newest_sequence, last.earlier.seen, row.sequence)
    earlier = msgspec.structs.replace(last.earlier, newest_sequence=newest, seen=seen)
    return msgspec.structs.replace(last, earlier=earlier)


def _is_seen(numbers: QuoteState | EarlierNumbers, sequence: int) -> bool:
    below = numbers.newest_sequence - sequence
    return 0 <= below < SEQUENCE_MEMORY and bool((numbers.seen >> below) & 1)


def _remembered(newest: int, seen: int, sequence: int) -> tuple[int, int]:
    """Return the newest sequence number and the memory below it, with one more in it."""
    ahead = sequence - newest
    if ahead > 0:
        kept = (seen << ahead) & _MASK if ahead < SEQUENCE_MEMORY else 0
        return sequence, kept | 1
    if -ahead < SEQUENCE_MEMORY:
        return newest, seen | (1 << -ahead)
    return newest, seen


def _first(row: QuoteRow, partition: str) -> QuoteState:
    return QuoteState(
        price=row.price,
        event_time_ns=row.event_time_ns,
        sequence=row.sequence,
        newest_sequence=row.sequence,
        seen=1,
        partition=partition,
    )


def _accepted(noted: QuoteState, row: QuoteRow, partition: str) -> QuoteState:
    return msgspec.structs.replace(
        noted,
        price=row.price,
        event_time_ns=row.event_time_ns,
        sequence=row.sequence,
        partition=partition,
        suspect=None,
    )
