"""The guard against slower code: what it compares, and what it says of noise."""

from __future__ import annotations

import pkgutil
import platform
import time
from collections.abc import Callable
from functools import wraps

import msgspec
import pytest
from click.testing import Result
from typer.testing import CliRunner

from loadtests.studies.guard import (
    TOLERANCE,
    WORKS,
    Baseline,
    GuardReport,
    Measured,
    finding,
    measured,
    processor,
    read_baseline,
    spread,
    store_baseline,
)
from system import cli
from validation.verdict import Verdict

STORED = Baseline(
    on="2026-01-02",
    processor="some processor",
    python="3.11.1",
    load_average=0.1,
    rounds=5,
    ratios={"fold": 4.0},
    noises={"fold": 1.1},
)


def measure_guard(*options: str) -> Result:
    return CliRunner().invoke(cli.app, ["measure", "guard", *options])


def of(ratio: float, name: str = "fold") -> Measured:
    return Measured(name=name, ratio=ratio, noise=1.2)


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [(2.0, Verdict.PASSED), (8.0, Verdict.PASSED), (8.1, Verdict.FAILED)],
)
def test_more_than_the_tolerance_times_the_baseline_fails(ratio, verdict):
    judged = finding(of(ratio), STORED, 2.0)
    assert judged.verdict is verdict
    assert "noise 1.20" in judged.detail


def test_a_work_without_a_baseline_is_unknown_and_not_passed():
    assert finding(of(1.0, "other"), STORED, 2.0).verdict is Verdict.UNKNOWN


def test_the_least_times_count_and_the_rounds_tell_the_noise():
    measurement = spread("fold", [(8.0, 2.0), (4.0, 1.0), (12.0, 3.0)])
    assert (measurement.ratio, measurement.noise) == (4.0, 1.0)
    assert spread("fold", [(6.0, 2.0), (9.0, 3.0), (8.0, 1.0), (8.0, 1.0)]).noise > 2.0


def test_every_work_has_a_baseline_and_its_noise():
    assert read_baseline().ratios.keys() == read_baseline().noises.keys() == WORKS.keys()


def test_the_baseline_names_its_machine_and_its_noise(monkeypatch, tmp_path):
    monkeypatch.setattr("loadtests.studies.guard.BASELINE", tmp_path / "baseline.json")
    store_baseline([of(3.0), of(5.0, "value")], rounds=7, load_average=2.345)
    stored = read_baseline()
    assert stored.ratios == {"fold": 3.0, "value": 5.0}
    assert stored.noises == {"fold": 1.2, "value": 1.2}
    assert (stored.rounds, stored.load_average) == (7, 2.35)
    assert (stored.processor, stored.python) == (processor(), platform.python_version())
    assert "noise to 1.20" in stored.sentence()


def test_a_run_that_passes_prints_its_noise_and_that_of_the_baseline(monkeypatch, tmp_path):
    monkeypatch.setattr("loadtests.studies.guard.WORKS", {"fold": lambda: 1e-4})
    monkeypatch.setattr("loadtests.studies.guard.read_baseline", lambda: STORED)
    report = tmp_path / "guard.json"
    ended = measure_guard("--rounds", "3", "--report", str(report))
    assert ended.exit_code == 0
    printed = ended.stdout
    assert "some processor" in printed
    assert "its noise" in printed
    assert "noise to 1.10" in printed
    written = msgspec.json.decode(report.read_bytes(), type=GuardReport)
    whole, told = written.findings
    assert whole.verdict is Verdict.PASSED
    assert told.figures["noise"] >= 1.0
    assert "noise" in told.detail
    assert written.baseline == STORED


@pytest.mark.parametrize(
    ("options", "code", "verdict"),
    [((), 1, Verdict.FAILED), (("--report-timings",), 0, Verdict.MEASURED)],
)
def test_slow_code_fails_only_where_timings_are_judged(
    options, code, verdict, monkeypatch, tmp_path
):
    monkeypatch.setattr("loadtests.studies.guard.WORKS", {"fold": lambda: 100.0})
    monkeypatch.setattr("loadtests.studies.guard.read_baseline", lambda: STORED)
    report = tmp_path / "guard.json"
    ended = measure_guard("--rounds", "2", "--report", str(report), *options)
    assert ended.exit_code == code
    written = msgspec.json.decode(report.read_bytes(), type=GuardReport)
    assert written.findings[1].verdict is verdict


def test_a_work_without_a_baseline_passes_nowhere(monkeypatch, tmp_path):
    monkeypatch.setattr("loadtests.studies.guard.WORKS", {"new": lambda: 1e-4})
    monkeypatch.setattr("loadtests.studies.guard.read_baseline", lambda: STORED)
    report = str(tmp_path / "guard.json")
    ended = measure_guard("--rounds", "2", "--report", report, "--report-timings")
    assert ended.exit_code == 1


SLOWED = {
    "decode": "loadtests.studies.guard.batch_events",
    "fold": "system.book.book.Book.fold",
    "revalue": "system.book.book.Book.revalue",
    "encode": "loadtests.studies.guard.encode",
    "what-if": "loadtests.studies.guard.what_if",
    "judge": "loadtests.studies.guard.coverage",
}
"""The product's own function that a work is about, by the work's first word."""


def slowed(function: Callable[..., object]) -> Callable[..., object]:
    """Return a function that takes three times the CPU."""

    @wraps(function)
    def run(*given: object, **named: object) -> object:
        began = time.process_time()
        result = function(*given, **named)
        ends = began + 3 * (time.process_time() - began)
        while time.process_time() < ends:
            pass
        return result

    return run


@pytest.mark.parametrize("name", WORKS)
def test_slower_code_is_found_by_its_work(name, monkeypatch):
    now = measured(name, rounds=3)
    baseline = msgspec.structs.replace(STORED, ratios={name: now.ratio})
    place = SLOWED[name.split()[0]]
    monkeypatch.setattr(place, slowed(pkgutil.resolve_name(place)))
    judged = finding(measured(name, rounds=2), baseline, TOLERANCE)
    assert judged.verdict is Verdict.FAILED, judged.detail
