"""From reference data to what the risk core sees of an instrument."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import msgspec

from system.book.state.rows import AdjustmentState
from system.contracts.currencies import is_same_unit
from system.contracts.messages import MONEY, Instrument, RejectReason
from system.errors import MessageError
from system.risk.listing import Listing, OptionTerms


def listing_of(instrument: Instrument, known: Mapping[str, Listing]) -> Listing:
    """Return an instrument as the risk core sees it.

    Parameters
    ----------
    instrument : Instrument
        Reference data.
    known : mapping of str to Listing
        Instruments that came before; what an option is on must be among them.

    Raises
    ------
    MessageError
        If an option is on something unknown, something without a price of its own or whose
        price can be negative, or in another currency.
    """
    return Listing(
        instrument.instrument,
        instrument.asset_class,
        instrument.currency,
        instrument.multiplier,
        return_type=instrument.return_type,
        proxy=instrument.proxy or "",
        option=_terms(instrument, known),
        exchange=instrument.exchange or "",
    )


def is_same_instrument(known: Instrument, stated: Instrument) -> bool:
    """Return whether two descriptions agree; a minor unit may be spelled in two ways."""
    if not is_same_unit(known.currency, stated.currency):
        return False
    return known == msgspec.structs.replace(stated, currency=known.currency)


def restruck(
    instruments: Mapping[str, Instrument], taken: Iterable[AdjustmentState]
) -> dict[str, Listing]:
    """Return instruments as the risk core sees them, strikes in the shares of today.

    Parameters
    ----------
    instruments : mapping of str to Instrument
        Reference data as it came, what an option is on before it.
    taken : iterable of AdjustmentState
        In effect, in order.

    Raises
    ------
    MessageError
        If an option is on what none can be on.
    """
    listings: dict[str, Listing] = {}
    for name, instrument in instruments.items():
        listings[name] = listing_of(instrument, listings)
    for state in taken:
        for name in filter(listings.__contains__, state.options):
            listings[name] = _restruck(listings[name], state.divisor)
    return listings


def _restruck(listing: Listing, divisor: float) -> Listing:
    terms = listing.option
    assert terms is not None, f"{listing.instrument_id} is no option"
    return replace(listing, option=replace(terms, strike=terms.strike / divisor))


def options_on(underlying: str, listings: Mapping[str, Listing]) -> tuple[str, ...]:
    """Return the options on an instrument, sorted."""
    return tuple(
        sorted(
            name
            for name, one in listings.items()
            if one.option is not None and one.option.underlying.instrument_id == underlying
        )
    )


def series_behind(instrument: Instrument) -> tuple[str, ...]:
    """Return the series that may move an instrument, besides its own: see `Instrument`."""
    terms = instrument.option
    named = () if terms is None else (terms.underlying, terms.volatility_series)
    return tuple(name for name in (instrument.proxy, *named) if name is not None)


def _terms(instrument: Instrument, known: Mapping[str, Listing]) -> OptionTerms | None:
    terms = instrument.option
    if terms is None:
        return None
    return OptionTerms(
        underlying=_underlying(instrument, terms.underlying, known),
        right=terms.right,
        strike=terms.strike,
        expiry=terms.expiry,
        volatility=terms.volatility,
        rate=terms.rate,
        dividend_yield=terms.dividend_yield,
        volatility_series=terms.volatility_series or "",
        volatility_shift=terms.volatility_shift,
    )


def _underlying(instrument: Instrument, name: str, known: Mapping[str, Listing]) -> Listing:
    where = f"option.underlying of {instrument.instrument} is {name}"
    underlying = known.get(name)
    if underlying is None:
        reason = RejectReason.UNKNOWN_INSTRUMENT
        raise MessageError(reason, f"{where}: send its reference first")
    if underlying.asset_class in MONEY or underlying.option is not None:
        raise MessageError(
            RejectReason.INVALID, f"{where} ({underlying.asset_class}): it needs a price of its own"
        )
    if underlying.is_absolute:
        raise MessageError(
            RejectReason.INVALID, f"{where}: its price can be negative, which the model cannot"
        )
    if not is_same_unit(underlying.currency, instrument.currency):
        raise MessageError(
            RejectReason.INVALID,
            f"{where} in {underlying.currency}, not in {instrument.currency}",
        )
    return underlying
