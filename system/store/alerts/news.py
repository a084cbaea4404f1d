"""New rows of the trails that alerts follow, and changes to alerts: typed values."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Protocol

from system.contracts.api.alerts import AlertAction, AlertSubject, Delivery
from system.contracts.limits import TrailRow
from system.contracts.oracle import OracleCheck


@dataclass(frozen=True)
class EndOfDay:
    """Outcome of a portfolio's day against the VaR of the day before.

    Parameters
    ----------
    snapshot_id, portfolio, base_currency : str
        Of the end-of-day snapshot.
    day : date or None
        Session date.
    event_time_ns : int
        Nanoseconds since 1970-01-01 UTC.
    breach : bool or None
        Whether the loss was larger than VaR; None where there was nothing to compare.
    previous_var, hypothetical_pnl : float or None
        Base currency: VaR of the day before, a loss; the day's P&L of the positions then held.
    recorded_at_ns : int
        PostgreSQL's clock.
    """

    snapshot_id: str
    portfolio: str
    base_currency: str
    day: dt.date | None
    event_time_ns: int
    breach: bool | None
    previous_var: float | None
    hypothetical_pnl: float | None
    recorded_at_ns: int


@dataclass(frozen=True)
class OracleEvent:
    """A difference that the oracle found, or its acknowledgement.

    Parameters
    ----------
    event_id : int
        Row of the trail.
    acknowledges : int or None
        Row of the difference; None for a difference.
    finding : OracleCheck
        The difference.
    recorded_at_ns : int
        PostgreSQL's clock.
    """

    event_id: int
    acknowledges: int | None
    finding: OracleCheck
    recorded_at_ns: int


@dataclass(frozen=True)
class MissingMark:
    """A mark that was rejected because other partitions went on without it.

    Parameters
    ----------
    place : str
        ``topic:partition@offset`` of the rejected mark.
    detail : str
        Sentence of the stream: which partitions lacked it.
    recorded_at_ns : int
        PostgreSQL's clock.
    """

    place: str
    detail: str
    recorded_at_ns: int


@dataclass(frozen=True)
class News:
    """Rows that came since the last round; in the first round the newest of each subject.

    Parameters
    ----------
    open_keys : frozenset of str
        Alerts that are raised.
    levels : list of TrailRow
        Limits: levels raised or left.
    ends_of_day : list of EndOfDay
        Ends of day.
    oracle_events : list of OracleEvent
        Differences and acknowledgements.
    missing_marks : list of MissingMark
        Marks that were given up; none in the first round.
    """

    open_keys: frozenset[str] = frozenset()
    levels: list[TrailRow] = field(default_factory=list)
    ends_of_day: list[EndOfDay] = field(default_factory=list)
    oracle_events: list[OracleEvent] = field(default_factory=list)
    missing_marks: list[MissingMark] = field(default_factory=list)


@dataclass(frozen=True)
class Transition:
    """An alert that is raised or cleared.

    Parameters
    ----------
    key : str
        Names the subject; at most one alert of a key is open.
    action : AlertAction
        Raised or cleared.
    subject : AlertSubject
        What the notice says.
    """

    key: str
    action: AlertAction
    subject: AlertSubject


class Judge(Protocol):
    """Decides what news raise and clear; called inside the transaction that read them."""

    def __call__(self, news: News) -> list[Transition]:
        """Return the transitions, in the order in which their notices are sent."""
        ...


class Alerts(Protocol):
    """Alerts and deliveries: ``AlertRecord`` in PostgreSQL, ``MemoryAlerts`` in tests."""

    def advance(self, judge: Judge) -> list[Transition] | None:
        """Judge what is new and keep the outcome, in one transaction.

        Returns
        -------
        list of Transition or None
            What changed; None where another process is the one that sends alerts.
        """
        ...

    def due(self) -> list[Delivery]:
        """Return the oldest notices that are to be sent now, at most one per alert."""
        ...

    def delivered(self, delivery: Delivery) -> None:
        """Record that the receiver has a notice."""
        ...

    def failed(self, delivery: Delivery, reason: str, retry_in_s: float | None) -> None:
        """Record a failed attempt; ``retry_in_s`` None: no further one is made."""
        ...
