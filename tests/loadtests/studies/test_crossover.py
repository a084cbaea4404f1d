"""Number of portfolios from which shards are faster."""

from __future__ import annotations

import pytest

from loadtests.studies.crossover import CrossoverPoint, counts_of, crossing
from system.errors import InputError


def point(portfolios: int, ratio: float) -> CrossoverPoint:
    return CrossoverPoint(
        portfolios=portfolios,
        driver_ms=(100.0, 90.0, 110.0),
        sharded_ms=(100.0 * ratio, 0.0, 0.0),
    )


def test_the_crossover_lies_on_the_line_between_the_points_beside_it() -> None:
    points = [point(10, 9.0), point(100, 1.5), point(300, 0.5), point(1000, 0.4)]
    assert crossing(points) == pytest.approx(200.0)


def test_a_number_that_pays_by_chance_below_one_that_does_not_is_no_crossover() -> None:
    points = [point(10, 0.9), point(100, 1.5), point(300, 0.5)]
    assert crossing(points) == pytest.approx(200.0)


def test_there_is_none_where_the_largest_does_not_pay() -> None:
    assert crossing([point(10, 0.5), point(100, 1.0)]) is None


def test_where_all_pay_it_is_the_first() -> None:
    assert crossing([point(10, 0.5), point(100, 0.4)]) == 10


def test_counts_of_portfolios_keep_their_order() -> None:
    assert counts_of("1000, 30,300") == [1000, 30, 300]


@pytest.mark.parametrize("portfolios", ["", "10,", "0", "-3", "1.5", "ten"])
def test_what_is_no_count_of_portfolios_is_refused_and_named(portfolios) -> None:
    with pytest.raises(InputError, match="--portfolios"):
        counts_of(portfolios)
