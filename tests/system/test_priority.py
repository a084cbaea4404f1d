"""Precedence: taken as far as the operating system grants it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from system import priority

BOUND_S = 20
SHOW = (
    "import os; from system.priority import go_first;"
    "print(go_first(), os.sched_getscheduler(0) == os.SCHED_RR, os.nice(0))"
)


def refused(*_):
    raise PermissionError


def granted(*_):
    return None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may go ahead of others")
def test_a_process_goes_ahead_of_all_usual_ones():
    done = subprocess.run(
        [sys.executable, "-c", SHOW], timeout=BOUND_S, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["True", "True", str(priority.NICENESS)]


@pytest.mark.parametrize(
    ("nice", "real_time", "may"),
    [(granted, refused, True), (refused, granted, True), (refused, refused, False)],
)
def test_it_takes_what_it_is_granted_and_says_whether_it_got_any(monkeypatch, nice, real_time, may):
    monkeypatch.setattr(os, "setpriority", nice)
    monkeypatch.setattr(os, "sched_setscheduler", real_time)
    assert priority.go_first() is may


def test_another_operating_system_has_no_such_call(monkeypatch):
    monkeypatch.setattr(os, "setpriority", refused)
    monkeypatch.delattr(os, "sched_setscheduler")
    assert priority.go_first() is False
