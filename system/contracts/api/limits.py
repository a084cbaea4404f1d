"""Limits of all portfolios in one list."""

from __future__ import annotations

from system.contracts.api.risk import StreamState, View
from system.contracts.limits import LimitStatus


class PortfolioLimit(View, frozen=True, kw_only=True):
    """One limit of one portfolio at its newest snapshot."""

    portfolio: str
    desk: str | None
    snapshot_id: str
    event_time_ns: int
    nav: float
    base_currency: str
    limit: LimitStatus


class LimitPage(View, frozen=True, kw_only=True):
    """``GET /v1/limits``: limits of all portfolios, worst first; ``next`` asks for the page after.

    ``matched_count`` counts the limits of all pages; ``level_counts`` counts, by level, those that
    match everything but ``level``.
    """

    limits: tuple[PortfolioLimit, ...]
    matched_count: int
    level_counts: dict[str, int]
    stream: StreamState
    next: str | None = None
