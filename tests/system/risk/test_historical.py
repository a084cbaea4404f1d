from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.risk.confidence import Confidence, tail_of, tail_rank
from system.risk.errors import NonFinitePnlError, TooFewScenariosError
from system.risk.historical import (
    expected_shortfall,
    historical_var,
    mean_loss_of,
    tail_mean_loss,
    tail_order,
    var_scenario,
    worst_pnl,
)
from tests.strategies import confidences, pnl_vectors
from validation.references.exact import exact, exact_quantile, exact_tail_mean

NINETY_FIVE = Confidence.parse("0.95")
NINETY_NINE = Confidence.parse("0.99")
ORE = Path(__file__).parents[3] / "validation" / "data" / "ore_histsimvar"
WORKED = np.array(
    [
        *(-0.050, -0.040, -0.031, -0.025, -0.021, -0.018, -0.015, -0.012, -0.010, -0.008),
        *(-0.006, -0.004, -0.002, -0.001, 0.0, 0.001, 0.003, 0.004, 0.006, 0.007),
        *(0.009, 0.010, 0.012, 0.014, 0.016, 0.018, 0.021, 0.024, 0.027, 0.030),
    ]
)


def tolerance(pnl: np.ndarray) -> float:
    return 1e-12 * float(np.abs(pnl).max()) + 1e-300


def test_var_of_the_worked_vector_is_its_second_worst_outcome() -> None:
    assert historical_var(WORKED, confidence=NINETY_FIVE) == 0.0400


def test_expected_shortfall_of_the_worked_vector_is_its_exact_tail_mean() -> None:
    shortfall = expected_shortfall(WORKED, confidence=NINETY_FIVE)
    assert shortfall == pytest.approx(0.07 / 1.5, rel=1e-15)
    assert f"{shortfall:.6f}" == "0.046667"


def test_var_of_the_worked_vector_is_none_of_the_interpolated_numbers() -> None:
    var = historical_var(WORKED, confidence=NINETY_FIVE)
    interpolated = [-np.quantile(WORKED, 0.05, method=method) for method in ("linear", "weibull")]
    assert all(abs(var - other) > 1e-3 for other in interpolated)


@pytest.fixture(scope="module")
def ore_pnl() -> np.ndarray:
    with (ORE / "historical_PnL.csv").open() as file:
        rows = list(csv.DictReader(file))
    key = ("#Portfolio", "RiskClass", "RiskType")
    wanted = [row["PLAmount"] for row in rows if [row[k] for k in key] == ["All", "All", "All"]]
    return np.array(wanted, dtype=np.float64)


@pytest.fixture(scope="module")
def ore_published() -> dict[str, float]:
    with (ORE / "var.csv").open() as file:
        first = next(csv.DictReader(file))
    return {name: float(text) for name, text in first.items() if "_0." in name}


def test_var_of_ores_case_is_the_published_quantile(
    ore_pnl: np.ndarray, ore_published: dict[str, float]
) -> None:
    assert len(ore_pnl) == 715
    assert tail_rank(715, NINETY_FIVE) == 36
    assert -historical_var(ore_pnl, confidence=NINETY_FIVE) == -629899.117052
    assert -historical_var(ore_pnl, confidence=NINETY_FIVE) == ore_published["Quantile_0.050000"]
    assert -historical_var(ore_pnl, confidence=NINETY_NINE) == ore_published["Quantile_0.010000"]


def test_interpolation_fails_ores_case(ore_pnl: np.ndarray) -> None:
    assert abs(np.quantile(ore_pnl, 0.05) - -629899.117052) > 100.0


@pytest.mark.parametrize(("confidence", "column"), [("0.95", "0.050000"), ("0.99", "0.010000")])
def test_ores_shortfall_is_the_mean_of_the_worst_k_and_ours_is_the_exact_tail_mean(
    ore_pnl: np.ndarray, ore_published: dict[str, float], confidence: str, column: str
) -> None:
    """ORE averages 36 whole scenarios at 95 %; the tail holds 35.75 of them.

    Ours weighs the 36th, the mildest of the tail, with three quarters: the loss is larger.
    """
    level = Confidence.parse(confidence)
    worst = worst_pnl(ore_pnl, tail_rank(715, level))
    assert worst.mean() == pytest.approx(ore_published[f"ExpectedShortfall_{column}"], rel=1e-12)
    ours = expected_shortfall(ore_pnl, confidence=level)
    assert ours > -worst.mean()
    tail_mass = 715 * (1 - float(level.value))
    by_hand = (worst[:-1].sum() + (tail_mass - len(worst) + 1) * worst[-1]) / tail_mass
    assert ours == pytest.approx(-by_hand, rel=1e-12)


def test_a_book_that_cannot_lose_has_a_negative_var() -> None:
    gains = np.arange(1.0, 31.0)
    assert historical_var(gains, confidence=NINETY_FIVE) == -2.0
    assert expected_shortfall(gains, confidence=NINETY_FIVE) == pytest.approx(-2.0 / 1.5)


def test_a_loss_of_nothing_is_a_positive_zero() -> None:
    assert math.copysign(1.0, historical_var(np.zeros(30), confidence=NINETY_FIVE)) == 1.0
    assert math.copysign(1.0, expected_shortfall(np.zeros(30), confidence=NINETY_FIVE)) == 1.0


