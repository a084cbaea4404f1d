"""Proxies and constant volatilities, where a series has too short a history of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from system.risk.arrays import BoolVector
from system.risk.errors import UnknownSeriesError
from system.risk.listing import Listing
from system.risk.scenarios.window import CloseTable


@dataclass(frozen=True, slots=True, order=True)
class Proxied:
    """A series whose moves are those of another: said wherever the number is shown."""

    name: str
    proxy: str


@dataclass(frozen=True, slots=True, eq=False)
class ProxiedTable:
    """Closes of the series of a book, some of them a proxy's under the name of their own.

    Parameters
    ----------
    table : CloseTable
        One row per series of the book.
    proxied : tuple of Proxied
        Which rows are a proxy's, in the order of the rows.
    """

    table: CloseTable
    proxied: tuple[Proxied, ...]


def proxies_of(listings: Iterable[Listing]) -> dict[str, str]:
    """Return the proxies that the instruments of a book name, series to series."""
    priced = [listing.option.underlying if listing.option else listing for listing in listings]
    return {listing.instrument_id: listing.proxy for listing in priced if listing.proxy}


def with_proxies(
    table: CloseTable,
    names: Sequence[str],
    proxies: Mapping[str, str],
    *,
    suffices: Callable[[BoolVector], bool],
) -> ProxiedTable:
    """Return the closes of some series, a proxy's where their own do not suffice.

    Parameters
    ----------
    table : CloseTable
        All that is known.
    names : sequence of str
        The series of a book.
    proxies : mapping of str to str
        Series to the series that may stand in for it.
    suffices : callable
        From which dates of ``table`` have a close of a series, whether that is enough.

    Returns
    -------
    ProxiedTable
        A series whose own closes do not suffice, and whose proxy's do not either, keeps
        its own: what it lacks is an error where they are used.

    Raises
    ------
    UnknownSeriesError
        If a series has neither closes nor a proxy whose closes suffice; names it.
    """
    present = dict(zip(table.names, np.isfinite(table.closes), strict=True))
    enough = {name for name, dates in present.items() if suffices(dates)}
    sources = [_source(name, proxies.get(name, ""), enough) for name in names]
    for name, source in zip(names, sources, strict=True):
        if source not in present:
            raise UnknownSeriesError(name)
    chosen = table.select(sources)
    proxied = [
        Proxied(name, source) for name, source in zip(names, sources, strict=True) if name != source
    ]
    return ProxiedTable(CloseTable(tuple(names), chosen.dates, chosen.closes), tuple(proxied))


@dataclass(frozen=True, slots=True, eq=False)
class SteadyListings:
    """A book whose options keep their volatility where that has no history.

    Parameters
    ----------
    listings : tuple of Listing
        In the order given; options in ``steady`` without their volatility series.
    steady : tuple of str
        Options whose volatility is constant although a series was named.
    """

    listings: tuple[Listing, ...]
    steady: tuple[str, ...]


def with_steady_volatility(
    table: CloseTable, listings: Sequence[Listing], *, suffices: Callable[[BoolVector], bool]
) -> SteadyListings:
    """Return a book with the volatility of those options held that has too short a history.

    Parameters
    ----------
    table : CloseTable
        All that is known.
    listings : sequence of Listing
        The book.
    suffices : callable
        As for `with_proxies`.

    Returns
    -------
    SteadyListings
        Names the options: a constant volatility is said, not assumed silently.
    """
    named = volatility_series(listings)
    present = {
        name: np.isfinite(row)
        for name, row in zip(table.names, table.closes, strict=True)
        if name in named
    }
    lacking = {name for name in named if name not in present or not suffices(present[name])}
    return steady_listings(listings, lacking)


def volatility_series(listings: Iterable[Listing]) -> set[str]:
    """Return the series that move volatilities of a book."""
    terms = [listing.option for listing in listings if listing.option is not None]
    series = {option.volatility_series for option in terms}
    return series - {""}


def steady_listings(listings: Sequence[Listing], lacking: Collection[str]) -> SteadyListings:
    """Return a book whose options keep their volatility where its series is among some."""
    held = {
        listing.instrument_id
        for listing in listings
        if listing.option is not None and listing.option.volatility_series in lacking
    }
    return SteadyListings(
        tuple(
            _steady(listing) if listing.instrument_id in held else listing for listing in listings
        ),
        tuple(sorted(held)),
    )


def _steady(listing: Listing) -> Listing:
    assert listing.option is not None, f"{listing.instrument_id} is no option"
    return replace(listing, option=replace(listing.option, volatility_series=""))


def _source(name: str, proxy: str, enough: set[str]) -> str:
    return proxy if name not in enough and proxy in enough else name
