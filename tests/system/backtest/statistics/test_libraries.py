"""The same numbers from vartests, where its conventions are ours.

It rejects nothing that we leave open: Weibull shapes up to 10, a tail test of a normal VaR.
"""

from __future__ import annotations

import numpy as np
import pytest

from system.backtest.statistics.berkowitz import berkowitz_tail
from system.backtest.statistics.coverage import (
    Alternative,
    exact_binomial,
    kupiec_pof,
    mid_p_binomial,
)
from system.backtest.statistics.distributions import normal_quantile
from system.backtest.statistics.duration import weibull_duration
from tests.system.backtest.golden_days import PERIODS, golden

pytestmark = pytest.mark.libraries

COUNTS = [(0, 126), (9, 128), (15, 125), (57, 1043), (288, 4246), (20, 20)]
SIDES = {Alternative.MORE: "greater", Alternative.OTHER: "two-sided"}


@pytest.fixture(scope="module")
def vartests() -> object:
    return pytest.importorskip("vartests")


@pytest.mark.parametrize(("breaches", "days"), COUNTS)
def test_kupiec_agrees(vartests: object, breaches: int, days: int) -> None:
    theirs = vartests.kupiec_test(x=breaches, n=days, risk_conf_level=0.95)
    ours = kupiec_pof(breaches, days, 0.05)
    assert ours.statistic == pytest.approx(theirs["statistic"], rel=1e-9, abs=1e-9)
    assert ours.p_value == pytest.approx(theirs["p-value"], rel=1e-8)


@pytest.mark.parametrize(("breaches", "days"), COUNTS)
@pytest.mark.parametrize("side", Alternative)
def test_exact_binomial_and_mid_p_agree(
    vartests: object, breaches: int, days: int, side: Alternative
) -> None:
    options = {"x": breaches, "n": days, "risk_conf_level": 0.95, "alternative": SIDES[side]}
    exact = vartests.binomial_test(**options)["p-value"]
    middle = vartests.mid_p_test(**options)["p-value"]
    ours = exact_binomial(breaches, days, 0.05, alternative=side).p_value
    assert ours == pytest.approx(exact, rel=1e-8, abs=1e-14)
    ours = mid_p_binomial(breaches, days, 0.05, alternative=side).p_value
    assert ours == pytest.approx(middle, rel=1e-8, abs=1e-14)


@pytest.mark.parametrize("period", PERIODS)
def test_the_duration_test_agrees_on_real_breaches(vartests: object, period: str) -> None:
    hits = golden(period).flags("breach_k2")
    theirs = vartests.duration_test(hits.astype(int))
    ours = weibull_duration(hits)
    assert ours.statistic == pytest.approx(theirs["statistic"], abs=1e-6)
    assert f"{theirs['weibull shape (b)']:.3f}" in ours.note


def test_the_tail_test_agrees(vartests: object) -> None:
    scores = np.random.default_rng(0).standard_normal(500) * 1.2
    var = np.full(500, -normal_quantile(0.05))
    theirs = vartests.berkowitz_tail_test(scores, var, 0.95)
    assert berkowitz_tail(scores, 0.05).statistic == pytest.approx(theirs["statistic"], abs=1e-6)
