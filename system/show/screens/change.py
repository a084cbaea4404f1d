"""Page of what changed VaR since the last close."""

from __future__ import annotations

from system.show.panels.change_panel import draw_change
from system.show.panels.first_number import redraw_at_first_number
from system.show.screens.choice import choose_portfolio
from system.show.screens.layout import cell, grid


def draw_what_changed() -> None:
    """Draw the change of VaR of the chosen book, input by input."""
    chosen = choose_portfolio()
    redraw_at_first_number(chosen)
    with grid("change"), cell("steps", 12, 12):
        draw_change(chosen)
