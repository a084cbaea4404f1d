"""Proxies and constant volatilities, where a series has too short a history."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from validation.references.exact import Number, ReferenceInputError
from validation.references.revaluation import ReferencePosition, needed_series

COVERS_UP_TO: Final = dt.timedelta(days=7)
"""A series covers a stressed window if it has a close before it and one this near to its end."""

Closes = Mapping[str, Mapping[dt.date, Number]]
Suffices = Callable[[Collection[dt.date]], bool]


@dataclass(frozen=True)
class Completed:
    """A book and the closes of its series, some of them a proxy's."""

    positions: tuple[ReferencePosition, ...]
    closes: Closes


def completed(
    positions: Sequence[ReferencePosition],
    closes: Closes,
    proxies: Mapping[str, str],
    *,
    base_currency: str,
    suffices: Suffices,
) -> Completed:
    """Return a book whose series have enough history, as far as something stands in for it.

    Parameters
    ----------
    positions : sequence of ReferencePosition
        The book.
    closes : mapping of str to mapping of date to number
        All that is known.
    proxies : mapping of str to str
        The series whose closes are taken instead, if they suffice and the own do not.
    base_currency : str
        ISO code.
    suffices : callable
        Whether the dates of a series are enough.
    """
    held = tuple(_steady(position, closes, suffices) for position in positions)
    enough = {name for name, own in closes.items() if suffices(own)}
    replaced: dict[str, Mapping[dt.date, Number]] = {}
    for name in sorted(needed_series(held, base_currency)):
        proxy = proxies.get(name, "")
        source = proxy if name not in enough and proxy in enough else name
        if source in closes:
            replaced[name] = closes[source]
    return Completed(held, replaced or closes)


def covered(
    positions: Sequence[ReferencePosition],
    closes: Closes,
    proxies: Mapping[str, str],
    *,
    base_currency: str,
    as_of: dt.date,
    window: int,
) -> Completed:
    """Return a book with what replaces series that begin too late, or lack most days.

    Parameters
    ----------
    positions : sequence of ReferencePosition
        The book.
    closes : mapping of str to mapping of date to number
        All that is known.
    proxies : mapping of str to str
        Series whose closes are taken instead, where they begin early enough and, for a series
        without a close on more than half of the window's days, have one on half of them.
    base_currency : str
        ISO code.
    as_of : date
        No later close is looked at.
    window : int
        Number of returns. The scenario days are counted again after each replacement, since
        these change them.

    Raises
    ------
    ReferenceInputError
        If a series begins too late and nothing replaces it; names it.
    """

    def known(name: str) -> Mapping[dt.date, Number]:
        return {day: close for day, close in closes.get(name, {}).items() if day <= as_of}

    instead: dict[str, str] = {}
    constant: set[str] = set()
    while True:
        held = tuple(_without_volatility(position, constant) for position in positions)
        series = {
            name: known(instead.get(name, name))
            for name in sorted(needed_series(held, base_currency))
        }
        days = sorted({day for closes_of in series.values() for day in closes_of})
        first = days[-window - 1] if len(days) > window else dt.date.min
        late = {name for name, own in series.items() if min(own, default=dt.date.max) > first}
        thin = {name for name, own in series.items() if _is_thin(own, days[-window - 1 :])}
        stays = set() if first == dt.date.min else late & _volatilities(held)
        moved = {
            name: proxies[name]
            for name in (late | thin) - stays - instead.keys()
            if name in proxies and _begins(known(proxies[name]), first)
            if name in late or not _is_thin(known(proxies[name]), days[-window - 1 :])
        }
        if not late and not moved:
            return Completed(held, series)
        if not stays and not moved:
            raise _too_late(late, series, first)
        constant |= stays
        instead |= moved


def _volatilities(positions: Sequence[ReferencePosition]) -> set[str]:
    terms = [position.option for position in positions if position.option is not None]
    return {option.volatility_series for option in terms} - {""}


def _is_thin(series: Mapping[dt.date, Number], days: Sequence[dt.date]) -> bool:
    """Return whether most of some days have no close of a series."""
    missing = [day for day in days if day not in series]
    return len(missing) > len(days) - len(missing)


def _begins(series: Mapping[dt.date, Number], first: dt.date) -> bool:
    """Return whether a series has a close up to a day, the earliest of all standing for none."""
    return bool(series) and (first == dt.date.min or min(series) <= first)


def _too_late(late: set[str], series: Closes, first: dt.date) -> ReferenceInputError:
    if first == dt.date.min:
        return ReferenceInputError(f"too few days have a close of {', '.join(sorted(series))}")
    return ReferenceInputError(f"no close up to {first} of {', '.join(sorted(late))}")


def _without_volatility(
    position: ReferencePosition, constant: Collection[str]
) -> ReferencePosition:
    terms = position.option
    if terms is None or terms.volatility_series not in constant:
        return position
    return replace(position, option=replace(terms, volatility_series=""))


def crisis_suffices(first: dt.date, last: dt.date, as_of: dt.date) -> Suffices:
    """Return whether dates cover a stressed window, as far as it lies before a day."""
    end = min(last, as_of)

    def suffices(dates: Collection[dt.date]) -> bool:
        near_the_end = any(end - COVERS_UP_TO <= day <= end for day in dates)
        return near_the_end and any(day < first for day in dates)

    return suffices


def _steady(position: ReferencePosition, closes: Closes, suffices: Suffices) -> ReferencePosition:
    terms = position.option
    if terms is None or not terms.volatility_series:
        return position
    if suffices(closes.get(terms.volatility_series, {})):
        return position
    return replace(position, option=replace(terms, volatility_series=""))
