"""The audit trail of limits in PostgreSQL: statements, rows, and the reading half."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

from system.contracts.limits import LimitEvent, LimitLevel, LimitMeasure, TrailKind, TrailRow
from system.store.postgres.cursors import Cursor, all_rows

MAX_TRAIL_ROWS: Final = 1_000
COLUMNS: Final = """event_id, kind, portfolio, measure, level_before, level_after, value, warning,
    breach, snapshot_id, event_time_ns, (extract(epoch FROM recorded_at) * 1000000)::bigint * 1000,
    acknowledges, actor, note"""
_SELECT_LEVELS: Final = """
    SELECT DISTINCT ON (portfolio, measure) portfolio, measure, level_after FROM limit_event
    WHERE kind = 'level' ORDER BY portfolio, measure, event_id DESC"""
_SELECT_TRAIL: Final = f"""
    SELECT {COLUMNS} FROM limit_event
    WHERE portfolio = %(portfolio)s AND (%(before)s::bigint IS NULL OR event_id < %(before)s)
    ORDER BY event_id DESC LIMIT %(limit)s"""  # noqa: S608 - our own names
_SELECT_STANDING: Final = f"""
    SELECT DISTINCT ON (measure, kind) {COLUMNS} FROM limit_event
    WHERE portfolio = %(portfolio)s ORDER BY measure, kind, event_id DESC"""  # noqa: S608
_ACKNOWLEDGE: Final = f"""
    SELECT {COLUMNS}
    FROM acknowledge_limit(%(portfolio)s, %(measure)s, %(actor)s, %(note)s)"""  # noqa: S608
INSERT_LEVELS: Final = """
    INSERT INTO limit_event (kind, portfolio, measure, level_before, level_after, value, warning,
        breach, snapshot_id, event_time_ns)
    VALUES ('level', %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (snapshot_id, measure) WHERE kind = 'level' DO NOTHING"""


class LimitTrail:
    """Limits and their audit trail: a mixin of the history."""

    def _reading(self) -> AbstractContextManager[Cursor]:
        raise NotImplementedError

    def limit_levels(self) -> dict[tuple[str, LimitMeasure], LimitLevel]:
        """Return the level that is raised, by portfolio and measure, as last committed.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        with self._reading() as cursor:
            rows = all_rows(cursor, _SELECT_LEVELS)
        return {(name, LimitMeasure(measure)): LimitLevel(level) for name, measure, level in rows}

    def limit_standing(self, portfolio: str) -> list[TrailRow]:
        """Return the newest level and the newest acknowledgement of each measure.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        with self._reading() as cursor:
            rows = all_rows(cursor, _SELECT_STANDING, {"portfolio": portfolio})
        return list(map(trail_row, rows))

    def limit_trail(
        self, portfolio: str, *, limit: int = 100, before: int | None = None
    ) -> list[TrailRow]:
        """Return a portfolio's audit trail, newest first.

        Parameters
        ----------
        portfolio : str
            Whose.
        limit : int
            At most so many, 1 to ``MAX_TRAIL_ROWS``.
        before : int or None
            Only events with a smaller id.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        assert 1 <= limit <= MAX_TRAIL_ROWS, f"limit {limit} is not in the bounds"
        parameters = {"portfolio": portfolio, "before": before, "limit": limit}
        with self._reading() as cursor:
            return list(map(trail_row, all_rows(cursor, _SELECT_TRAIL, parameters)))

    def acknowledge_limit(
        self, portfolio: str, measure: LimitMeasure, *, actor: str, note: str
    ) -> TrailRow | None:
        """Record that a person has seen what is raised; None where nothing is.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        parameters = {
            "portfolio": portfolio,
            "measure": measure.value,
            "actor": actor,
            "note": note,
        }
        with self._reading() as cursor:
            rows = all_rows(cursor, _ACKNOWLEDGE, parameters)
            cursor.connection.commit()
        return trail_row(rows[0]) if rows else None


def level_row(event: LimitEvent) -> tuple[Any, ...]:
    """Return the row of a level, in the order of ``INSERT_LEVELS``."""
    return (
        event.portfolio,
        event.measure.value,
        event.before.value,
        event.after.value,
        event.value,
        event.warning,
        event.breach,
        event.snapshot_id,
        event.event_time_ns,
    )


def trail_row(row: Sequence[Any]) -> TrailRow:
    """Return the typed row of ``COLUMNS``."""
    event_id, kind, portfolio, measure, before, after, *numbers = row
    value, warning, breach, snapshot_id, event_time_ns, recorded_at_ns, *person = numbers
    acknowledges, actor, note = person
    return TrailRow(
        event_id=event_id,
        kind=TrailKind(kind),
        portfolio=portfolio,
        measure=LimitMeasure(measure),
        before=LimitLevel(before),
        after=LimitLevel(after),
        value=value,
        warning=warning,
        breach=breach,
        snapshot_id=snapshot_id,
        event_time_ns=event_time_ns,
        recorded_at_ns=recorded_at_ns,
        acknowledges=acknowledges,
        actor=actor,
        note=note,
    )
