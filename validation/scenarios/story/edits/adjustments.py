"""Edits that split a share or pay a dividend: announced the day before, quoted from then on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

from system.contracts.codec import encode
from system.contracts.messages import Adjustment, Dividend, Split
from system.contracts.topics import REFERENCE, message_key
from system.simulate.timeline import Planned
from validation.scenarios.file.format import DividendTable, SplitTable
from validation.scenarios.story.edits.prices import repriced
from validation.scenarios.story.timeline import Day, Days, Raw, Transformation, is_chosen, mid_of


def adjusted(edit: SplitTable | DividendTable, days: Sequence[dt.date]) -> Transformation:
    """Return days with the announcement on the day before, and other prices from its day on.

    Parameters
    ----------
    edit : SplitTable or DividendTable
        Its day is not the first.
    days : sequence of date
        Of the story, in order.
    """
    message = _message(edit, date=days[edit.day - 1], last_day=days[edit.day - 2])
    price = _price(edit)

    def transformed(story: Days) -> Days:
        for day in story:
            if day.number == edit.day - 1:
                yield _announced(day, message, edit.at)
            elif day.number >= edit.day:
                yield _repriced(day, edit.instrument, price)
            else:
                yield day

    return transformed


def _message(edit: SplitTable | DividendTable, *, date: dt.date, last_day: dt.date) -> Adjustment:
    if isinstance(edit, SplitTable):
        return Split(instrument=edit.instrument, date=date, last_day=last_day, ratio=edit.ratio)
    return Dividend(instrument=edit.instrument, date=date, last_day=last_day, amount=edit.amount)


def _price(edit: SplitTable | DividendTable) -> Callable[[float], float]:
    if isinstance(edit, SplitTable):
        ratio = edit.ratio
        return lambda mid: mid / ratio
    amount = edit.amount
    return lambda mid: mid - amount


def _announced(day: Day, message: Adjustment, at: float) -> Day:
    place = next(index for index, one in enumerate(day.items) if day.moment(one) >= at)
    raw = Raw(topic=REFERENCE.name, key=message_key(message).encode(), value=encode(message))
    planned = Planned(day.items[place].due_ns, raw)
    return day.with_items([*day.items[:place], planned, *day.items[place:]])


def _repriced(day: Day, instrument: str, price: Callable[[float], float]) -> Day:
    return day.with_items(
        [
            Planned(item.due_ns, repriced(item.message, price(mid_of(item.message))))
            if is_chosen(item.message, (instrument,))
            else item
            for item in day.items
        ]
    )
