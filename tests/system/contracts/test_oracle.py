"""The verdict of the oracle: one difference that nobody acknowledged is a difference."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.contracts.oracle import NO_ORACLE, OracleCheck, OracleStatus, OracleVerdict

DIFFERENCE = OracleCheck(
    snapshot_id="alpha-1-0",
    portfolio="alpha",
    verdict=OracleVerdict.DIFFERS,
    largest_difference=1e-6,
    detail="var",
    checked_at_ms=1,
)


@pytest.mark.parametrize(
    ("checked", "agreed", "acknowledged", "verdict"),
    [
        (0, 0, 0, OracleVerdict.UNCHECKED),
        (5, 5, 0, OracleVerdict.AGREED),
        (5, 4, 0, OracleVerdict.DIFFERS),
        (5, 4, 1, OracleVerdict.AGREED),
        (5, 3, 1, OracleVerdict.DIFFERS),
    ],
)
def test_the_verdict_counts_differences_that_nobody_acknowledged(
    checked: int, agreed: int, acknowledged: int, verdict: OracleVerdict
) -> None:
    status = OracleStatus(
        running=True,
        samples_per_s=1.0,
        checked=checked,
        agreed=agreed,
        acknowledged=acknowledged,
    )
    assert status.verdict is verdict


@given(st.integers(0, 1_000))
def test_a_difference_that_is_kept_is_never_outvoted(agreed: int) -> None:
    status = OracleStatus(
        running=True,
        samples_per_s=1.0,
        checked=agreed,
        agreed=agreed,
        first_difference=DIFFERENCE,
    )
    assert status.verdict is OracleVerdict.DIFFERS


def test_without_an_oracle_nothing_is_checked() -> None:
    assert NO_ORACLE.verdict is OracleVerdict.UNCHECKED
