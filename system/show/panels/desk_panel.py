"""The desk that a book belongs to, on the page: its books together, asked for, then a table."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from system.contracts.api.decomposition import DeskVar
from system.contracts.messages import RiskSnapshot
from system.show import format as text
from system.show.panels.plain import plain, plain_cells
from system.show.panels.stress_panel import answered
from system.show.server.runtime import current

OWN_CURRENCY = "their own"


def draw_desk(portfolio: str) -> None:
    """Draw the button for the desk of the chosen portfolio, and the tree that it asks for."""
    live = current()
    names = live.desk.portfolios()
    chosen = portfolio or (names[0] if names else "")
    snapshot = live.desk.snapshot(chosen)
    if snapshot is None or snapshot.desk is None:
        return
    desk = snapshot.desk
    books = [one for name in names if (one := live.desk.snapshot(name)) is not None]
    with st.expander(f"Desk {plain(desk)}: its books together"):
        currency = st.selectbox("In currency", [OWN_CURRENCY, *currencies_of(desk, books)])
        if st.button("Add up the books", width="stretch"):
            asked = None if currency == OWN_CURRENCY else currency
            found = answered(lambda client: client.desk_var(desk, asked))
            if found is not None:
                st.markdown(desk_words(found))
                st.table(plain_cells(book_cells(found)))


def currencies_of(desk: str, books: Iterable[RiskSnapshot]) -> list[str]:
    """Return the base currencies of a desk's books, sorted."""
    return sorted({book.base_currency for book in books if book.desk == desk})


def desk_words(found: DeskVar) -> str:
    """Return the desk's VaR and what diversification saves, as a sentence."""
    return (
        f"**{text.amount(found.var)} {found.base_currency}** together at "
        f"{text.confidence_label(found.confidence)} on {found.window} days, expected shortfall "
        f"{text.amount(found.expected_shortfall)}; diversification "
        f"{text.amount(found.diversification, signed=True)}."
    )


def book_cells(found: DeskVar) -> list[dict[str, str]]:
    """Return the books under the desk as cells of a table, then what adds up to the desk."""
    books = [
        {
            "book": book.portfolio,
            "VaR": text.amount(book.var),
            "ES": text.amount(book.expected_shortfall),
            "part of desk": text.amount(book.component_var),
        }
        for book in found.books
    ]
    saved = {
        "book": "diversification",
        "VaR": text.amount(-found.diversification, signed=True),
        "ES": "",
        "part of desk": "",
    }
    whole = {
        "book": found.desk,
        "VaR": text.amount(found.var),
        "ES": text.amount(found.expected_shortfall),
        "part of desk": text.amount(found.var),
    }
    return [*books, saved, whole]
