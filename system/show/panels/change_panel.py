"""Panel that explains the change of VaR since the last close: a button, then a table."""

from __future__ import annotations

import streamlit as st

from system.contracts.api.questions import VarChange
from system.show import format as text
from system.show.panels.plain import plain, plain_cells
from system.show.panels.stress_panel import answered
from system.show.server.runtime import current


def draw_change(portfolio: str) -> None:
    """Draw the button for the chosen portfolio, and the steps that it asks for."""
    names = current().desk.portfolios()
    chosen = portfolio or (names[0] if names else "")
    if not chosen:
        return
    with st.expander(f"What changed VaR, {plain(chosen)}"):
        if st.button("Explain since the last close", width="stretch"):
            explained = answered(lambda client: client.var_change(chosen))
            if explained is not None:
                st.markdown(change_words(explained))
                st.table(plain_cells(step_cells(explained)))


def change_words(explained: VarChange) -> str:
    """Return VaR at both ends as a sentence."""
    change = text.amount(explained.change, signed=True)
    return (
        f"VaR {text.amount(explained.var_before)} ({plain(explained.from_id)}) -> "
        f"**{text.amount(explained.var_after)}** ({plain(explained.to_id)}): "
        f"{change} {explained.base_currency}"
    )


def step_cells(explained: VarChange) -> list[dict[str, str]]:
    """Return each step as cells of a table, those that changed nothing in words."""
    return [
        {
            "input": step.step.replace("_", " "),
            "change": text.amount(step.change, signed=True) if step.changed else "unchanged",
            "VaR with it": text.amount(step.var),
        }
        for step in explained.steps
    ]
