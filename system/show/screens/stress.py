"""Page of stress: crises of the past, and scenarios of one's own."""

from __future__ import annotations

from system.show.panels.first_number import redraw_at_first_number
from system.show.panels.renderer import Panel
from system.show.panels.stress_panel import draw_scenarios
from system.show.screens.choice import choose_portfolio
from system.show.screens.layout import cell, grid, panels


def draw_stress() -> None:
    """Draw stressed VaR and the scenarios of the chosen book."""
    chosen = choose_portfolio()
    redraw_at_first_number(chosen)
    with grid("stress"):
        panels(7, 6, Panel.STRESSED)
        with cell("scenarios", 5, 6):
            draw_scenarios(chosen)
