"""VaR against its limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.contracts.messages import RiskSnapshot
from system.show.view.gauge import LimitState, card, gauge, gauge_scale, limit_state
from tests.system.show.market import replace_struct

NAV = 1_000_000.0


def at_fraction(snapshot: RiskSnapshot, fraction: float) -> RiskSnapshot:
    return replace_struct(snapshot, nav=NAV, var=fraction * NAV, var_fraction=fraction)


@pytest.mark.parametrize(
    ("fraction", "state", "words"),
    [
        (0.0159, LimitState.WITHIN, "Within the limit, 0.41 pp left (80 % used)"),
        (0.0160, LimitState.NEAR, "Near the limit, 0.40 pp left (80 % used)"),
        (0.0200, LimitState.NEAR, "Near the limit, 0.00 pp left (100 % used)"),
        (0.0345, LimitState.OVER, "Over the limit by 1.45 pp (172 % used)"),
        (-0.002, LimitState.WITHIN, "Within the limit, 2.20 pp left (\u221210 % used)"),
    ],
)
def test_the_state_is_said_in_words_and_only_above_the_limit_is_over(
    long_equities: RiskSnapshot, fraction: float, state: LimitState, words: str
) -> None:
    drawn = gauge(at_fraction(long_equities, fraction))
    assert drawn.state is state
    assert drawn.state_text.replace("\u202f", " ") == words


def test_a_nav_that_is_not_positive_makes_the_percentage_not_meaningful(
    long_equities: RiskSnapshot,
) -> None:
    drawn = gauge(replace_struct(long_equities, nav=-5.0, var=100.0, var_fraction=-20.0))
    assert drawn.value is None
    assert drawn.state is LimitState.UNKNOWN
    assert drawn.state_text == "Not meaningful: NAV is not positive"
    assert drawn.var == "100"
    assert drawn.limit_amount == "\u2013"


def test_a_missing_var_is_said_and_not_drawn_as_zero(long_equities: RiskSnapshot) -> None:
    drawn = gauge(replace_struct(long_equities, var=None, var_fraction=None))
    assert (drawn.value, drawn.value_text, drawn.var) == (None, "\u2013", "\u2013")
    assert drawn.state_text == "VaR is not available"


def test_a_negative_var_is_shown_with_its_sign(long_equities: RiskSnapshot) -> None:
    drawn = gauge(at_fraction(long_equities, -0.004))
    assert drawn.var == "\u22124,000"
    assert drawn.value_text == "\u22120.40\u202f%"


@given(fraction=st.floats(-1, 10), limit=st.floats(0.001, 1))
def test_the_scale_always_holds_var_and_the_red_line(fraction: float, limit: float) -> None:
    scale = gauge_scale(fraction, limit)
    assert scale >= limit * 2
    assert scale >= fraction


def test_a_card_says_when_the_number_is_incomplete(long_equities: RiskSnapshot) -> None:
    assert card(long_equities).complete
    assert not card(replace_struct(long_equities, stale=("AAPL",))).complete
    assert limit_state(long_equities) is card(long_equities).limit_state
