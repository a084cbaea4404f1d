"""The growth study: the product's own work, and a law that fits what was measured."""

from __future__ import annotations

import pytest

from loadtests.studies.batch_growth import (
    SCENARIO_COUNTS,
    GrowthPoint,
    fitted,
    measured,
    risk_alone,
)


def test_a_straight_line_is_found_again():
    points = [
        GrowthPoint(value=value, fold_ms=1.0, value_ms=0.02 * value, encode_ms=0.5)
        for value in (1, 10, 100, 1_000)
    ]
    law = fitted("portfolios", points)
    assert law.line.fixed == pytest.approx(1.5)
    assert law.line.each == pytest.approx(0.02)
    assert law.line.largest_error < 1e-9


def test_what_no_line_fits_shows_in_the_error():
    points = [
        GrowthPoint(value=value, fold_ms=float(value) ** 2, value_ms=0.0, encode_ms=0.0)
        for value in (1, 10, 100)
    ]
    assert fitted("portfolios", points).line.largest_error > 0.5


def test_more_books_cost_more_valuing_and_more_encoding():
    few, many = measured("portfolios", 2), measured("portfolios", 40)
    assert many.value_ms > 4 * few.value_ms
    assert many.encode_ms > 4 * few.encode_ms


def test_more_ticks_cost_more_folding():
    few, many = measured("instruments", 10), measured("instruments", 400)
    assert many.fold_ms > 4 * few.fold_ms


def test_the_arithmetic_is_measured_beyond_what_a_message_brings():
    assert SCENARIO_COUNTS[-1] == 5_000
    few, many = risk_alone(30), risk_alone(5_000)
    assert (few.fold_ms, few.encode_ms) == (0.0, 0.0)
    assert few.total_ms < many.total_ms
