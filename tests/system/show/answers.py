"""Answers of the API's double to questions: their contract is real, their numbers made up."""

from __future__ import annotations

from collections.abc import Mapping

from system.contracts.api.questions import (
    ChangeStep,
    VarChange,
    VarStep,
    WhatIf,
    WhatIfRequest,
    what_if_answer,
)
from system.contracts.api.risk import (
    ComponentHealth,
    Health,
    RejectedPage,
    RejectedRow,
    StreamState,
    StreamStatus,
)
from system.contracts.messages import RejectReason, RiskSnapshot
from tests.system.show.market import replace_struct

MARKUP = "<img src=x onerror=\"document.body.dataset.harmed='1'\">"
REJECTED = RejectedPage(
    rows=(
        RejectedRow(
            topic="market_data",
            partition=0,
            offset=4_711,
            reason=RejectReason.NOT_JSON,
            detail=f"not JSON: {MARKUP}",
            value=MARKUP,
        ),
    ),
    counts={RejectReason.NOT_JSON.value: 1},
)


def health(status: StreamStatus, offsets: Mapping[str, int]) -> Health:
    """Return that all is well, and a lag of some messages."""
    return Health(
        ok=True,
        stream=status,
        components=tuple(
            ComponentHealth(name=name, ok=True, latency_ms=latency_ms)
            for name, latency_ms in (("kafka", 1.2), ("postgres", 0.8), ("redis", 0.2))
        ),
        offsets=dict(offsets),
        lag={partition: index * 3 for index, partition in enumerate(offsets)},
        version="0.0.0",
    )


def change(before: RiskSnapshot, after: RiskSnapshot) -> VarChange:
    """Return a change whose steps lead from one VaR to the other."""
    assert before.var is not None, "the double's books have a VaR"
    assert after.var is not None, "the double's books have a VaR"
    parts = {ChangeStep.POSITIONS: 0.5, ChangeStep.PRICES: -0.2, ChangeStep.WINDOW: 0.7}
    steps, var = [], before.var
    for step in ChangeStep:
        moved = parts.get(step, 0.0) * (after.var - before.var)
        var += moved
        steps.append(VarStep(step=step, changed=step in parts, var=var, change=moved))
    return VarChange(
        portfolio=after.portfolio,
        from_id=before.snapshot_id,
        to_id=after.snapshot_id,
        from_time_ns=before.event_time_ns,
        to_time_ns=after.event_time_ns,
        base_currency=after.base_currency,
        var_before=before.var,
        var_after=after.var,
        change=after.var - before.var,
        steps=tuple(steps),
    )


def what_if(before: RiskSnapshot, asked: WhatIfRequest) -> WhatIf:
    """Return a risk that is larger by 1 % for each trade."""
    assert before.var is not None, "the double's books have a VaR"
    prices = {row.instrument: row.price for row in before.positions}
    trades = tuple(
        replace_struct(trade, price=trade.price or prices[trade.instrument])
        for trade in asked.trades
    )
    factor = 1 + 0.01 * len(trades)
    after = replace_struct(
        before, var=before.var * factor, var_fraction=before.var * factor / before.nav
    )
    return what_if_answer(before, after, trades, durable=True, stream=StreamState.RUNNING)
