"""The heart of the product: the same numbers to the bit, however the stream was cut.

A script of ticks, rates, trades, settings and bad messages is laid out over 1, 2 and 4
market partitions, cut into batches at random, and interrupted by restarts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.system.book.feed import date_of, text_of
from tests.system.book.script import Script, cuts, folded, restarts, scripts

Cuts = Sequence[Mapping[int, int]]
slow = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)


@given(scripts(), st.sampled_from([1, 2, 4]), cuts, restarts)
@slow
def test_ends_of_day_are_the_same_over_partitions_batches_and_restarts(
    script: Script, market_partitions: int, cut: Cuts, restart: frozenset[int]
) -> None:
    plain = folded(script, market_partitions=1)
    other = folded(script, market_partitions=market_partitions, cuts=cut, restarts=restart)
    assert {date for _, date in plain.ends} == {date_of(day) for day in range(len(script.days))}
    assert plain.ends.keys() == other.ends.keys()
    for key, expected in plain.ends.items():
        assert other.ends[key] == expected, key


@given(scripts(), cuts, restarts)
@slow
def test_at_equal_offsets_every_portfolio_states_the_same(
    script: Script, cut: Cuts, restart: frozenset[int]
) -> None:
    fine = folded(script, cuts=cut)
    merged = [_sum(pair) for pair in zip(cut[::2], cut[1::2], strict=False)]
    for other in (folded(script, cuts=cut, restarts=restart), folded(script, cuts=merged)):
        shared = fine.live.keys() & other.live.keys()
        assert len(shared) >= 2
        for place in shared:
            assert other.live[place] == fine.live[place], place


@given(scripts(), cuts, restarts, st.integers(1, 3))
@slow
def test_replicas_of_the_state_value_to_the_bit(
    script: Script, cut: Cuts, restart: frozenset[int], replicas: int
) -> None:
    here = folded(script, cuts=cut, restarts=restart)
    there = folded(script, cuts=cut, restarts=restart, replicas=replicas)
    assert (there.live, there.ends) == (here.live, here.ends)
    assert (there.rows, there.rejected) == (here.rows, here.rejected)


@given(scripts(), cuts)
@slow
def test_every_batch_end_of_a_coarser_cut_is_found_in_the_finer_one(
    script: Script, cut: Cuts
) -> None:
    """One event at a time against all at once: states depend on offsets alone."""
    single = [{at: 1} for part in cut for at, count in part.items() for _ in range(count)]
    coarse = [dict(_sum(cut))] if cut else []
    fine, other = folded(script, cuts=single), folded(script, cuts=coarse)
    assert other.live.keys() <= fine.live.keys()
    for place, stated in other.live.items():
        assert fine.live[place] == stated, place


@given(scripts(), st.sampled_from([1, 2, 4]), cuts, restarts)
@slow
def test_every_message_meets_the_same_fate(
    script: Script, market_partitions: int, cut: Cuts, restart: frozenset[int]
) -> None:
    plain = folded(script, market_partitions=market_partitions)
    other = folded(script, market_partitions=market_partitions, cuts=cut, restarts=restart)
    assert sorted(other.rejected) == sorted(plain.rejected)
    assert other.counts == plain.counts
    assert other.rows == plain.rows
    sent = sum(len(log) for log in script.logs(market_partitions).values())
    assert sum(sum(row.values()) for row in plain.counts.values()) == sent


@given(scripts())
@slow
def test_rejected_messages_might_as_well_not_have_been_sent(script: Script) -> None:
    """No partial application: without them all ends of day are the same to the bit."""
    whole = folded(script)
    values = {value for _, _, value in whole.rejected}
    assume(values)
    clean = _without(script, values)
    assert folded(clean).ends == whole.ends


@given(scripts())
@slow
def test_sending_everything_twice_changes_no_number(script: Script) -> None:
    twice = Script(
        reference=script.reference,
        days=tuple(tuple(message for message in day for _ in range(2)) for day in script.days),
        rest=script.rest,
    )
    assert folded(twice).ends == folded(script).ends


def _sum(parts: Sequence[Mapping[int, int]]) -> dict[int, int]:
    total: dict[int, int] = {}
    for part in parts:
        for at, count in part.items():
            total[at] = total.get(at, 0) + count
    return total


def _without(script: Script, values: set[str]) -> Script:
    def kept(messages):
        return tuple(message for message in messages if text_of(message) not in values)

    return Script(
        reference=script.reference, days=tuple(map(kept, script.days)), rest=kept(script.rest)
    )
