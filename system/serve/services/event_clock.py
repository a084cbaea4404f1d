"""Event time as the stream has it now: what is sent without a time is stamped with it.

A stream of today runs with the wall clock. One that replays the past does not: there, now is the
newest event that the stream has committed, and between two days the end of the first, so that
positions as of that day do not contain what is sent after it. Stamps of one process always grow:
a trade and an import keep the order in which they were sent.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

import msgspec

from system.book.state.market import FUTURE_BOUND_DAYS, midnight_after_ns, utc_date
from system.book.state.market import NANOSECONDS_PER_DAY as DAY_NS
from system.book.state.rows import DAY_KEY, PARTITION_PREFIX, DayState, PartitionState
from system.contracts.messages import MAX_NANOSECONDS, Portfolio
from system.serve.http.errors import invalid_field
from system.serve.services.connections import Services

READ_EVERY_NS: Final = 250_000_000
"""Largest age of the cached stream status, by the monotonic clock."""
LIVE_WITHIN_NS: Final = FUTURE_BOUND_DAYS * DAY_NS
"""Largest lag of a stream of today behind the wall clock: it refuses ticks of a later day."""
_DAY: Final = msgspec.json.Decoder(DayState)
_PARTITION: Final = msgspec.json.Decoder(PartitionState)


class EventClock:
    """Event time now.

    Parameters
    ----------
    services : Services
        Its history holds the stream's event times, its clock is the wall's.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._newest_ns = 0
        self._ended_ns = 0
        self._read_at_ns: int | None = None
        self._base_ns = 0
        self._count = 0

    async def now_ns(self, *, known_ns: int = 0) -> int:
        """Return event time now, later than at any call before of the same stream.

        Parameters
        ----------
        known_ns : int
            Event time that has passed, where the stream has no event yet: the end of the last
            day of a book's closes.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        newest_ns, wall_ns = await self._newest(), self._services.clock.wall_ns()
        passed_ns = newest_ns or known_ns
        is_live = _is_live(passed_ns, wall_ns) or not (passed_ns or self._base_ns)
        base_ns = max(wall_ns, newest_ns) if is_live else max(passed_ns, self._ended_ns)
        if base_ns > self._base_ns:
            self._base_ns, self._count = base_ns, 0
        self._count += 1
        return self._base_ns + self._count

    async def reached_ns(self) -> int:
        """Return the event time that the stream has reached: the wall clock's beside one of today.

        Beside one that replays the past it is that of the newest event or mark, and does not grow
        by itself.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        newest_ns, wall_ns = await self._newest(), self._services.clock.wall_ns()
        if not newest_ns or _is_live(newest_ns, wall_ns):
            return max(wall_ns, newest_ns)
        return newest_ns

    async def with_moment(self, definition: Portfolio, *, last_close: dt.date | None) -> Portfolio:
        """Return a definition with the moment of its positions: by default now.

        Parameters
        ----------
        definition : Portfolio
            As it was sent.
        last_close : date or None
            The last day of closes that is known of what it holds.

        Raises
        ------
        InvalidRequestError
            If its positions are as of a moment that is yet to come, or its closes are of days
            that event time does not reach.
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        known_ns = 0 if last_close is None else midnight_after_ns(last_close)
        if known_ns > MAX_NANOSECONDS:
            raise invalid_field(
                "histories",
                f"closes until {last_close}: event time ends on {utc_date(MAX_NANOSECONDS)}",
            )
        now_ns = await self.now_ns(known_ns=known_ns)
        day, moment_ns = definition.as_of_day, definition.as_of_ns
        if day is not None:
            _refuse_to_come("as_of_day", str(day), midnight_after_ns(day) - DAY_NS, now_ns)
        if moment_ns is not None:
            _refuse_to_come("as_of_ns", _text(moment_ns), moment_ns, now_ns)
        if day is not None or moment_ns is not None:
            return definition
        return msgspec.structs.replace(definition, as_of_ns=now_ns)

    async def _newest(self) -> int:
        """Return the newest event time that the stream has committed, 0 before any."""
        now_ns, services = self._services.clock.monotonic_ns(), self._services
        if self._read_at_ns is None or now_ns - self._read_at_ns > READ_EVERY_NS:
            day, partitions = await day_and_partitions(services)
            times = [partition.newest_event_ns for partition in partitions]
            newest_ns, self._ended_ns = max(times, default=0), 0
            if day is not None:
                if newest_ns <= day.event_time_ns:
                    self._ended_ns = midnight_after_ns(day.date)
                newest_ns = max(newest_ns, day.event_time_ns)
            if newest_ns < self._newest_ns:  # another stream has begun
                self._base_ns = 0
            self._newest_ns, self._read_at_ns = newest_ns, now_ns
        return self._newest_ns


async def day_and_partitions(services: Services) -> tuple[DayState | None, list[PartitionState]]:
    """Return the last day that the stream has closed, None before any, and every partition's state.

    Raises
    ------
    StoreUnavailableError
        If PostgreSQL does not answer.
    """
    keys = await services.read(services.history.state_keys, PARTITION_PREFIX)
    rows = await services.read(services.history.state_values, [DAY_KEY, *keys])
    closed = rows.pop(DAY_KEY, None)
    partitions = [_PARTITION.decode(row) for row in rows.values()]
    return None if closed is None else _DAY.decode(closed), partitions


def _is_live(newest_ns: int, wall_ns: int) -> bool:
    return newest_ns > wall_ns - LIVE_WITHIN_NS


def _refuse_to_come(field: str, stated: str, moment_ns: int, now_ns: int) -> None:
    if moment_ns > now_ns + DAY_NS:
        raise invalid_field(
            f"portfolio.{field}",
            f"{stated} is more than a day ahead of the stream, where it is {_text(now_ns)}: "
            "positions are as of a moment that has passed, and contain all trades up to it",
        )


def _text(moment_ns: int) -> str:
    moment = dt.datetime.fromtimestamp(moment_ns // 10**9, dt.UTC)
    return moment.isoformat().replace("+00:00", "Z")
