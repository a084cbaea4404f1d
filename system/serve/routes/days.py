"""Ends of day: the last one that was closed, and the marks that close the next one."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Query, Request, Response

from system.book.state.market import midnight_after_ns, utc_date
from system.book.state.rows import SESSIONS_PREFIX
from system.contracts.api.days import DayAccepted, DayRequest, Days
from system.contracts.messages import ExchangeSessions, Mark
from system.serve.http.errors import ClosedDayError, invalid_field
from system.serve.http.requests import question_body
from system.serve.http.responses import DRY_RUN_STATUS, answers, json_answer, takes
from system.serve.services.connections import Services
from system.serve.services.event_clock import day_and_partitions
from system.serve.services.registry import desks_of

ACCEPTED: Final = 202
router = APIRouter(prefix="/v1", tags=["trades"])


@router.get("/days", **answers(Days, 503))
async def closed_days(request: Request) -> Response:
    """Say which day was closed last, and until when prices have come since."""
    return json_answer(await _days(request.app.state.services))


@router.post(
    "/days",
    openapi_extra=takes(DayRequest),
    **answers(DayAccepted, 409, 413, 422, 503, status=ACCEPTED, has_dry_run=True),
)
async def close_day(
    request: Request,
    dry_run: Annotated[
        bool, Query(description="Check the day only; nothing is sent or kept.")
    ] = False,
) -> Response:
    """Close a day: send its end-of-day mark to every partition of every input topic.

    Every message sent before, whose answer has come, belongs to the day. Marks sent again before
    the day is closed are duplicates: repeat a request whose answer was lost.
    """
    asked = await question_body(request, DayRequest)
    services: Services = request.app.state.services
    days = await _days(services)
    date = _day_asked(asked.date, days)
    clock = desks_of(request).clock
    reached_ns = await clock.reached_ns()
    _refuse_unreached(date, reached_ns)
    _refuse_holiday(date, await _session_tables(services))
    mark = Mark(date=date, event_time_ns=min(reached_ns, midnight_after_ns(date)))
    if dry_run:
        count = len(await services.send(services.bus.end_offsets))
    else:
        count = await services.send(services.bus.close_day, mark)
    accepted = DayAccepted(
        date=date,
        event_time_ns=mark.event_time_ns,
        mark_count=count,
        closed=days.closed,
        dry_run=dry_run,
    )
    return json_answer(accepted, DRY_RUN_STATUS if dry_run else ACCEPTED)


async def _days(services: Services) -> Days:
    day, states = await day_and_partitions(services)
    newest = [state.newest_event_ns for state in states if state.session_start_ns is not None]
    return Days(
        closed=None if day is None else day.date,
        closed_event_time_ns=None if day is None else day.event_time_ns,
        newest_event_time_ns=max(newest, default=None),
    )


def _day_asked(stated: dt.date | None, days: Days) -> dt.date:
    """Return the day to close.

    Raises
    ------
    InvalidRequestError
        If none is stated and no price tells.
    ClosedDayError
        If it is closed already.
    """
    date = stated
    if date is None and days.newest_event_time_ns is not None:
        date = utc_date(days.newest_event_time_ns)
    if date is None:
        since = "has come yet" if days.closed is None else f"has come since {days.closed} closed"
        raise invalid_field("date", f"no price {since}: name the day to close")
    if days.closed is not None and date <= days.closed:
        raise ClosedDayError(
            f"date {date} is closed already: the last closed day is {days.closed}, close a later "
            "one; a close cannot be taken back"
        )
    return date


def _refuse_unreached(date: dt.date, reached_ns: int) -> None:
    today = utc_date(reached_ns)
    if date > today:
        raise invalid_field(
            "date",
            f"{date} is in the future of the stream, where it is {today} (UTC): close a day once "
            "its last prices have come",
        )


async def _session_tables(services: Services) -> list[ExchangeSessions]:
    keys = await services.read(services.history.state_keys, SESSIONS_PREFIX)
    rows = await services.read(services.history.state_values, keys)
    return [msgspec.json.decode(row, type=ExchangeSessions) for row in rows.values()]


def _refuse_holiday(date: dt.date, tables: list[ExchangeSessions]) -> None:
    """Refuse a day on which no exchange has a session; where no calendar tells, any day can be."""
    telling = [table for table in tables if table.first <= date <= table.last]
    if any(session.date == date for table in telling for session in table.sessions):
        return
    if telling:
        names = ", ".join(sorted(table.exchange for table in telling))
        raise invalid_field(
            "date",
            f"{date} is a {date:%A} without a session of {names}, whose calendars the stream "
            "knows: close the day of a session",
        )
