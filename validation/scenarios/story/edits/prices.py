"""Edits of prices: shocks, a flash crash, one factor, another volatility.

Sequences, event times and schedule stay as they are; quotes keep bid <= mid <= ask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from system.contracts.messages import FxRate, Message, Tick
from system.simulate.paths import SIGNIFICANT_DIGITS
from system.simulate.timeline import Planned
from validation.scenarios.file.format import (
    CorrelationOne,
    FatFinger,
    FlashCrash,
    Shift,
    Shock,
    Volatility,
)
from validation.scenarios.story.timeline import (
    Day,
    Days,
    Transformation,
    is_chosen,
    mid_of,
    on_day,
    series_of,
)

PriceRule = Callable[[str, float], float]


def shock(edit: Shock) -> Transformation:
    """Return prices times the factor, from its moment to the end of its last day."""

    def edited(day: Day) -> Day:
        begins = edit.at if day.number == edit.day else 0.0
        return _repriced(day, edit.series, lambda moment: edit.factor, begins, 1.0)

    return _while(edit.day, edit.until_day, edited)


def shift(edit: Shift) -> Transformation:
    """Return prices plus the amount, from its moment to the end of its last day."""

    def edited(day: Day) -> Day:
        begins = edit.at if day.number == edit.day else 0.0
        return day.with_items(
            [
                Planned(item.due_ns, shifted(item.message, edit.amount))
                if is_chosen(item.message, edit.series) and begins <= day.moment(item) < 1.0
                else item
                for item in day.items
            ]
        )

    return _while(edit.day, edit.until_day, edited)


def shifted(message: Message, amount: float) -> Message:
    """Return a quote with an amount added to its prices, rounded as prices are."""
    if isinstance(message, FxRate):
        return msgspec.structs.replace(message, rate=_rounded(message.rate + amount))
    assert isinstance(message, Tick), "only quotes have a price"
    bid, mid, ask = (_rounded(price + amount) for price in (message.bid, message.mid, message.ask))
    return msgspec.structs.replace(message, bid=min(bid, mid), mid=mid, ask=max(ask, mid))


def fat_finger(edit: FatFinger) -> Transformation:
    """Return the day with one wrong tick of each series, the first from a moment on."""

    def edited(day: Day) -> Day:
        waiting = set(edit.series)
        items = []
        for item in day.items:
            name = series_of(item.message)
            if name in waiting and day.moment(item) >= edit.at:
                waiting.remove(name)
                wrong = repriced(item.message, mid_of(item.message) * edit.factor)
                items.append(Planned(item.due_ns, wrong))
            else:
                items.append(item)
        return day.with_items(items)

    return on_day(edit.day, edited)


def flash_crash(edit: FlashCrash) -> Transformation:
    """Return prices that fall to 1 - depth in the middle of the interval and come back."""

    def factor(moment: float) -> float:
        way = (moment - edit.at) / (edit.until - edit.at)
        return 1 - edit.depth * (1 - abs(2 * way - 1))

    return on_day(edit.day, lambda day: _repriced(day, edit.series, factor, edit.at, edit.until))


def correlation_one(edit: CorrelationOne, closes: Mapping[str, float]) -> Transformation:
    """Return prices that move as the leader's do from the beginning of a day on.

    Parameters
    ----------
    edit : CorrelationOne
        The leader moves as it would; others by the same proportion.
    closes : mapping of str to float
        The last close of each series before the first day.
    """

    def rule(anchors: Mapping[str, float], latest: Mapping[str, float]) -> PriceRule:
        def price(name: str, mid: float) -> float:
            lead = latest.get(edit.leader, anchors[edit.leader])
            return anchors[name] * lead / anchors[edit.leader] if name != edit.leader else mid

        return price

    return _regime(edit.day, edit.series, closes, rule)


def volatility(edit: Volatility, closes: Mapping[str, float]) -> Transformation:
    """Return prices whose log moves since the beginning of a day are ``factor`` times as large.

    Parameters
    ----------
    edit : Volatility
        Day and factor.
    closes : mapping of str to float
        The last close of each series before the first day.
    """

    def rule(anchors: Mapping[str, float], latest: Mapping[str, float]) -> PriceRule:
        return lambda name, mid: anchors[name] * (mid / anchors[name]) ** edit.factor

    return _regime(edit.day, edit.series, closes, rule)


def repriced(message: Message, mid: float) -> Message:
    """Return a quote at another mid, bid and ask in proportion, rounded as prices are."""
    if isinstance(message, FxRate):
        return msgspec.structs.replace(message, rate=_rounded(mid))
    assert isinstance(message, Tick), "only quotes have a price"
    ratio, rounded = mid / message.mid, _rounded(mid)
    return msgspec.structs.replace(
        message,
        mid=rounded,
        bid=min(_rounded(message.bid * ratio), rounded),
        ask=max(_rounded(message.ask * ratio), rounded),
    )


def _repriced(
    day: Day,
    series: tuple[str, ...],
    factor: Callable[[float], float],
    begins: float,
    ends: float,
) -> Day:
    def item(one: Planned) -> Planned:
        moment = day.moment(one)
        if not is_chosen(one.message, series) or not begins <= moment < ends:
            return one
        return Planned(one.due_ns, repriced(one.message, mid_of(one.message) * factor(moment)))

    return day.with_items([item(slot) for slot in day.items])


def _while(first: int, last: int | None, edit: Callable[[Day], Day]) -> Transformation:
    def transformed(days: Days) -> Days:
        for day in days:
            inside = first <= day.number and (last is None or day.number <= last)
            yield edit(day) if inside else day

    return transformed


def _regime(
    first: int,
    series: tuple[str, ...],
    closes: Mapping[str, float],
    rule: Callable[[Mapping[str, float], Mapping[str, float]], PriceRule],
) -> Transformation:
    """Return a transformation from a day on; ``rule`` sees the prices at that day's beginning."""

    def transformed(days: Days) -> Days:
        latest = dict(closes)
        anchors: dict[str, float] = {}
        for day in days:
            if day.number == first:
                anchors = dict(latest)
            price = rule(anchors, latest) if anchors else None
            items = []
            for item in day.items:
                message = item.message
                if name := series_of(message):
                    latest[name] = mid_of(message)
                    if price and is_chosen(message, series):
                        message = repriced(message, price(name, mid_of(message)))
                items.append(Planned(item.due_ns, message))
            yield day.with_items(items)

    return transformed


def _rounded(price: float) -> float:
    return float(f"{price:.{SIGNIFICANT_DIGITS}g}")
