"""Setup of the API's process for short response times."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import pytest

from system.serve import app

SHOWN = """
import gc, os, sys
from system.serve.app import answer_promptly
answer_promptly()
print(gc.get_threshold(), gc.get_freeze_count() > 10_000, sys.getswitchinterval())
"""


def test_the_process_collects_seldom_and_hands_over_quickly() -> None:
    shown = subprocess.run(
        [sys.executable, "-c", SHOWN], capture_output=True, text=True, timeout=60, check=True
    )
    expected = f"{app.GC_THRESHOLDS} True {app.SWITCH_INTERVAL_S}"
    assert shown.stdout.strip() == expected


def test_without_the_privilege_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refused)
    monkeypatch.setattr(os, "sched_setscheduler", refused)
    for module, name in ((app.gc, "freeze"), (app.gc, "set_threshold"), (app.gc, "collect")):
        monkeypatch.setattr(module, name, lambda *_: None)
    monkeypatch.setattr(app.sys, "setswitchinterval", lambda _: None)
    with caplog.at_level(logging.INFO):
        app.answer_promptly()
    assert "no privilege to go ahead" in caplog.text
