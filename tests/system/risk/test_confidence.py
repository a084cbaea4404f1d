from __future__ import annotations

import math
from fractions import Fraction

import pytest

from system.risk.confidence import Confidence, tail_of, tail_rank
from system.risk.errors import InvalidConfidenceError, TooFewScenariosError

NINETY_FIVE = Confidence.parse("0.95")


def test_text_becomes_the_exact_fraction() -> None:
    assert NINETY_FIVE.value == Fraction(19, 20)
    assert NINETY_FIVE.tail_probability == Fraction(1, 20)
    assert Confidence.parse("19/20") == NINETY_FIVE


@pytest.mark.parametrize("text", ["0.95", "0.99", "0.975", "0.999999", "2/3"])
def test_text_survives_the_round_trip(text: str) -> None:
    assert str(Confidence.parse(text)) == text


@pytest.mark.parametrize("value", ["0.5", "1", "0", "-0.95", "95", "95%", "", "nan", "1/0", 0.95])
def test_what_is_no_confidence_is_refused_with_its_value(value: object) -> None:
    with pytest.raises(InvalidConfidenceError, match="give an exact probability") as caught:
        Confidence.parse(value)  # type: ignore[arg-type]
    assert f"confidence is {value!r}:" in str(caught.value)


def test_a_binary_float_is_refused_because_it_is_not_exact() -> None:
    with pytest.raises(InvalidConfidenceError):
        Confidence(0.95)  # type: ignore[arg-type]


def test_rank_is_that_of_the_integer_formula_for_every_window() -> None:
    for n in range(20, 3_000):
        assert tail_rank(n, NINETY_FIVE) == (5 * n + 99) // 100


def test_rank_of_sixty_scenarios_is_three_where_floats_say_four() -> None:
    assert math.ceil(60 * (1 - 0.95)) == 4
    assert tail_rank(60, NINETY_FIVE) == 3


@pytest.mark.parametrize(
    ("n", "confidence", "rank"),
    [
        (30, "0.95", 2),
        (715, "0.95", 36),
        (250, "0.95", 13),
        (500, "0.95", 25),
        (500, "0.99", 5),
        (250, "0.99", 3),
        (250, "0.975", 7),
        (62, "0.95", 4),
        (85, "0.95", 5),
        (248, "0.95", 13),
        (100, "0.99", 1),
    ],
)
def test_rank_is_the_ceiling_of_n_times_a(n: int, confidence: str, rank: int) -> None:
    assert tail_rank(n, Confidence.parse(confidence)) == rank


def test_the_tail_of_thirty_holds_one_and_a_half_scenarios() -> None:
    tail = tail_of(30, NINETY_FIVE)
    assert (tail.rank, tail.mass, tail.last_weight) == (2, 1.5, 0.5)


def test_a_tail_of_whole_scenarios_counts_its_last_one_in_full() -> None:
    tail = tail_of(60, NINETY_FIVE)
    assert (tail.rank, tail.mass, tail.last_weight) == (3, 3.0, 1.0)


def test_a_tail_of_less_than_one_scenario_is_refused_with_the_number_needed() -> None:
    with pytest.raises(TooFewScenariosError, match=r"62 scenarios.*99 %.*at least 100"):
        tail_rank(62, Confidence.parse("0.99"))
    assert tail_rank(100, Confidence.parse("0.99")) == 1
