"""Stressed windows inside a book: their closes, as reference data brought them; scenarios."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from system.contracts.messages import StressedHistory
from system.errors import InputError
from system.risk.listing import Listing
from system.risk.options.moves import OptionMoves, option_moves
from system.risk.scenarios.stressed import (
    StressedScenarios,
    StressedWindow,
    is_over,
    stressed_scenarios,
)
from system.risk.scenarios.window import CloseTable


@dataclass(frozen=True, slots=True, eq=False)
class StressedBook:
    """One stressed window of one set of positions.

    Parameters
    ----------
    window : StressedWindow
        Which.
    version : str
        Names the data.
    scenarios : StressedScenarios or None
        None where an instrument has no history in the window.
    moves : OptionMoves or None
        What options are revalued with.
    problem : str
        Why there is no number, where that is known already: the window is not over, or a
        history is missing; else empty.
    digest : bytes
        Over the closes.
    """

    window: StressedWindow
    version: str
    scenarios: StressedScenarios | None = None
    moves: OptionMoves | None = None
    problem: str = ""
    digest: bytes = b""


class StressedData:
    """The stressed windows that are known, and the closes of each."""

    def __init__(self) -> None:
        self._histories: dict[str, dict[str, StressedHistory]] = {}
        self._tables: dict[str, CloseTable] = {}
        self.version = 0
        """Grows whenever a series is added."""

    def known(self, history: StressedHistory) -> StressedHistory | None:
        """Return what is known of the same series in the same window."""
        return self._histories.get(history.window, {}).get(history.series)

    def contradiction(self, history: StressedHistory) -> str:
        """Return what a history contradicts of those known, empty where nothing."""
        of_window = self._histories.get(history.window)
        if not of_window:
            return ""
        first = next(iter(of_window.values()))
        for field in ("first", "last", "version"):
            before, now = getattr(first, field), getattr(history, field)
            if before != now:
                return f"{field} of window {history.window} is {before}, not {now}"
        known = of_window.get(history.series)
        if known is not None and known != history:
            return f"closes of {history.series} in window {history.window} are known as others"
        return ""

    def add(self, history: StressedHistory) -> None:
        """Take the closes of a series in a window."""
        self._histories.setdefault(history.window, {})[history.series] = history
        self._tables.pop(history.window, None)
        self.version += 1

    @property
    def windows(self) -> tuple[StressedWindow, ...]:
        """Return the windows, by name."""
        firsts = [next(iter(self._histories[name].values())) for name in sorted(self._histories)]
        return tuple(StressedWindow(first.window, first.first, first.last) for first in firsts)

    def data_version(self, window: str) -> str:
        """Return the name of the data that a window's closes are taken from."""
        return next(iter(self._histories[window].values())).version

    def table(self, window: str) -> CloseTable:
        """Return the closes of all series of a window."""
        if window not in self._tables:
            histories = sorted(self._histories[window].items())
            self._tables[window] = CloseTable.of(
                {name: {point.date: point.value for point in one.closes} for name, one in histories}
            )
        return self._tables[window]

    def open_asof(self, asof: dt.date | None) -> dt.date | None:
        """Return the as-of date while it matters: until the last window is over."""
        if not self._histories:
            return None
        return asof if any(not is_over(window, asof) for window in self.windows) else None


def stressed_books(
    data: StressedData,
    listings: Sequence[Listing],
    *,
    as_of: dt.date | None,
    base_currency: str,
) -> tuple[StressedBook, ...]:
    """Return the stressed scenarios of a book, one for each window that is known.

    Parameters
    ----------
    data : StressedData
        Windows and closes.
    listings : sequence of Listing
        The book in canonical order.
    as_of : date or None
        Last day of closes; None: no window is over.
    base_currency : str
        ISO code.
    """
    return tuple(
        _stressed_book(data, window, listings, as_of, base_currency) for window in data.windows
    )


def _stressed_book(
    data: StressedData,
    window: StressedWindow,
    listings: Sequence[Listing],
    as_of: dt.date | None,
    base_currency: str,
) -> StressedBook:
    version = data.data_version(window.name)
    if as_of is None:
        return StressedBook(window, version, problem="no closes are known yet")
    try:
        scenarios = stressed_scenarios(
            data.table(window.name),
            listings,
            window=window,
            as_of=as_of,
            base_currency=base_currency,
        )
        moves = option_moves(
            scenarios.closes,
            scenarios.book.listings,
            scenarios.factors,
            base_currency=base_currency,
        )
    except InputError as error:
        return StressedBook(window, version, problem=str(error))
    return StressedBook(
        window,
        version,
        scenarios,
        moves,
        problem="" if is_over(window, as_of) else _not_over(window, as_of),
        digest=hashlib.sha256(scenarios.closes.closes.astype("<f8").tobytes()).digest(),
    )


def _not_over(window: StressedWindow, as_of: dt.date) -> str:
    return f"the window ends on {window.last}, not before the as-of date {as_of}"
