"""Simulated p-values."""

from __future__ import annotations

import numpy as np

from system.backtest.statistics.results import exceedance_p_value


def test_a_p_value_is_never_zero_and_missing_statistics_have_none() -> None:
    simulated = np.array([1.0, 2.0, np.nan, 3.0])
    assert exceedance_p_value(10.0, simulated) == 1 / 4
    assert exceedance_p_value(2.0, simulated) == 3 / 4
    assert exceedance_p_value(None, simulated) is None
    assert exceedance_p_value(1.0, np.array([np.nan])) is None
