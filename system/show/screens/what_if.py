"""Page of what-if: several trades composed, branches compared, one of them sent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import streamlit as st

from system.client.sync_client import RiskClient
from system.contracts.api.questions import ProposedTrade, WhatIf, WhatIfRequest
from system.contracts.messages import RiskSnapshot
from system.errors import RiskstreamError
from system.show.panels.answers import answered, content_panel
from system.show.panels.first_number import redraw_at_first_number
from system.show.panels.plain import plain
from system.show.panels.renderer import Panel
from system.show.panels.ticket_panel import BUY, SELL, TicketError, Typed, send
from system.show.screens.choice import choose_portfolio, shown_portfolio
from system.show.screens.layout import cell, grid, panels
from system.show.server.runtime import current
from system.show.sheets.branches import branches_sheet

BRANCHES: Final = ("A", "B", "C")
BRANCH: Final = "Branch"
INSTRUMENT: Final = "Instrument"
QUANTITY: Final = "Quantity"
PRICE: Final = "Price"
Trades = dict[str, tuple[ProposedTrade, ...]]


def draw_what_if() -> None:
    """Draw the composer for the chosen book, and the branches that were compared."""
    chosen = choose_portfolio()
    redraw_at_first_number(chosen)
    shown = shown_portfolio(chosen)
    snapshot = current().desk.snapshot(shown)
    if snapshot is None:
        return
    with grid("what-if"):
        with cell("composer", 5, 12):
            draw_composer(snapshot)
        with cell("branches", 7, 12):
            panels_of_answers(shown)
        panels(12, 12, Panel.TRADES)


def draw_composer(snapshot: RiskSnapshot) -> None:
    """Draw the table of trades; comparing asks the API once per branch, sending sends one."""
    held = sorted(
        row.instrument for row in snapshot.positions if not row.instrument.startswith("cash:")
    )
    first = {BRANCH: "A", INSTRUMENT: held[0] if held else None, QUANTITY: 100.0, PRICE: None}
    with st.form("composer"):
        st.markdown(f"**Trades to try on {plain(snapshot.portfolio)}**")
        typed = st.data_editor(
            [first],
            num_rows="dynamic",
            width="stretch",
            key=f"composer-{snapshot.portfolio}",
            column_config={
                BRANCH: st.column_config.SelectboxColumn(options=list(BRANCHES), required=True),
                INSTRUMENT: st.column_config.TextColumn(required=True, help=", ".join(held)),
                QUANTITY: st.column_config.NumberColumn(required=True, help="negative sells"),
                PRICE: st.column_config.NumberColumn(min_value=0.0, help="empty: the newest"),
            },
        )
        compare = st.form_submit_button("Compare branches", type="primary", width="stretch")
        branch = st.segmented_control("Branch to send", BRANCHES, default="A", required=True)
        sent = st.form_submit_button("Send this branch", width="stretch")
    try:
        trades = composed(typed)
    except TicketError as error:
        if compare or sent:
            st.error(plain(str(error)))
        return
    if compare:
        st.session_state[_key(snapshot.portfolio)] = asked(snapshot.portfolio, trades)
    elif sent:
        send_branch(snapshot.portfolio, trades.get(branch or "A", ()), branch or "A")


def composed(rows: Sequence[Mapping[str, Any]]) -> Trades:
    """Return the trades of each branch, in the order in which they were written.

    Parameters
    ----------
    rows : sequence of mapping
        Branch, instrument, signed quantity, and price or None, as typed.

    Raises
    ------
    TicketError
        If a row names no instrument, or its quantity is none or 0, or there is no row.
    """
    trades: dict[str, list[ProposedTrade]] = {}
    for number, row in enumerate(rows, start=1):
        instrument, quantity, price = row.get(INSTRUMENT), row.get(QUANTITY), row.get(PRICE)
        if not instrument:
            raise TicketError(f"row {number}: name an instrument")
        if quantity is None or math.isnan(quantity) or quantity == 0:
            raise TicketError(f"row {number}: quantity is missing; negative sells")
        known = price if price is not None and price > 0 else None
        branch = str(row.get(BRANCH) or "A")
        trade = _proposed(number, str(instrument).strip(), float(quantity), known)
        trades.setdefault(branch, []).append(trade)
    if not trades:
        raise TicketError("no trade: add a row")
    return {branch: tuple(trades[branch]) for branch in sorted(trades)}


def _proposed(number: int, instrument: str, quantity: float, price: float | None) -> ProposedTrade:
    try:
        return ProposedTrade(instrument=instrument, quantity=quantity, price=price)
    except ValueError as error:
        raise TicketError(f"row {number}: {error}") from error


def asked(portfolio: str, trades: Trades) -> dict[str, WhatIf]:
    """Return the API's answer to each branch; where there is none, the page says why."""
    answers = {}
    for branch, proposed in trades.items():
        answer = answered(partial(_ask, portfolio, WhatIfRequest(trades=proposed)))
        if answer is not None:
            answers[branch] = answer
    return answers


def _ask(portfolio: str, request: WhatIfRequest, client: RiskClient) -> WhatIf:
    return client.what_if(portfolio, request)


def send_branch(portfolio: str, trades: tuple[ProposedTrade, ...], branch: str) -> None:
    """Send the trades of a branch one by one; the first that is refused ends it."""
    if not trades:
        st.error(plain(f"Branch {branch} has no trade."))
        return
    for count, trade in enumerate(trades):
        side = BUY if trade.quantity > 0 else SELL
        typed = Typed(trade.instrument, side, abs(trade.quantity), trade.price)
        try:
            send(current(), typed, portfolio)
        except RiskstreamError as error:
            st.error(plain(f"{count} of {len(trades)} sent. {trade.instrument}: {error}"))
            return
    st.success(plain(f"Branch {branch}: {len(trades)} of {len(trades)} sent."))


def panels_of_answers(portfolio: str) -> None:
    """Draw the branches that were compared last, or that none was."""
    answers = st.session_state.get(_key(portfolio))
    content_panel(Panel.SHEET, branches_sheet(answers or {}), name="branches")


def _key(portfolio: str) -> str:
    return f"what-if-answers-{portfolio}"
