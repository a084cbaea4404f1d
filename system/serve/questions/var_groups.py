"""VaR by group of positions: by currency, class, underlying, instrument, or a caller's own tags."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from system.book.questions.snapshot_book import recalled_book, restated
from system.book.state.errors import NotRecalledError
from system.book.valuation.measures import revalued_factors
from system.contracts.api.decomposition import GroupsRequest, GroupVar, VarGrouping, VarGroups
from system.risk.arrays import Float64Vector
from system.risk.currency import major_currency
from system.risk.listing import Listing
from system.risk.portfolio import portfolio_risk, position_groups
from system.risk.valuation import exposure_by_group
from system.serve.http.errors import invalid_field
from system.serve.services.snapshot_books import Recalled

Label = Callable[[Listing], str]


def _underlying(listing: Listing) -> str:
    """Return the instrument that an option is on, else the instrument itself."""
    option = listing.option
    return listing.instrument_id if option is None else option.underlying.instrument_id


_LABELS: Final[Mapping[VarGrouping, Label]] = {
    VarGrouping.ASSET_CLASS: lambda listing: listing.asset_class.value,
    VarGrouping.CURRENCY: lambda listing: major_currency(listing.currency),
    VarGrouping.UNDERLYING: _underlying,
    VarGrouping.INSTRUMENT: lambda listing: listing.instrument_id,
}


def tags_of(request: GroupsRequest) -> dict[str, str]:
    """Return the group of each instrument that a request names.

    Raises
    ------
    InvalidRequestError
        If an instrument is in two groups; names it and both.
    """
    tags: dict[str, str] = {}
    for name, instruments in request.groups.items():
        for instrument in instruments:
            if tags.setdefault(instrument, name) != name:
                raise invalid_field(
                    "groups",
                    f"{instrument} is in {tags[instrument]!r} and in {name!r}: leave it in one, "
                    "so that the groups add up",
                )
    return tags


def var_by_tag(recalled: Recalled, request: GroupsRequest) -> VarGroups:
    """Return the VaR of a recalled snapshot by a caller's own groups.

    Raises
    ------
    InvalidRequestError
        If an instrument is in two groups.
    NotRecalledError
        If the snapshot has no VaR; says why.
    """
    tags = tags_of(request)
    held = {row.instrument for row in recalled.snapshot.positions}
    return _var_groups(
        recalled,
        VarGrouping.TAG,
        lambda listing: tags.get(listing.instrument_id, request.others),
        unheld=tuple(sorted(tags.keys() - held)),
    )


def var_by(recalled: Recalled, grouping: VarGrouping) -> VarGroups:
    """Return the VaR of a recalled snapshot by a property of its instruments.

    Raises
    ------
    NotRecalledError
        If the snapshot has no VaR; says why.
    """
    return _var_groups(recalled, grouping, _LABELS[grouping])


def _var_groups(
    recalled: Recalled, grouping: VarGrouping, label: Label, *, unheld: tuple[str, ...] = ()
) -> VarGroups:
    snapshot = recalled.snapshot
    book = recalled_book(snapshot, recalled.recall, close=recalled.close)
    stated = restated(snapshot, book)
    if stated.var is None or stated.expected_shortfall is None:
        raise NotRecalledError(f"snapshot {snapshot.snapshot_id}: {stated.not_available}")
    marked = book.marked()
    groups = position_groups([label(listing) for listing in marked.shape.listings])
    risk = portfolio_risk(
        marked.valuation.exposures,
        revalued_factors(book.scenarios(marked.shape), marked),
        confidence=book.confidence,
        groups=groups,
    )
    exposures = exposure_by_group(marked.valuation.exposure, groups)
    rows = [
        GroupVar(
            group=exposure.name,
            position_count=int(np.count_nonzero(members)),
            long=exposure.long,
            short=exposure.short,
            gross=exposure.gross,
            net=exposure.net,
            value=_sum(marked.valuation.value, members),
            var=own.var,
            expected_shortfall=own.expected_shortfall,
            component_var=(part := _sum(risk.component_var, members)),
            share=part / risk.var if risk.var else None,
            component_es=_sum(risk.component_es, members),
        )
        for exposure, own, members in zip(exposures, risk.groups, groups.members, strict=True)
    ]
    return VarGroups(
        portfolio=snapshot.portfolio,
        snapshot_id=snapshot.snapshot_id,
        event_time_ns=snapshot.event_time_ns,
        base_currency=snapshot.base_currency,
        estimator=snapshot.estimator,
        by=grouping,
        var=risk.var,
        expected_shortfall=risk.expected_shortfall,
        scenario_date=risk.var_scenario_date,
        diversification=risk.diversification,
        groups=tuple(sorted(rows, key=lambda row: (-row.component_var, row.group))),
        unheld=unheld,
        durable=recalled.record.durable,
        stream=recalled.record.stream,
    )


def _sum(amounts: Float64Vector, members: Sequence[bool]) -> float:
    return math.fsum(amounts[members].tolist())
