"""Page of the backtest of one book's own ends of day."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import streamlit as st

from system.backtest.power import PowerRow
from system.contracts.messages import RiskSnapshot
from system.show.panels.answers import content_panel
from system.show.panels.first_number import redraw_at_first_number
from system.show.panels.renderer import Panel
from system.show.screens.choice import choose_portfolio, shown_portfolio
from system.show.screens.layout import cell, grid
from system.show.server.runtime import current
from system.show.sheets import backtest as view
from system.show.state.days import Day

REDRAW_EVERY_S: Final = 5.0
"""Days come at ends of day; a replay closes one every few seconds."""


def draw_backtest() -> None:
    """Draw P&L against VaR of the chosen book, and what the statistics say of it."""
    chosen = choose_portfolio()
    redraw_at_first_number(chosen)
    shown = shown_portfolio(chosen)
    st.fragment(draw_statistics, run_every=REDRAW_EVERY_S)(shown)


def draw_statistics(portfolio: str) -> None:
    """Draw what the stored ends of day say of a book's VaR."""
    snapshot = current().desk.snapshot(portfolio)
    if snapshot is None:
        return
    days, promise = judged_days(current().desk.days(portfolio)), promise_of(snapshot)
    with grid("backtest"):
        with cell("evidence", 12, 12):
            content_panel(Panel.LINES, view.pnl_lines(days, promise))
        with cell("coverage", 8, 12):
            content_panel(Panel.SHEET, view.coverage_sheet(days, promise), name="coverage")
        with cell("zones", 4, 12):
            content_panel(Panel.SHEET, view.zones_sheet(days, promise), name="zones")
        with cell("power", 12, 12):
            rows = power_of(len(days), promise)
            content_panel(Panel.SHEET, view.power_sheet(rows, len(days)), name="power")


def judged_days(days: tuple[Day, ...]) -> tuple[view.JudgedDay, ...]:
    """Return the days that have a P&L, a VaR stated before and a verdict, oldest first."""
    return tuple(
        view.JudgedDay(date=day.date, pnl=day.pnl, var=day.var, breach=day.breach)
        for day in days
        if day.pnl is not None and day.var is not None and day.breach is not None
    )


def promise_of(snapshot: RiskSnapshot) -> view.Promise:
    """Return what the estimator of a snapshot promises."""
    return view.Promise(
        confidence=snapshot.confidence,
        scenario_count=snapshot.scenario_count,
        tail_rank=snapshot.tail_rank,
    )


@lru_cache(maxsize=64)
def power_of(day_count: int, promise: view.Promise) -> tuple[PowerRow, ...]:
    """Return the power of the tests in so many days; the same for every book with its n and k."""
    return view.power_rows(day_count, promise) if day_count else ()
