"""Plan of a load run: a simulated market and its books, on the schedule of a shape.

Pure. The same plan gives the same instruments, books and ticks; only the moment at which
the schedule begins is the run's own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta

from loadtests.source.shapes import SHAPES, Shape, due_s, duration_s, message_count, steady
from system.contracts.messages import OpeningPosition, Portfolio
from system.errors import InputError
from system.simulate.market import Market
from system.simulate.replay import Replay, ReplaySpec
from system.simulate.synthetic import SyntheticSpec, synthetic_market, uniform_walks, weekdays
from system.simulate.timeline import MARK_GAP_MAX_NS, MARK_GAP_SHARE, DayPlan

Client = Literal["kafka-python", "confluent"]

USUAL_CLIENT: Final = "confluent"
"""At 1,000 ticks/s it takes 0.10 of a core and kafka-python 0.25, which what is measured lacks."""

FIRST_DAY: Final = dt.date(2024, 1, 1)
"""Of the history; the days that are sent follow it."""
HISTORY_COUNT: Final = 64
CORRELATION: Final = 0.3
LINGER_MS: Final = 6
"""Longest wait of a tick in the pump for others to share its request; it counts as latency.
With a request for each tick, pump and broker took half of a core at 1,000 ticks/s."""
MAX_RATE: Final = 1_000_000
MAX_SECONDS: Final = 86_400
MAX_INSTRUMENTS: Final = 10_000
MAX_PORTFOLIOS: Final = 10_000
MAX_TICKS: Final = 50_000_000
MAX_SKIPPED_DAYS: Final = 10_000
SEQUENCES_PER_DAY: Final = 10_000_000
"""Room for the ticks of one series on one day: later loads of a market count from beyond it."""
PRICE: Final = 100.0
LOT: Final = 100.0
SHORT_EVERY: Final = 5
"""Every fifth position is short: a book that is long only has an easy sign."""


class PlanError(InputError):
    """A load that cannot be run; names the value and what it must be."""


class LoadPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A load.

    ``rate`` is the shape's highest rate in ticks per second, ``seconds`` the length of
    the measured part; before it, the shape's first rate is sent for ``warm_up_seconds``.
    ``positions`` is how many of the instruments each portfolio holds, 0 for all of them.
    ``skipped_days`` is how many days of the same market earlier loads have sent.
    """

    rate: Annotated[float, Meta(gt=0, le=MAX_RATE)]
    seconds: Annotated[float, Meta(gt=0, le=MAX_SECONDS)]
    shape: str = "steady"
    warm_up_seconds: Annotated[float, Meta(ge=0, le=MAX_SECONDS)] = 60.0
    instruments: Annotated[int, Meta(ge=1, le=MAX_INSTRUMENTS)] = 100
    portfolios: Annotated[int, Meta(ge=1, le=MAX_PORTFOLIOS)] = 10
    positions: Annotated[int, Meta(ge=0, le=MAX_INSTRUMENTS)] = 0
    window: Annotated[int, Meta(ge=20, le=1_000)] = 30
    seconds_per_day: Annotated[float, Meta(gt=0, le=MAX_SECONDS)] = 30.0
    skipped_days: Annotated[int, Meta(ge=0, le=MAX_SKIPPED_DAYS)] = 0
    seed: Annotated[int, Meta(ge=0)] = 1
    client: Client = USUAL_CLIENT

    def __post_init__(self) -> None:
        """Refuse a shape that there is not, and more ticks than a run can judge.

        Raises
        ------
        ValueError
            If the shape is unknown, portfolios hold more positions than there are instruments, or
            the run sends more than ``MAX_TICKS``.
        """
        if self.shape not in SHAPES:
            raise ValueError(f"shape {self.shape!r}: one of {', '.join(SHAPES)}")
        if self.positions > self.instruments:
            raise ValueError(f"{self.positions} positions in {self.instruments} instruments")
        ticks = self.rate * (self.seconds + self.warm_up_seconds)
        if ticks > MAX_TICKS:
            raise ValueError(f"{ticks:,.0f} ticks: at most {MAX_TICKS:,} in one run")


