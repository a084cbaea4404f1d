"""List of portfolios: its question, its lines and its pages."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Final

from msgspec import Struct

from system.contracts.api.risk import StreamState, View
from system.contracts.limits import LimitLevel, LimitMeasure, LimitUse

MAX_PORTFOLIOS: Final = 10_000
"""Lines of one page, also of a question that states no ``limit``."""
MAX_CONTAINED_LETTERS: Final = 64
_SEVERITY: Final = {
    LimitLevel.OK: 0,
    LimitLevel.UNKNOWN: 1,
    LimitLevel.WARNING: 2,
    LimitLevel.BREACH: 3,
}
"""A limit whose number does not exist is worse than one that is kept."""


class PortfolioSort(StrEnum):
    """Field that a list of portfolios is ordered by; lines without a number are last."""

    PORTFOLIO = "portfolio"
    EVENT_TIME = "event_time"
    LEVEL = "level"
    LIMIT_USED = "limit_used"
    VAR_FRACTION = "var_fraction"
    VAR = "var"
    DAILY_PNL = "daily_pnl"
    NAV = "nav"
    STALE_COUNT = "stale_count"


class PortfolioQuestion(Struct, frozen=True, kw_only=True):
    """Filters, order and page of ``GET /v1/portfolios``; by default every portfolio by name.

    Parameters
    ----------
    sort : PortfolioSort
        Order of the lines; amounts of different base currencies are compared as numbers.
    descending : bool
        Largest first.
    level : tuple of LimitLevel
        Levels that are listed; empty: all.
    measure : LimitMeasure or None
        Only the limit of this measure gives level and use; None: the worst of each portfolio.
    desk, base_currency : str or None
        Only portfolios of that desk, in that currency.
    complete : bool or None
        Only complete snapshots, or only those that are not.
    contains : str or None
        Letters that the name contains, in either case.
    limit : int
        Lines per page, 1 to ``MAX_PORTFOLIOS``.
    after : str or None
        ``next`` of the page before.
    """

    sort: PortfolioSort = PortfolioSort.PORTFOLIO
    descending: bool = False
    level: tuple[LimitLevel, ...] = ()
    measure: LimitMeasure | None = None
    desk: str | None = None
    base_currency: str | None = None
    complete: bool | None = None
    contains: str | None = None
    limit: int = MAX_PORTFOLIOS
    after: str | None = None


class PortfolioSummary(View, frozen=True, kw_only=True):
    """One line of ``GET /v1/portfolios``.

    ``level``, ``limit_measure``, ``limit_used`` and ``raised`` are of the limit that is worst by
    level, then by use; of the limit asked for where ``measure`` names one. ``over_limit`` is of
    VaR's own limit.
    """

    portfolio: str
    snapshot_id: str
    event_time_ns: int
    base_currency: str
    nav: float
    var: float | None
    var_fraction: float | None
    var_limit_fraction: float
    over_limit: bool | None
    complete: bool
    durable: bool
    desk: str | None = None
    asof: dt.date | None = None
    expected_shortfall: float | None = None
    daily_pnl: float | None = None
    unrealised_pnl: float | None = None
    level: LimitLevel = LimitLevel.UNKNOWN
    limit_measure: LimitMeasure | None = None
    limit_used: float | None = None
    raised: LimitLevel | None = None
    stale_count: int = 0
    not_available: str = ""


class Portfolios(View, frozen=True, kw_only=True):
    """``GET /v1/portfolios``: a page of lines; ``next`` asks for the page after it.

    ``matched_count`` counts the portfolios of all pages. ``level_counts`` counts, by level, those
    that match everything but ``level``. ``unvalued``: imported, no snapshot yet; no filter
    applies to them.
    """

    portfolios: tuple[PortfolioSummary, ...]
    unvalued: tuple[str, ...]
    stream: StreamState
    matched_count: int = 0
    level_counts: dict[str, int] = {}  # noqa: RUF012 - msgspec copies it
    next: str | None = None


def worst_use(uses: tuple[LimitUse, ...], measure: LimitMeasure | None = None) -> LimitUse | None:
    """Return the limit that is worst by level, then by use; None where there is none.

    Parameters
    ----------
    uses : tuple of LimitUse
        Limits of one portfolio at one snapshot.
    measure : LimitMeasure or None
        Only the limit of this measure counts.
    """
    asked = [use for use in uses if measure is None or use.measure is measure]
    return max(asked, key=lambda use: (_SEVERITY[use.level], use.used or 0.0), default=None)


def severity(level: LimitLevel) -> int:
    """Return the rank of a level, 0 for ok to 3 for a breach."""
    return _SEVERITY[level]
