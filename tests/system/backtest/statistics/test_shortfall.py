"""Tests of expected shortfall: published critical values, hand-made samples, edges."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from system.backtest.statistics.shortfall import (
    TailLaw,
    acerbi_szekely_z1,
    acerbi_szekely_z2,
    exceedance_residuals,
    simulated_z,
)


def sample() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    hits = np.array([False, True, False, False, True])
    return hits, np.array([1.0, -6.0, 0.0, -1.0, -9.0]), np.array([5.0, 4.0, 5.0, 5.0, 6.0])


def test_z_statistics_by_hand() -> None:
    hits, pnl, shortfall = sample()
    first = acerbi_szekely_z1(hits, pnl, shortfall)
    second = acerbi_szekely_z2(hits, pnl, shortfall, 0.2)
    assert first.statistic == pytest.approx(-(1.5 + 1.5) / 2 + 1)
    assert second.statistic == pytest.approx(-(1.5 + 1.5) / (5 * 0.2) + 1)


def test_without_a_breach_only_z2_exists() -> None:
    _, pnl, shortfall = sample()
    calm = np.zeros(5, dtype=np.bool_)
    assert acerbi_szekely_z1(calm, pnl, shortfall).statistic is None
    z = acerbi_szekely_z2(calm, pnl, shortfall, 0.05)
    assert z.statistic == 1.0
    assert "no breach" in z.note


def test_a_shortfall_at_or_below_zero_on_a_breach_is_no_scale() -> None:
    hits, pnl, shortfall = sample()
    rng = np.random.default_rng(0)
    for z in (
        acerbi_szekely_z1(hits, pnl, -shortfall),
        acerbi_szekely_z2(hits, pnl, 0.0 * shortfall, 0.05),
        exceedance_residuals(hits, pnl, -shortfall, rng),
    ):
        assert z.statistic is None
        assert "not above zero" in z.note


@pytest.mark.parametrize("law", TailLaw)
@pytest.mark.parametrize("tail", [0.05, 0.025])
def test_shortfalls_of_the_laws_are_their_tail_integrals(law: TailLaw, tail: float) -> None:
    frozen = stats.norm() if law.dof is None else stats.t(law.dof)
    var, shortfall = law.quantile_and_shortfall(tail)
    assert var == pytest.approx(-frozen.ppf(tail), rel=1e-9)
    area, _ = integrate.quad(lambda level: -frozen.ppf(level), 0.0, tail)
    assert shortfall == pytest.approx(area / tail, rel=1e-6)


# Acerbi & Szekely (2014) for 97.5 %, T = 1966, 1 % level, and simulated values for the
# defaults of this product; 12,000 samples leave a standard error near 0.005 (0.01 for t).
@pytest.mark.parametrize(
    ("law", "tail", "days", "level", "published", "tolerance"),
    [
        (TailLaw.NORMAL, 0.025, 1966, 0.01, -0.34639, 0.02),
        (TailLaw.STUDENT_3, 0.025, 1966, 0.01, -0.42986, 0.04),
        (TailLaw.NORMAL, 0.05, 126, 0.05, -0.69, 0.03),
        (TailLaw.STUDENT_5, 0.05, 126, 0.05, -0.73, 0.03),
    ],
)
def test_critical_values_of_z2(
    law: TailLaw, tail: float, days: int, level: float, published: float, tolerance: float
) -> None:
    z = simulated_z(
        law,
        np.random.default_rng(days),
        tail_probability=tail,
        day_count=days,
        simulation_count=12_000,
    )
    assert np.quantile(z.z2, level) == pytest.approx(published, abs=tolerance)
    assert z.z2.mean() == pytest.approx(0.0, abs=0.02)
    assert np.nanmean(z.z1) == pytest.approx(0.0, abs=0.02)


def test_residuals_have_students_statistic_and_a_bootstrap_near_it() -> None:
    rng = np.random.default_rng(7)
    pnl = -1.0 - rng.exponential(1.0, 200)
    hits, shortfall = np.ones(200, dtype=np.bool_), np.full(200, 1.9)
    residuals = exceedance_residuals(hits, pnl, shortfall, np.random.default_rng(1))
    expected = stats.ttest_1samp(-pnl / 1.9 - 1.0, 0.0, alternative="greater")
    assert residuals.statistic == pytest.approx(expected.statistic, rel=1e-12)
    assert residuals.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert residuals.p_value_simulated == pytest.approx(expected.pvalue, abs=0.03)


def test_residuals_that_do_not_vary_have_no_test() -> None:
    hits, pnl, shortfall = sample()
    rng = np.random.default_rng(0)
    assert exceedance_residuals(hits, pnl, shortfall, rng).statistic is None
    one_hit = np.array([False, True, False, False, False])
    assert exceedance_residuals(one_hit, pnl, shortfall, rng).statistic is None
