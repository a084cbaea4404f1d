"""Reads of reference data: instruments, and the closes that windows are made of."""

from __future__ import annotations

import datetime as dt

from system.contracts.api.risk import View
from system.contracts.messages import ClosePoint, Instrument


class Instruments(View, frozen=True, kw_only=True):
    """``GET /v1/instruments``: a page by name; ``next`` is `after` of the page after it."""

    instruments: tuple[Instrument, ...]
    next: str | None = None


class Closes(View, frozen=True, kw_only=True):
    """``GET /v1/closes/{series}``: daily closes as the stream holds them now, oldest first.

    Prices are in the instrument's currency, those of ``fx:CCY`` in units for 1 EUR; splits and
    dividends that took effect are contained. ``first`` and ``last`` are of all that is held,
    ``held_count`` days, whichever of them were asked for.
    """

    series: str
    first: dt.date | None
    last: dt.date | None
    held_count: int
    closes: tuple[ClosePoint, ...]
