"""Requests and answers about splits and dividends, shared by the API and its clients."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from msgspec import Meta, Struct

from system.contracts.messages import NonNegative
from system.contracts.text.checked import Checked
from system.contracts.text.names import Identifier


class AdjustmentRequest(Checked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields that a split and a dividend have in common.

    ``date`` is the first day in new shares, or without the dividend. It takes effect when
    ``last_day`` is closed, the last one before; left out, it is the session of the instrument's
    exchange before ``date``, or the weekday before.
    """

    instrument: Identifier
    date: dt.date
    last_day: dt.date | None = None


class SplitRequest(AdjustmentRequest, frozen=True, kw_only=True):
    """``POST /v1/adjustments/splits``: ``ratio`` new shares per old one; 1 undoes what waits."""

    ratio: Annotated[float, Meta(ge=1e-4, le=1e4)]


class DividendRequest(AdjustmentRequest, frozen=True, kw_only=True):
    """``POST /v1/adjustments/dividends``: cash per share, its currency; 0 undoes what waits."""

    amount: NonNegative


class AdjustmentRow(Struct, frozen=True, kw_only=True):
    """A split (``ratio``) or dividend (``amount``), and when it took effect.

    ``taken`` is the day at whose end it did; None while it waits for its barrier.
    """

    type: str
    instrument: str
    date: dt.date
    last_day: dt.date
    ratio: float | None = None
    amount: float | None = None
    taken: dt.date | None = None


class Adjustments(Struct, frozen=True, kw_only=True):
    """``GET /v1/adjustments``: all that the stream knows, newest date first."""

    adjustments: tuple[AdjustmentRow, ...]


class AdjustmentAccepted(AdjustmentRow, frozen=True, kw_only=True):
    """``POST /v1/adjustments/...``: the broker keeps it, here; it waits for its barrier."""

    topic: str
    partition: int
    offset: int
