"""What a shock is of, and why it moves nothing in a book where it does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from system.book.state.market import Market
from system.book.valuation.portfolio import Marked
from system.contracts.api.questions import Shock
from system.contracts.currencies import FX_SERIES_PREFIX
from system.contracts.messages import AssetClass
from system.risk.currency import major_currency
from system.risk.listing import Listing
from system.risk.options.moves import terms_of

_PREMIUM: Final = "an option's premium follows from its underlying and volatility: shock those"


def moved_level(level: float, shock: Shock) -> float:
    """Return a price, a rate or a volatility after a shock of it."""
    return level + shock.move if shock.absolute else level * (1.0 + shock.move)


def is_price(name: str, market: Market) -> bool:
    """Return whether a series is the price of an instrument: no rate, no volatility."""
    return name in market.listings and not name.startswith(FX_SERIES_PREFIX)


def is_meant(name: str, shock: Shock, market: Market) -> bool:
    """Return whether a shock of prices moves a series."""
    if not is_price(name, market):
        return False
    if shock.instrument is not None:
        return name == shock.instrument
    if shock.asset_class is not None:
        return market.listing(name).asset_class is shock.asset_class
    return True


def means_option(option: Listing, shock: Shock) -> bool:
    """Return whether a shock of volatility moves that of an option."""
    underlying = terms_of(option).underlying
    if shock.instrument is not None:
        return shock.instrument in (option.instrument_id, underlying.instrument_id)
    if shock.asset_class is not None:
        return underlying.asset_class is shock.asset_class
    return True


def unmoved_shocks(
    marked: Marked, market: Market, shocks: Sequence[Shock], *, base_currency: str
) -> tuple[str, ...]:
    """Return a sentence for each shock that has nothing to move in a book, in their order.

    Parameters
    ----------
    marked : Marked
        The book at current prices.
    market : Market
        That it is marked in.
    shocks : sequence of Shock
        Numbered from 1 in the sentences.
    base_currency : str
        ISO code.
    """
    found = []
    for number, shock in enumerate(shocks, start=1):
        why = _why_unmoved(marked, market, shock, base_currency)
        if why:
            found.append(f"shock {number}, of {_target(shock)}, moved nothing: {why}")
    return tuple(found)


def _target(shock: Shock) -> str:
    if shock.currency is not None:
        return f"currency {shock.currency}"
    kind = "volatility" if shock.volatility else "price"
    if shock.instrument is not None:
        return f"the {kind} of {shock.instrument}"
    of = f" of asset class {shock.asset_class}" if shock.asset_class is not None else ""
    return f"every {kind}{of}"


def _why_unmoved(marked: Marked, market: Market, shock: Shock, base_currency: str) -> str:
    """Return why a shock moves nothing in a book, empty where it moves something."""
    if shock.currency is not None:
        return _why_no_currency(marked, shock.currency, base_currency)
    if shock.volatility:
        return _why_no_volatility(marked, shock)
    return _why_no_price(marked, market, shock)


def _why_no_price(marked: Marked, market: Market, shock: Shock) -> str:
    if any(is_meant(name, shock, market) for name in marked.shape.series):
        return ""
    if shock.asset_class is AssetClass.OPTION or _is_option(market, shock.instrument):
        return _PREMIUM
    if shock.instrument is not None:
        return f"the book holds neither {shock.instrument} nor an option on it"
    if shock.asset_class is not None:
        return f"nothing in the book has a price of asset class {shock.asset_class}"
    return "nothing in the book has a price"


def _is_option(market: Market, instrument: str | None) -> bool:
    listing = None if instrument is None else market.listings.get(instrument)
    return listing is not None and listing.option is not None


def _why_no_currency(marked: Marked, currency: str, base_currency: str) -> str:
    if currency == base_currency:
        return f"{currency} is the base currency"
    held = {major_currency(listing.currency) for listing in marked.shape.listings}
    return "" if currency in held else f"nothing in the book is in {currency}"


def _why_no_volatility(marked: Marked, shock: Shock) -> str:
    if marked.options is None:
        return "the book holds no options"
    marks = marked.options.marks
    meant = [
        days
        for listing, days in zip(marks.listings, marks.days, strict=True)
        if means_option(listing, shock)
    ]
    if not meant:
        what = shock.instrument or f"asset class {shock.asset_class}"
        return f"the book holds no option on {what}"
    if max(meant) <= 0:
        return "no time is left to the options that it means: they are worth their intrinsic value"
    return ""
