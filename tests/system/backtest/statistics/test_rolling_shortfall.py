"""The rolling estimator on independent normal returns."""

from __future__ import annotations

import numpy as np

from system.backtest.statistics.rolling_shortfall import rolling_z
from system.risk.confidence import Confidence

DAYS = 250


def test_the_rolling_estimator_alone_pushes_z_below_zero() -> None:
    z = rolling_z(
        np.random.default_rng(3),
        scenario_count=30,
        confidence=Confidence.parse("0.95"),
        day_count=DAYS,
        simulation_count=400,
    )
    assert z is not None
    assert z.z2.mean() < -0.2
    assert np.nanmean(z.z1) < -0.05


def test_samples_that_cannot_be_afforded_are_not_simulated() -> None:
    z = rolling_z(
        np.random.default_rng(3),
        scenario_count=500,
        confidence=Confidence.parse("0.95"),
        day_count=4_000,
        simulation_count=400,
    )
    assert z is None
