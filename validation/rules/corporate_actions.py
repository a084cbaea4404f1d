"""Splits and dividends by the written rules, in exact arithmetic: the second opinion.

* One takes effect at the first mark, behind it on the reference topic, of its last day or a
  later one; its end of day is still stated without it. On one day dividends come before splits,
  then names in order.
* A close up to that mark, and dated before the adjustment, is divided by the split's ratio, or
  by close / (close - amount) of a dividend, where close is the last one up to the mark, earlier
  adjustments in it; by 1 where the dividend is not below it.
* A quote from before the mark likewise, of the instrument, and with a split of options on it.
* Positions (`validation.rules.statements`): a split multiplies quantities, of options on it too; a
  dividend pays quantity times amount in cash.
* What came behind the mark (trades, books, histories) is in new shares already.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from msgspec.structs import replace

from system.bus.consumer import Record
from system.contracts.messages import (
    CloseHistory,
    Dividend,
    Instrument,
    Mark,
    Portfolio,
    Split,
    Trade,
)
from system.contracts.topics import REFERENCE
from validation.checkers.ledger import Outcome, Ruling
from validation.references.exact import Number, exact
from validation.references.minor_units import in_major
from validation.rules.effect_dates import EffectiveAdjustment, Waiting
from validation.rules.rulings import read_message

CASH: Final = "cash:"
DESCRIBED: Final = "instrument:"


@dataclass(frozen=True)
class CorporateActions:
    """Splits and dividends in effect, and messages that arrived after them.

    Parameters
    ----------
    taken : sequence of EffectiveAdjustment
        In effect, in order.
    arrived : mapping of str to date or None
        Per trade, the last day that was closed when its id first came.
    opened, given : mapping of str to date or None
        The same of portfolios, and of series whose history came, and ``instrument:`` of what
        was described.
    instruments : mapping of str to Instrument
        Reference data by id.
    """

    taken: Sequence[EffectiveAdjustment] = ()
    arrived: Mapping[str, dt.date | None] = field(default_factory=dict)
    opened: Mapping[str, dt.date | None] = field(default_factory=dict)
    given: Mapping[str, dt.date | None] = field(default_factory=dict)
    instruments: Mapping[str, Instrument] = field(default_factory=dict)

    def restated(
        self, closes: Mapping[str, Mapping[dt.date, Number]]
    ) -> dict[str, Mapping[dt.date, Number]]:
        """Return closes in the shares of today."""
        restated = dict(closes)
        for effective in self.taken:
            divisor = self._divisor(effective, restated)
            for name in self._moved(effective):
                if name in restated and not _is_behind(self.given.get(name), effective):
                    restated[name] = _divided(restated[name], effective, divisor)
        return restated

    def price(
        self,
        name: str,
        price: Number,
        since: dt.date | None,
        closes: Mapping[str, Mapping[dt.date, Number]],
    ) -> Number:
        """Return a quote in the shares of today.

        Parameters
        ----------
        name : str
            Its series.
        price : number
            As it was quoted.
        since : date or None
            The last day that was closed when it came.
        closes : mapping
            As they were quoted.
        """
        restated = dict(closes)
        for effective in self.taken:
            divisor = self._divisor(effective, restated)
            moved = self._moved(effective)
            if name in moved and not _is_behind(since, effective):
                price = exact(price) / divisor
            for series in moved:
                if series in restated and not _is_behind(self.given.get(series), effective):
                    restated[series] = _divided(restated[series], effective, divisor)
        return price

    def moved(self) -> set[str]:
        """Return the series whose prices anything has moved."""
        return {name for effective in self.taken for name in self._moved(effective)}

    def restruck(self) -> dict[str, Instrument]:
        """Return the instruments, strikes in the shares of today."""
        listings = dict(self.instruments)
        for effective in self.taken:
            for name, ratio in self.ratios(effective).items():
                listings[name] = _restruck(listings[name], float(ratio))
        return listings

    def ratios(self, effective: EffectiveAdjustment) -> dict[str, Fraction]:
        """Return by instrument what quantities are multiplied by."""
        if not isinstance(effective.adjustment, Split):
            return {}
        return dict.fromkeys(self._moved(effective), Fraction(effective.adjustment.ratio))

    def received(
        self, effective: EffectiveAdjustment, quantity: Mapping[str, Fraction]
    ) -> tuple[str, Fraction]:
        """Return in which cash, and how much, is paid on what is held; by a split nothing."""
        instrument = self.instruments[effective.adjustment.instrument]
        currency, parts = in_major(instrument.currency)
        held = quantity.get(instrument.instrument, Fraction(0)) * Fraction(instrument.multiplier)
        paid = effective.adjustment.amount if isinstance(effective.adjustment, Dividend) else 0
        return CASH + currency, held * Fraction(paid) / parts

    def _moved(self, effective: EffectiveAdjustment) -> list[str]:
        name = effective.adjustment.instrument
        if isinstance(effective.adjustment, Dividend):
            return [name]
        options = (
            other.instrument
            for other in self.instruments.values()
            if other.option is not None
            and other.option.underlying == name
            and not _is_behind(self.given.get(DESCRIBED + other.instrument), effective)
        )
        return [name, *options]

    def _divisor(
        self, effective: EffectiveAdjustment, closes: Mapping[str, Mapping[dt.date, Number]]
    ) -> Fraction:
        if isinstance(effective.adjustment, Split):
            return Fraction(effective.adjustment.ratio)
        amount = Fraction(effective.adjustment.amount)
        known = closes.get(effective.adjustment.instrument, {})
        last = max((date for date in known if date <= effective.day), default=None)
        close = Fraction(0) if last is None else exact(known[last])
        return close / (close - amount) if amount < close else Fraction(1)


NO_ACTS: Final = CorporateActions()


def acts_of(records: Sequence[Record], ruled: Iterable[Ruling]) -> CorporateActions:
    """Return everything that ever takes effect by what lies on the topics.

    Parameters
    ----------
    records : sequence of Record
        Everything on the reference and trades topics.
    ruled : iterable of Ruling
        What must become of each.
    """
    counting = {
        ruling.place: ruling.outcome
        for ruling in ruled
        if ruling.outcome in {Outcome.APPLIED, Outcome.MARK}
    }
    waiting = Waiting()
    taken: list[EffectiveAdjustment] = []
    arrived: dict[str, dt.date | None] = {}
    opened: dict[str, dt.date | None] = {}
    given: dict[str, dt.date | None] = {}
    instruments: dict[str, Instrument] = {}
    days: dict[str, dt.date] = {}
    for record in sorted(records, key=lambda row: (row.topic, row.partition, row.offset)):
        if (record.topic, record.partition, record.offset) not in counting:
            continue
        message = read_message(record)
        match message:
            case Split() | Dividend():
                waiting.add(message)
            case Mark():
                days[record.topic] = message.date
                taken += waiting.closed(message.date) if record.topic == REFERENCE.name else []
            case Instrument():
                instruments[message.instrument] = message
                given.setdefault(DESCRIBED + message.instrument, days.get(record.topic))
            case Trade():
                arrived.setdefault(message.trade_id, days.get(record.topic))
            case Portfolio():
                opened.setdefault(message.portfolio, days.get(record.topic))
            case CloseHistory():
                given.setdefault(message.series, days.get(record.topic))
            case _:
                pass
    return CorporateActions(taken, arrived, opened, given, instruments)


def _is_behind(day: dt.date | None, effective: EffectiveAdjustment) -> bool:
    return day is not None and day >= effective.day


def _restruck(instrument: Instrument, ratio: float) -> Instrument:
    terms = instrument.option
    if terms is None:
        return instrument
    return replace(instrument, option=replace(terms, strike=terms.strike / ratio))


def _divided(
    closes: Mapping[dt.date, Number], effective: EffectiveAdjustment, divisor: Fraction
) -> dict[dt.date, Number]:
    return {
        date: exact(close) / divisor
        if date <= effective.day and date < effective.adjustment.date
        else close
        for date, close in closes.items()
    }
