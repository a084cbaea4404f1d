"""A story's days with every edit, in one order: prices, trades, feed, hostile, burst, cues."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from system.simulate.timeline import Planned
from validation.scenarios.file.format import (
    AnyEdit,
    Burst,
    ClockJump,
    CorrelationOne,
    Crossed,
    DividendTable,
    Duplicate,
    FatFinger,
    FlashCrash,
    Flip,
    Garbage,
    Halt,
    Late,
    OutOfOrder,
    Renumber,
    Shift,
    Shock,
    SplitTable,
    TradeTable,
    Volatility,
    ZeroQuotes,
)
from validation.scenarios.story.edits import feed, hostile, prices
from validation.scenarios.story.edits.adjustments import adjusted
from validation.scenarios.story.edits.trades import trades
from validation.scenarios.story.story import Story
from validation.scenarios.story.timeline import (
    Cue,
    Day,
    Days,
    Moment,
    Transformation,
    at_speed,
    plain_day,
)

ORDER: Final = (
    Volatility,
    CorrelationOne,
    Shock,
    Shift,
    FlashCrash,
    SplitTable,
    DividendTable,
    TradeTable,
    Flip,
    FatFinger,
    Halt,
    ClockJump,
    Renumber,
    OutOfOrder,
    Late,
    Duplicate,
    Crossed,
    ZeroQuotes,
    Garbage,
    Burst,
)
"""In which order kinds of edits are applied, whatever their order in the file."""


def story_days(story: Story, *, speed: float | None = 1.0, cues: Sequence[Moment] = ()) -> Days:
    """Yield the days of a story with everything that happens on them.

    Parameters
    ----------
    story : Story
        What is played.
    speed : float or None
        How many times as fast as the file says; None: as fast as the broker takes it, but for
        the days behind the last fault, which keep their schedule: whether a recovery holds shows
        in a market that moves.
    cues : sequence of Moment
        Moments to be told of besides those of its faults; numbered behind them.
    """
    plans = enumerate(story.replay.day_plans(), 1)
    days: Days = (plain_day(plan, number) for number, plan in plans)
    for transformation in transformations(story):
        days = transformation(days)
    moments = [Moment(fault.day, fault.at) for fault in story.scenario.file.faults]
    last = max((moment.day for moment in moments), default=None)
    return at_speed(_with_moments(days, [*moments, *cues]), speed, paced_behind=last)


def transformations(story: Story) -> Iterator[Transformation]:
    """Yield the transformations of a story in the order in which they are applied."""
    closes = closes_before(story)
    edits = sorted(story.scenario.file.timeline, key=lambda one: ORDER.index(type(one)))
    traded = [table for table in edits if isinstance(table, TradeTable | Flip)]
    is_traded = False
    for edit in edits:
        if isinstance(edit, TradeTable | Flip):
            if not is_traded:
                yield trades(traded, story.books, closes, name=story.scenario.name)
            is_traded = True
        elif isinstance(edit, SplitTable | DividendTable):
            yield adjusted(edit, story.days)
        else:
            yield _RULES[type(edit)](edit, closes, story.seed)


def closes_before(story: Story) -> dict[str, float]:
    """Return the last close of each series before the first day."""
    market, first = story.replay.market, story.days[0]
    closes = {name: market.last_close_before(name, first) for name in market.series}
    return {name: close for name, close in closes.items() if close is not None}


_RULES: Final[Mapping[type[AnyEdit], Callable[..., Transformation]]] = {
    Volatility: lambda edit, closes, _: prices.volatility(edit, closes),
    CorrelationOne: lambda edit, closes, _: prices.correlation_one(edit, closes),
    Shock: lambda edit, *_: prices.shock(edit),
    Shift: lambda edit, *_: prices.shift(edit),
    FlashCrash: lambda edit, *_: prices.flash_crash(edit),
    FatFinger: lambda edit, *_: prices.fat_finger(edit),
    Halt: lambda edit, *_: feed.halt(edit),
    ClockJump: lambda edit, *_: feed.clock_jump(edit),
    Renumber: lambda edit, *_: feed.renumber(edit),
    OutOfOrder: lambda edit, *_: feed.out_of_order(edit),
    Late: lambda edit, *_: feed.late(edit),
    Duplicate: lambda edit, *_: feed.duplicate(edit),
    Crossed: lambda edit, *_: hostile.crossed(edit),
    ZeroQuotes: lambda edit, *_: hostile.zero_quotes(edit),
    Garbage: lambda edit, _, seed: hostile.garbage(edit, seed),
    Burst: lambda edit, *_: feed.burst(edit),
}


def _with_moments(days: Days, moments: Sequence[Moment]) -> Days:
    """Yield days with a cue at each moment, numbered in the order given."""
    for day in days:
        wanted = [(one.at, at) for at, one in enumerate(moments) if one.day == day.number]
        yield _with_cues(day, sorted(wanted))


def _with_cues(day: Day, wanted: list[tuple[float, int]]) -> Day:
    items: list[Planned] = []
    for item in day.items:
        while wanted and day.moment(item) >= wanted[0][0]:
            items.append(Planned(item.due_ns, Cue(index=wanted.pop(0)[1])))
        items.append(item)
    return day.with_items(items)
