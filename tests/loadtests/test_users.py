"""locust's side of a load: its users, its console, and a short run of all of them.

locust replaces parts of the standard library when it is imported, so every test here
runs it in a process of its own.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from loadtests.plan import load_plan
from loadtests.reports import LoadReport
from loadtests.running import LoadSite
from loadtests.users import MAX_USERS, locust_command
from system.settings import load_settings
from validation.checkers.verdict import Verdict

RUN_BOUND_S = 240
NOT_TIMING = ("delivery", "oracle", "snapshots")

COUNTING = """
from locust.env import Environment
from loadtests import budgets, console, locustfile
environment = Environment()
history = console.TickHistory(environment)
locustfile.log_many(environment, budgets.COVERED, {100: 98, 900: 2})
history.take()
locustfile.log_many(environment, budgets.COVERED, {50: 10})
history.take()
history.take()
assert [(p.second, p.count, p.p50_ms, p.p99_ms) for p in history.points] == [
    (1, 100, 100, 900), (2, 10, 50, 50)
], history.points
sent, covered = console.tick_rows(environment)
assert (sent["count"], covered["count"]) == (0, 110)
assert (covered["p50"], covered["max"]) == (100, 900)
assert console.figures(environment) == []
assert environment.stats.total.num_requests == 0
"""

PAGES = """
from flask import Flask, jsonify
from locust.env import Environment
from loadtests import budgets, console, locustfile
environment = Environment()
app = Flask("locust")
app.add_url_rule("/stats/requests", view_func=lambda: jsonify(stats=[]))
history = console.TickHistory(environment)
console.add_pages(app, environment, history)
locustfile.log_many(environment, budgets.COVERED, {70: 5})
history.take()
client = app.test_client()
assert client.get("/tick-to-var.json").json == [
    {"second": 1, "count": 5, "p50_ms": 70, "p99_ms": 70}
]
assert "Tick to VaR" in client.get("/tick-to-var").text
assert len(client.get("/tick-to-var/plotly.js").data) > 1_000_000
(tab,) = client.get("/stats/requests").json["extended_stats"]
assert tab["key"] == console.TAB and tab["data"][1]["count"] == 5
"""


def run(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=60, check=False, text=True
    )
    assert done.returncode == 0, done.stderr


def test_ticks_are_counted_by_the_second_and_stand_apart_from_requests():
    run(COUNTING)


def test_the_console_has_a_tab_and_a_chart_of_the_latency():
    run(PAGES)


def test_a_plan_gives_the_number_of_users_its_shape():
    plan = load_plan(rate=100, seconds=40, warm_up_seconds=5, shape="step")
    run(f"""
from types import SimpleNamespace
from loadtests import console, locustfile
from loadtests.plan import load_plan
plan = load_plan(rate=100, seconds=40, warm_up_seconds=5, shape="step")
console.plan_of = lambda environment: plan
shape = locustfile.PlanShape()
options = SimpleNamespace(num_users=8, spawn_rate=8)
shape.runner = SimpleNamespace(environment=SimpleNamespace(parsed_options=options))
users = []
for second in (0, 4, 6, 16, 26, 36, {plan.seconds + plan.warm_up_seconds + 1}):
    shape.get_run_time = lambda: second
    users.append(shape.tick())
assert users == [(3, 8), (3, 8), (3, 8), (5, 8), (7, 8), (9, 8), None], users
""")


def test_everything_of_a_run_stays_on_loopback_and_is_bounded(tmp_path):
    site = LoadSite(load_settings(), tmp_path, lambda text: None)
    shown = locust_command(site, 10, 2, ui=True)
    assert shown[shown.index("--web-host") + 1] == "127.0.0.1"
    assert shown[shown.index("--processes") + 1] == "2"
    headless = locust_command(site, 10, 0, ui=False)
    assert "--headless" in headless
    assert "--processes" not in headless
    refused = subprocess.run(
        [sys.executable, "-m", "loadtests.users", "--users", str(MAX_USERS + 1)],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 2


@pytest.mark.end_to_end
@pytest.mark.timeout(RUN_BOUND_S)
def test_a_short_run_has_every_kind_of_user_and_every_tick_right(tmp_path):
    size = ["--rate", "300", "--duration", "15", "--warm-up", "5", "--users", "10"]
    done = subprocess.run(
        [sys.executable, "-m", "loadtests.users", *size, "--report", str(tmp_path)],
        capture_output=True,
        timeout=RUN_BOUND_S,
        check=False,
        text=True,
    )
    said = done.stdout + done.stderr
    rows = statistics(tmp_path / "locust_stats.csv")
    for kind, name in [
        ("TICK", "sent, slip"),
        ("TICK", "sent -> covered in Redis"),
        ("PUSH", "published -> received"),
        ("TRADE", "accepted -> VaR pushed"),
        ("GET", "/v1/portfolios/{id}/var"),
        ("POST", "/v1/trades"),
    ]:
        assert int(rows[kind, name]["Request Count"]) > 0, said
        assert int(rows[kind, name]["Failure Count"]) == 0, said
    report = msgspec.json.decode((tmp_path / "report.json").read_bytes(), type=LoadReport)
    assert int(rows["TICK", "sent, slip"]["Request Count"]) == report.part("all").count
    lasting = [one for one in report.findings if one.check.startswith(NOT_TIMING)]
    assert len(lasting) == 4
    assert {one.detail for one in lasting if one.verdict is not Verdict.PASSED} == set()
    assert (done.returncode == 0) == ("not kept" not in said)


def statistics(path: Path) -> dict[tuple[str, str], dict[str, str]]:
    with path.open(newline="") as stream:
        return {(row["Type"], row["Name"]): row for row in csv.DictReader(stream)}
