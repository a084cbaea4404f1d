"""Answers of the API about the decomposition of VaR: books of a desk, and weights of positions.

As in ``system.contracts.api.risk``: VaR and its kin are losses, positive.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta

from system.contracts.api.risk import StreamState, View
from system.contracts.messages import MAX_POSITIONS_PER_PORTFOLIO, AssetClass
from system.contracts.text.checked import Checked
from system.contracts.text.names import Identifier

MAX_GROUPS: Final = 1_000
"""Groups of one request; a position is in one at most."""


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


class VarGrouping(StrEnum):
    """Property of instruments that VaR is grouped by."""

    ASSET_CLASS = "asset_class"
    CURRENCY = "currency"
    """Of the price; a minor unit such as GBp counts with its currency."""
    UNDERLYING = "underlying"
    """The instrument itself, or what an option is on."""
    INSTRUMENT = "instrument"
    TAG = "tag"
    """A caller's own, such as sectors."""


class StatedGrouping(StrEnum):
    """Properties that reference data state."""

    ASSET_CLASS = VarGrouping.ASSET_CLASS.value
    CURRENCY = VarGrouping.CURRENCY.value
    UNDERLYING = VarGrouping.UNDERLYING.value
    INSTRUMENT = VarGrouping.INSTRUMENT.value


class GroupsRequest(Checked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST .../var/groups``: instruments by the name of a group, such as a sector.

    An instrument is in one group at most; what is held and in none is in the group ``others``.
    """

    groups: Annotated[
        dict[
            Identifier,
            Annotated[tuple[Identifier, ...], Meta(max_length=MAX_POSITIONS_PER_PORTFOLIO)],
        ],
        Meta(max_length=MAX_GROUPS),
    ]
    others: Identifier = "others"


class GroupVar(View, frozen=True, kw_only=True):
    """Exposure and risk of one group of positions, base currency.

    ``var`` and ``expected_shortfall`` are of the group alone. ``component_var`` is its loss in the
    portfolio's VaR scenario, ``component_es`` its mean loss in the portfolio's tail: over the
    groups they add up to the portfolio's.
    """

    group: str
    position_count: int
    long: float
    short: float
    gross: float
    net: float
    value: float
    var: float
    expected_shortfall: float
    component_var: float
    share: float | None
    component_es: float


class VarGroups(View, frozen=True, kw_only=True):
    """``GET`` and ``POST .../var/groups``: VaR by group, largest component first.

    ``diversification`` is the sum of the groups' own VaR less ``var``; it can be negative.
    ``unheld`` are instruments that a request names and the portfolio does not hold.
    """

    portfolio: str
    snapshot_id: str
    event_time_ns: int
    base_currency: str
    estimator: str
    by: VarGrouping
    var: float
    expected_shortfall: float
    scenario_date: dt.date
    diversification: float
    groups: tuple[GroupVar, ...]
    durable: bool
    stream: StreamState
    unheld: tuple[str, ...] = ()
