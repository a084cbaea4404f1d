import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.simulate.correlation import equicorrelation
from system.simulate.errors import PathError
from system.simulate.paths import (
    arrival_order,
    bridge_mids,
    quotes,
    random_walk_closes,
    rounded,
    session_fractions,
    tick_counts,
    tick_volumes,
)

prices = st.floats(1e-4, 1e7)
seeds = st.integers(0, 2**32 - 1)


def bridge(start, end, *, volatility=0.02, steps=50, seed=1, correlation=0.0):
    count = len(start)
    return bridge_mids(
        np.array(start),
        np.array(end),
        volatility=np.full(count, volatility),
        correlation=equicorrelation(count, correlation),
        step_count=steps,
        rng=np.random.default_rng(seed),
    )


def test_a_bridge_ends_on_its_close_bit_for_bit():
    closes = [0.1 + 0.2, 71.919, 3225.52]

    @given(
        starts=st.lists(prices, min_size=3, max_size=3),
        volatility=st.floats(0, 1),
        steps=st.integers(1, 300),
        seed=seeds,
    )
    def holds(starts, volatility, steps, seed):
        mids = bridge(starts, closes, volatility=volatility, steps=steps, seed=seed)
        assert mids.shape == (steps, 3)
        assert mids[-1].tolist() == closes

    holds()


@given(start=prices, end=prices, volatility=st.floats(0, 1), steps=st.integers(1, 300), seed=seeds)
def test_every_mid_of_a_bridge_is_above_zero_and_finite(start, end, volatility, steps, seed):
    mids = bridge([start], [end], volatility=volatility, steps=steps, seed=seed)
    assert np.all(mids > 0)
    assert np.all(np.isfinite(mids))


@given(seed=seeds)
def test_the_same_seed_draws_the_same_bridge_and_another_seed_another(seed):
    first = bridge([100.0], [101.0], seed=seed)
    assert np.array_equal(first, bridge([100.0], [101.0], seed=seed))
    assert not np.array_equal(first, bridge([100.0], [101.0], seed=seed + 1))


def test_a_bridge_without_volatility_is_the_straight_line_of_the_logarithm():
    mids = bridge([100.0], [121.0], volatility=0.0, steps=2)
    assert mids[:, 0] == pytest.approx([110.0, 121.0], rel=1e-6)


def test_bridges_have_the_volatility_and_correlation_asked_for():
    # Var of a Brownian bridge at half time is sigma^2 / 4; 4,000 draws: error about 3 %.
    halves = np.array(
        [
            np.log(bridge([100.0, 50.0], [100.0, 50.0], steps=2, seed=s, correlation=0.7)[0])
            for s in range(4_000)
        ]
    )
    assert halves.std(axis=0) == pytest.approx([0.01, 0.01], rel=0.05)
    assert np.corrcoef(halves.T)[0, 1] == pytest.approx(0.7, abs=0.03)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"start": [0.0]}, "above 0"),
        ({"end": [-1.0]}, "above 0"),
        ({"end": [float("nan")]}, "above 0"),
        ({"volatility": -0.1}, "volatility"),
        ({"volatility": 1.1}, "volatility"),
        ({"steps": 0}, "0 steps"),
    ],
)
def test_numbers_that_no_path_can_be_drawn_with_are_refused(change, named):
    with pytest.raises(PathError, match=named):
        bridge(**{"start": [100.0], "end": [101.0], **change})


def walk(day_count=20_000, *, drift=0.0, volatility=0.01, correlation=0.5, seed=1, start=100.0):
    return random_walk_closes(
        np.array([start, start]),
        drift=np.full(2, drift),
        volatility=np.full(2, volatility),
        correlation=equicorrelation(2, correlation),
        day_count=day_count,
        rng=np.random.default_rng(seed),
    )


def test_walks_have_the_drift_volatility_and_correlation_asked_for():
    closes = walk(drift=0.001)
    returns = np.diff(closes, axis=0) / closes[:-1]
    assert returns.mean(axis=0) == pytest.approx([0.001, 0.001], abs=3 * 0.01 / np.sqrt(20_000))
    assert returns.std(axis=0) == pytest.approx([0.01, 0.01], rel=0.03)
    assert np.corrcoef(returns.T)[0, 1] == pytest.approx(0.5, abs=0.03)


