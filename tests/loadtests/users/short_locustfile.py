"""The project's own locustfile with ticks that nobody sends, and budgets that no clock decides.

``TEST_P99_MS`` is the p99 that every name may have. At its end each worker leaves what it
counted itself, ``worker-PID.json``.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path

import msgspec
from locust import events
from locust.runners import WorkerRunner

from loadtests.users import budgets, locustfile
from loadtests.users.locustfile import (
    ApiReader,
    PlanShape,
    SseUser,
    TickUser,
    TradeUser,
    WhatIfUser,
)

__all__ = ["ApiReader", "PlanShape", "SseUser", "TickUser", "TradeUser", "WhatIfUser"]

P99_MS = float(os.environ["TEST_P99_MS"])
locustfile.TickUser.program = (sys.executable, "-m", "tests.loadtests.users.fake_ticks")
budgets.BUDGETS = tuple(
    msgspec.structs.replace(budget, p99_ms=P99_MS) for budget in budgets.BUDGETS
)
counted: Counter[str] = Counter()


@events.request.add_listener
def count(request_type, name, **_):
    counted[f"{request_type} {name}"] += 1


@events.quitting.add_listener
def leave(environment, **_):
    if isinstance(environment.runner, WorkerRunner):
        folder = Path(environment.parsed_options.report_dir)
        (folder / f"worker-{os.getpid()}.json").write_text(json.dumps(counted))
