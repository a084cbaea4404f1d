"""From reference data to what the risk core sees of an instrument."""

from __future__ import annotations

from collections.abc import Mapping

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
        If an option is on something unknown, something without a price of its own, or in
        another currency.
    """
    return Listing(
        instrument.instrument,
        instrument.asset_class,
        instrument.currency,
        instrument.multiplier,
        proxy=instrument.proxy or "",
        option=_terms(instrument, known),
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
    if underlying.currency != instrument.currency:
        raise MessageError(
            RejectReason.INVALID,
            f"{where} in {underlying.currency}, not in {instrument.currency}",
        )
    return underlying
