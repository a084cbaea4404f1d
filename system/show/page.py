"""Frame of all pages: the head with its links, then the page that is open.

Streamlit runs it once per visit, per choice and per page. The head stays where it is, and with it
the one event stream of a tab.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import streamlit as st

from system.show.panels.renderer import PAGE_TITLE, Panel, panel
from system.show.screens.attribution import draw_attribution
from system.show.screens.backtest import draw_backtest
from system.show.screens.book import draw_book
from system.show.screens.change import draw_what_changed
from system.show.screens.choice import CHOSEN, asked_portfolio
from system.show.screens.desk import BOOK, draw_all_books
from system.show.screens.greeks import draw_greeks
from system.show.screens.health import draw_health
from system.show.screens.layout import draw_style
from system.show.screens.stress import draw_stress
from system.show.screens.what_if import draw_what_if


@dataclass(frozen=True)
class Screen:
    """One page: its name in the links, and the function that draws it."""

    title: str
    draw: Callable[[], None]


SCREENS: Final = {
    "desk": Screen("Desk", draw_all_books),
    BOOK: Screen("Book", draw_book),
    "attribution": Screen("Attribution", draw_attribution),
    "backtest": Screen("Backtest", draw_backtest),
    "stress": Screen("Stress and scenarios", draw_stress),
    "greeks": Screen("Greeks", draw_greeks),
    "what-if": Screen("What-if", draw_what_if),
    "change": Screen("What changed", draw_what_changed),
    "health": Screen("Health", draw_health),
}
"""By the name in the address; the book is also the page of an address without a name."""


def draw_page() -> None:
    """Draw the head and the page that is open."""
    st.set_page_config(page_title=PAGE_TITLE, layout="wide")
    draw_style()
    pages = {
        name: st.Page(screen.draw, title=screen.title, url_path=name, default=name == BOOK)
        for name, screen in SCREENS.items()
    }
    opened = st.navigation(list(pages.values()), position="hidden")
    with st.container(key="head"):
        links = [
            {"name": name, "title": page.title, "path": page.url_path, "open": page == opened}
            for name, page in pages.items()
        ]
        wanted = panel(Panel.BAR, content=links).get("open")
    if wanted is not None and wanted["page"] in pages:
        st.switch_page(pages[wanted["page"]], query_params=address_of(wanted.get(CHOSEN, "")))
    opened.run()


def address_of(portfolio: str) -> dict[str, str]:
    """Return the query of a page's address for a portfolio, that which is asked for if empty."""
    named = portfolio or asked_portfolio()
    return {CHOSEN: named} if named else {}


if __name__ == "__main__":
    draw_page()
