import datetime as dt

import numpy as np
import pytest

from system.contracts.messages import AssetClass, Instrument
from system.simulate.errors import PathError
from system.simulate.synthetic import (
    SyntheticSpec,
    Walk,
    synthetic_market,
    uniform_walks,
    weekdays,
)

FIRST = dt.date(2021, 1, 1)  # a Friday


def closes(market, name):
    return list(market.series[name].closes.values())


def test_a_simulated_market_has_every_series_on_every_weekday():
    future = Instrument(
        instrument="F", asset_class=AssetClass.FUTURE, currency="USD", multiplier=10.0
    )
    walks = (*uniform_walks(2), Walk("F", instrument=future), Walk("fx:JPY", start=130.0))
    market = synthetic_market(SyntheticSpec(walks, FIRST, day_count=8))
    assert market.currencies == ("JPY",)
    assert list(market.instruments) == ["SIM001", "SIM002", "F"]
    assert market.instruments["F"] is future
    assert {series.dates for series in market.series.values()} == {tuple(weekdays(FIRST, 8))}
    assert market.days[:3] == (FIRST, dt.date(2021, 1, 4), dt.date(2021, 1, 5))


def test_the_same_seed_makes_the_same_market():
    def market(seed):
        return synthetic_market(SyntheticSpec(uniform_walks(3), FIRST, 20, seed=seed)).series

    assert market(1) == market(1)
    assert market(1) != market(2)


def test_one_number_correlates_each_pair_and_a_matrix_as_it_says():
    def correlation(given):
        market = synthetic_market(SyntheticSpec(uniform_walks(3), FIRST, 5_000, correlation=given))
        returns = np.diff(np.log([closes(market, name) for name in market.series]), axis=1)
        return np.corrcoef(returns)

    matrix = np.array([[1.0, 0.8, 0.0], [0.8, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert correlation(matrix) == pytest.approx(matrix, abs=0.05)
    assert correlation(0.5)[np.triu_indices(3, 1)] == pytest.approx([0.5] * 3, abs=0.05)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"walks": ()}, "at least one"),
        ({"day_count": 0}, "day_count 0"),
        ({"day_count": 20_001}, "day_count 20001"),
    ],
)
def test_an_empty_or_endless_market_is_refused(changes, named):
    with pytest.raises(PathError, match=named):
        SyntheticSpec(**{"walks": uniform_walks(1), "first_day": FIRST, "day_count": 5, **changes})


def test_a_start_at_zero_is_refused():
    with pytest.raises(PathError, match="above 0"):
        synthetic_market(SyntheticSpec((Walk("A", start=0.0),), FIRST, 5))
