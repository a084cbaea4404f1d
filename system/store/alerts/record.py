"""Alerts and their deliveries in PostgreSQL.

Laws of this file: an alert and its notice are written by one transaction with the place up to
which the trails were read, so that a process which ends anywhere raises nothing twice and
forgets nothing; one connection at a time advances and sends, the one that holds the advisory lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import msgspec

from system.contracts.api.alerts import (
    AlertAction,
    AlertNotice,
    Deliveries,
    Delivery,
    DeliveryState,
)
from system.contracts.oracle import OracleCheck
from system.store.alerts import statements as sql
from system.store.alerts.news import EndOfDay, Judge, MissingMark, News, OracleEvent, Transition
from system.store.postgres.connection import OwnConnection
from system.store.postgres.cursors import Cursor, all_rows, one_row
from system.store.postgres.limit_trail import trail_row
from system.store.postgres.sql import rejected_view

ANSWER_TIMEOUT_S: Final = 10.0
APPLICATION_NAME: Final = "riskstream alerts"


class AlertRecord(OwnConnection):
    """Alerts of one database; one thread, one connection, made when first used.

    Parameters
    ----------
    database_url : str
        PostgreSQL URL, password included; never logged.

    Raises
    ------
    StoreUnavailableError
        From every method, if PostgreSQL does not answer.
    """

    def __init__(self, database_url: str) -> None:
        super().__init__(
            database_url, answer_timeout_s=ANSWER_TIMEOUT_S, application_name=APPLICATION_NAME
        )
        self._is_holder = False

    def close(self) -> None:
        """Close the connection, and let another process send; a later call connects again."""
        self._is_holder = False
        super().close()

    def advance(self, judge: Judge) -> list[Transition] | None:
        """Judge what is new since the last round and keep what it raises and clears.

        Parameters
        ----------
        judge : callable
            Decides; called inside the transaction.

        Returns
        -------
        list of Transition or None
            What changed; None where another process sends the alerts of this database.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        if not self._holds():
            return None
        with self._cursor() as cursor:
            place = _Place(*one_row(cursor, sql.SELECT_CURSOR))
            news, place = _first_news(cursor) if not place.is_begun else _news(cursor, place)
            kept = [each for each in judge(news) if _keep(cursor, each)]
            cursor.execute(sql.UPDATE_CURSOR, place[1:])
        return kept

    def due(self) -> list[Delivery]:
        """Return the oldest notices that are to be sent now, at most one per alert.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        if not self._holds():
            return []
        with self._cursor() as cursor:
            return [_delivery(row) for row in all_rows(cursor, sql.SELECT_DUE)]

    def delivered(self, delivery: Delivery) -> None:
        """Record that the receiver has a notice.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        with self._cursor() as cursor:
            cursor.execute(sql.SET_DELIVERED, (delivery.delivery_id,))

    def failed(self, delivery: Delivery, reason: str, retry_in_s: float | None) -> None:
        """Record a failed attempt.

        Parameters
        ----------
        delivery : Delivery
            The notice.
        reason : str
            One sentence, without the address and without secrets.
        retry_in_s : float or None
            Seconds until the next attempt; None: no further one is made.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        parameters = {"id": delivery.delivery_id, "reason": reason, "wait": retry_in_s}
        with self._cursor() as cursor:
            cursor.execute(sql.SET_FAILED, parameters)

    def deliveries(self, state: DeliveryState | None = None, *, limit: int = 100) -> Deliveries:
        """Return notices and what became of them, newest first.

        Parameters
        ----------
        state : DeliveryState or None
            Only those.
        limit : int
            At most so many, 1 to ``MAX_SHOWN``.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        assert 1 <= limit <= sql.MAX_SHOWN, f"limit {limit} is not in the bounds"
        parameters = {"state": state and state.value, "limit": limit}
        with self._cursor() as cursor:
            rows = all_rows(cursor, sql.SELECT_DELIVERIES, parameters)
        return Deliveries(deliveries=tuple(map(_delivery, rows)))

    def resend(self, delivery_id: int | None = None) -> Deliveries:
        """Take dead notices up again, one or all; returns those that it took up.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        with self._cursor() as cursor:
            rows = all_rows(cursor, sql.RESEND, {"id": delivery_id})
        return Deliveries(deliveries=tuple(map(_delivery, rows)))

    def is_sent(self) -> bool:
        """Return whether a process sends the alerts of this database.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        with self._cursor() as cursor:
            return bool(one_row(cursor, sql.IS_LOCKED)[0])

    def _holds(self) -> bool:
        """Return whether this connection is the one that sends; it stays so until it is closed."""
        if not self._is_holder:
            with self._cursor() as cursor:
                self._is_holder = bool(one_row(cursor, sql.TAKE_LOCK)[0])
        return self._is_holder

    @contextmanager
    def _cursor(self) -> Iterator[Cursor]:
        with (
            self._answering() as connection,
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            yield cursor


class _Place(NamedTuple):
    """Newest rows that were seen."""

    is_begun: bool
    level: int
    oracle: int
    rejected: int
    fence: int
    epoch: int
    snapshot_id: str


def _first_news(cursor: Cursor) -> tuple[News, _Place]:
    """Return the newest row of each subject: what happened before alerts began is not sent."""
    levels = [trail_row(row) for row in all_rows(cursor, sql.FIRST_LEVELS)]
    ends = all_rows(cursor, sql.FIRST_ENDS_OF_DAY)
    oracle_events = [_oracle_event(row) for row in all_rows(cursor, sql.FIRST_ORACLE)]
    place = _Place(
        True,
        max((row.event_id for row in levels), default=0),
        max((event.event_id for event in oracle_events), default=0),
        one_row(cursor, sql.NEWEST_REJECTED)[0],
        *max((tuple(row[:3]) for row in ends), default=(-1, -1, "")),
    )
    return News(_open_keys(cursor), levels, list(map(_end_of_day, ends)), oracle_events), place


def _news(cursor: Cursor, place: _Place) -> tuple[News, _Place]:
    levels = [trail_row(row) for row in all_rows(cursor, sql.NEW_LEVELS, (place.level,))]
    ends = all_rows(cursor, sql.NEW_ENDS_OF_DAY, place[4:])
    oracle_events = [
        _oracle_event(row) for row in all_rows(cursor, sql.NEW_ORACLE, (place.oracle,))
    ]
    newest = one_row(cursor, sql.NEWEST_REJECTED)[0]
    marks = all_rows(cursor, sql.NEW_MARKS, (place.rejected, newest))
    following = _Place(
        True,
        levels[-1].event_id if levels else place.level,
        oracle_events[-1].event_id if oracle_events else place.oracle,
        marks[-1][0] if len(marks) == sql.MAX_NEW_ROWS else max(newest, place.rejected),
        *(ends[-1][:3] if ends else place[4:]),
    )
    news = News(
        _open_keys(cursor),
        levels,
        list(map(_end_of_day, ends)),
        oracle_events,
        list(map(_missing_mark, marks)),
    )
    return news, following


def _open_keys(cursor: Cursor) -> frozenset[str]:
    return frozenset(key for (key,) in all_rows(cursor, sql.SELECT_OPEN))


def _keep(cursor: Cursor, transition: Transition) -> bool:
    """Write an alert and its notice; False where it is so already."""
    is_raised = transition.action is AlertAction.RAISED
    rows = all_rows(cursor, sql.RAISE if is_raised else sql.CLEAR, (transition.key,))
    if not rows:
        return False
    number, notice_id, recorded_at_ms = rows[0]
    notice = AlertNotice(
        type=f"alert.{transition.action}",
        alert_id=notice_id,
        key=transition.key,
        action=transition.action,
        subject=transition.subject,
        recorded_at_ms=recorded_at_ms,
    )
    body = msgspec.json.encode(notice).decode("utf-8")
    cursor.execute(sql.ADD_DELIVERY, (number, transition.action.value, body))
    return True


def _end_of_day(row: Sequence[Any]) -> EndOfDay:
    _, _, snapshot_id, portfolio, currency, day, event_time_ns, *rest = row
    breach, previous_var, hypothetical_pnl, recorded_at_ns = rest
    return EndOfDay(
        snapshot_id,
        portfolio,
        currency,
        day,
        event_time_ns,
        breach,
        previous_var,
        hypothetical_pnl,
        recorded_at_ns,
    )


def _oracle_event(row: Sequence[Any]) -> OracleEvent:
    event_id, acknowledges, finding, recorded_at_ns = row
    check = msgspec.json.decode(finding, type=OracleCheck)
    return OracleEvent(event_id, acknowledges, check, recorded_at_ns)


def _missing_mark(row: Sequence[Any]) -> MissingMark:
    _, topic, partition, offset, payload, recorded_at_ns = row
    return MissingMark(
        f"{topic}:{partition}@{offset}", rejected_view(payload).detail, recorded_at_ns
    )


def _delivery(row: Sequence[Any]) -> Delivery:
    delivery_id, notice, state, attempts, last_error = row
    return Delivery(
        delivery_id=delivery_id,
        notice=msgspec.json.decode(notice, type=AlertNotice),
        state=DeliveryState(state),
        attempts=attempts,
        last_error=last_error,
    )
