"""Edits of the feed: halts, late, duplicate and disordered ticks, restarted numbers, bursts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from system.contracts.messages import FxRate, Mark, Tick
from system.simulate.timeline import Planned
from validation.scenarios.file.format import (
    Burst,
    ClockJump,
    Duplicate,
    Halt,
    Late,
    OutOfOrder,
    Renumber,
)
from validation.scenarios.story.timeline import (
    Day,
    Days,
    Transformation,
    is_chosen,
    on_day,
    series_of,
)


def halt(edit: Halt) -> Transformation:
    """Return days without the ticks of some series between two moments."""
    last = edit.until_day or edit.day

    def is_silent(day: Day, item: Planned) -> bool:
        now = (day.number, day.moment(item))
        return (edit.day, edit.at) <= now < (last, edit.until) and is_chosen(
            item.message, edit.series
        )

    def transformed(days: Days) -> Days:
        for day in days:
            yield day.with_items([item for item in day.items if not is_silent(day, item)])

    return transformed


def late(edit: Late) -> Transformation:
    """Return the day with every n-th tick behind its mark."""

    def edited(day: Day) -> Day:
        held = set(_every(day.items, edit.every, edit.series))
        kept = [one for place, one in enumerate(day.items) if place not in held]
        after = max(slot.due_ns for slot in kept)
        behind = [Planned(after, day.items[place].message) for place in sorted(held)]
        return day.with_items([*kept, *behind])

    return on_day(edit.day, edited)


def clock_jump(edit: ClockJump) -> Transformation:
    """Return the day with the event times of a stretch moved; what is sent when stays."""
    moved_ns = round(edit.seconds * 1e9)

    def item(day: Day, one: Planned) -> Planned:
        message = one.message
        inside = edit.at <= day.moment(one) < edit.until and is_chosen(message, edit.series)
        if not inside or not isinstance(message, Tick | FxRate):
            return one
        moved = msgspec.structs.replace(message, event_time_ns=message.event_time_ns + moved_ns)
        return Planned(one.due_ns, moved)

    return on_day(edit.day, lambda day: day.with_items([item(day, slot) for slot in day.items]))


def renumber(edit: Renumber) -> Transformation:
    """Return the day with the quotes of some series numbered from 1 after a moment."""

    def edited(day: Day) -> Day:
        counts: Counter[str] = Counter()

        def item(planned: Planned) -> Planned:
            message = planned.message
            if day.moment(planned) < edit.at or not is_chosen(message, edit.series):
                return planned
            name = series_of(message)
            counts[name] += 1
            renumbered = msgspec.structs.replace(message, sequence=counts[name])
            return Planned(planned.due_ns, renumbered)

        return day.with_items([item(planned) for planned in day.items])

    return on_day(edit.day, edited)


def duplicate(edit: Duplicate) -> Transformation:
    """Return the day with every n-th tick twice."""

    def edited(day: Day) -> Day:
        twice = set(_every(day.items, edit.every, edit.series))
        return day.with_items(
            [
                again
                for place, one in enumerate(day.items)
                for again in ([one, one] if place in twice else [one])
            ]
        )

    return on_day(edit.day, edited)


def out_of_order(edit: OutOfOrder) -> Transformation:
    """Return the day with every n-th tick of a series behind later ones of that series."""

    def edited(day: Day) -> Day:
        target = dict(_moves(day.items, edit))
        order = sorted(
            range(len(day.items)), key=lambda place: (target.get(place, place), place in target)
        )
        return day.with_items(
            [Planned(day.items[target.get(at, at)].due_ns, day.items[at].message) for at in order]
        )

    return on_day(edit.day, edited)


def burst(edit: Burst) -> Transformation:
    """Return the day with what is due between two moments crowded at the first of them."""

    def edited(day: Day) -> Day:
        begins = edit.at * day.mark_due_ns

        def item(one: Planned) -> Planned:
            if isinstance(one.message, Mark) or not edit.at <= day.moment(one) < edit.until:
                return one
            return Planned(round(begins + (one.due_ns - begins) / edit.factor), one.message)

        return day.with_items([item(slot) for slot in day.items])

    return on_day(edit.day, edited)


def _every(items: Sequence[Planned], every: int, series: Sequence[str]) -> Iterator[int]:
    """Yield the places of every n-th quote of some series, beginning with the n-th."""
    chosen = [place for place, one in enumerate(items) if is_chosen(one.message, series)]
    yield from chosen[every - 1 :: every]


def _moves(items: Sequence[Planned], edit: OutOfOrder) -> Iterator[tuple[int, int]]:
    """Yield (place, place of the tick that it comes behind); no tick moves twice."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(items):
        if is_chosen(one.message, edit.series):
            places[series_of(one.message)].append(place)
    for own in places.values():
        for rank in range(edit.every - 1, len(own) - edit.by, max(edit.every, edit.by + 1)):
            yield own[rank], own[rank + edit.by]
