"""Resolutions are lengths that grow, and say them in their names."""

from __future__ import annotations

import pytest

from system.contracts.api.series import Resolution

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@pytest.mark.parametrize("resolution", Resolution)
def test_a_resolution_is_as_long_as_its_name_says(resolution: Resolution) -> None:
    count, unit = int(resolution[:-1]), resolution[-1]
    assert resolution.nanoseconds == count * UNITS[unit] * 10**9


def test_resolutions_divide_the_next_longer_one() -> None:
    lengths = [resolution.nanoseconds for resolution in Resolution]
    assert lengths == sorted(lengths)
    assert all(Resolution.DAY.nanoseconds % length == 0 for length in lengths)
