"""Page of the Greeks of one book."""

from __future__ import annotations

from typing import Final

import streamlit as st

from system.show.panels.answers import content_panel
from system.show.panels.first_number import redraw_at_first_number
from system.show.panels.renderer import Panel
from system.show.screens.choice import choose_portfolio, shown_portfolio
from system.show.screens.layout import cell, grid
from system.show.server.runtime import current
from system.show.sheets import greeks as view

REDRAW_EVERY_S: Final = 1.0


def draw_greeks() -> None:
    """Draw the Greeks of the chosen book, again every second."""
    chosen = choose_portfolio()
    redraw_at_first_number(chosen)
    st.fragment(draw_sheets, run_every=REDRAW_EVERY_S)(shown_portfolio(chosen))


def draw_sheets(portfolio: str) -> None:
    """Draw the Greeks of a book's newest snapshot."""
    snapshot = current().desk.snapshot(portfolio)
    if snapshot is None:
        return
    sheets = {
        "underlyings": view.underlyings_sheet(snapshot),
        "options": view.options_sheet(snapshot),
        "explained": view.explained_sheet(snapshot),
    }
    with grid("greeks"):
        for name, sheet in sheets.items():
            with cell(name, 12, 12):
                content_panel(Panel.SHEET, sheet, name=name)
