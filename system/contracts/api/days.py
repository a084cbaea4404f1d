"""Requests and answers about ends of day, shared by the API and its clients."""

from __future__ import annotations

import datetime as dt

from msgspec import Struct

from system.contracts.text.checked import Checked


class DayRequest(Checked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /v1/days``: the session date to close.

    Left out, it is the UTC day of the newest price that has come since the last end of day.
    """

    date: dt.date | None = None


class DayAccepted(Struct, frozen=True, kw_only=True):
    """``POST /v1/days``: end-of-day marks that the broker keeps, one in each partition.

    ``event_time_ns`` stands in the marks, ``closed`` is the last day closed before. With
    ``dry_run`` nothing was sent, and ``mark_count`` marks would be.
    """

    date: dt.date
    event_time_ns: int
    mark_count: int
    closed: dt.date | None
    dry_run: bool = False


class Days(Struct, frozen=True, kw_only=True):
    """``GET /v1/days``: the last day that the stream has closed, and the newest price since.

    ``closed`` and ``closed_event_time_ns`` are null before the first end of day,
    ``newest_event_time_ns`` while no tick or rate has come behind the last mark.
    """

    closed: dt.date | None
    closed_event_time_ns: int | None
    newest_event_time_ns: int | None
