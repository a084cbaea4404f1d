"""The trade ticket: what a portfolio manager sends, and what becomes of it.

The form runs on the server, which holds the token; the answer comes back by push, as a line
of the blotter with the VaR before and after.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

import streamlit as st

from system.client.commands.comparison import comparison_rows
from system.client.errors import ApiRefusedError
from system.client.sync_client import RiskClient
from system.clock import monotonic_ns
from system.contracts.api.questions import ProposedTrade, WhatIf, WhatIfRequest
from system.contracts.api.risk import TradeAccepted, TradeRequest
from system.contracts.limits import LimitLevel
from system.contracts.messages import PositionRisk, RiskSnapshot
from system.errors import InputError, RiskstreamError
from system.show import format as text
from system.show.panels.answers import refusal_words
from system.show.panels.plain import plain, plain_cells
from system.show.server.runtime import Dashboard, current
from system.show.state.freshness import Freshness, freshness
from system.show.state.trades import Ticket, trade_words

BUY: Final = "Buy"
SELL: Final = "Sell"


class TicketError(InputError):
    """The form cannot be sent; the message says which field is wrong and what it must be."""


@dataclass(frozen=True)
class Typed:
    """Contents of the form; an empty price means the newest one."""

    instrument: str
    side: str
    quantity: float
    price: float | None


def draw_ticket(portfolio: str) -> None:
    """Draw the form for the chosen portfolio, and send what is typed."""
    live = current()
    names = live.desk.portfolios()
    chosen = portfolio or (names[0] if names else "")
    snapshot = live.desk.snapshot(chosen)
    if snapshot is None:
        st.caption("Trade ticket: no portfolio has a number yet.")
        return
    with st.form("ticket", border=True):
        typed = _fields(snapshot)
        sent = st.form_submit_button(f"Send to {plain(chosen)}", type="primary", width="stretch")
        asked = st.form_submit_button("What would it do to VaR?", width="stretch")
    if sent and typed:
        _show_answer(live, typed, chosen)
    elif asked and typed:
        _show_preview(live, typed, chosen)


def _fields(snapshot: RiskSnapshot) -> Typed | None:
    tradable = [
        row.instrument for row in snapshot.positions if not row.instrument.startswith("cash:")
    ]
    st.markdown(f"**Trade ticket, {plain(snapshot.portfolio)}**")
    instrument_column, side_column = st.columns(2, gap="small")
    instrument = instrument_column.selectbox("Instrument", tradable, accept_new_options=True)
    side = side_column.segmented_control("Side", [BUY, SELL], default=BUY, required=True)
    quantity_column, price_column = st.columns(2, gap="small")
    quantity = quantity_column.number_input("Quantity", min_value=0.0, value=100.0, step=100.0)
    price = price_column.number_input("Price", min_value=0.0, value=None, placeholder="newest")
    return Typed(instrument, side or BUY, quantity, price) if instrument else None


def _show_answer(live: Dashboard, typed: Typed, portfolio: str) -> None:
    try:
        accepted = send(live, typed, portfolio)
    except RiskstreamError as error:
        st.error(plain(str(error)))
        return
    what = trade_words(accepted.instrument, accepted.quantity)
    st.toast(f"{plain(what)} at {text.price(accepted.price)}: sent")
    verdict = freshness(live.desk.evidence, monotonic_ns())
    if verdict.state is not Freshness.LIVE:
        st.warning(f"{plain(what)}: sent, but its VaR shows only later. {plain(verdict.reason)}.")


def _show_preview(live: Dashboard, typed: Typed, portfolio: str) -> None:
    try:
        answer = preview(live, typed, portfolio)
    except ApiRefusedError as error:
        st.error(plain(refusal_words(error)))
    except RiskstreamError as error:
        st.error(plain(str(error)))
    else:
        over = answer.after.over_limit or answer.after.var is None or bool(reached(answer))
        (st.warning if over else st.info)(plain(preview_words(answer)))
        with st.expander("Everything with it"):
            st.table(plain_cells(preview_cells(answer)))


def preview(live: Dashboard, typed: Typed, portfolio: str) -> WhatIf:
    """Return what a trade would do; nothing is sent.

    Raises
    ------
    TicketError
        If the quantity is not positive.
    ApiRefusedError, ApiUnavailableError
        If the API refuses or does not answer.
    NotConnectedError
        If nothing says where the API is.
    """
    where = live.connections()
    trade = ProposedTrade(
        instrument=typed.instrument,
        quantity=signed_quantity(typed),
        price=typed.price or None,
    )
    with RiskClient(where.api_url, where.api_token) as client:
        return client.what_if(portfolio, WhatIfRequest(trades=(trade,)))


def preview_words(answer: WhatIf) -> str:
    """Return VaR before and after a trade that is not sent, as a sentence."""
    (trade,) = answer.trades
    before, after = answer.before, answer.after
    assert trade.price is not None, "an answer states the price that it was computed at"
    what = f"{trade_words(trade.instrument, trade.quantity)} at {text.price(trade.price)}"
    if after.var is None:
        return f"{what}: VaR would not be available. {after.not_available}"
    change = text.amount(answer.change.var, signed=True)
    over = f". In breach: limit on {', '.join(reached(answer))}" if reached(answer) else ""
    return (
        f"{what}, not sent: VaR {text.amount(before.var)} -> {text.amount(after.var)} ({change}), "
        f"{text.percent(before.var_fraction)} -> {text.percent(after.var_fraction)} of NAV; limit "
        f"used {text.percent(before.limit_used)} -> {text.percent(after.limit_used)}{over}"
    )


def preview_cells(answer: WhatIf) -> list[dict[str, str]]:
    """Return all that a what-if compares as cells of a table: ES, exposure, Greeks, limits."""
    columns = ("", "before", "after", "change")
    return [dict(zip(columns, row, strict=True)) for row in comparison_rows(answer)]


def reached(answer: WhatIf) -> tuple[str, ...]:
    """Return the limits that would stand at their breach level, by the trade or already."""
    return tuple(
        limit.measure.value for limit in answer.after.limits if limit.level is LimitLevel.BREACH
    )


def send(live: Dashboard, typed: Typed, portfolio: str) -> TradeAccepted:
    """Send a trade and have its way into VaR watched.

    Raises
    ------
    TicketError
        If a field is wrong or the API refuses; the message says why.
    ApiUnavailableError
        If the API does not answer: the trade stays on its way in the blotter, because the
        broker may have it.
    NotConnectedError
        If nothing says where the API is.
    """
    where = live.connections()
    client = RiskClient(where.api_url, where.api_token)
    request = trade_request(typed, live.desk.snapshot(portfolio), portfolio)
    assert request.trade_id is not None, "the ticket makes the id up before it sends"
    trade_id, what = request.trade_id, trade_words(request.instrument, request.quantity)
    ticket = Ticket(trade_id, portfolio, what, sent_ns=monotonic_ns())
    live.change(lambda desk: desk.send(ticket))
    try:
        with client:
            accepted = client.send_trade(request)
    except ApiRefusedError as error:
        refusal = refusal_words(error)
        live.change(lambda desk: desk.refuse(portfolio, trade_id, refusal))
        raise TicketError(refusal) from error
    live.change(lambda desk: desk.accept(portfolio, trade_id, accepted))
    return accepted


def trade_request(typed: Typed, snapshot: RiskSnapshot | None, portfolio: str) -> TradeRequest:
    """Return the request that a form makes.

    Parameters
    ----------
    typed : Typed
        Quantity positive; the side gives it its sign.
    snapshot : RiskSnapshot or None
        Where the newest price is taken from when none was typed.
    portfolio : str
        Whose trade.

    Raises
    ------
    TicketError
        If the quantity is not positive, or no price was typed and none is known.
    """
    return TradeRequest(
        portfolio=portfolio,
        instrument=typed.instrument,
        quantity=signed_quantity(typed),
        price=typed.price or _newest_price(typed.instrument, snapshot),
        trade_id=f"ticket-{secrets.token_hex(8)}",
    )


def signed_quantity(typed: Typed) -> float:
    """Return the quantity with the sign of its side.

    Raises
    ------
    TicketError
        If what was typed is not positive.
    """
    if typed.quantity <= 0:
        raise TicketError(f"quantity {typed.quantity}: must be positive; the side gives the sign")
    return typed.quantity if typed.side == BUY else -typed.quantity


def _newest_price(instrument: str, snapshot: RiskSnapshot | None) -> float:
    rows: tuple[PositionRisk, ...] = tuple(snapshot.positions) if snapshot else ()
    for row in rows:
        if row.instrument == instrument:
            return row.price
    raise TicketError(f"price: {instrument} is not held, so its newest price is not known here")
