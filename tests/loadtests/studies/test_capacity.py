"""Verdict of a load about its rate: every check passes, or the rate does not hold."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from typer.testing import CliRunner

from loadtests.run import judge
from loadtests.run.judge import budgets_of, judge_load
from loadtests.run.load_run import LoadSite
from loadtests.source.plan import PlanError, load_plan
from loadtests.studies import capacity
from loadtests.studies.capacity import CapacityReport, Prober, probe_of, show_capacity
from loadtests.studies.search import SearchResult, estimate
from system import cli
from system.console import PlainConsole
from system.errors import UnavailableError
from system.settings import load_settings
from tests.loadtests.folded import PLAN, folded_evidence, report_of
from validation.checkers.latency import Schedule
from validation.verdict import Finding, Verdict


@pytest.fixture(scope="module")
def evidence():
    return folded_evidence()


def probed(evidence, *, p99_ms=1_000.0, **changes):
    return probe_of(
        report_of(judge_load(replace(evidence, **changes), budgets_of(PLAN, p99_ms=p99_ms)))
    )


def test_a_rate_holds_when_everything_does(evidence):
    probe = probed(evidence)
    assert (probe.holds, probe.why, probe.rate) == (True, "", PLAN.rate)


def test_a_rate_that_is_fast_and_wrong_does_not_hold(evidence):
    head, *snapshots = evidence.record
    wrong = [msgspec.structs.replace(snapshot, var=snapshot.var * 1.001) for snapshot in snapshots]
    probe = probed(evidence, record=[head, *wrong])
    assert probe.holds is False
    assert probe.why.startswith("oracle")


def test_a_rate_that_is_right_and_slow_does_not_hold(evidence):
    assert probed(evidence, p99_ms=20.0).holds is False


def test_a_rate_that_loses_a_tick_does_not_hold(evidence):
    assert probed(evidence, applied=evidence.applied - 1).holds is False


def test_a_pump_that_was_late_shows_nothing(evidence):
    late = Schedule(messages_per_s=40.0, achieved_fraction=1.0, slip_ms_p99=60.0)
    assert probed(evidence, schedule=late).holds is None


def test_a_backlog_that_a_late_pump_made_is_no_failure_of_the_system(evidence, monkeypatch):
    growing = Finding(check="lag", verdict=Verdict.FAILED, detail="grows")
    monkeypatch.setattr(judge, "check_lag", lambda *_: growing)
    late = Schedule(messages_per_s=40.0, achieved_fraction=1.0, slip_ms_p99=60.0)
    assert probed(evidence).holds is False
    assert probed(evidence, schedule=late).holds is None


def test_the_estimate_is_printed_with_its_interval(evidence):
    probe = probed(evidence)
    result = SearchResult(highest=5_000.0, lowest_failing=6_000.0, probes=(probe,))
    report = CapacityReport(
        mode="standalone cluster",
        machine="2 cores",
        instruments=100,
        portfolios=10,
        seconds=60.0,
        estimate=estimate([result]),
        searches=(result,),
        load_averages=(0.1,),
        repeat_with="riskstream capacity",
    )
    console = PlainConsole(record=True, width=200)
    show_capacity(console, report)
    said = console.export_text()
    assert "capacity, standalone cluster: 5,000 ticks/s" in said
    assert "6,000 failed" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--floor 5000 --ceiling 2000", "--floor 5,000: at most the ceiling, 2,000"),
        ("--floor nan", "--floor nan"),
        ("--resolution 1", "--resolution 1: a ratio above 1"),
        ("--ceiling 200000 --duration 300", "63,000,000 ticks: at most 50,000,000"),
        ("--stack-warm-up 1e9", "warm_up_seconds"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_a_stack_starts(monkeypatch, options, said):
    monkeypatch.setattr(capacity, "connected", lambda *_args, **_options: pytest.fail("a start"))
    refused = CliRunner().invoke(cli.app, ["capacity", *options.split()])
    assert isinstance(refused.exception, PlanError)
    assert said in str(refused.exception)


@pytest.fixture
def prober(evidence, monkeypatch, tmp_path):
    """A prober over a stack that is not there; ``plans`` are what it was told to run."""
    plans = []

    def run(plan, *_args, **_options):
        plans.append(plan)
        report = report_of(judge_load(evidence, budgets_of(PLAN, p99_ms=1_000.0)))
        return msgspec.structs.replace(report, plan=plan)

    monkeypatch.setattr(capacity, "open_books", lambda *_: ())
    monkeypatch.setattr(capacity, "judged_run", run)
    monkeypatch.setattr(capacity, "await_committed", lambda *_args, **_options: True)
    base = load_plan(rate=100, seconds=4, warm_up_seconds=2, seconds_per_day=2)
    (tmp_path / "probes").mkdir()
    (tmp_path / "probes" / "07-9000.json").write_text("of an earlier search")
    site = LoadSite(load_settings(), tmp_path, lambda _: None)
    first = msgspec.structs.replace(base, warm_up_seconds=6)
    prober = Prober(base, site, None, "it", first=first)
    return prober, plans


def test_each_probe_has_days_of_its_own_and_a_report_that_is_kept(prober, tmp_path):
    probe, plans = prober
    probes = [probe.probe(rate) for rate in (1_000.0, 20_000.0)]
    assert [probe.holds for probe in probes] == [True, True]
    assert [plan.skipped_days for plan in plans] == [0, 5]
    assert [plan.client for plan in plans] == ["confluent", "confluent"]
    kept = sorted((tmp_path / "probes").iterdir())
    assert [path.name for path in kept] == ["01-1000.json", "02-20000.json"]
    assert msgspec.json.decode(kept[1].read_bytes())["plan"]["rate"] == 20_000.0


def test_the_first_probe_alone_warms_the_stack_up(prober):
    probe, plans = prober
    for rate in (1_000.0, 2_000.0, 1_500.0):
        probe.probe(rate)
    assert [plan.warm_up_seconds for plan in plans] == [6, 2, 2]


@pytest.mark.parametrize("cause", ["a server is gone", "it stays behind"])
def test_a_stack_that_is_lost_tells_nothing_more_and_what_it_told_is_kept(
    prober, monkeypatch, cause
):
    probe, plans = prober
    assert probe.probe(1_000.0).holds
    if cause == "it stays behind":
        monkeypatch.setattr(capacity, "await_committed", lambda *_args, **_options: False)
    else:

        def gone(*_args, **_options):
            raise UnavailableError(cause)

        monkeypatch.setattr(capacity, "judged_run", gone)
    late = probe.probe(2_000.0)
    assert late.holds is (True if cause == "it stays behind" else None), "what was judged counts"
    asked = len(plans)
    assert (probe.probe(1_500.0).holds, probe.probe(1_200.0).p99_ms) == (None, None)
    assert len(plans) == asked, "nothing runs on what is lost"
    assert "2,000 ticks/s: " in probe.lost
