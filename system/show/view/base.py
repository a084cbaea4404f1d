"""Base class of the views."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from system.contracts.messages import AssetClass

ASSET_CLASS_NAMES: Final = {
    AssetClass.EQUITY: "Equities",
    AssetClass.ETF: "ETFs",
    AssetClass.FUTURE: "Futures",
    AssetClass.OPTION: "Options",
    AssetClass.FX: "FX",
    AssetClass.CASH: "Cash",
}
"""In the order in which a desk lists them."""


class View(Struct, frozen=True, kw_only=True):
    """Base of what goes to a browser."""
