"""What stands in where a series has too short a history: a proxy, or a volatility that stays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from validation.references.exact import Number
from validation.references.revaluation import ReferencePosition, needed_series

COVERS_UP_TO: Final = dt.timedelta(days=7)
"""A series covers a stressed window if it has a close before it and one this near to its end."""

Closes = Mapping[str, Mapping[dt.date, Number]]
Suffices = Callable[[Collection[dt.date]], bool]


@dataclass(frozen=True)
class Completed:
    """A book and the closes of what it needs, with what stands in already put in."""

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
    held = tuple(_steady(one, closes, suffices) for one in positions)
    enough = {name for name, one in closes.items() if suffices(one)}
    found: dict[str, Mapping[dt.date, Number]] = {}
    for name in sorted(needed_series(held, base_currency)):
        proxy = proxies.get(name, "")
        source = proxy if name not in enough and proxy in enough else name
        if source in closes:
            found[name] = closes[source]
    return Completed(held, found or closes)


def window_suffices(as_of: dt.date, window: int) -> Suffices:
    """Return whether dates give a window of returns up to a day."""
    return lambda dates: sum(day <= as_of for day in dates) > window


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
