"""``riskstream close-day``: close a session date, or each session of an exchange at a time."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Annotated, Final, NamedTuple
from zoneinfo import ZoneInfo

import typer

from system.client.commands.portfolios import connected_client
from system.client.commands.printing import AsJson
from system.client.sync_client import RiskClient
from system.clock import Clock, SystemClock
from system.console import PlainConsole, terminal_json
from system.contracts.api.days import DayAccepted
from system.contracts.messages import ExchangeSessions
from system.errors import InputError, RiskstreamError
from system.exits import ExitCode, print_error
from system.feed.options import day_of

WAIT_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.2
NAP_SECONDS: Final = 30.0
"""Longest sleep before the wall clock is read again: it may be set, or the machine suspended."""
DAYS_AHEAD: Final = 366
_NS: Final = 1_000_000_000
_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


class Closing(NamedTuple):
    """A session, and the moment at which its day is closed, nanoseconds since 1970."""

    date: dt.date
    at_ns: int


def close_day(
    date: Annotated[
        str | None,
        typer.Argument(help="Session date, 2020-03-05. Default: the day of the newest price."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the day, and send nothing.")
    ] = False,
    wait: Annotated[
        float, typer.Option(min=0, max=3_600, help="Longest wait for the close, seconds; 0: none.")
    ] = WAIT_SECONDS,
    at: Annotated[
        str | None, typer.Option("--at", help="Local time of each session to close it at, 16:20.")
    ] = None,
    calendar: Annotated[
        str | None, typer.Option(help="Exchange whose sessions --at closes: its MIC, XNYS.")
    ] = None,
    sessions: Annotated[
        int | None, typer.Option(min=1, help="Sessions that --at closes; default: until Ctrl-C.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send the end-of-day marks of a session date, and wait until the stream has closed it.

    Every portfolio has its end-of-day snapshot then; what comes later belongs to the next day.
    """
    if at is None and calendar is None and sessions is None:
        with connected_client() as client:
            day = day_of("DATE", date)
            if not _close(client, day, dry_run=dry_run, wait_s=wait, as_json=as_json):
                raise typer.Exit(ExitCode.INCOMPLETE)
        return
    if at is None or calendar is None:
        missing, given = ("--at 16:20", "--calendar") if at is None else ("--calendar XNYS", "--at")
        raise InputError(f"{given if at or calendar else '--sessions'} needs {missing}")
    if date is not None or dry_run:
        raise InputError(f"--at closes each session of {calendar}: leave DATE and --dry-run out")
    clock = SystemClock()
    closings = closings_from(calendar, time_of_day(at), clock.wall_ns())
    close_each(closings, sessions, clock, wait_s=wait, as_json=as_json)


def time_of_day(text: str) -> dt.time:
    """Return a time of day written ``HH:MM``.

    Raises
    ------
    InputError
        If it is none.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise InputError(f"--at {text!r} is not a time of day like 16:20")
    return dt.time(int(match[1]), int(match[2]))


def closings_from(exchange: str, time: dt.time, now_ns: int) -> Iterator[Closing]:
    """Yield the sessions of an exchange to close from now on, in order.

    Parameters
    ----------
    exchange : str
        Market identifier code.
    time : time
        Of its own zone, on the session's date; not before the session's close.
    now_ns : int
        Nanoseconds since 1970; a session whose moment has passed is left out.

    Yields
    ------
    Closing
        At ``time``, or at the session's close where that is later.

    Raises
    ------
    InputError
        If no calendar of the exchange is known.
    """
    from system.serve.services.calendars import (  # noqa: PLC0415 - a second of imports
        exchange_sessions,
        exchange_zone,
    )

    zone = exchange_zone(exchange)
    first = dt.datetime.fromtimestamp(now_ns // _NS, zone).date()
    while True:
        last = first + dt.timedelta(days=DAYS_AHEAD)
        table = exchange_sessions(exchange, first=first, last=last)
        yield from (closing for closing in _closings(table, time, zone) if closing.at_ns > now_ns)
        first = table.last + dt.timedelta(days=1)


def _closings(table: ExchangeSessions, time: dt.time, zone: ZoneInfo) -> Iterator[Closing]:
    for session in table.sessions:
        moment = dt.datetime.combine(session.date, time, zone)
        yield Closing(session.date, max(int(moment.timestamp()) * _NS, session.close_ns))


def close_each(
    closings: Iterator[Closing],
    count: int | None,
    clock: Clock,
    *,
    wait_s: float,
    as_json: bool = False,
) -> None:
    """Wait for each closing and close its day; one that fails is named, and the next one is due.

    Parameters
    ----------
    closings : iterator of Closing
        In order.
    count : int or None
        Number of closings; None: until interrupted.
    clock : Clock
        Its wall time decides.
    wait_s : float
        Bound of the wait for each close.
    as_json : bool
        Whether to print the API's answers.
    """
    for number, closing in enumerate(closings, start=1):
        moment = dt.datetime.fromtimestamp(closing.at_ns // _NS, dt.UTC)
        if not as_json:
            PlainConsole().print(f"closes {closing.date} at {moment:%Y-%m-%d %H:%M} UTC")
        while (left_s := (closing.at_ns - clock.wall_ns()) / _NS) > 0:
            clock.sleep(min(left_s, NAP_SECONDS))
        try:
            with connected_client() as client:
                _close(client, closing.date, dry_run=False, wait_s=wait_s, as_json=as_json)
        except RiskstreamError as error:
            print_error(f"{closing.date} was not closed: {error}")
        if number == count:
            return


def _close(
    client: RiskClient, date: dt.date | None, *, dry_run: bool, wait_s: float, as_json: bool
) -> bool:
    """Close one day; False if it is not closed within the bound."""
    accepted = client.close_day(date, dry_run=dry_run)
    is_closed = None if dry_run or not wait_s else await_close(client, accepted.date, wait_s)
    if as_json:
        typer.echo(terminal_json(accepted, indent=2))
    else:
        PlainConsole().print(_sentence(accepted, is_closed), soft_wrap=True)
    if is_closed is False:
        print_error(
            f"{accepted.date} is not closed after {wait_s:g} s: `riskstream status` shows whether "
            "the stream runs; the same command again does no harm"
        )
    return is_closed is not False


def await_close(
    client: RiskClient, date: dt.date, wait_s: float, clock: Clock | None = None
) -> bool:
    """Return whether the stream closes a day within a bound.

    Parameters
    ----------
    client : RiskClient
        Asked every ``POLL_SECONDS``.
    date : date
        Whose marks were sent.
    wait_s : float
        The bound.
    clock : Clock, optional
        Measures; None: this machine's.
    """
    clock = clock or SystemClock()
    until_ns = clock.monotonic_ns() + round(wait_s * _NS)
    while True:
        closed = client.days().closed
        if closed is not None and closed >= date:
            return True
        if clock.monotonic_ns() >= until_ns:
            return False
        clock.sleep(POLL_SECONDS)


def _sentence(accepted: DayAccepted, is_closed: bool | None) -> str:
    before = "no day was closed before" if accepted.closed is None else f"after {accepted.closed}"
    moment = dt.datetime.fromtimestamp(accepted.event_time_ns // _NS, dt.UTC)
    marks = f"{accepted.mark_count} end-of-day marks of {accepted.date} ({moment:%H:%M:%S} UTC)"
    if accepted.dry_run:
        return f"would send {marks}, {before}"
    state = "; the day is closed" if is_closed else ""
    return f"sent {marks}, {before}{state}"
