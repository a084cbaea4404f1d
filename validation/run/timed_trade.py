"""One trade through the API, timed from its acceptance to the new VaR pushed."""

from __future__ import annotations

from typing import Final

from system.client.events import covers
from system.client.sync_client import RiskClient
from system.clock import SystemClock
from system.contracts.api.risk import TradeRequest
from system.errors import UnavailableError
from system.settings import Connections
from validation.report.shapes import TradeOutcome
from validation.run.push_watch import PushWatch

PUSH_BOUND_S: Final = 60.0
TRADE_ID: Final = "demo-1"


def sell_largest_contributor(connections: Connections, portfolio: str) -> TradeOutcome:
    """Sell the whole position that has the largest part in VaR, and time the new VaR.

    Parameters
    ----------
    connections : Connections
        Of the stack.
    portfolio : str
        A book with a VaR.

    Returns
    -------
    TradeOutcome
        VaR of the last snapshot pushed without the trade and of the first with it.

    Raises
    ------
    UnavailableError
        If no snapshot with the trade is pushed within ``PUSH_BOUND_S``.
    """
    clock = SystemClock()
    address = connections.api_url, connections.api_token
    with (
        RiskClient(*address) as client,
        RiskClient(*address) as pushing,
        PushWatch(pushing, portfolio, clock=clock) as watch,
    ):
        first = watch.first(lambda one: one.var is not None, timeout_s=PUSH_BOUND_S)
        largest = client.attribution(portfolio).rows[0].instrument
        held = {
            position.instrument: position for position in client.positions(portfolio).positions
        }[largest]
        sent_ns = clock.monotonic_ns()
        accepted = client.send_trade(
            TradeRequest(
                portfolio=portfolio,
                instrument=largest,
                quantity=-held.quantity,
                price=held.price,
                trade_id=TRADE_ID,
                intended_monotonic_ns=sent_ns,
            )
        )
        accepted_ns = clock.monotonic_ns()
        after = watch.first(lambda one: covers(one, accepted), timeout_s=PUSH_BOUND_S)
        if first is None or after is None:
            what = "VaR" if first is None else f"VaR with trade {TRADE_ID}"
            raise UnavailableError(f"no {what} of {portfolio} was pushed in {PUSH_BOUND_S:.0f} s")
        before = watch.before(after) or first
    return TradeOutcome(
        portfolio=portfolio,
        instrument=accepted.instrument,
        quantity=accepted.quantity,
        price=accepted.price,
        var_before=before.snapshot.var,
        var_after=after.snapshot.var,
        accepted_to_pushed_ms=(after.received_ns - accepted_ns) / 1e6,
        sent_to_pushed_ms=(after.received_ns - sent_ns) / 1e6,
    )
