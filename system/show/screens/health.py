"""Page of health: lag, stages, servers, rejected messages with their reasons, the oracle."""

from __future__ import annotations

from typing import Final

import streamlit as st

from system.client.sync_client import RiskClient
from system.contracts.api.risk import Health, RejectedPage
from system.show.panels.answers import answered, content_panel
from system.show.panels.renderer import Panel
from system.show.screens.choice import asked_portfolio, shown_portfolio
from system.show.screens.layout import cell, grid
from system.show.server.runtime import current
from system.show.sheets import health as view
from system.show.sheets.contents import Sheet

REDRAW_EVERY_S: Final = 2.0
REJECTED_SHOWN: Final = 50


def draw_health() -> None:
    """Draw how the stack is, again every two seconds."""
    st.fragment(draw_state, run_every=REDRAW_EVERY_S)(shown_portfolio(asked_portfolio()))


def draw_state(portfolio: str) -> None:
    """Draw what the API says of the stack now, and what came with the newest number."""
    answer = answered(ask_state)
    status = current().desk.evidence.status
    stages = view.stages_sheet(current().desk.snapshot(portfolio))
    oracle = view.oracle_sheet(status.oracle if status else None)
    with grid("health"):
        if answer is not None:
            sheet_cell("servers", 4, view.servers_sheet(answer[0]))
            sheet_cell("lag", 4, view.lag_sheet(answer[0]))
        sheet_cell("stages", 4, stages)
        sheet_cell("oracle", 12, oracle)
        if answer is not None:
            sheet_cell("rejected", 12, view.rejected_sheet(answer[1]))


def sheet_cell(name: str, wide: int, sheet: Sheet) -> None:
    """Draw one table, so many twelfths wide, and half or all of a small screen."""
    with cell(name, wide, 6 if name in {"servers", "lag"} else 12):
        content_panel(Panel.SHEET, sheet, name=name)


def ask_state(client: RiskClient) -> tuple[Health, RejectedPage]:
    """Return what the API says of servers and stream, and the newest rejected messages.

    Raises
    ------
    ApiRefusedError, ApiUnavailableError
        If the API refuses or does not answer.
    """
    return client.health(), client.rejected(limit=REJECTED_SHOWN)