def load_plan(**fields: object) -> LoadPlan:
    """Return a plan whose bounds are checked.

    Raises
    ------
    PlanError
        If a field is out of bounds; names it.
    """
    try:
        return msgspec.convert(fields, LoadPlan)
    except msgspec.ValidationError as error:
        raise PlanError(f"load: {error}") from None


def whole_shape(plan: LoadPlan) -> Shape:
    """Return the shape of the measured part with the warm-up in front."""
    measured = SHAPES[plan.shape](plan.rate, plan.seconds)
    if not plan.warm_up_seconds:
        return measured
    return (*steady(measured[0].first_rate, plan.warm_up_seconds), *measured)


def day_count(plan: LoadPlan) -> int:
    """Return how many trading days the load passes through, each closed by a mark."""
    return max(round(duration_s(whole_shape(plan)) / plan.seconds_per_day), 1)


def history_count(plan: LoadPlan) -> int:
    """Return how many closes each series has before the first day of the load."""
    return max(HISTORY_COUNT, plan.window + 2)


def load_market(plan: LoadPlan) -> Market:
    """Return the simulated market: its history, and the days that are sent."""
    return synthetic_market(
        SyntheticSpec(
            walks=uniform_walks(plan.instruments, start=PRICE),
            first_day=FIRST_DAY,
            day_count=history_count(plan) + plan.skipped_days + day_count(plan),
            correlation=CORRELATION,
            seed=plan.seed,
        )
    )


def load_replay(plan: LoadPlan) -> Replay:
    """Return the replay of the load: reference data, and evenly spread days."""
    earlier = history_count(plan) + plan.skipped_days
    days = weekdays(FIRST_DAY, earlier + day_count(plan))[earlier:]
    ticks = -(-message_count(whole_shape(plan)) // len(days))
    return Replay(
        load_market(plan),
        ReplaySpec(
            first_day=days[0],
            last_day=days[-1],
            ticks_per_day=max(ticks, plan.instruments),
            seconds_per_day=plan.seconds_per_day,
            seed=plan.seed,
            history_count=history_count(plan),
            scenario="load",
        ),
    )


def scheduled_days(plan: LoadPlan, replay: Replay) -> Iterator[DayPlan]:
    """Yield the days with each tick due when the shape says.

    A little of each day's end is left free, for its mark.
    """
    shape, sent = whole_shape(plan), 0
    for day in replay.day_plans():
        index = np.arange(sent, sent + day.tick_count + 1, dtype=np.float64)
        due_ns = np.rint(due_s(shape, index) * 1e9).astype(np.int64)
        sent += day.tick_count
        duration_ns = int(due_ns[-1] - due_ns[0])
        gap_ns = min(round(duration_ns * MARK_GAP_SHARE), MARK_GAP_MAX_NS)
        squeezed = (due_ns[:-1] - due_ns[0]) * ((duration_ns - gap_ns) / duration_ns)
        yield replace(
            day,
            sequence=day.sequence + plan.skipped_days * SEQUENCES_PER_DAY,
            due_ns=squeezed.astype(np.int64),
            mark_due_ns=duration_ns - gap_ns,
            duration_ns=duration_ns,
        )


def load_books(plan: LoadPlan) -> tuple[Portfolio, ...]:
    """Return the portfolios: each holds its share of the instruments, some of them short."""
    names = [walk.name for walk in uniform_walks(plan.instruments)]
    held = plan.positions or plan.instruments
    return tuple(
        Portfolio(
            portfolio=f"load-{number + 1:04d}",
            base_currency="USD",
            window=plan.window,
            positions=tuple(
                _position(names[(number * held + place) % len(names)], number, place)
                for place in range(held)
            ),
        )
        for number in range(plan.portfolios)
    )


def _position(name: str, number: int, place: int) -> OpeningPosition:
    sign = -1.0 if (number + place) % SHORT_EVERY == 0 else 1.0
    quantity = sign * LOT * (1 + (number + place) % 7)
    return OpeningPosition(instrument=name, quantity=quantity, entry_price=PRICE)
