"""Page of the list of portfolios: filtered, ordered and cut by pure functions.

Laws of this file: lines are in one order, by the asked field and then by name; a line without a
number is last in both directions; a page begins strictly after the key of the page before. Numbers
move between two pages: a portfolio whose number crosses the key meanwhile is listed twice or not at
all, one whose number stays is listed once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from system.contracts.api.portfolios import (
    PortfolioQuestion,
    Portfolios,
    PortfolioSort,
    PortfolioSummary,
    severity,
)
from system.contracts.api.risk import StreamState
from system.serve.http.errors import invalid_field
from system.store.records import PageToken, Whole

Value = Whole | float | str | None


class PortfolioKey(PageToken, frozen=True):
    """End of a page of portfolios: order of the list, then value and name of the last line."""

    sort: PortfolioSort
    descending: bool
    value: Value
    portfolio: str


_VALUES: Final[Mapping[PortfolioSort, Callable[[PortfolioSummary], Value]]] = {
    PortfolioSort.PORTFOLIO: lambda line: line.portfolio,
    PortfolioSort.EVENT_TIME: lambda line: line.event_time_ns,
    PortfolioSort.LEVEL: lambda line: severity(line.level),
    PortfolioSort.LIMIT_USED: lambda line: line.limit_used,
    PortfolioSort.VAR_FRACTION: lambda line: line.var_fraction,
    PortfolioSort.VAR: lambda line: line.var,
    PortfolioSort.DAILY_PNL: lambda line: line.daily_pnl,
    PortfolioSort.NAV: lambda line: line.nav,
    PortfolioSort.STALE_COUNT: lambda line: line.stale_count,
}


def portfolio_page(
    lines: Sequence[PortfolioSummary],
    question: PortfolioQuestion,
    *,
    unvalued: tuple[str, ...] = (),
    stream: StreamState,
) -> Portfolios:
    """Return the page of a list of portfolios that a question asks for.

    Parameters
    ----------
    lines : sequence of PortfolioSummary
        Every portfolio that has a snapshot, with level and use of the measure asked for.
    question : PortfolioQuestion
        Filters, order and page.
    unvalued : tuple of str
        Portfolios without a snapshot; passed on.
    stream : StreamState
        Passed on.

    Raises
    ------
    PageTokenError
        If ``after`` is no token of ours.
    InvalidRequestError
        If ``after`` is of a list in another order.
    """
    key = _key(question)
    alike = [line for line in lines if _matches(line, question)]
    matched = [line for line in alike if not question.level or line.level in question.level]
    ordered = _ordered(matched, question)
    rest = ordered if key is None else [line for line in ordered if _is_after(line, key)]
    page = rest[: question.limit]
    is_last = len(rest) <= question.limit
    return Portfolios(
        portfolios=tuple(page),
        unvalued=unvalued,
        stream=stream,
        matched_count=len(matched),
        level_counts=dict(sorted(Counter(str(line.level) for line in alike).items())),
        next=None if is_last else _key_of(page[-1], question).token(),
    )


def _matches(line: PortfolioSummary, question: PortfolioQuestion) -> bool:
    """Return whether a line passes every filter but that of levels."""
    asked = (
        (question.desk, line.desk),
        (question.base_currency, line.base_currency),
        (question.complete, line.complete),
        (question.measure, line.limit_measure),
    )
    if any(wanted is not None and wanted != stated for wanted, stated in asked):
        return False
    letters = question.contains
    return letters is None or letters.casefold() in line.portfolio.casefold()


def _ordered(
    lines: Sequence[PortfolioSummary], question: PortfolioQuestion
) -> list[PortfolioSummary]:
    value = _VALUES[question.sort]
    by_name = sorted(lines, key=lambda line: line.portfolio)
    stated = [line for line in by_name if value(line) is not None]
    absent = [line for line in by_name if value(line) is None]
    # Python's sort is stable in both directions: equal values stay in the order of names.
    return [*sorted(stated, key=value, reverse=question.descending), *absent]  # type: ignore[arg-type]


def _is_after(line: PortfolioSummary, key: PortfolioKey) -> bool:
    value = _VALUES[key.sort](line)
    if value is None or key.value is None:
        return value is None and (key.value is not None or line.portfolio > key.portfolio)
    if value == key.value:
        return line.portfolio > key.portfolio
    return (value < key.value) is key.descending  # type: ignore[operator]


def _key(question: PortfolioQuestion) -> PortfolioKey | None:
    if question.after is None:
        return None
    key = PortfolioKey.from_token(question.after)
    is_text = isinstance(key.value, str)
    same_kind = key.value is None or is_text is (key.sort is PortfolioSort.PORTFOLIO)
    if (key.sort, key.descending) != (question.sort, question.descending) or not same_kind:
        direction = "descending" if key.descending else "ascending"
        raise invalid_field(
            "after",
            f"the page before was ordered by {key.sort}, {direction}: ask for the next one in "
            "the same order, or leave `after` out",
        )
    return key


def _key_of(line: PortfolioSummary, question: PortfolioQuestion) -> PortfolioKey:
    value = _VALUES[question.sort](line)
    return PortfolioKey(question.sort, question.descending, value, line.portfolio)
