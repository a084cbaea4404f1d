"""locust itself, started as `make load` starts it, before an API that answers at once.

The users, the shape, the console and the budgets are the project's own; only the API and
the process behind the tick user are fakes. No budget here depends on how fast anything is.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import msgspec

from loadtests.run.load_run import LoadSite
from loadtests.source.plan import load_plan
from loadtests.users.command import locust_command
from system.clock import monotonic_ns
from system.runtime.components.ports import free_ports
from system.settings import load_settings
from tests.loadtests.fake_api import fake_api
from tests.loadtests.users.fake_ticks import COVERED, SLIP

LOCUSTFILE = Path(__file__).with_name("short_locustfile.py")
BOUND_S = 240
ANY_MS = 1e9
NO_MS = -1.0
SECONDS = 6
"""Long enough for a trade of its users, on a machine that other programs keep busy as well."""


def locust_run(folder: Path, *users: str, processes=0, user_count=10, p99_ms=ANY_MS, pushes=True):
    """Run locust to its end, and return its exit code, its words and what the API was asked."""
    site = LoadSite(load_settings(), folder, lambda text: None)
    plan = load_plan(rate=100, seconds=SECONDS, warm_up_seconds=0)
    site.plan_path.write_bytes(msgspec.json.encode(plan))
    (port,) = map(str, free_ports([None]))
    command = locust_command(site, user_count, processes, ui=False)
    command += ["-f", str(LOCUSTFILE), "--master-bind-port", port, "--master-port", port, *users]
    with fake_api(pushes=pushes) as api:
        own = {
            "RISKSTREAM_API_URL": api.url,
            "RISKSTREAM_API_TOKEN": "a-token-of-this-test-only-0123456789",
            "RISKSTREAM_STATE_DIR": str(folder / "state"),
            "TEST_P99_MS": str(p99_ms),
        }
        done = subprocess.run(
            command,
            env={**os.environ, **own},
            capture_output=True,
            text=True,
            timeout=BOUND_S,
            check=False,
        )
    said = done.stdout + done.stderr
    broken = [line for line in said.splitlines() if line.startswith("not kept: ")]
    return SimpleNamespace(code=done.returncode, said=said, broken=broken, asked=api.counts)


def statistics(folder: Path, column: str = "Request Count") -> dict[str, int]:
    with (folder / "locust_stats.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["Failure Count"] for row in rows} == {"0"}
    return {f"{row['Type']} {row['Name']}": int(float(row[column])) for row in rows}


def test_what_two_workers_count_is_what_their_master_reports_and_ticks_are_pumped_once(tmp_path):
    done = locust_run(tmp_path, processes=2, user_count=12)
    assert done.code == 0, done.said
    rows = statistics(tmp_path)
    workers = [
        Counter(json.loads(path.read_text())) for path in sorted(tmp_path.glob("worker-*.json"))
    ]
    assert len(workers) == 2
    assert all(worker.total() > 0 for worker in workers)
    both = workers[0] + workers[1]
    ticks = {name: count for name, count in rows.items() if name.startswith("TICK")}
    assert rows.pop(" Aggregated") == both.total()
    assert {name: count for name, count in rows.items() if name not in ticks} == both
    assert (tmp_path / "started").read_text() == "started\n"
    assert ticks == {
        "TICK sent, slip": SECONDS * sum(SLIP.values()),
        "TICK sent -> covered in Redis": SECONDS * sum(COVERED.values()),
    }
    assert {name: both[name] for name in done.asked} == done.asked
    latest_ms = statistics(tmp_path, "Max Response Time")["PUSH valued -> received"]
    assert latest_ms < BOUND_S * 1_000 < monotonic_ns() / 1e6, "not the age of the first one"
    assert both["TRADE accepted -> VaR pushed"] == done.asked["POST /v1/trades"] > 0


def test_a_budget_that_is_not_kept_is_named_and_ends_locust_with_1(tmp_path):
    done = locust_run(tmp_path, "WhatIfUser", "TickUser", p99_ms=NO_MS)
    assert done.code == 1, done.said
    (broken,) = done.broken
    assert broken.startswith("not kept: /v1/portfolios/{id}/what-if: p99 ")
    assert statistics(tmp_path)["POST /v1/portfolios/{id}/what-if"] > 0


def test_a_name_that_nobody_asked_for_ends_locust_with_1_when_its_users_ran(tmp_path):
    done = locust_run(tmp_path, "SseUser", "TickUser", pushes=False)
    assert done.code == 1, done.said
    assert done.broken == ["not kept: valued -> received: not shown, SseUser ran without a sample"]
