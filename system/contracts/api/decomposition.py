"""Answers of the API about the decomposition of VaR: books of a desk, and weights of positions.

As in ``system.contracts.api.risk``: VaR and its kin are losses, positive.
"""

from __future__ import annotations

import datetime as dt

from system.contracts.api.risk import StreamState, View
from system.contracts.messages import AssetClass


class BookRisk(View, frozen=True, kw_only=True):
    """One book under a desk: stand-alone risk in the desk's currency and settings.

    ``component_var`` is its loss in the desk's VaR scenario; over the books they add up to it.
    """

    portfolio: str
    snapshot_id: str
    var: float
    expected_shortfall: float
    component_var: float


class DeskVar(View, frozen=True, kw_only=True):
    """``GET /v1/desks/{desk}/var``: the books of a desk together.

    All at the same prices, those of the newest snapshot of each instrument, under one window
    of days on which every series of every book has a close. ``diversification`` is the sum
    of the books' VaR less ``var``; it can be negative.
    """

    desk: str
    base_currency: str
    estimator: str
    confidence: str
    window: int
    var: float
    expected_shortfall: float
    tail_rank: int
    scenario_date: dt.date
    diversification: float
    books: tuple[BookRisk, ...]
    stream: StreamState


class Contribution(View, frozen=True, kw_only=True):
    """One position's weight in VaR, each way there is of saying it.

    ``component_var`` adds up to VaR. ``smoothed_share`` is its part in the losses of ranks
    k-3..k+3, ``es_share`` its part of expected shortfall: None where the sum is not above 0.
    ``marginal_var`` is per 1.0 of quantity; ``incremental_var`` is VaR with the position
    less VaR without it, both computed in full.
    """

    instrument: str
    asset_class: AssetClass
    quantity: float
    component_var: float
    smoothed_share: float | None
    es_share: float | None
    marginal_var: float
    incremental_var: float


class Contributions(View, frozen=True, kw_only=True):
    """``GET .../contributions``: largest component first."""

    portfolio: str
    snapshot_id: str
    base_currency: str
    estimator: str
    var: float
    expected_shortfall: float
    rows: tuple[Contribution, ...]
    durable: bool
    stream: StreamState