def test_of_equal_losses_the_older_scenario_is_the_worse_one() -> None:
    pnl = np.zeros(30)
    pnl[[4, 9, 20]] = [-1.0, -2.0, -1.0]
    assert tail_order(pnl, 4).tolist() == [9, 4, 20, 0]
    assert var_scenario(pnl, confidence=NINETY_FIVE) == 4


def test_negative_zero_ties_with_zero() -> None:
    assert tail_order(np.array([0.0, -0.0, 0.0]), 3).tolist() == [0, 1, 2]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("measure", [historical_var, expected_shortfall, var_scenario])
def test_a_pnl_that_is_not_finite_is_an_error_that_names_the_scenario(
    value: float, measure: object
) -> None:
    pnl = WORKED.copy()
    pnl[[7, 11]] = value
    with pytest.raises(NonFinitePnlError, match=f"scenario 7 is {value}"):
        measure(pnl, confidence=NINETY_FIVE)  # type: ignore[operator]


@pytest.mark.parametrize("measure", [historical_var, expected_shortfall, var_scenario])
def test_nineteen_scenarios_are_too_few_for_ninety_five_percent(measure: object) -> None:
    with pytest.raises(TooFewScenariosError, match="19 scenarios are too few"):
        measure(np.zeros(19), confidence=NINETY_FIVE)  # type: ignore[operator]


@given(pnl_vectors(), confidences())
def test_var_is_the_exact_quantile_to_the_bit(pnl: np.ndarray, confidence: Confidence) -> None:
    outcomes = [exact(outcome) for outcome in pnl.tolist()]
    quantile = exact_quantile(outcomes, confidence.tail_probability)
    assert historical_var(pnl, confidence=confidence) == -float(quantile)


@given(pnl_vectors(), confidences())
def test_shortfall_is_the_exact_tail_mean(pnl: np.ndarray, confidence: Confidence) -> None:
    outcomes = [exact(outcome) for outcome in pnl.tolist()]
    mean = -float(exact_tail_mean(outcomes, confidence.tail_probability))
    shortfall = expected_shortfall(pnl, confidence=confidence)
    assert shortfall == pytest.approx(mean, abs=tolerance(pnl))


@given(pnl_vectors(), st.integers(1, 7))
def test_var_is_numpys_inverted_cdf_where_the_level_is_a_binary_fraction(
    pnl: np.ndarray, eighths: int
) -> None:
    level = Confidence.parse(f"{16 - eighths}/16")
    expected = -np.quantile(pnl, eighths / 16, method="inverted_cdf")
    assert historical_var(pnl, confidence=level) == expected


@given(pnl_vectors(), confidences())
def test_shortfall_is_at_least_var(pnl: np.ndarray, confidence: Confidence) -> None:
    var = historical_var(pnl, confidence=confidence)
    assert expected_shortfall(pnl, confidence=confidence) >= var - tolerance(pnl)


@given(pnl_vectors(), confidences(), st.integers(-8, 8), st.randoms(use_true_random=False))
def test_permuting_and_scaling_scenarios_permutes_and_scales_the_numbers(
    pnl: np.ndarray, confidence: Confidence, power: int, random: object
) -> None:
    other = pnl.tolist()
    random.shuffle(other)  # type: ignore[attr-defined]
    scale = 2.0**power
    for measure in (historical_var, expected_shortfall):
        stated = measure(pnl, confidence=confidence)
        assert measure(np.array(other) * scale, confidence=confidence) == stated * scale


@given(pnl_vectors(), confidences(), st.integers(-1000, 1000))
def test_a_sure_gain_lowers_var_and_shortfall_by_itself(
    pnl: np.ndarray, confidence: Confidence, gain: int
) -> None:
    allowed = tolerance(pnl) + 1e-12 * abs(gain)
    for measure in (historical_var, expected_shortfall):
        moved = measure(pnl + float(gain), confidence=confidence)
        assert moved == pytest.approx(measure(pnl, confidence=confidence) - gain, abs=allowed)


@given(st.data(), confidences(), st.integers(20, 60))
def test_shortfall_is_subadditive(data: st.DataObject, confidence: Confidence, n: int) -> None:
    first, second = (data.draw(pnl_vectors(n, n)) for _ in range(2))
    parts = [expected_shortfall(losses, confidence=confidence) for losses in (first, second)]
    whole = expected_shortfall(first + second, confidence=confidence)
    assert whole <= sum(parts) + tolerance(np.abs(first) + np.abs(second))


@given(pnl_vectors(), st.data())
def test_the_tail_is_the_head_of_a_full_stable_sort(pnl: np.ndarray, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(pnl)))
    ranked = sorted(range(len(pnl)), key=lambda scenario: (pnl[scenario], scenario))
    assert tail_order(pnl, count).tolist() == ranked[:count]


@given(pnl_vectors(), confidences())
def test_the_input_stays_as_it_was(pnl: np.ndarray, confidence: Confidence) -> None:
    before = pnl.copy()
    historical_var(pnl, confidence=confidence)
    expected_shortfall(pnl, confidence=confidence)
    var_scenario(pnl, confidence=confidence)
    assert pnl.tobytes() == before.tobytes()


def test_the_mean_loss_of_a_list_is_that_of_the_vector() -> None:
    pnl = np.array([-3.0, -2.0])
    tail = tail_of(30, Confidence.parse("0.95"))
    assert mean_loss_of(pnl.tolist(), tail) == tail_mean_loss(pnl, tail)
