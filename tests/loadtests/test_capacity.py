"""What a load shows about its rate: everything at once, or it does not hold."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from rich.console import Console

from loadtests.capacity import CapacityReport, probe_of, show_capacity
from loadtests.judging import budgets_of, judge_load
from loadtests.search import SearchResult, estimate
from tests.loadtests.folded import PLAN, folded_evidence, report_of
from validation.checkers.latency import Schedule


@pytest.fixture(scope="module")
def evidence():
    return folded_evidence()


def probed(evidence, *, p99_ms=1_000.0, **changes):
    return probe_of(
        report_of(judge_load(replace(evidence, **changes), budgets_of(PLAN, p99_ms=p99_ms)))
    )


def test_a_rate_holds_when_everything_does(evidence):
    found = probed(evidence)
    assert (found.holds, found.why, found.rate) == (True, "", PLAN.rate)


def test_a_rate_that_is_fast_and_wrong_does_not_hold(evidence):
    head, *snapshots = evidence.record
    wrong = [msgspec.structs.replace(one, var=one.var * 1.001) for one in snapshots]
    found = probed(evidence, record=[head, *wrong])
    assert found.holds is False
    assert found.why.startswith("oracle")


def test_a_rate_that_is_right_and_slow_does_not_hold(evidence):
    assert probed(evidence, p99_ms=20.0).holds is False


def test_a_rate_that_loses_a_tick_does_not_hold(evidence):
    assert probed(evidence, applied=evidence.applied - 1).holds is False


def test_a_pump_that_was_late_shows_nothing(evidence):
    late = Schedule(messages_per_s=40.0, achieved_fraction=1.0, slip_ms_p99=60.0)
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
    console = Console(record=True, width=200)
    show_capacity(console, report)
    said = console.export_text()
    assert "capacity, standalone cluster: 5,000 ticks/s" in said
    assert "6,000 failed" in said
