"""Limits on a portfolio's risk: what is limited, where it stands, and what became of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta, Struct

from system.contracts.text.checked import Checked
from system.contracts.text.names import ActorName, NoteText

WARNING_SHARE: Final = 0.8
"""Of the breach level: where VaR's own limit warns."""
HYSTERESIS: Final = 0.05
"""A level that was crossed is left only this part of it below: a value that trembles around a
level raises one alert and not hundreds."""
MAX_LIMITS: Final = 16

Fraction = Annotated[float, Meta(gt=0, lt=1e6)]


class LimitMeasure(StrEnum):
    """Measures that a limit can bound, each as a fraction of NAV.

    ``net`` by its size; ``single_name`` is the largest net exposure to one instrument, by its
    size, options counted with what they are on at their delta; cash is left out, as it is in
    ``gross`` and ``net``; ``vega`` is per vol point (0.01).
    """

    VAR = "var"
    EXPECTED_SHORTFALL = "expected_shortfall"
    GROSS = "gross"
    NET = "net"
    SINGLE_NAME = "single_name"
    VEGA = "vega"


class LimitLevel(StrEnum):
    """Level of a limit that a value has reached; crossed means strictly above it."""

    OK = "ok"
    WARNING = "warning"
    BREACH = "breach"
    UNKNOWN = "unknown"
    """NAV is not positive, or the number does not exist."""


class Limit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A limit of a portfolio besides that on VaR; both levels are fractions of NAV."""

    measure: LimitMeasure
    warning: Fraction
    breach: Fraction

    def __post_init__(self) -> None:
        """Refuse levels out of order, and a second home of VaR's limit.

        Raises
        ------
        ValueError
            If the limit is on VaR, or its warning is not below its breach.
        """
        if self.measure is LimitMeasure.VAR:
            msg = "the limit on VaR is var_limit_fraction"
            raise ValueError(msg)
        if not self.warning < self.breach:
            msg = f"warning of {self.measure} is {self.warning}, not below breach, {self.breach}"
            raise ValueError(msg)


class LimitUse(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Use of one limit by a portfolio, at one snapshot.

    ``value``, ``warning`` and ``breach`` are fractions of NAV; ``used`` is value / breach.
    ``level`` follows from them alone. ``raised`` is the level that the stream has raised,
    with hysteresis; None where nobody watches, as in an answer to a question.
    """

    measure: LimitMeasure
    value: float | None
    warning: float
    breach: float
    used: float | None
    level: LimitLevel
    raised: LimitLevel | None = None


class LimitEvent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A raised level that changed, once: at which snapshot, from what to what."""

    portfolio: str
    measure: LimitMeasure
    before: LimitLevel
    after: LimitLevel
    value: float
    warning: float
    breach: float
    snapshot_id: str
    event_time_ns: int


class TrailKind(StrEnum):
    """Kinds of rows in the audit trail."""

    LEVEL = "level"
    """The stream raised, or left, a level."""
    ACKNOWLEDGED = "acknowledged"
    """A person has seen it."""


class TrailRow(Struct, frozen=True, kw_only=True):
    """One row of the audit trail: written once, never changed.

    An acknowledgement repeats the level that it is of; ``acknowledges`` is the ``event_id``
    of that row, ``actor`` the name that the person gave. ``recorded_at_ns`` is PostgreSQL's
    clock.
    """

    event_id: int
    kind: TrailKind
    portfolio: str
    measure: LimitMeasure
    before: LimitLevel
    after: LimitLevel
    value: float
    warning: float
    breach: float
    snapshot_id: str
    event_time_ns: int
    recorded_at_ns: int
    acknowledges: int | None = None
    actor: str = ""
    note: str = ""


class LimitStatus(Struct, frozen=True, kw_only=True):
    """One limit now: where it stands, what is raised since when, and who has seen it.

    ``acknowledged`` is None where nothing is raised; then False until a person has
    acknowledged the level that is raised.
    """

    use: LimitUse
    raised_by: TrailRow | None
    acknowledged: bool | None
    acknowledgement: TrailRow | None


class Limits(Struct, frozen=True, kw_only=True):
    """``GET .../limits``: every limit of a portfolio at its newest snapshot."""

    portfolio: str
    snapshot_id: str
    event_time_ns: int
    nav: float
    base_currency: str
    limits: tuple[LimitStatus, ...]


class TrailPage(Struct, frozen=True, kw_only=True):
    """``GET .../limits/events``: the audit trail, newest first; ``next`` goes on as `before`."""

    portfolio: str
    rows: tuple[TrailRow, ...]
    next: int | None = None


class Acknowledgement(Checked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST .../limits/{measure}/acknowledge``: who has seen it, and what they say.

    ``actor`` is what the client claims: the token that the request bears says that somebody
    may acknowledge, not who it is.
    """

    actor: ActorName
    note: NoteText = ""


def limit_statuses(
    uses: tuple[LimitUse, ...], standing: tuple[TrailRow, ...]
) -> tuple[LimitStatus, ...]:
    """Return each limit with what the trail's newest rows say of it.

    Parameters
    ----------
    uses : tuple of LimitUse
        Of a snapshot.
    standing : tuple of TrailRow
        The newest level and the newest acknowledgement of each measure.
    """
    rows = {(row.measure, row.kind): row for row in standing}
    return tuple(
        _status(
            use,
            rows.get((use.measure, TrailKind.LEVEL)),
            rows.get((use.measure, TrailKind.ACKNOWLEDGED)),
        )
        for use in uses
    )


def _status(use: LimitUse, level: TrailRow | None, seen: TrailRow | None) -> LimitStatus:
    if level is None or level.after is LimitLevel.OK:
        return LimitStatus(use=use, raised_by=None, acknowledged=None, acknowledgement=None)
    own = seen if seen is not None and seen.acknowledges == level.event_id else None
    return LimitStatus(use=use, raised_by=level, acknowledged=own is not None, acknowledgement=own)


def already_said(
    standing: tuple[TrailRow, ...], measure: LimitMeasure, said: Acknowledgement
) -> TrailRow | None:
    """Return the acknowledgement of what is raised that says just this, None without one."""
    rows = {row.kind: row for row in standing if row.measure is measure}
    level, seen = rows.get(TrailKind.LEVEL), rows.get(TrailKind.ACKNOWLEDGED)
    if level is None or seen is None or seen.acknowledges != level.event_id:
        return None
    return seen if (seen.actor, seen.note) == (said.actor, said.note) else None
