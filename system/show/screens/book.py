"""Page of one book: its VaR against the limit, its P&L, and the positions behind both."""

from __future__ import annotations

from system.show.panels.contributions_panel import draw_contributions
from system.show.panels.first_number import redraw_at_first_number
from system.show.panels.limits_panel import draw_acknowledgement
from system.show.panels.renderer import Panel
from system.show.panels.ticket_panel import draw_ticket
from system.show.screens.choice import choose_portfolio
from system.show.screens.layout import cell, grid, panels


def draw_book() -> None:
    """Draw the book that is chosen, most important first."""
    chosen = choose_portfolio()
    with grid("book"):
        panels(3, 5, Panel.GAUGE)
        panels(5, 7, Panel.PNL)
        panels(4, 6, Panel.MADE)
        panels(5, 6, Panel.CONTRIBUTORS, Panel.LIMITS)
        panels(4, 7, Panel.EXPOSURE, Panel.STRESSED)
        with cell("ticket", 3, 5):
            redraw_at_first_number(chosen)
            draw_ticket(chosen)
            draw_contributions(chosen)
            draw_acknowledgement(chosen)
        panels(5, 7, Panel.DAYS)
        panels(4, 5, Panel.HEAT)
        panels(3, 12, Panel.TRADES)
