"""Panel of each position's contribution to VaR: a button, then a table."""

from __future__ import annotations

import streamlit as st

from system.contracts.api.decomposition import Contributions
from system.show import format as text
from system.show.panels.answers import answered
from system.show.panels.plain import plain, plain_cells
from system.show.server.runtime import current

ROWS_SHOWN = 20


def draw_contributions(portfolio: str) -> None:
    """Draw the button for the chosen portfolio, and the table that it asks for."""
    names = current().desk.portfolios()
    chosen = portfolio or (names[0] if names else "")
    if not chosen:
        return
    with st.expander(f"What each position adds to VaR, {plain(chosen)}"):
        if st.button("Revalue without each", width="stretch"):
            contributions = answered(lambda client: client.contributions(chosen))
            if contributions is not None:
                st.markdown(contribution_words(contributions))
                st.table(plain_cells(contribution_cells(contributions)))


def contribution_words(contributions: Contributions) -> str:
    """Return what the columns mean, beside the VaR that they are parts of."""
    left = len(contributions.rows) - ROWS_SHOWN
    more = f" {left} smaller ones are not shown." if left > 0 else ""
    return (
        f"**VaR {text.amount(contributions.var)} {contributions.base_currency}** "
        f"({plain(contributions.snapshot_id)}). "
        "Components add up to it; *incremental* is VaR less VaR without the position, in full; "
        f"*marginal* is per unit of quantity.{more}"
    )


def contribution_cells(contributions: Contributions) -> list[dict[str, str]]:
    """Return the largest components as cells of a table."""
    return [
        {
            "position": row.instrument,
            "component": text.amount(row.component_var, signed=True),
            "incremental": text.amount(row.incremental_var, signed=True),
            "marginal": f"{row.marginal_var:+,.4f}",
            "ES tail": "n/a" if row.es_share is None else text.percent(row.es_share),
        }
        for row in contributions.rows[:ROWS_SHOWN]
    ]
