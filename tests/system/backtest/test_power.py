"""Power of the tests under alternatives."""

from __future__ import annotations

import numpy as np
import pytest

from system.backtest.power import E_PROCESS, power


def test_power_grows_with_the_alternative_and_is_the_level_under_the_null() -> None:
    rows = power(
        np.random.default_rng(2),
        tail_probability=0.05,
        expected_rate=0.05,
        day_count=500,
        simulation_count=1_000,
    )
    rates = [row.rejection_rates for row in rows]
    assert rates[0]["kupiec_pof"] == pytest.approx(0.05, abs=0.03)
    assert rates[0][E_PROCESS] < 0.05
    assert rates[0]["kupiec_pof"] < rates[1]["kupiec_pof"] < rates[2]["kupiec_pof"]
    assert rates[3]["christoffersen_independence"] > 0.5
