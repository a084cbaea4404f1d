"""Memory of a soak: a leak is found, what fills or rises and falls is not taken for one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from loadtests.run.judge import MEMORY, budgets_of, is_soak, judge_load
from loadtests.run.report import write_load_page
from loadtests.source.plan import load_plan
from tests.loadtests.folded import folded_evidence, report_of
from validation.measure.memory_growth import (
    MB_ALLOWED,
    SHARE_ALLOWED,
    MemoryGrowth,
    MemorySamples,
    check_memory,
    memory_growth,
)
from validation.verdict import Verdict, overall

FIRST_NS = 7_000_000_000_000
SECONDS = 1_800
WARM_UP_S = 60


def samples(own_mb: Callable[[float], float], name: str = "driver") -> MemorySamples:
    """A sample a second from before the warm-up to the end, with a noise of 2 MB."""
    noise = np.random.default_rng(1).normal(0.0, 2.0, SECONDS + WARM_UP_S)
    at_s = range(-WARM_UP_S, SECONDS)
    return MemorySamples(
        name=name,
        at_ns=tuple(FIRST_NS + at * 10**9 for at in at_s),
        own_mb=tuple(own_mb(at) + extra for at, extra in zip(at_s, noise.tolist(), strict=True)),
    )


def growth_of(*samples: MemorySamples) -> tuple[MemoryGrowth, ...]:
    return memory_growth(samples, first_ns=FIRST_NS, last_ns=FIRST_NS + SECONDS * 10**9)


def verdict_of(own_mb: Callable[[float], float]) -> Verdict:
    return check_memory("memory", growth_of(samples(own_mb))).verdict


def test_a_leak_is_found_and_stated_per_hour():
    leak = lambda at: 400.0 + at / 10.0  # noqa: E731 - 360 MB per hour
    (growth,) = growth_of(samples(leak))
    assert growth.first_mb == pytest.approx(505.0, abs=1.0)
    assert growth.growth_mb == pytest.approx(90.0, abs=12.0)
    assert growth.slope_mb_per_h == pytest.approx(360.0, rel=0.02)
    finding = check_memory("memory", [growth])
    assert finding.verdict is Verdict.FAILED
    assert "driver +" in finding.detail
    assert finding.figures["driver"] == growth.growth_mb


def test_a_peak_of_a_moment_bends_neither_growth_nor_slope():
    peak = lambda at: 100.0 + (400.0 if at > SECONDS - 60 else 0.0)  # noqa: E731 - a fork to dump
    (growth,) = growth_of(samples(peak))
    assert growth.growth_mb == pytest.approx(0.0, abs=3.0)
    assert growth.slope_mb_per_h == pytest.approx(0.0, abs=15.0)  # least squares: some 590


def test_a_leak_under_a_sawtooth_is_found():
    assert verdict_of(lambda at: 400.0 + at / 6.0 + at % 170) is Verdict.FAILED


@pytest.mark.parametrize("period_s", [20, 97, 170, 310, 450, 610])
@pytest.mark.parametrize("phase_s", [0, 130, 290])
def test_a_heap_that_rises_and_falls_back_passes(period_s, phase_s):
    height_mb = 335.0  # as much as an executor's was seen to rise and fall
    saw = lambda at: 390.0 + height_mb * ((at + phase_s) % period_s) / period_s  # noqa: E731
    assert verdict_of(saw) is Verdict.PASSED


def test_a_store_that_fills_in_the_first_half_passes():
    filling = lambda at: 6.0 + min(max(at, 0) / 8.0, 100.0)  # noqa: E731 - full after 800 s
    assert verdict_of(filling) is Verdict.PASSED
    still = lambda at: 6.0 + max(at, 0) / 8.0  # noqa: E731 - never full
    assert verdict_of(still) is Verdict.FAILED


@pytest.mark.parametrize(
    ("base_mb", "share", "grown_mb"),
    [(2_000.0, SHARE_ALLOWED * 0.5, 150.0), (20.0, 1.0, MB_ALLOWED * 0.5)],
)
def test_both_the_share_and_the_megabytes_must_be_exceeded(base_mb, share, grown_mb):
    rising = lambda at: base_mb + max(at - SECONDS / 2, 0) * grown_mb / (SECONDS / 2)  # noqa: E731
    (growth,) = growth_of(samples(rising))
    assert growth.growth_mb > grown_mb * 0.7
    assert growth.share > share * 0.7
    assert not growth.grows


def test_one_process_that_leaks_among_others_fails_and_is_named_first():
    flat = samples(lambda at: 300.0, "redis")
    leaking = samples(lambda at: 100.0 + at / 10.0, "api")
    growths = growth_of(flat, leaking)
    assert [growth.name for growth in growths] == ["api", "redis"]
    finding = check_memory("memory", growths)
    assert finding.verdict is Verdict.FAILED
    assert "redis" not in finding.detail


def test_a_process_that_went_away_makes_it_unknown_and_a_helper_of_a_moment_does_not():
    flat = samples(lambda at: 300.0, "redis")
    cut = {"at_ns": flat.at_ns[:1_200], "own_mb": flat.own_mb[:1_200]}
    gone = msgspec.structs.replace(flat, name="api", **cut)
    finding = check_memory("memory", growth_of(flat, gone))
    assert finding.verdict is Verdict.UNKNOWN
    assert "api" in finding.detail
    moment = {"at_ns": flat.at_ns[:5], "own_mb": flat.own_mb[:5]}
    helper = msgspec.structs.replace(flat, name="helper", **moment)
    assert check_memory("memory", growth_of(flat, helper)).verdict is Verdict.PASSED


def test_without_samples_nothing_is_shown():
    assert check_memory("memory", ()).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("shape", "seconds", "judged"),
    [("soak", 600, True), ("soak", 599, False), ("steady", 1_800, False)],
)
def test_only_a_long_soak_is_judged(shape, seconds, judged):
    assert is_soak(load_plan(rate=10, seconds=seconds, shape=shape)) is judged


def test_a_leak_fails_a_soak_and_is_in_its_reports(monkeypatch, tmp_path):
    evidence = folded_evidence()
    due_ns = evidence.sent.inputs.intended_ns
    plan = msgspec.structs.replace(evidence.plan, shape="soak")
    at_ns = np.linspace(due_ns.min(), due_ns.max(), 400).astype(int)
    own_mb = np.linspace(100.0, 900.0, 400)
    leak = MemorySamples(name="leaky", at_ns=tuple(at_ns.tolist()), own_mb=tuple(own_mb.tolist()))
    monkeypatch.setattr("loadtests.run.judge.SOAK_LEAST_S", plan.seconds)
    judged = judge_load(replace(evidence, plan=plan, memory=(leak,)), budgets_of(plan))
    assert {
        finding.check for finding in judged.findings if finding.verdict is not Verdict.PASSED
    } == {MEMORY}
    assert overall(finding.verdict for finding in judged.findings) is Verdict.FAILED
    report = msgspec.structs.replace(report_of(judged), memory=judged.memory)
    write_load_page(tmp_path / "report.html", report)
    page = (tmp_path / "report.html").read_text()
    assert "no process grows" in page
    assert "<td>leaky</td>" in page


def test_a_load_that_is_no_soak_has_no_finding_of_memory():
    evidence = folded_evidence()
    judged = judge_load(evidence, budgets_of(evidence.plan))
    assert MEMORY not in {finding.check for finding in judged.findings}
