"""locust's side of a load: its users, its console, and a short run of all of them.

locust replaces parts of the standard library when it is imported, so every test here
runs it in a process of its own.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer
from typer.testing import CliRunner

from loadtests.run.load_run import LoadSite
from loadtests.run.report import LoadReport
from loadtests.users.command import MAX_USERS, locust_command, users
from system.settings import load_settings
from validation.verdict import Verdict

RUN_BOUND_S = 250
NOT_TIMING = ("delivery", "oracle", "snapshots")

SCRIPT = """
import json, pathlib, sys, tempfile
from types import SimpleNamespace
from flask import Flask, jsonify
from locust.env import Environment
from loadtests.users import budgets, console, locustfile
from loadtests.source.plan import load_plan

environment = Environment()
history = console.TickHistory(environment)
locustfile.log_many(environment, budgets.COVERED, {100: 98, 900: 2})
history.take()
locustfile.log_many(environment, budgets.COVERED, {50: 10})
history.take()
history.take()

app = Flask("locust")
app.add_url_rule("/stats/requests", view_func=lambda: jsonify(stats=[]))
console.add_pages(app, environment, history)
client = app.test_client()

plan = load_plan(rate=100, seconds=40, warm_up_seconds=5, shape="step")
console.plan_of = lambda environment: plan
shape = locustfile.PlanShape()
folder = tempfile.TemporaryDirectory()
options = SimpleNamespace(num_users=8, spawn_rate=8, report_dir=folder.name)
shape.runner = SimpleNamespace(
    environment=SimpleNamespace(parsed_options=options, stop_timeout=180)
)

def users_at(*seconds):
    for second in seconds:
        shape.get_run_time = lambda: second
        yield shape.tick()

users = list(users_at(0, 4, 6, 16, 26, 36))
judging = list(users_at(46, 224, 226))
(pathlib.Path(folder.name) / "verdict.json").write_text("{}")
judged = list(users_at(46))
folder.cleanup()

locustfile.ApiReader.api_url = "http://127.0.0.1:1"
locustfile.ApiReader.host = "http://elsewhere.example"  # as the runner sets it
reader = locustfile.ApiReader(environment)
reader.client.get = lambda *_, **__: SimpleNamespace(json=lambda: {"portfolios": []})
reader.on_start()

json.dump({
    "base_url": reader.client.base_url,
    "rows": console.tick_rows(environment),
    "judged": console.figures(environment),
    "total": environment.stats.total.num_requests,
    "points": client.get("/tick-to-var.json").json,
    "page": client.get("/tick-to-var").text,
    "plotly": len(client.get("/tick-to-var/plotly.js").data),
    "tab": client.get("/stats/requests").json["extended_stats"],
    "users": users,
    "judging": judging,
    "judged_users": judged,
}, sys.stdout)
"""


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    """Answers of locust's parts, started in a process of their own."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, timeout=100, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_ticks_are_counted_in_rows_of_their_own_and_not_in_the_total(said):
    sent, covered = said["rows"]
    assert (sent["count"], covered["count"]) == (0, 110)
    assert (covered["p50"], covered["max"]) == (100, 900)
    assert said["judged"] == []
    assert said["total"] == 0


def test_the_token_goes_to_the_api_whatever_host_the_console_is_told(said):
    """Its form takes any host, from whoever reaches it."""
    assert said["base_url"] == "http://127.0.0.1:1"


def test_the_chart_has_a_point_for_each_second_that_covered_ticks(said):
    assert said["points"] == [
        {"second": 1, "count": 100, "p50_ms": 100, "p99_ms": 900},
        {"second": 2, "count": 10, "p50_ms": 50, "p99_ms": 50},
    ]
    assert "Tick to VaR" in said["page"]
    assert said["plotly"] > 1_000_000


def test_the_console_gets_the_rows_of_its_tab(said):
    assert [(tab["key"], tab["data"]) for tab in said["tab"]] == [("tick-to-var", said["rows"])]


def test_a_plan_gives_the_number_of_users_its_shape(said):
    assert said["users"] == [[3, 8], [3, 8], [3, 8], [5, 8], [7, 8], [9, 8]]


def test_after_the_plan_the_tick_user_stays_until_it_has_judged_or_its_bound_is_over(said):
    assert said["judging"] == [[1, 8], [1, 8], None]
    assert said["judged_users"] == [None]


def users_app() -> typer.Typer:
    app = typer.Typer()
    app.command()(users)
    return app


def test_everything_of_a_run_stays_on_loopback_and_is_bounded(tmp_path):
    site = LoadSite(load_settings(), tmp_path, lambda text: None)
    shown = locust_command(site, 10, 2, ui=True)
    assert shown[shown.index("--web-host") + 1] == "127.0.0.1"
    assert shown[shown.index("--processes") + 1] == "2"
    assert shown[shown.index("--master-bind-host") + 1] == "127.0.0.1"
    headless = locust_command(site, 10, 0, ui=False)
    assert "--headless" in headless
    assert "--processes" not in headless
    asked = CliRunner().invoke(users_app(), ["--users", str(MAX_USERS + 1)])
    assert asked.exit_code == 2


@pytest.mark.end_to_end
@pytest.mark.timeout(RUN_BOUND_S + 30)
def test_a_short_run_has_every_kind_of_user_and_every_tick_right(tmp_path):
    riskstream = str(Path(sys.executable).with_name("riskstream"))
    size = ["--rate", "300", "--duration", "15", "--warm-up", "5", "--users", "12"]
    done = subprocess.run(
        [riskstream, "measure", "users", *size, "--report", str(tmp_path)],
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
        ("PUSH", "valued -> received"),
        ("TRADE", "accepted -> VaR pushed"),
        ("GET", "/v1/portfolios/{id}/var"),
        ("POST", "/v1/trades"),
        ("POST", "/v1/portfolios/{id}/what-if"),
    ]:
        row = rows[kind, name]
        assert int(row["Request Count"]) > int(row["Failure Count"]), said
    report = msgspec.json.decode((tmp_path / "report.json").read_bytes(), type=LoadReport)
    assert int(rows["TICK", "sent, slip"]["Request Count"]) == report.part("all").count
    lasting = [finding for finding in report.findings if finding.check.startswith(NOT_TIMING)]
    assert len(lasting) == 4
    assert {finding.detail for finding in lasting if finding.verdict is not Verdict.PASSED} == set()
    assert (done.returncode == 0) == ("not kept" not in said)


def statistics(path: Path) -> dict[tuple[str, str], dict[str, str]]:
    with path.open(newline="") as stream:
        return {(row["Type"], row["Name"]): row for row in csv.DictReader(stream)}
