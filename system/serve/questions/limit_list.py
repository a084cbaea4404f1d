"""Page of the limits of all portfolios, worst first: pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from system.contracts.api.limits import LimitPage, PortfolioLimit
from system.contracts.api.portfolios import severity
from system.contracts.api.risk import StreamState
from system.contracts.limits import LimitLevel, LimitMeasure
from system.store.records import PageToken, Whole

Place = tuple[int, bool, float, str, str]


class LimitKey(PageToken, frozen=True):
    """End of a page of limits: severity and use, then portfolio and measure."""

    severity: Whole
    used: float | None
    portfolio: str
    measure: str

    @property
    def place(self) -> Place:
        """Place in the order of the list; a limit without a number is last of its level."""
        return (
            -self.severity,
            self.used is None,
            -(self.used or 0.0),
            self.portfolio,
            self.measure,
        )


@dataclass(frozen=True)
class LimitFilter:
    """Filters and page of ``GET /v1/limits``; None and empty leave out nothing.

    Parameters
    ----------
    level : tuple of LimitLevel
        Levels that the values have now.
    measure : LimitMeasure or None
        Measure that is limited.
    desk : str or None
        Desk of the portfolio.
    raised : bool or None
        Whether a level is raised.
    acknowledged : bool or None
        Whether a person has acknowledged what is raised; where nothing is, neither.
    limit : int
        Lines per page.
    after : LimitKey or None
        End of the page before.
    """

    level: tuple[LimitLevel, ...] = ()
    measure: LimitMeasure | None = None
    desk: str | None = None
    raised: bool | None = None
    acknowledged: bool | None = None
    limit: int = 1_000
    after: LimitKey | None = None


def limit_page(
    lines: Sequence[PortfolioLimit], asked: LimitFilter, *, stream: StreamState
) -> LimitPage:
    """Return the page of a list of limits that is asked for.

    Parameters
    ----------
    lines : sequence of PortfolioLimit
        Every limit of every portfolio that has a snapshot.
    asked : LimitFilter
        Filters and page.
    stream : StreamState
        Passed on.
    """
    alike = [line for line in lines if _matches(line, asked)]
    matched = [line for line in alike if not asked.level or line.limit.use.level in asked.level]
    ordered = sorted(matched, key=lambda line: _key(line).place)
    if asked.after is not None:
        beyond = asked.after.place
        ordered = [line for line in ordered if _key(line).place > beyond]
    page = ordered[: asked.limit]
    is_last = len(ordered) <= asked.limit
    return LimitPage(
        limits=tuple(page),
        matched_count=len(matched),
        level_counts=dict(sorted(Counter(str(line.limit.use.level) for line in alike).items())),
        stream=stream,
        next=None if is_last else _key(page[-1]).token(),
    )


def _matches(line: PortfolioLimit, asked: LimitFilter) -> bool:
    """Return whether a line passes every filter but that of levels."""
    stated = (
        (asked.measure, line.limit.use.measure),
        (asked.desk, line.desk),
        (asked.raised, line.limit.raised_by is not None),
        (asked.acknowledged, line.limit.acknowledged),
    )
    return all(wanted is None or wanted == value for wanted, value in stated)


def _key(line: PortfolioLimit) -> LimitKey:
    use = line.limit.use
    return LimitKey(severity(use.level), use.used, line.portfolio, use.measure.value)