@given(drift=st.floats(-0.5, 0.5), volatility=st.floats(0, 0.5), seed=seeds)
def test_walks_stay_above_zero_and_repeat_with_their_seed(drift, volatility, seed):
    closes = walk(30, drift=drift, volatility=volatility, seed=seed)
    assert np.all(closes > 0)
    assert np.array_equal(closes, walk(30, drift=drift, volatility=volatility, seed=seed))


def test_a_walk_that_loses_everything_in_a_day_is_refused():
    with pytest.raises(PathError, match="drift"):
        walk(3, drift=-1.0)


@given(
    mids=st.lists(prices, min_size=1, max_size=20),
    spread_bps=st.floats(0, 10_000),
    spread_absolute=st.floats(0, 1e7),
)
def test_bid_mid_and_ask_are_in_order_and_above_zero(mids, spread_bps, spread_absolute):
    mid = np.array(mids)
    shape = np.ones(len(mids))
    bid, ask = quotes(mid, spread_bps=spread_bps * shape, spread_absolute=spread_absolute * shape)
    assert np.all((bid > 0) & (bid <= mid) & (mid <= ask))


@pytest.mark.parametrize(
    ("spread_bps", "spread_absolute", "spread"), [(10, 0, 0.1), (0, 0.5, 0.5), (10, 0.5, 0.5)]
)
def test_the_wider_of_both_spreads_counts(spread_bps, spread_absolute, spread):
    bid, ask = quotes(
        np.array([100.0]),
        spread_bps=np.array([float(spread_bps)]),
        spread_absolute=np.array([float(spread_absolute)]),
    )
    assert ask - bid == pytest.approx(spread, rel=1e-4)


@pytest.mark.parametrize(
    ("spread_bps", "spread_absolute"), [(-1.0, 0.0), (10_001.0, 0.0), (0.0, -1.0), (0.0, np.inf)]
)
def test_spreads_out_of_bounds_are_refused(spread_bps, spread_absolute):
    with pytest.raises(PathError, match="spread"):
        quotes(
            np.array([100.0]),
            spread_bps=np.array([spread_bps]),
            spread_absolute=np.array([spread_absolute]),
        )


@given(
    total=st.integers(0, 10_000),
    weights=st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=30),
    minimum=st.integers(0, 3),
)
def test_ticks_are_given_away_without_one_lost_or_made_up(total, weights, minimum):
    counts = tick_counts(total, np.array(weights), minimum=minimum)
    assert counts.sum() == max(total, minimum * len(weights))
    assert np.all(counts >= minimum)


def test_ticks_follow_the_weights():
    assert tick_counts(1_003, np.array([1.0, 2.0, 7.0])).tolist() == [101, 201, 701]


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf")])
def test_a_weight_that_is_none_is_refused(weight):
    with pytest.raises(PathError, match="weights"):
        tick_counts(10, np.array([1.0, weight]))


@given(counts=st.lists(st.integers(1, 50), min_size=1, max_size=10), seed=seeds)
def test_each_series_arrives_as_often_as_its_count(counts, seed):
    order = arrival_order(np.array(counts), np.random.default_rng(seed))
    assert np.bincount(order).tolist() == counts


@given(count=st.integers(1, 5_000), u_shape=st.floats(0, 0.99))
def test_ticks_fall_within_the_session_in_order(count, u_shape):
    fractions = session_fractions(count, u_shape=u_shape)
    assert np.all((fractions > 0) & (fractions < 1))
    assert np.all(np.diff(fractions) > 0)


def test_ticks_are_denser_at_open_and_close_than_at_noon():
    hours = np.histogram(session_fractions(10_000, u_shape=0.6), bins=5, range=(0, 1))[0]
    assert hours[0] == pytest.approx(hours[4], abs=2)
    assert hours[0] > 2 * hours[2]


def test_ticks_are_even_without_a_u_shape():
    assert session_fractions(4, u_shape=0.0) == pytest.approx([0.125, 0.375, 0.625, 0.875])


def test_volumes_are_whole_and_larger_where_the_weight_is_larger():
    weights = np.repeat([0.5, 2.0], 5_000)
    volumes = tick_volumes(weights, typical=1_000.0, rng=np.random.default_rng(1))
    assert np.all(volumes == np.rint(volumes))
    assert volumes.min() >= 1
    assert np.median(volumes[5_000:]) / np.median(volumes[:5_000]) == pytest.approx(4, rel=0.1)


@given(price=st.floats(1e-12, 1e14))
def test_rounding_keeps_seven_digits_and_never_makes_a_price_zero(price):
    (short,) = rounded(np.array([price]))
    assert short > 0
    assert short == pytest.approx(price, rel=5.1e-7)
