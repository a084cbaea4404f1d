"""Stressed VaR by the references: a book under the returns of a crisis, or why there is none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from system.contracts.messages import StressedHistory
from validation.references.exact import ReferenceInputError
from validation.references.revaluation import CurrentMarket, ReferencePosition, needed_series
from validation.references.snapshot import ReferenceSnapshot, reference_stressed
from validation.references.stand_ins import completed, crisis_suffices

Histories = Mapping[str, StressedHistory]
"""Of one window, by series."""


@dataclass(frozen=True)
class BookNow:
    """A book, what it is worth now, and its settings."""

    held: Sequence[ReferencePosition]
    now: CurrentMarket
    as_of: dt.date
    confidence: str
    base_currency: str
    proxies: Mapping[str, str]


def crisis_risk(book: BookNow, histories: Histories) -> ReferenceSnapshot:
    """Return the exact risk of a book now under the returns of a stressed window.

    Parameters
    ----------
    book : BookNow
        The book.
    histories : mapping of str to StressedHistory
        The closes of one window.

    Raises
    ------
    ReferenceInputError
        If there is none: the window is not over, a series does not cover it, or it holds too few
        returns for the confidence.
    """
    span = next(iter(histories.values()))
    if not span.last < book.as_of:
        raise ReferenceInputError(f"the window ends on {span.last}, not before {book.as_of}")
    suffices = crisis_suffices(span.first, span.last, book.as_of)
    completion = completed(
        book.held,
        {name: {close.date: close.value for close in of.closes} for name, of in histories.items()},
        book.proxies,
        base_currency=book.base_currency,
        suffices=suffices,
    )
    for name in sorted(needed_series(completion.positions, book.base_currency)):
        if not suffices(completion.closes.get(name, ())):
            raise ReferenceInputError(f"{name} does not cover the window {span.window}")
    return reference_stressed(
        completion.positions,
        completion.closes,
        first=span.first,
        last=span.last,
        as_of=book.as_of,
        confidence=book.confidence,
        base_currency=book.base_currency,
        now=book.now,
    )


def crises_risk(
    book: BookNow, windows: Mapping[str, Histories]
) -> dict[str, ReferenceSnapshot | None]:
    """Return the exact risk of a book under each stressed window, None where it has none."""
    return {name: _risk_or_none(book, histories) for name, histories in sorted(windows.items())}


def _risk_or_none(book: BookNow, histories: Histories) -> ReferenceSnapshot | None:
    try:
        return crisis_risk(book, histories)
    except ReferenceInputError:
        return None


def windows_of(histories: Iterable[StressedHistory]) -> dict[str, dict[str, StressedHistory]]:
    """Return histories by window, and within it by series."""
    completion: dict[str, dict[str, StressedHistory]] = {}
    for history in histories:
        completion.setdefault(history.window, {})[history.series] = history
    return completion
