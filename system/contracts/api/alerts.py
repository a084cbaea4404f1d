"""Alerts: what they are about, and the notices that are posted when one is raised or cleared."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class AlertKind(StrEnum):
    """Subjects of alerts."""

    LIMIT = "limit"
    """A limit's warning or breach level is raised."""
    BREACH = "breach"
    """A day's loss was larger than the VaR of the day before."""
    STREAM = "stream"
    """The numbers are stale, or lag."""
    ORACLE = "oracle"
    """The independent oracle found a difference that nobody has acknowledged."""
    MISSING_MARK = "missing_mark"
    """An end-of-day mark did not come on every partition within its bound."""


class AlertAction(StrEnum):
    """The two notices of an alert; each is sent once."""

    RAISED = "raised"
    CLEARED = "cleared"


class Severity(StrEnum):
    """Urgency of an alert, in the words of PagerDuty."""

    WARNING = "warning"
    CRITICAL = "critical"


class AlertSubject(Struct, frozen=True, kw_only=True):
    """Subject of a notice: what is known at the moment when an alert is raised or cleared.

    ``summary`` is one sentence for a person. ``portfolio`` and ``snapshot_id`` are empty where
    none is concerned. ``event_time_ns`` is the snapshot's, 0 without one.
    """

    kind: AlertKind
    severity: Severity
    summary: str
    portfolio: str = ""
    snapshot_id: str = ""
    event_time_ns: int = 0


class AlertNotice(Struct, frozen=True, kw_only=True):
    """Body of a webhook in the format ``json``.

    ``alert_id`` is the same in both notices of an alert; ``key`` is the same each time that its
    subject is raised again. ``recorded_at_ms`` is PostgreSQL's clock, milliseconds since
    1970-01-01 UTC: when the alert was raised or cleared, not when the notice was sent.
    """

    type: str
    alert_id: str
    key: str
    action: AlertAction
    subject: AlertSubject
    recorded_at_ms: int

    @property
    def message_id(self) -> str:
        """Return the id of this notice: the same in every attempt to send it."""
        return f"{self.alert_id}:{self.action}"


class DeliveryState(StrEnum):
    """State of a notice's delivery."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    """Refused, or tried as often as the bound allows: `riskstream alerts resend` tries again."""


class Delivery(Struct, frozen=True, kw_only=True):
    """One notice, and what became of it."""

    delivery_id: int
    notice: AlertNotice
    state: DeliveryState
    attempts: int
    last_error: str = ""


class Deliveries(Struct, frozen=True, kw_only=True):
    """Answer of ``riskstream alerts show | dead``; newest first."""

    deliveries: tuple[Delivery, ...]
