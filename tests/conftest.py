"""Fixtures and settings of every test."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from system.connections import EXTERNAL_VARIABLES
from system.runtime.interrupts import heed_interrupts
from system.settings import SECRETS_DIR_VARIABLE, reach_loopback_directly

# No test fails for the time that it took: other programs may have the machine.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

TERMINAL = {"COLUMNS": "200", "LINES": "50", "TERM": "xterm-256color"}
COLOUR_CHOICES = (
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "FORCE_COLOR",
    "GITHUB_ACTIONS",
    "NO_COLOR",
    "PY_COLORS",
    "TTY_COMPATIBLE",
    "TTY_INTERACTIVE",
)


def pytest_configure() -> None:
    """Give every test the same terminal, no server of somebody else and no proxy for loopback.

    Set before test modules are loaded, because typer chooses its colours on import; programs that
    tests start inherit it. A test that needs another environment sets that itself.
    """
    os.environ.update(TERMINAL)
    for name in (*COLOUR_CHOICES, *EXTERNAL_VARIABLES.values(), SECRETS_DIR_VARIABLE):
        os.environ.pop(name, None)
    reach_loopback_directly()


@pytest.fixture(scope="session", autouse=True)
def _interrupts_are_heard() -> None:
    """Ctrl-C ends what a test starts, also where the tests themselves run in the background."""
    heed_interrupts()
