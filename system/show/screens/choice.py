"""The chosen portfolio, which is part of the address, and goes along from page to page."""

from __future__ import annotations

from typing import Final

import streamlit as st

from system.show.panels.renderer import Panel, panel
from system.show.server.runtime import current

CHOSEN: Final = "portfolio"


def asked_portfolio() -> str:
    """Return the portfolio that the address names, empty where it names none."""
    return str(st.query_params.get(CHOSEN, ""))


def choose_portfolio() -> str:
    """Draw the selector; the choice stands in the address, so that it can be shared."""
    asked = asked_portfolio()
    chosen = panel(Panel.CARDS, portfolio=asked).get(CHOSEN) or asked
    if chosen and chosen != asked:
        st.query_params[CHOSEN] = chosen
    return str(chosen)


def shown_portfolio(chosen: str) -> str:
    """Return the chosen portfolio, or the first that has a number; empty before there is one."""
    names = current().desk.portfolios()
    return chosen or (names[0] if names else "")
