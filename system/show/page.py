"""The page: which panel stands where. Streamlit runs it once per visit and per choice."""

from __future__ import annotations

import streamlit as st

from system.show.panels.change_panel import draw_change
from system.show.panels.contributions_panel import draw_contributions
from system.show.panels.desk_panel import draw_desk
from system.show.panels.first_number import redraw_at_first_number
from system.show.panels.limits_panel import draw_acknowledgement
from system.show.panels.renderer import PAGE_TITLE, Panel, panel
from system.show.panels.stress_panel import draw_scenarios
from system.show.panels.ticket_panel import draw_ticket

CHOSEN = "portfolio"


def draw_page() -> None:
    """Draw the desk."""
    st.set_page_config(page_title=PAGE_TITLE, layout="wide")
    st.html("<style>" + _PAGE_CSS + "</style>")
    with st.container(key="head"):
        panel(Panel.BAR)
    chosen = choose_portfolio()
    row(5.0, Panel.PNL, 2.7, Panel.GAUGE, 3.7, Panel.MADE)
    left, middle, right = st.columns([5.0, 4.0, 2.4], gap="small")
    with left:
        panel(Panel.CONTRIBUTORS)
    with middle:
        panel(Panel.EXPOSURE)
        panel(Panel.STRESSED)
    with right:
        redraw_at_first_number(chosen)
        draw_ticket(chosen)
        draw_scenarios(chosen)
        draw_change(chosen)
        draw_contributions(chosen)
        draw_desk(chosen)
        draw_acknowledgement(chosen)
    row(5.0, Panel.DAYS, 3.2, Panel.HEAT, 3.2, Panel.TRADES)
    panel(Panel.LIMITS)


def row(*widths_and_panels: float | Panel) -> None:
    """Draw panels side by side: a width, its panel, and so on."""
    panels = [item for item in widths_and_panels if isinstance(item, Panel)]
    widths = [item for item in widths_and_panels if not isinstance(item, Panel)]
    for column, which in zip(st.columns(widths, gap="small"), panels, strict=True):
        with column:
            panel(which)


def choose_portfolio() -> str:
    """Draw the selector; the choice stands in the address, so that it can be shared."""
    asked = st.query_params.get(CHOSEN, "")
    chosen = panel(Panel.CARDS, portfolio=asked).get(CHOSEN) or asked
    if chosen and chosen != asked:
        st.query_params[CHOSEN] = chosen
    return str(chosen)


_PAGE_CSS = """
.stMainBlockContainer { padding: 0.6rem 0.9rem 1rem; }
.stMainBlockContainer .stVerticalBlock { gap: 0.5rem; }
.stAppHeader { display: none; }
.st-key-head { position: sticky; top: 0; z-index: 9; }
@media (max-width: 1150px) {
  .stHorizontalBlock { flex-wrap: wrap; }
  .stColumn { min-width: 100%; }
  .stForm .stColumn { min-width: 40%; }
}
.stForm { padding: 0.5rem 0.75rem 0.6rem; border-radius: 4px; }
"""

if __name__ == "__main__":
    draw_page()
