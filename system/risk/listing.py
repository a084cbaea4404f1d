"""What the risk core needs to know of an instrument, apart from its prices."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from system.contracts.messages import MONEY, AssetClass


class ReturnType(StrEnum):
    """How a historical move is put on today's price."""

    RELATIVE = "relative"
    """price' = price * (1 + return): for prices that stay above zero."""
    ABSOLUTE = "absolute"
    """price' = price + change: for prices that can be zero or negative."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One instrument as the risk core sees it.

    Parameters
    ----------
    instrument_id : str
        Also the name of its series of closes.
    asset_class : AssetClass
        A future counts in NAV with its unrealised P&L only; fx and cash are amounts of
        ``currency`` that only the FX rate moves; options are revalued elsewhere.
    currency : str
        Of its price; ISO code or ``GBp``.
    multiplier : float
        Units of currency per quantity and point of price.
    return_type : ReturnType
        Relative unless the price can be zero or negative.
    """

    instrument_id: str
    asset_class: AssetClass
    currency: str
    multiplier: float = 1.0
    return_type: ReturnType = ReturnType.RELATIVE

    @property
    def is_money(self) -> bool:
        """Whether a position is an amount of money, without a price of its own."""
        return self.asset_class in MONEY

    @property
    def is_future(self) -> bool:
        """Whether only unrealised P&L counts in NAV."""
        return self.asset_class is AssetClass.FUTURE

    @property
    def is_absolute(self) -> bool:
        """Whether scenarios add a change to the price instead of scaling it."""
        return self.return_type is ReturnType.ABSOLUTE
