"""Sums in the answer to a question."""

from __future__ import annotations

import msgspec

from system.contracts.api.questions import exposure_total
from system.contracts.messages import AssetClass, AssetClassRisk
from system.store.sample_snapshots import sample_snapshot


def row(asset_class: AssetClass, long: float, short: float) -> AssetClassRisk:
    sides = {"long": long, "short": short, "gross": long - short, "net": long + short}
    return AssetClassRisk(asset_class=asset_class, **sides, var=None, expected_shortfall=None)


def test_cash_is_no_exposure_as_in_limits_and_on_the_dashboard() -> None:
    rows = (row(AssetClass.EQUITY, 70.0, -20.0), row(AssetClass.CASH, 50.0, 0.0))
    snapshot = msgspec.structs.replace(sample_snapshot(), asset_classes=rows)
    sides = [exposure_total(snapshot, side) for side in ("long", "short", "gross", "net")]
    assert sides == [70.0, -20.0, 90.0, 50.0]
