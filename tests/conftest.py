"""What every test may rely on."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from system.runtime.interrupts import heed_interrupts

# No test fails for the time that it took: other programs may have the machine.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def _interrupts_are_heard() -> None:
    """Ctrl-C ends what a test starts, also where the tests themselves run in the background."""
    heed_interrupts()
