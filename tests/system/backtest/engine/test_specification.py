"""Settings of a backtest: the published defaults, and how many returns a method needs."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.backtest.engine.methods import EWMA_WARM_UP, LONG_WINDOW, Method
from system.backtest.engine.specification import BacktestSettings
from system.risk.confidence import tail_of
from system.risk.scenarios.window import Missing


def test_the_defaults_are_the_published_backtest():
    settings = BacktestSettings()
    assert (settings.method, settings.window) == (Method.HS, 30)
    assert settings.confidence.value == Fraction(19, 20)
    assert settings.missing is Missing.REFUSE
    assert tail_of(settings.scenario_count, settings.confidence).rank == 2


@given(st.sampled_from(Method), st.integers(2, 5_000))
def test_a_method_needs_at_least_the_returns_that_it_takes(method, window):
    settings = BacktestSettings(method=method, window=window)
    assert settings.history_count >= settings.scenario_count > 0


@pytest.mark.parametrize("window", [30, 500])
def test_only_the_long_window_is_the_methods_own(window):
    settings = {method: BacktestSettings(method=method, window=window) for method in Method}
    assert settings.pop(Method.HS250).scenario_count == LONG_WINDOW
    assert {each.scenario_count for each in settings.values()} == {window}
    assert settings[Method.EWMA_FHS].history_count == window + EWMA_WARM_UP
