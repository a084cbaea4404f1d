"""Page of all books: each one's VaR against its limit, its P&L, and what is stale."""

from __future__ import annotations

from typing import Final

from system.show.panels.desk_panel import draw_desk
from system.show.panels.first_number import redraw_at_first_number
from system.show.panels.renderer import Panel, panel
from system.show.screens.choice import asked_portfolio
from system.show.screens.layout import cell, grid

BOOK: Final = "book"
BOOK_PATH: Final = ""
"""The book's page is that of an address without a name."""


def draw_all_books() -> None:
    """Draw the table of all books; a row opens its book."""
    redraw_at_first_number("")
    with grid("desk"):
        with cell("books", 12, 12):
            panel(Panel.DESK, content={"page": BOOK, "path": BOOK_PATH})
        with cell("together", 12, 12):
            draw_desk(asked_portfolio())
