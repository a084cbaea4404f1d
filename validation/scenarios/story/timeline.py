"""The timeline of a scenario: what is sent, in which order, when on the schedule.

Pure. A day is a list of items in the order of sending, each due at an offset of that day;
edits (``validation.scenarios.story.edits``) turn days into days. Laws of this file: offsets never
go back within a day; each day has exactly one mark; the same story gives the same items.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeAlias

from system.contracts.messages import FxRate, Mark, Message, Tick
from system.simulate.catalogue import FX_PREFIX
from system.simulate.timeline import DayPlan, Planned

MAX_SPEED: Final = 1_000.0


class Moment(NamedTuple):
    """A moment of a story: the day, counted from 1, and the fraction of its schedule."""

    day: int
    at: float

    @classmethod
    def read(cls, text: str) -> Moment:
        """Return the moment that ``2.37`` names: day 2, at 0.37 of it.

        Raises
        ------
        ValueError
            If it is no number of at least 1.
        """
        day, _, fraction = text.partition(".")
        moment = cls(int(day), float(f"0.{fraction or 0}"))
        if moment.day < 1:
            raise ValueError(f"{text}: days count from 1")
        return moment

    def __str__(self) -> str:
        return f"{self.day}.{f'{self.at:.4f}'.removeprefix('0.').rstrip('0') or 0}"


class Raw(Message, frozen=True, kw_only=True, tag="raw"):
    """Bytes for a topic as they are: what no message could say."""

    topic: str
    key: bytes
    value: bytes
    intended_monotonic_ns: int = 0


class Cue(Message, frozen=True, kw_only=True, tag="cue"):
    """Says that a moment of the schedule has come; sent to nobody. ``index`` of its fault."""

    index: int
    intended_monotonic_ns: int = 0


@dataclass(frozen=True)
class Day:
    """One day of a scenario; what an ``OpenLoopPublisher`` sends.

    Parameters
    ----------
    date : date
        The day.
    number : int
        Counted from 1.
    duration_ns, mark_due_ns : int
        Length on the schedule, and the mark's offset; both 0 when it is not paced.
    items : tuple of Planned
        In the order of sending.
    """

    date: dt.date
    number: int
    duration_ns: int
    mark_due_ns: int
    items: tuple[Planned, ...]

    @property
    def tick_count(self) -> int:
        """Messages of this day, without the mark and cues."""
        return sum(not isinstance(item.message, Mark | Cue) for item in self.items)

    def slots(self) -> Iterator[Planned]:
        """Yield the items."""
        return iter(self.items)

    def moment(self, item: Planned) -> float:
        """Return where an item is due: 0 at the first tick, 1 at the mark, more behind it."""
        return item.due_ns / self.mark_due_ns

    def with_items(self, items: Sequence[Planned]) -> Day:
        """Return the day with other items."""
        return replace(self, items=tuple(items))


Days: TypeAlias = Iterator[Day]
Transformation: TypeAlias = Callable[[Days], Days]


def plain_day(plan: DayPlan, number: int) -> Day:
    """Return a day as the market has it, before any edit."""
    return Day(plan.date, number, plan.duration_ns, plan.mark_due_ns, tuple(plan.slots()))


def series_of(message: Message) -> str:
    """Return the series that a message quotes; empty for anything but ticks and rates."""
    if isinstance(message, Tick):
        return message.ticker
    return FX_PREFIX + message.currency if isinstance(message, FxRate) else ""


def mid_of(message: Message) -> float:
    """Return the price or rate that a quote states.

    Raises
    ------
    TypeError
        If it is no quote.
    """
    if isinstance(message, Tick):
        return message.mid
    if isinstance(message, FxRate):
        return message.rate
    raise TypeError(f"{type(message).__name__} is no quote")


def is_chosen(message: Message, series: Sequence[str]) -> bool:
    """Return whether a message quotes one of some series; of any where none is named."""
    name = series_of(message)
    return bool(name) and (not series or name in series)


def on_day(number: int, edit: Callable[[Day], Day]) -> Transformation:
    """Return the transformation that edits one day and leaves the others alone."""

    def transformed(days: Days) -> Days:
        for day in days:
            yield edit(day) if day.number == number else day

    return transformed


def at_speed(days: Days, speed: float | None, *, paced_behind: int | None = None) -> Days:
    """Yield days on a faster or slower schedule.

    Parameters
    ----------
    days : iterator of Day
        On the scenario's own schedule.
    speed : float or None
        How many times as fast; None: not paced, as fast as the broker takes it.
    paced_behind : int, optional
        Number of the day behind which days keep their own schedule where ``speed`` is None.
    """
    for day in days:
        is_own = speed is None and paced_behind is not None and day.number > paced_behind
        factor = 1.0 if is_own else 0.0 if speed is None else 1 / speed
        yield Day(
            day.date,
            day.number,
            round(day.duration_ns * factor),
            round(day.mark_due_ns * factor),
            tuple(Planned(round(due * factor), message) for due, message in day.items),
        )
