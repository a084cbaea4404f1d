"""P&L attribution against SciPy, and the zones of MAR32."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from system.backtest.attribution import (
    AttributionZone,
    ks_distance,
    pnl_attribution,
    spearman_correlation,
)


def test_both_measures_agree_with_scipy_where_values_repeat() -> None:
    rng = np.random.default_rng(0)
    first = rng.standard_normal(300).round(1)
    second = first + 0.3 * rng.standard_normal(300).round(1)
    assert spearman_correlation(first, second) == pytest.approx(stats.spearmanr(first, second)[0])
    assert ks_distance(first, second) == pytest.approx(stats.ks_2samp(first, second).statistic)


def test_equal_pnl_is_green() -> None:
    pnl = np.random.default_rng(1).standard_normal(250)
    attribution = pnl_attribution(pnl, pnl.copy())
    assert attribution.zone is AttributionZone.GREEN
    assert (attribution.kolmogorov_smirnov, attribution.largest_gap) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("noise", "zone"),
    [(0.1, AttributionZone.GREEN), (0.8, AttributionZone.AMBER), (2.0, AttributionZone.RED)],
)
def test_noise_moves_the_zone(noise: float, zone: AttributionZone) -> None:
    rng = np.random.default_rng(2)
    pnl = rng.standard_normal(4_000)
    other = (pnl + noise * rng.standard_normal(4_000)) / np.hypot(1.0, noise)
    assert pnl_attribution(other, pnl).zone is zone


def test_the_wrong_sign_is_red_though_the_distributions_agree() -> None:
    pnl = np.concatenate([np.arange(1.0, 200.0), -np.arange(1.0, 200.0)])
    attribution = pnl_attribution(-pnl, pnl)
    assert attribution.kolmogorov_smirnov == 0.0
    assert attribution.zone is AttributionZone.RED


def test_a_flat_book_has_no_correlation_and_no_zone() -> None:
    attribution = pnl_attribution(np.zeros(5), np.zeros(5))
    assert attribution.spearman is None
    assert attribution.zone is None
