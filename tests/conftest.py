"""What every test may rely on."""

from __future__ import annotations

import pytest

from validation.running import heed_interrupts


@pytest.fixture(scope="session", autouse=True)
def _interrupts_are_heard() -> None:
    """Ctrl-C ends what a test starts, also where the tests themselves run in the background."""
    heed_interrupts()
