"""From closes to scenario factors, and from factors and exposures to scenario P&L.

Every linear instrument obeys one formula. With V what counts in NAV in the position's
currency, D the change of V per 1.0 of the scenario's price move, X the FX rate to the
base currency, r the price move and f = X'/X - 1 the FX move of the same scenario::

    V'X' - VX = (V + D r) X (1 + f) - V X  =  (X D) * r(1 + f)  +  (X V) * f

* security: D = V = quantity x multiplier x price;
* future: D = quantity x multiplier x price, V = its unrealised P&L;
* money (fx, cash): D = 0, V = the amount;
* absolute returns: r is a change of price, D = quantity x multiplier.

* option: D = quantity x multiplier, V = quantity x multiplier x premium, r is the change of the
  premium by full revaluation: made anew with each tick (`system.risk.options.revaluation`).

So a position has at most two *factor rows*, r(1 + f) and f, that stay as they are until
the window rolls, and two weights, X D and X V, that move with each tick. The row r(1 + f)
falls away for money, the row f for positions in the base currency (decision 0022).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from system.contracts.currencies import EUR
from system.risk.arrays import BoolVector, Float64Matrix, Float64Vector, IndexVector, read_only
from system.risk.currency import major_currency
from system.risk.errors import NonFiniteExposureError, NonPositiveCloseError, UnknownSeriesError
from system.risk.listing import Listing
from system.risk.scenarios.window import ScenarioWindow, fx_series


@dataclass(frozen=True, slots=True, eq=False)
class ScenarioFactors:
    """What moves each position in each scenario; changes only when the window rolls.

    Parameters
    ----------
    instrument_ids : tuple of str
        Positions in canonical order: strictly ascending.
    scenario_dates : tuple of date
        The date on which each scenario's returns end, oldest first.
    rows : ndarray of float64, shape (row_count, scenario_count), C-contiguous
        Position by position: r(1 + f), then f; see the module for which are left out.
    row_position : ndarray of intp, shape (row_count,)
        0-based index of the position that each row belongs to, ascending.
    row_is_fx : ndarray of bool, shape (row_count,)
        Whether the row is f.
    is_plain : bool
        Whether each position has its row r(1 + f) and no other: then rows are positions.
    """

    instrument_ids: tuple[str, ...]
    scenario_dates: tuple[dt.date, ...]
    rows: Float64Matrix
    row_position: IndexVector
    row_is_fx: BoolVector
    is_plain: bool = field(init=False)
    _by_scenario: list[Float64Matrix] = field(init=False, repr=False, default_factory=list)

    def __post_init__(self) -> None:
        expected = (len(self.row_position), len(self.scenario_dates))
        assert self.rows.shape == expected, f"{self.rows.shape} is not {expected}"
        object.__setattr__(self, "rows", read_only(self.rows))
        is_plain = len(self.row_position) == len(self.instrument_ids) and not self.row_is_fx.any()
        object.__setattr__(self, "is_plain", is_plain)

    @property
    def scenario_count(self) -> int:
        """Return the number n of scenarios."""
        return len(self.scenario_dates)

    def of_scenarios(self, scenarios: IndexVector) -> Float64Matrix:
        """Return the rows' values in some scenarios, shape (len(scenarios), row_count)."""
        if not self._by_scenario:
            # Kept: the tail is asked for with each tick, and a window stays for a day.
            self._by_scenario.append(np.ascontiguousarray(self.rows.T))
        return self._by_scenario[0].take(scenarios, axis=0)


@dataclass(frozen=True, slots=True, eq=False)
class PositionExposures:
    """What each position gains per unit of its factors, at current prices and rates.

    Parameters
    ----------
    instrument_ids : tuple of str
        Positions in canonical order: strictly ascending.
    price_exposure : ndarray of float64, shape (position_count,)
        X D: base currency per 1.0 of price move (relative: per 100 %). Unused for money.
    value : ndarray of float64, shape (position_count,)
        X V: what counts in NAV, base currency.

    Raises
    ------
    NonFiniteExposureError
        If an entry is NaN or infinite; names the instrument.
    """

    instrument_ids: tuple[str, ...]
    price_exposure: Float64Vector
    value: Float64Vector

    def __post_init__(self) -> None:
        self._refuse_non_finite("price_exposure", self.price_exposure)
        if self.value is not self.price_exposure:
            self._refuse_non_finite("value", self.value)

    def _refuse_non_finite(self, name: str, vector: Float64Vector) -> None:
        finite = np.isfinite(vector)
        if not finite.all():
            first = int(np.argmin(finite))
            raise NonFiniteExposureError(self.instrument_ids[first], name, float(vector[first]))

    def weights(self, factors: ScenarioFactors) -> Float64Vector:
        """Return the weight of each factor row, base currency, shape (row_count,); read only."""
        assert self.instrument_ids == factors.instrument_ids, "factors of another book"
        if factors.is_plain:
            return self.price_exposure
        position = factors.row_position
        return np.where(factors.row_is_fx, self.value[position], self.price_exposure[position])


def series_of(listings: Iterable[Listing], base_currency: str) -> tuple[str, ...]:
    """Return the series whose closes the scenarios of a book need.

    Parameters
    ----------
    listings : iterable of Listing
        The instruments of the book.
    base_currency : str
        ISO code.

    Returns
    -------
    tuple of str
        Instruments ascending, then FX series ascending; no FX series where all is in
        the base currency, none of EUR.
    """
    book = tuple(listings)
    prices = sorted({name for listing in book for name in own_series(listing)})
    foreign = {major_currency(listing.currency) for listing in book} - {base_currency}
    quoted = (foreign | {base_currency}) - {EUR} if foreign else set()
    return (*prices, *sorted(fx_series(currency) for currency in quoted))


