"""Isolated quotes: suspect on arrival, rejected once the following ones contradict them.

A tick or FX rate is *suspect* when it is further from the one before, or the first one from the
last close, than the bound of its asset class. It counts at once: markets do move so. It is
*confirmed* by a following one that is nearer to it than to the price before, and by the day's
mark, since the close was made with it. It is *contradicted* when the next ``CONTRADICTING_TICKS``
accepted ones are all nearer to the price before: then it is moved from the applied to the
rejected, and no price changes, since those ones are the price.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from system.book.state.events import Event, QuoteRow
from system.book.state.rows import SuspectTick
from system.contracts.messages import RejectReason
from system.errors import MessageError

CONTRADICTING_TICKS: Final = 2
"""One tick back could be the other half of a flicker; two agree with each other."""


class TickJudgement(NamedTuple):
    """Suspect tick or rate from here on, and the one that was contradicted."""

    suspect: SuspectTick | None
    contradicted: SuspectTick | None = None


def judged(
    reference: float, suspect: SuspectTick | None, row: QuoteRow, event: Event, bound: float
) -> TickJudgement:
    """Return which quote is suspect after an accepted one, and which one that contradicts.

    Parameters
    ----------
    reference : float
        The price before: of the quote before it, or the last close where it is the first.
    suspect : SuspectTick or None
        The quote that waits for its judgement, if one does.
    row : QuoteRow
        The accepted tick or rate.
    event : Event
        The same with its offset and bytes.
    bound : float
        Largest move of the asset class that is not suspect, as a fraction of the price before.
    """
    if suspect is None or not is_back(suspect, row.price):
        return TickJudgement(_suspect(reference, row, event, bound))
    if suspect.returned + 1 < CONTRADICTING_TICKS:
        return TickJudgement(msgspec.structs.replace(suspect, returned=suspect.returned + 1))
    return TickJudgement(None, suspect)


def is_back(suspect: SuspectTick, price: float) -> bool:
    """Return whether a price is nearer, as a ratio, to that before a suspect tick than to it."""
    middle = suspect.price * suspect.reference
    if suspect.price > suspect.reference:
        return price * price < middle
    return price * price > middle


def contradiction(series: str, tick: SuspectTick) -> MessageError:
    """Return the error that a contradicted tick, or rate of ``fx:CCY``, is kept with."""
    return MessageError(
        RejectReason.CONTRADICTED,
        f"{series} at {tick.price:g} between {tick.reference:g} before and "
        f"{CONTRADICTING_TICKS} ticks back there after it; it counted until then",
    )


def _suspect(reference: float, row: QuoteRow, event: Event, bound: float) -> SuspectTick | None:
    if abs(row.price / reference - 1.0) <= bound:
        return None
    kept = event.values[event.row]
    return SuspectTick(
        price=row.price,
        reference=reference,
        event_time_ns=row.event_time_ns,
        offset=event.offset,
        value=kept.text,
        size_bytes=kept.size_bytes,
        sha256=kept.sha256,
    )
