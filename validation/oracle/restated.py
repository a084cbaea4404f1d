"""Quotes, closes and positions in the shares of a vector of offsets, split or not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

from system.contracts.messages import Instrument, SnapshotKind
from system.contracts.topics import REFERENCE
from validation.references.exact import Number
from validation.rules.corporate_actions import CorporateActions
from validation.rules.effect_dates import EffectiveAdjustment, Waiting

Place = tuple[str, int]


class Shares:
    """Splits and dividends in effect, and quotes from before and after them.

    Parameters
    ----------
    quoted : mapping of str to float
        Last accepted price of each series, as it came; written to by its owner.
    closed : mapping of str to mapping
        Closes of each series, as they came; likewise.
    instruments : mapping of str to Instrument
        Reference data; likewise.
    """

    def __init__(
        self,
        quoted: Mapping[str, float],
        closed: Mapping[str, Mapping[dt.date, float]],
        instruments: Mapping[str, Instrument],
    ) -> None:
        self._quoted, self._closed = quoted, closed
        self.waiting = Waiting()
        self._taken: list[EffectiveAdjustment] = []
        self._days: dict[Place, dt.date] = {}
        self._given: dict[str, dt.date | None] = {}
        self._since: dict[str, dt.date | None] = {}
        self.acts = CorporateActions(given=self._given, instruments=instruments)
        self.prices: Mapping[str, Number] = quoted
        self.closes: Mapping[str, Mapping[dt.date, Number]] = closed

    def close(self, day: dt.date, place: Place) -> None:
        """Close a day in one partition."""
        self._days[place] = day
        if place[0] == REFERENCE.name:
            self._taken += self.waiting.closed(day)

    def closed(self, place: Place) -> dt.date | None:
        """Return the last day that was closed in a partition."""
        return self._days.get(place)

    def note(self, name: str, place: Place) -> None:
        """Note when a history or a description came; the first counts."""
        self._given.setdefault(name, self._days.get(place))

    def note_quote(self, series: str, place: Place) -> None:
        """Note when a quote came; the last counts."""
        self._since[series] = self._days.get(place)

    def settle(self, kind: SnapshotKind) -> None:
        """Restate what is in old shares; an end of day is before what its mark lets in."""
        last = max(self._days.values(), default=dt.date.min)
        taken = [
            effective
            for effective in self._taken
            if effective.day < last or kind is not SnapshotKind.END_OF_DAY
        ]
        self.acts = replace(self.acts, taken=taken)
        self.prices, self.closes = self._quoted, self._closed
        if taken:
            self.closes = self.acts.restated(self._closed)
            moved = self.acts.moved()
            self.prices = {
                series: self.acts.price(series, price, self._since[series], self._closed)
                if series in moved
                else price
                for series, price in self._quoted.items()
            }