def own_series(listing: Listing) -> tuple[str, ...]:
    """Return the series of prices and volatilities that move one instrument."""
    if listing.is_money:
        return ()
    if listing.option is None:
        return (listing.instrument_id,)
    volatility = listing.option.volatility_series
    underlying = listing.option.underlying.instrument_id
    return (underlying, volatility) if volatility else (underlying,)


def scenario_factors(
    window: ScenarioWindow, listings: Sequence[Listing], *, base_currency: str
) -> ScenarioFactors:
    """Return the factor rows of a book for one window.

    Parameters
    ----------
    window : ScenarioWindow
        Closes of at least `series_of` the book.
    listings : sequence of Listing
        The instruments of the book in canonical order: ascending by id, none twice.
    base_currency : str
        ISO code of the portfolio's currency.

    Returns
    -------
    ScenarioFactors
        Simple returns (or changes, for absolute instruments) between consecutive
        scenario days, with the FX move of the same scenario. The price row of an option is
        0 until it is revalued.

    Raises
    ------
    UnknownSeriesError
        If the window lacks a series of the book; names it.
    NonPositiveCloseError
        If a relative return would start or end at a close at or below zero; names
        instrument and date.
    """
    ids = tuple(listing.instrument_id for listing in listings)
    assert list(ids) == sorted(set(ids)), "listings are not in canonical order"
    currency_moves = fx_moves(window, listings, base_currency)
    rows: list[Float64Vector] = []
    positions: list[int] = []
    is_fx: list[bool] = []
    for position, listing in enumerate(listings):
        fx = currency_moves.get(major_currency(listing.currency))
        if not listing.is_money:
            rows.append(_price_row(window, listing, fx))
            positions.append(position)
            is_fx.append(False)
        if fx is not None:
            rows.append(fx)
            positions.append(position)
            is_fx.append(True)
    return ScenarioFactors(
        instrument_ids=ids,
        scenario_dates=window.scenario_dates,
        rows=np.array(rows).reshape(len(rows), len(window.scenario_dates)),
        row_position=np.array(positions, dtype=np.intp),
        row_is_fx=np.array(is_fx, dtype=np.bool_),
    )


def price_moves(window: ScenarioWindow, listing: Listing) -> Float64Vector:
    """Return the price move of one instrument in each scenario.

    Parameters
    ----------
    window : ScenarioWindow
        Closes that include the instrument's.
    listing : Listing
        A priced instrument, no option.

    Returns
    -------
    ndarray of float64, shape (scenario_count,)
        Simple returns (dimensionless), or changes in the instrument's currency where
        its return type is absolute.

    Raises
    ------
    UnknownSeriesError
        If the window lacks its series.
    NonPositiveCloseError
        If a relative return would start or end at a close at or below zero.
    """
    return series_moves(window, listing.instrument_id, is_absolute=listing.is_absolute)


def series_moves(window: ScenarioWindow, name: str, *, is_absolute: bool) -> Float64Vector:
    """Return the move of one series in each scenario: changes, or simple returns.

    Raises
    ------
    UnknownSeriesError
        If the window lacks the series.
    NonPositiveCloseError
        If a return would start or end at a close at or below zero.
    """
    closes = _closes(window, name)
    return np.diff(closes) if is_absolute else _simple_returns(window, name, closes)


def _price_row(window: ScenarioWindow, listing: Listing, fx: Float64Vector | None) -> Float64Vector:
    if listing.option is not None:
        return np.zeros(len(window.scenario_dates))
    moves = price_moves(window, listing)
    return moves if fx is None else moves * (1.0 + fx)


def fx_moves(
    window: ScenarioWindow, listings: Sequence[Listing], base_currency: str
) -> dict[str, Float64Vector]:
    """Return f = X'/X - 1 per foreign currency, X in base currency per unit.

    Parameters
    ----------
    window : ScenarioWindow
        Closes that include the currencies' rates per EUR.
    listings : sequence of Listing
        Whose currencies.
    base_currency : str
        ISO code; has no entry.

    Returns
    -------
    dict of str to ndarray of float64, shape (scenario_count,)
        By ISO code, dimensionless.

    Raises
    ------
    UnknownSeriesError
        If the window lacks a rate.
    NonPositiveCloseError
        If a rate is at or below zero.
    """
    currencies = {major_currency(listing.currency) for listing in listings} - {base_currency}
    if not currencies:
        return {}
    base = _quotes(window, base_currency)
    rates = {currency: base / _quotes(window, currency) for currency in sorted(currencies)}
    return {currency: rate[1:] / rate[:-1] - 1.0 for currency, rate in rates.items()}


def _quotes(window: ScenarioWindow, currency: str) -> Float64Vector:
    """Return units of ``currency`` per 1 EUR on each scenario day."""
    if currency == EUR:
        return np.ones(len(window.dates))
    name = fx_series(currency)
    quotes = _closes(window, name)
    _refuse_non_positive(window, name, quotes)
    return quotes


def _simple_returns(window: ScenarioWindow, name: str, closes: Float64Vector) -> Float64Vector:
    _refuse_non_positive(window, name, closes)
    returns: Float64Vector = closes[1:] / closes[:-1] - 1.0
    return returns


def _refuse_non_positive(window: ScenarioWindow, name: str, closes: Float64Vector) -> None:
    positive = closes > 0.0
    if not positive.all():
        first = int(np.argmin(positive))
        raise NonPositiveCloseError(name, window.dates[first], float(closes[first]))


def _closes(window: ScenarioWindow, name: str) -> Float64Vector:
    try:
        return window.row(name)
    except ValueError:
        raise UnknownSeriesError(name) from None
