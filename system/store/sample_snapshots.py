"""Snapshots made up for tests and benchmarks, consistent where consistency is promised."""

from __future__ import annotations

import datetime as dt
import math
import random
from typing import Any, Final

import msgspec

from system.contracts.messages import (
    AssetClass,
    AssetClassRisk,
    PositionRisk,
    RiskSnapshot,
    SnapshotKind,
    StageTimes,
    TailScenario,
)

FIRST_DAY: Final = dt.date(2020, 2, 3)
FIRST_EVENT_NS: Final = 1_580_724_000_000_000_000
EVENT_STEP_NS: Final = 100_000_000
_NAV: Final = 1_000_000.0
_CONVENTIONS: Final[dict[str, Any]] = {
    "base_currency": "USD",
    "estimator": "hs/ceil/simple",
    "confidence": "0.95",
    "window": 30,
    "scenario_count": 30,
    "tail_rank": 2,
    "var_limit_fraction": 0.02,
    "scenario_date": FIRST_DAY - dt.timedelta(days=9),
    "realised_pnl": -0.0,
    "stale": (),
    "carried": (),
    "suspect": (),
    "not_available": "",
    "inputs_hash": "5e" * 32,
    "stages": StageTimes(intended_ns=1, batch_started_ns=2, folded_ns=3, valued_ns=4),
}


def sample_snapshot(
    portfolio: str = "alpha",
    *,
    fence: int = 1,
    epoch: int = 0,
    position_count: int = 3,
    kind: SnapshotKind = SnapshotKind.LIVE,
    **changes: Any,  # noqa: ANN401 - any field of the snapshot
) -> RiskSnapshot:
    """Return a snapshot whose components add up to its VaR, the same at every call.

    Parameters
    ----------
    portfolio : str
        Whose.
    fence, epoch : int
        Its batch; event time and numbers follow from the epoch.
    position_count : int
        Equities, evenly signed.
    kind : SnapshotKind
        Live, or the end of the day that is ``epoch`` days after ``FIRST_DAY``.
    **changes
        Fields to set otherwise.
    """
    positions = _positions(position_count, random.Random(f"{portfolio}/{epoch}"))  # noqa: S311
    var = math.fsum(position.component_var or 0.0 for position in positions)
    day = FIRST_DAY + dt.timedelta(days=epoch)
    at_close = kind is SnapshotKind.END_OF_DAY
    snapshot = RiskSnapshot(
        snapshot_id=f"{portfolio}-eod-{day}" if at_close else f"{portfolio}-{fence}-{epoch}",
        portfolio=portfolio,
        kind=kind,
        fence=fence,
        epoch=epoch,
        offsets={"market_data:0": 100 * epoch, "market_data:1": 90 * epoch, "trades:0": epoch},
        event_time_ns=FIRST_EVENT_NS + EVENT_STEP_NS * epoch,
        asof=day if at_close else FIRST_DAY,
        previous_var=var if at_close else None,
        hypothetical_pnl=-1.5 * var if at_close else None,
        breach=True if at_close else None,
        daily_pnl=12.5 * epoch,
        **_numbers(positions, var),
        **_CONVENTIONS,
    )
    return msgspec.structs.replace(snapshot, **changes)


def _numbers(positions: tuple[PositionRisk, ...], var: float) -> dict[str, Any]:
    return {
        "nav": _NAV,
        "value": math.fsum(position.value for position in positions),
        "var": var,
        "expected_shortfall": 1.2 * var,
        "var_fraction": var / _NAV,
        "diversification": 0.0,
        "tail": _tail(var),
        "unrealised_pnl": math.fsum(position.unrealised_pnl for position in positions),
        "positions": positions,
        "asset_classes": (_asset_class(positions, var),),
    }


def _positions(count: int, generator: random.Random) -> tuple[PositionRisk, ...]:
    return tuple(_position(index, generator) for index in range(count))


def _position(index: int, generator: random.Random) -> PositionRisk:
    quantity = generator.choice((-1.0, 1.0)) * generator.uniform(10.0, 1_000.0)
    price, cost = generator.uniform(5.0, 500.0), generator.uniform(5.0, 500.0)
    value = quantity * price
    return PositionRisk(
        instrument=f"EQ{index:03d}",
        asset_class=AssetClass.EQUITY,
        currency="USD",
        quantity=quantity,
        price=price,
        average_cost=cost,
        value=value,
        exposure=value,
        delta=value,
        unrealised_pnl=quantity * (price - cost),
        realised_pnl=0.0,
        component_var=abs(value) * generator.uniform(0.005, 0.03),
        component_es=abs(value) * 0.02,
        smoothed_share=1.0 / (index + 2),
    )


def _tail(var: float) -> tuple[TailScenario, ...]:
    worst = (FIRST_DAY - dt.timedelta(days=days) for days in (20, 9, 4))
    return tuple(
        TailScenario(date=date, pnl=-var * factor)
        for date, factor in zip(worst, (1.4, 1.0, 0.9), strict=True)
    )


def _asset_class(positions: tuple[PositionRisk, ...], var: float) -> AssetClassRisk:
    longs = math.fsum(p.exposure for p in positions if p.exposure > 0)
    shorts = math.fsum(p.exposure for p in positions if p.exposure < 0)
    return AssetClassRisk(
        asset_class=AssetClass.EQUITY,
        long=longs,
        short=shorts,
        gross=longs - shorts,
        net=longs + shorts,
        var=var,
        expected_shortfall=1.2 * var,
    )
