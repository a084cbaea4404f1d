"""The risk of a book in exact arithmetic: full revaluation, then a full sort.

The entry point of this package. `reference_snapshot` takes plain mappings of closes and
returns exact numbers; `ReferencePosition` and `CurrentMarket` are its vocabulary.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from validation.references.carrying import (
    Carrying,
    interrupted,
    later_sessions,
    refuse_interrupted,
    refuse_silence,
)
from validation.references.exact import (
    Number,
    ReferenceInputError,
    exact,
    exact_quantile,
    exact_tail_mean,
)
from validation.references.history import (
    common_dates,
    exact_closes_by_day,
    exact_on,
    union_dates,
    weekdays,
)
from validation.references.revaluation import (
    CurrentMarket,
    Market,
    ReferencePosition,
    current_market,
    fx_name,
    moved_market,
    needed_series,
    value,
)

PositionPnl = Mapping[str, tuple[Fraction, ...]]
"""Per instrument, its P&L in each scenario, oldest first."""


@dataclass(frozen=True)
class ReferenceSnapshot:
    """Exact risk of a book, base currency; P&L gains positive, the rest losses positive.

    ``scenario_dates``, ``pnl`` and each entry of ``position_pnl`` run oldest first;
    ``tail`` names the scenario days from the worst to the one behind the VaR, of equal
    P&Ls the older first; ``classes`` maps an asset class to (VaR, expected shortfall).
    ``present`` is the market that it is all valued in.
    """

    nav: Fraction
    var: Fraction
    expected_shortfall: Fraction
    scenario_date: dt.date
    tail: tuple[dt.date, ...]
    components: Mapping[str, Fraction]
    component_es: Mapping[str, Fraction]
    classes: Mapping[str, tuple[Fraction, Fraction]]
    scenario_dates: tuple[dt.date, ...]
    pnl: tuple[Fraction, ...]
    position_pnl: PositionPnl
    present: Market


def reference_snapshot(  # noqa: PLR0913 - a book, its market and its settings
    positions: Sequence[ReferencePosition],
    closes: Mapping[str, Mapping[dt.date, Number]],
    fx: Mapping[str, Mapping[dt.date, Number]] | None = None,
    *,
    as_of: dt.date,
    window: int = 30,
    confidence: str = "0.95",
    base_currency: str = "USD",
    now: CurrentMarket | None = None,
    carrying: Carrying | None = None,
) -> ReferenceSnapshot:
    """Return the exact risk of a book at one moment.

    Parameters
    ----------
    positions : sequence of ReferencePosition
        The book; no instrument twice.
    closes : mapping of str to mapping of date to number
        Closes per instrument and date, in the instrument's currency.
    fx : mapping of str to mapping of date to number, optional
        Per currency and date, its units for 1 EUR. Only what a foreign position needs.
    as_of : date
        No later close is looked at.
    window : int
        Number n of scenarios: returns between the last n + 1 dates with a close of any series
        of the book; of a book that needs none, weekdays.
    confidence : str
        Decimal text in (1/2, 1).
    base_currency : str
        ISO code.
    now : CurrentMarket, optional
        What the book is worth now; by default the closes of the last scenario day.
    carrying : Carrying, optional
        How many closes may be missing; by default 5 sessions, or 5 % of gross exposure.

    Returns
    -------
    ReferenceSnapshot
        Exact.

    Raises
    ------
    NoVarError
        If more closes are missing; names the series.
    ReferenceInputError
        If an instrument stands twice; a series, close or quote that is needed is missing
        or is no number; a price is not above zero where a ratio of it is taken; or the
        tail is too thin.
    """
    tail_probability = 1 - _probability(confidence)
    _refuse_twice(positions)
    series = {**closes, **{fx_name(currency): rates for currency, rates in (fx or {}).items()}}
    rule = carrying or Carrying()
    book = _book(series, needed_series(positions, base_currency))
    days = (
        union_dates(book.values(), as_of=as_of, count=window + 1)
        if book
        else weekdays(as_of=as_of, count=window + 1)
    )
    by_day = exact_closes_by_day(book, days)
    later = later_sessions(book, days[-1], as_of, rule)
    present = current_market(
        positions, now or CurrentMarket.at(by_day[days[-1]], days[-1], series), base_currency
    )
    refuse_silence(book, days[-1], later, rule)
    counts = interrupted(book, [*days, *later], as_of, rule)
    refuse_interrupted(counts, positions, present, base_currency, rule)
    moves = [(by_day[before], by_day[after], after) for before, after in itertools.pairwise(days)]
    return _under(positions, present, moves, base_currency, tail_probability)


def reference_stressed(
    positions: Sequence[ReferencePosition],
    closes: Mapping[str, Mapping[dt.date, Number]],
    *,
    first: dt.date,
    last: dt.date,
    as_of: dt.date,
    confidence: str = "0.95",
    base_currency: str = "USD",
    now: CurrentMarket | None = None,
) -> ReferenceSnapshot:
    """Return the exact risk of today's book under the returns of a window of history.

    Parameters
    ----------
    positions : sequence of ReferencePosition
        The book; no instrument twice.
    closes : mapping of str to mapping of date to number
        Closes per instrument and date, FX series (``fx:USD``, units for 1 EUR) among them.
    first, last : date
        Returns dated inside the window count, both ends included.
    as_of : date
        No later return is looked at.
    confidence : str
        Decimal text in (1/2, 1).
    base_currency : str
        ISO code.
    now : CurrentMarket, optional
        What the book is worth now; by default the closes of the last common date.

    Raises
    ------
    ReferenceInputError
        If the window holds no return or too thin a tail, or as `reference_snapshot`.
    """
    tail_probability = 1 - _probability(confidence)
    _refuse_twice(positions)
    needed = needed_series(positions, base_currency)
    book = _book(closes, needed) or dict(closes)
    [today] = common_dates(book.values(), as_of=as_of, count=1)
    present = current_market(
        positions, now or CurrentMarket.at(exact_on(book, today), today, closes), base_currency
    )
    days = sorted(set.intersection(*(set(series) for series in book.values())))
    moves = [
        (exact_on(book, before), exact_on(book, after), after)
        for before, after in itertools.pairwise(days)
        if first <= after <= min(last, as_of)
    ]
    return _under(positions, present, moves, base_currency, tail_probability)


def _under(
    positions: Sequence[ReferencePosition],
    present: Market,
    moves: Sequence[tuple[Mapping[str, Fraction], Mapping[str, Fraction], dt.date]],
    base_currency: str,
    tail_probability: Fraction,
) -> ReferenceSnapshot:
    """Return the risk under moves between pairs of days, each dated."""
    scenarios = [
        moved_market(present, positions, before, after, base_currency) for before, after, _ in moves
    ]
    worth = {position.instrument: value(position, present) for position in positions}
    position_pnl = {
        position.instrument: tuple(
            value(position, moved) - worth[position.instrument] for moved in scenarios
        )
        for position in positions
    }
    dates = tuple(date for _, _, date in moves)
    return _measured(positions, dates, position_pnl, present, tail_probability)


def _book(
    series: Mapping[str, Mapping[dt.date, Number]], needed: set[str]
) -> dict[str, Mapping[dt.date, Number]]:
    """Return the closes of the series that a book needs."""
    for name in sorted(needed):
        if name not in series:
            msg = f"no history of {name}"
            raise ReferenceInputError(msg)
    return {name: series[name] for name in sorted(needed)}


def _measured(
    positions: Sequence[ReferencePosition],
    dates: tuple[dt.date, ...],
    position_pnl: PositionPnl,
    present: Market,
    tail_probability: Fraction,
) -> ReferenceSnapshot:
    if not dates:
        msg = "the window holds no return"
        raise ReferenceInputError(msg)
    pnl = _added_up(position_pnl.values(), len(dates))
    ranked = sorted(range(len(dates)), key=lambda scenario: (pnl[scenario], dates[scenario]))
    rank = next(
        rank for rank, _ in enumerate(ranked, 1) if Fraction(rank, len(ranked)) >= tail_probability
    )
    tail = ranked[:rank]
    return ReferenceSnapshot(
        nav=sum((value(position, present) for position in positions), Fraction(0)),
        var=-exact_quantile(pnl, tail_probability),
        expected_shortfall=-exact_tail_mean(pnl, tail_probability),
        scenario_date=dates[tail[-1]],
        tail=tuple(dates[scenario] for scenario in tail),
        components={name: -row[tail[-1]] for name, row in position_pnl.items()},
        component_es={
            name: _tail_part(row, ranked, tail_probability) for name, row in position_pnl.items()
        },
        classes=_class_measures(positions, position_pnl, tail_probability),
        scenario_dates=dates,
        pnl=pnl,
        position_pnl=position_pnl,
        present=present,
    )


def _class_measures(
    positions: Sequence[ReferencePosition], position_pnl: PositionPnl, tail_probability: Fraction
) -> dict[str, tuple[Fraction, Fraction]]:
    measures = {}
    for name in sorted({position.asset_class for position in positions}):
        rows = [
            position_pnl[position.instrument]
            for position in positions
            if position.asset_class == name
        ]
        pnl = _added_up(rows, len(rows[0]))
        measures[name] = (
            -exact_quantile(pnl, tail_probability),
            -exact_tail_mean(pnl, tail_probability),
        )
    return measures


def _tail_part(
    row: tuple[Fraction, ...], ranked: Sequence[int], tail_probability: Fraction
) -> Fraction:
    """Return one position's mean loss in the book's tail: in the book's order, not its own."""
    left, integral = tail_probability, Fraction(0)
    for scenario in ranked:
        taken = min(left, Fraction(1, len(ranked)))
        integral += taken * row[scenario]
        left -= taken
        if not left:
            break  # further scenarios would add nothing
    return -integral / tail_probability


def _added_up(rows: Iterable[tuple[Fraction, ...]], count: int) -> tuple[Fraction, ...]:
    totals = [Fraction(0)] * count
    for row in rows:
        totals = [total + pnl for total, pnl in zip(totals, row, strict=True)]
    return tuple(totals)


def _refuse_twice(positions: Sequence[ReferencePosition]) -> None:
    names = [position.instrument for position in positions]
    for name in names:
        if names.count(name) > 1:
            msg = f"{name} stands twice in the book"
            raise ReferenceInputError(msg)


def _probability(confidence: str) -> Fraction:
    probability = exact(confidence)
    if not Fraction(1, 2) < probability < 1:
        msg = f"confidence {confidence} is not in (1/2, 1)"
        raise ReferenceInputError(msg)
    return probability
