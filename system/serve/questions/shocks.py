"""Answer to a scenario question: pure, computed on a recalled book."""

from __future__ import annotations

from typing import Any

from system.book.questions.shocks import (
    HIGHEST_MOVE,
    LOWEST_MOVE,
    ShockedPnl,
    day_pnl,
    reverse_stress,
    shocked_pnl,
)
from system.book.questions.snapshot_book import check_recalled, recalled_book, recalled_market
from system.book.valuation.portfolio import PortfolioBook
from system.contracts.api.questions import ReverseStress, Scenario, ScenarioRequest, ScenarioRow
from system.risk.valuation import var_fraction
from system.serve.services.snapshot_books import Recalled


def scenario_of(question: ScenarioRequest, recalled: Recalled) -> Scenario:
    """Return what a portfolio gains or loses in a scenario.

    Raises
    ------
    ImpossibleShockError
        If a price or a rate would not stay above zero.
    NoSuchDayError
        If there are no moves of the whole book on a day.
    NotRecalledError
        If the inputs of the newest snapshot cannot be made anew.
    """
    book = _checked_book(recalled)
    market = recalled_market(recalled.snapshot, recalled.recall.market)
    if question.day is not None:
        shocked = day_pnl(book, market, question.day)
    else:
        shocked = shocked_pnl(book, market, question.shocks)
    nav, var = recalled.snapshot.nav, recalled.snapshot.var
    before, after = shocked.days or (None, None)
    return Scenario(
        **_about(recalled),
        pnl=shocked.pnl,
        pnl_fraction=var_fraction(shocked.pnl, nav),
        var_multiple=-shocked.pnl / var if var is not None and var > 0.0 else None,
        rows=_rows(book, shocked),
        day=after,
        day_before=before,
        unmoved=shocked.unmoved,
    )


def reverse_stress_of(loss: float, recalled: Recalled) -> ReverseStress:
    """Return the smallest uniform move of all prices that loses an amount.

    Raises
    ------
    NotRecalledError
        If the inputs of the newest snapshot cannot be made anew.
    """
    book = _checked_book(recalled)
    market = recalled_market(recalled.snapshot, recalled.recall.market)
    reverse = reverse_stress(book, market, loss)
    scenario = reverse.scenario
    return ReverseStress(
        **_about(recalled),
        loss=loss,
        move=reverse.move,
        pnl=None if scenario is None else scenario.pnl,
        rows=() if scenario is None else _rows(book, scenario),
        lowest=LOWEST_MOVE,
        highest=HIGHEST_MOVE,
        worst_move=reverse.worst_move,
        worst_pnl=reverse.worst_pnl,
    )


def _checked_book(recalled: Recalled) -> PortfolioBook:
    book = recalled_book(recalled.snapshot, recalled.recall, close=recalled.close)
    check_recalled(recalled.snapshot, book)
    return book


def _about(recalled: Recalled) -> dict[str, Any]:
    snapshot = recalled.snapshot
    return {
        "portfolio": snapshot.portfolio,
        "snapshot_id": snapshot.snapshot_id,
        "base_currency": snapshot.base_currency,
        "nav": snapshot.nav,
        "durable": recalled.record.durable,
        "stream": recalled.record.stream,
    }


def _rows(book: PortfolioBook, shocked: ShockedPnl) -> tuple[ScenarioRow, ...]:
    """Return the positions, the one that loses most first."""
    marked = book.marked()
    columns = zip(
        marked.shape.listings,
        marked.valuation.value.tolist(),
        shocked.by_position.tolist(),
        strict=True,
    )
    rows = (
        ScenarioRow(
            instrument=listing.instrument_id,
            asset_class=listing.asset_class,
            value=value,
            pnl=pnl,
        )
        for listing, value, pnl in columns
    )
    return tuple(sorted(rows, key=lambda row: (row.pnl, row.instrument)))
