"""Edits that add what should not be there: crossed and zero quotes, garbage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np

from system.contracts.codec import encode
from system.contracts.messages import Tick
from system.contracts.topics import MARKET_DATA
from system.simulate.timeline import Planned
from validation.scenarios.file.format import Crossed, Garbage, ZeroQuotes
from validation.scenarios.story.timeline import Day, Raw, Transformation, is_chosen, on_day

UNKNOWN_TICKER: Final = "NOBODY.KNOWS"
JUNK: Final = (
    b"",
    b"\xff\xfe\x00",
    b"not json",
    b"[]",
    b"{}",
    b'{"type":"tick"}',
    b'{"type":"nothing","mid":1.0}',
)


def crossed(edit: Crossed) -> Transformation:
    """Return the day with a crossed copy after every n-th tick."""
    return on_day(edit.day, lambda day: _with_copies(day, edit, _crossed))


def zero_quotes(edit: ZeroQuotes) -> Transformation:
    """Return the day with a copy at 0 after every n-th tick."""
    return on_day(edit.day, lambda day: _with_copies(day, edit, _zero))


def garbage(edit: Garbage, seed: int) -> Transformation:
    """Return the day with bytes that are no message, at moments drawn from the seed."""

    def edited(day: Day) -> Day:
        rng = np.random.default_rng([seed, day.number])
        places = sorted(rng.integers(0, len(day.items), edit.count).tolist())
        ticks = [item.message for item in day.items if isinstance(item.message, Tick)]
        items: list[Planned] = []
        pending = [(place, number) for number, place in enumerate(places)]
        for place, one in enumerate(day.items):
            while pending and pending[0][0] == place:
                number = pending.pop(0)[1]
                items.append(Planned(one.due_ns, _junk(number, ticks)))
            items.append(one)
        return day.with_items(items)

    return on_day(edit.day, edited)


def _with_copies(
    day: Day, edit: Crossed | ZeroQuotes, copy: Callable[[Tick], dict[str, float]]
) -> Day:
    items: list[Planned] = []
    count = 0
    for item in day.items:
        items.append(item)
        if isinstance(item.message, Tick) and is_chosen(item.message, edit.series):
            count += 1
            if count % edit.every == 0:
                items.append(Planned(item.due_ns, _changed(item.message, copy(item.message))))
    return day.with_items(items)


def _crossed(tick: Tick) -> dict[str, float]:
    return {"bid": tick.ask * 1.01, "ask": tick.bid}


def _zero(tick: Tick) -> dict[str, float]:
    return {"bid": 0.0, "ask": 0.0, "mid": 0.0}


def _changed(tick: Tick, fields: dict[str, float]) -> Raw:
    value = msgspec.json.encode({**msgspec.json.decode(encode(tick)), **fields})
    return Raw(topic=MARKET_DATA.name, key=tick.ticker.encode(), value=value)


def _junk(number: int, ticks: list[Tick]) -> Raw:
    """Return the n-th piece of garbage; every third is a tick that is nearly right."""
    key = f"garbage-{number}".encode()
    if number % 3 == 2 and ticks:
        tick = ticks[number % len(ticks)]
        wrong = msgspec.structs.replace(tick, ticker=UNKNOWN_TICKER)
        bad = (encode(wrong), encode(tick).replace(b'"mid":', b'"mid":NaN,"was":'))
        return Raw(topic=MARKET_DATA.name, key=key, value=bad[number // 3 % len(bad)])
    return Raw(topic=MARKET_DATA.name, key=key, value=JUNK[number % len(JUNK)])
