"""Rates between any two currencies from quotes per 1 EUR, minor units among them."""

from __future__ import annotations

from collections.abc import Mapping

from system.contracts.currencies import EUR, unit_of
from system.risk.errors import MissingRateError


def major_currency(currency: str) -> str:
    """Return the currency that is quoted: GBP for GBp and GBX, any other as it is."""
    return unit_of(currency).currency


def rate_to_base(currency: str, base_currency: str, quotes: Mapping[str, float]) -> float:
    """Return the value of one unit of ``currency`` in the base currency.

    Parameters
    ----------
    currency : str
        ISO code or minor unit (``GBp``).
    base_currency : str
        ISO code.
    quotes : mapping of str to float
        Units of each currency for 1 EUR, as the ECB quotes; EUR itself may be left out.

    Returns
    -------
    float
        Base currency per unit; exactly 1.0 for the base currency itself.

    Raises
    ------
    MissingRateError
        If a quote that is needed is not there; names the currency.

    Examples
    --------
    >>> rate_to_base("GBp", "USD", {"USD": 1.10, "GBP": 0.88})
    0.0125
    """
    major, parts = unit_of(currency)
    rate = 1.0
    if major != base_currency:
        rate = _quote(base_currency, quotes) / _quote(major, quotes)
    return rate / parts


def _quote(currency: str, quotes: Mapping[str, float]) -> float:
    if currency == EUR:
        return 1.0
    try:
        return quotes[currency]
    except KeyError:
        raise MissingRateError(currency) from None
