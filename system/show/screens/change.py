"""Page of what changed VaR since the last close."""

from __future__ import annotations

import streamlit as st

from system.show.panels.answers import answered, content_panel
from system.show.panels.first_number import redraw_at_first_number
from system.show.panels.renderer import Panel
from system.show.screens.choice import choose_portfolio, shown_portfolio
from system.show.screens.layout import cell, grid
from system.show.server.runtime import current
from system.show.sheets.change import change_sheet, change_waterfall


def draw_what_changed() -> None:
    """Draw the change of VaR of the chosen book, input by input."""
    chosen = choose_portfolio()
    redraw_at_first_number(chosen)
    shown = shown_portfolio(chosen)
    if current().desk.snapshot(shown) is None:
        return
    with grid("change"):
        with cell("ask", 12, 12):
            st.button("Explain again since the last close")  # a click runs the page anew
        explained = answered(lambda client: client.var_change(shown))
        if explained is None:
            return
        with cell("waterfall", 7, 12):
            content_panel(Panel.WATERFALL, change_waterfall(explained))
        with cell("steps", 5, 12):
            content_panel(Panel.SHEET, change_sheet(explained), name="steps")
