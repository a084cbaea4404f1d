"""Coverage: the vectorised algorithm equals the plain reading of its own laws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validation.measure.coverage import (
    NEVER,
    Coverage,
    Inputs,
    Observations,
    Watermarks,
    batch_floor,
    coverage,
    stage_durations,
)

KEYS = 3
PARTITIONS = 2


@dataclass(frozen=True)
class Sent:
    partition: int
    offset: int
    key: int
    intended_ns: int


@dataclass(frozen=True)
class Seen:
    received_ns: int
    portfolio: int
    version: tuple[int, int]
    offsets: tuple[int, ...]
    holding: frozenset[int]


def inputs_of(sent: list[Sent]) -> Inputs:
    columns = ("partition", "offset", "key", "intended_ns")
    return Inputs(
        **{name: np.array([getattr(one, name) for one in sent], dtype=np.int64) for name in columns}
    )


def observations_of(seen: list[Seen]) -> Observations:
    held = np.array(
        [[key in one.holding for key in range(KEYS)] for one in seen] or [[False] * KEYS]
    )
    received = np.array([one.received_ns for one in seen], dtype=np.int64)
    return Observations(
        received_ns=received,
        portfolio=np.array([one.portfolio for one in seen], dtype=np.int64),
        holding=np.arange(len(seen)),
        version=np.array([one.version for one in seen], dtype=np.int64).reshape(-1, 2),
        offsets=np.array([one.offsets for one in seen], dtype=np.int64).reshape(-1, PARTITIONS),
        stages_ns=np.stack([received - back for back in (50, 40, 30, 20, 10)], axis=1),
        held=held,
    )


def watermarks_of(seen: list[tuple[int, tuple[int, ...]]]) -> Watermarks:
    return Watermarks(
        np.array([when for when, _ in seen], dtype=np.int64),
        np.array([offsets for _, offsets in seen], dtype=np.int64).reshape(-1, PARTITIONS),
    )


def plain_coverage(
    sent: list[Sent], seen: list[Seen], marks: list[tuple[int, tuple[int, ...]]]
) -> list[tuple[int, int]]:
    """Return (holder count, covered_ns) per message by walking the history, message by message."""
    return [plain_one(one, seen, marks) for one in sent]


def plain_one(
    one: Sent, seen: list[Seen], marks: list[tuple[int, tuple[int, ...]]]
) -> tuple[int, int]:
    moments = [
        moment
        for portfolio in {entry.portfolio for entry in seen}
        if (moment := plain_moment(one, portfolio, seen)) is not None
    ]
    if moments:
        return len(moments), NEVER if NEVER in moments else max(moments)
    for when, offsets in marks:
        if offsets[one.partition] > one.offset:
            return 0, when
    return 0, NEVER


def plain_moment(one: Sent, portfolio: int, seen: list[Seen]) -> int | None:
    before: frozenset[int] = frozenset()
    for entry in seen:
        if entry.portfolio != portfolio:
            continue
        if entry.offsets[one.partition] > one.offset:
            earlier = [
                other.offsets[one.partition] for other in seen if other.version < entry.version
            ]
            shares_batch = one.offset >= max([0, *earlier])
            concerned = one.key in before or (one.key in entry.holding and shares_batch)
            return entry.received_ns if concerned else None
        before = entry.holding
    return NEVER if one.key in before else None


holdings = st.frozensets(st.integers(0, KEYS - 1))
vectors = st.tuples(*[st.integers(0, 8)] * PARTITIONS)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Sent], list[Seen], list[tuple[int, tuple[int, ...]]]]:
    sent = draw(
        st.lists(
            st.builds(
                Sent,
                partition=st.integers(0, PARTITIONS - 1),
                offset=st.integers(0, 9),
                key=st.integers(0, KEYS - 1),
                intended_ns=st.integers(0, 50),
            ),
            max_size=12,
        )
    )
    seen = draw(
        st.lists(
            st.builds(
                Seen,
                received_ns=st.integers(100, 200),
                portfolio=st.integers(0, 2),
                version=st.tuples(st.integers(1, 2), st.integers(0, 4)),
                offsets=vectors,
                holding=holdings,
            ),
            max_size=14,
        )
    )
    marks = draw(st.lists(st.tuples(st.integers(100, 200), vectors), max_size=6))
    return (
        sent,
        sorted(seen, key=lambda one: one.received_ns),
        sorted(marks, key=lambda one: one[0]),
    )


@given(histories())
@settings(max_examples=400, deadline=None)
def test_the_fast_algorithm_equals_the_plain_one(history) -> None:
    sent, seen, marks = history
    found = coverage(inputs_of(sent), observations_of(seen), watermarks_of(marks))
    fast = list(zip(found.holder_count.tolist(), found.covered_ns.tolist(), strict=True))
    assert fast == plain_coverage(sent, seen, marks)


@given(histories())
@settings(max_examples=200, deadline=None)
def test_stages_add_up_to_the_latency_of_each_message(history) -> None:
    sent, seen, marks = history
    inputs, observations = inputs_of(sent), observations_of(seen)
    found = coverage(inputs, observations, watermarks_of(marks))
    done = found.completed_by != NEVER
    totals = stage_durations(inputs, observations, found).sum(axis=1)
    np.testing.assert_array_equal(totals[done], (found.covered_ns - inputs.intended_ns)[done])
    assert not totals[~done].any()


def one_tick(*, key: int = 0, offset: int = 5) -> list[Sent]:
    return [Sent(partition=0, offset=offset, key=key, intended_ns=10)]


def judged(sent: list[Sent], seen: list[Seen]) -> Coverage:
    return coverage(inputs_of(sent), observations_of(seen), watermarks_of([(999, (9, 9))]))


HOLDS_0 = frozenset({0})


def test_a_tick_waits_for_the_slowest_portfolio_that_holds_it() -> None:
    seen = [
        Seen(100, 0, (1, 0), (0, 0), HOLDS_0),
        Seen(101, 1, (1, 0), (0, 0), HOLDS_0),
        Seen(200, 0, (1, 1), (6, 0), HOLDS_0),
        Seen(300, 1, (1, 2), (7, 0), HOLDS_0),
    ]
    found = judged(one_tick(), seen)
    assert (found.holder_count[0], found.covered_ns[0], found.completed_by[0]) == (2, 300, 3)


def test_conflation_does_not_hide_a_tick() -> None:
    seen = [
        Seen(100, 0, (1, 0), (0, 0), HOLDS_0),
        Seen(900, 0, (1, 50), (9, 0), HOLDS_0),
    ]
    found = judged([*one_tick(offset=1), *one_tick(offset=8)], seen)
    assert found.covered_ns.tolist() == [900, 900]


def test_a_portfolio_that_stops_leaves_the_tick_uncovered() -> None:
    seen = [
        Seen(100, 0, (1, 0), (0, 0), HOLDS_0),
        Seen(101, 1, (1, 0), (0, 0), HOLDS_0),
        Seen(200, 0, (1, 1), (6, 0), HOLDS_0),
    ]
    found = judged(one_tick(), seen)
    assert (found.holder_count[0], found.covered_ns[0]) == (2, NEVER)


def test_a_tick_long_before_a_purchase_is_not_charged_to_the_buyer() -> None:
    seen = [
        Seen(100, 0, (1, 0), (0, 0), HOLDS_0),
        Seen(100, 1, (1, 0), (0, 0), frozenset()),
        Seen(200, 0, (1, 1), (6, 0), HOLDS_0),
        Seen(900, 1, (1, 9), (9, 0), HOLDS_0),
    ]
    found = judged(one_tick(), seen)
    assert (found.holder_count[0], found.covered_ns[0]) == (1, 200)


def test_a_tick_in_the_batch_of_a_purchase_is_charged_to_the_buyer() -> None:
    seen = [
        Seen(100, 1, (1, 0), (0, 0), frozenset()),
        Seen(250, 1, (1, 1), (6, 0), HOLDS_0),
    ]
    found = judged(one_tick(), seen)
    assert (found.holder_count[0], found.covered_ns[0]) == (1, 250)


def test_a_tick_that_nobody_holds_is_covered_by_the_watermark_and_counted_apart() -> None:
    found = judged(one_tick(key=2), [Seen(100, 0, (1, 0), (9, 9), HOLDS_0)])
    assert (found.holder_count[0], found.covered_ns[0]) == (0, 999)
    assert found.completed_by[0] == NEVER


def test_without_any_snapshot_nothing_is_covered_but_by_watermarks() -> None:
    found = coverage(inputs_of(one_tick()), observations_of([]), watermarks_of([]))
    assert (found.holder_count[0], found.covered_ns[0]) == (0, NEVER)


def test_the_floor_of_a_batch_is_what_all_earlier_batches_covered() -> None:
    seen = [
        Seen(100, 0, (1, 0), (3, 1), HOLDS_0),
        Seen(101, 1, (1, 0), (2, 2), HOLDS_0),
        Seen(102, 1, (1, 1), (4, 4), HOLDS_0),
        Seen(103, 0, (2, 0), (5, 5), HOLDS_0),
    ]
    floor = batch_floor(observations_of(seen))
    assert floor.tolist() == [[0, 0], [0, 0], [3, 2], [4, 4]]


@given(histories())
@settings(max_examples=100, deadline=None)
def test_a_message_is_covered_when_the_last_of_its_portfolios_alone_has_covered_it(history) -> None:
    sent, seen, marks = history
    arrays = inputs_of(sent), observations_of(seen), watermarks_of(marks)
    whole = coverage(*arrays)
    alone = [coverage(*arrays, portfolio=one) for one in sorted({one.portfolio for one in seen})]
    for index in range(len(sent)):
        held = [one.covered_ns[index] for one in alone if one.holder_count[index]]
        assert whole.holder_count[index] == len(held)
        if held:
            assert whole.covered_ns[index] == (NEVER if NEVER in held else max(held))


@pytest.mark.parametrize("received", [150, 250])
def test_the_first_covering_snapshot_decides_not_a_later_one(received: int) -> None:
    seen = [
        Seen(100, 0, (1, 0), (0, 0), HOLDS_0),
        Seen(received, 0, (1, 1), (6, 0), HOLDS_0),
        Seen(400, 0, (1, 2), (7, 0), HOLDS_0),
    ]
    assert judged(one_tick(), seen).covered_ns.tolist() == [received]
