"""Views in common: every asset class has a name."""

from __future__ import annotations

from system.contracts.messages import AssetClass
from system.show.view.base import ASSET_CLASS_NAMES


def test_every_asset_class_has_a_name_of_its_own() -> None:
    assert set(ASSET_CLASS_NAMES) == set(AssetClass)
    assert len(set(ASSET_CLASS_NAMES.values())) == len(AssetClass)
