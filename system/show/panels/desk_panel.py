"""The desk that a book belongs to, on the page: its books together, asked for, then a table."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from system.contracts.api.decomposition import DeskVar
from system.contracts.messages import RiskSnapshot
from system.show import format as text
from system.show.panels.answers import answered
from system.show.panels.plain import plain, plain_cells
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
    books = [snapshot for name in names if (snapshot := live.desk.snapshot(name)) is not None]
    with st.expander(f"Desk {plain(desk)}: its books together"):
        currency = st.selectbox("In currency", [OWN_CURRENCY, *currencies_of(desk, books)])
        if st.button("Add up the books", width="stretch"):
            asked = None if currency == OWN_CURRENCY else currency
            desk_var = answered(lambda client: client.desk_var(desk, asked))
            if desk_var is not None:
                st.markdown(desk_words(desk_var))
                st.table(plain_cells(book_cells(desk_var)))


def currencies_of(desk: str, books: Iterable[RiskSnapshot]) -> list[str]:
    """Return the base currencies of a desk's books, sorted."""
    return sorted({book.base_currency for book in books if book.desk == desk})


def desk_words(desk_var: DeskVar) -> str:
    """Return the desk's VaR and what diversification saves, as a sentence."""
    return (
        f"**{text.amount(desk_var.var)} {desk_var.base_currency}** together at "
        f"{text.confidence_label(desk_var.confidence)} on {desk_var.window} days, "
        f"expected shortfall {text.amount(desk_var.expected_shortfall)}; diversification "
        f"{text.amount(desk_var.diversification, signed=True)}."
    )


def book_cells(desk_var: DeskVar) -> list[dict[str, str]]:
    """Return the books under the desk as cells of a table, then what adds up to the desk."""
    books = [
        {
            "book": book.portfolio,
            "VaR": text.amount(book.var),
            "ES": text.amount(book.expected_shortfall),
            "part of desk": text.amount(book.component_var),
        }
        for book in desk_var.books
    ]
    saved = {
        "book": "diversification",
        "VaR": text.amount(-desk_var.diversification, signed=True),
        "ES": "",
        "part of desk": "",
    }
    whole = {
        "book": desk_var.desk,
        "VaR": text.amount(desk_var.var),
        "ES": text.amount(desk_var.expected_shortfall),
        "part of desk": text.amount(desk_var.var),
    }
    return [*books, saved, whole]
