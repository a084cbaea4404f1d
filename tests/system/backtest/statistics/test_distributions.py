"""Distribution functions against SciPy, which has them by other algorithms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from system.backtest.statistics.distributions import (
    binomial_cdf,
    binomial_probabilities,
    chi_square_survival,
    normal_cdf,
    normal_pdf,
    normal_quantile,
    student_cdf,
    student_pdf,
    student_quantile,
)

DOFS = (1, 2, 3, 4, 5, 7, 29, 30, 57, 58, 289, 1000)


@pytest.mark.parametrize("dof", DOFS)
def test_the_chi_square_tail_agrees_from_its_middle_to_its_end(dof: int) -> None:
    for value in (1e-9, 0.1, 1.0, 3.84, 7.0, 30.0, 88.491, 500.0, 1200.0):
        expected = float(stats.chi2.sf(value, dof))
        assert chi_square_survival(value, dof) == pytest.approx(expected, rel=1e-11, abs=1e-290)


def test_the_chi_square_tail_has_its_limits() -> None:
    assert chi_square_survival(0.0, 3) == 1.0
    assert chi_square_survival(math.inf, 3) == 0.0


def test_published_p_values_follow_from_their_statistics() -> None:
    assert chi_square_survival(88.491, 57) == pytest.approx(0.0047475, abs=5e-7)
    assert chi_square_survival(88.952, 58) == pytest.approx(0.0055565, abs=5e-7)


@pytest.mark.parametrize("dof", DOFS)
def test_students_law_agrees(dof: int) -> None:
    for value in (-50.0, -5.0, -1.6, 0.0, 0.3, 2.0, 9.0):
        assert student_cdf(value, dof) == pytest.approx(float(stats.t.cdf(value, dof)), abs=1e-14)
        assert student_pdf(value, dof) == pytest.approx(float(stats.t.pdf(value, dof)), rel=1e-11)
    for probability in (0.001, 0.05, 0.4, 0.975):
        expected = float(stats.t.ppf(probability, dof))
        assert student_quantile(probability, dof) == pytest.approx(expected, rel=1e-10)


def test_the_normal_law_agrees_in_both_tails() -> None:
    for value in (-30.0, -5.0, -1.0, 0.0, 2.0, 8.0):
        assert normal_cdf(value) == pytest.approx(float(stats.norm.cdf(value)), rel=1e-13)
        assert normal_pdf(value) == pytest.approx(float(stats.norm.pdf(value)), rel=1e-13)
    assert normal_quantile(0.05) == pytest.approx(float(stats.norm.ppf(0.05)), rel=1e-14)


@pytest.mark.parametrize(("trials", "probability"), [(1, 0.3), (250, 0.01), (4246, 0.05)])
def test_the_binomial_law_agrees(trials: int, probability: float) -> None:
    counts = np.arange(trials + 1)
    own = binomial_probabilities(trials, probability)
    assert own == pytest.approx(stats.binom.pmf(counts, trials, probability), rel=1e-10)
    assert own.sum() == pytest.approx(1.0, abs=1e-10)
    for count in (0, trials // 20, trials):
        expected = float(stats.binom.cdf(count, trials, probability))
        assert binomial_cdf(count, trials, probability) == pytest.approx(expected, rel=1e-9)
