"""Judging, on topics folded in memory: what is right passes, and what is wrong does not."""

import msgspec
import pytest

from system.contracts.messages import SnapshotKind
from system.settings import load_settings
from tests.validation.scenarios.judge.played_run import STORY, Played
from tests.validation.scenarios.stories import HEAD, story_of
from validation.checkers.end_of_day import check_end_of_day
from validation.oracle.history_check import check_recorded
from validation.run.read_back import expected_of
from validation.scenarios.file.parser import read_scenario
from validation.scenarios.judge.adjustments import check_adjusted
from validation.scenarios.judge.exact_numbers import AFTER_FAULT_COUNT, check_live, sample
from validation.scenarios.judge.expectations import (
    check_expectations,
)
from validation.scenarios.judge.judge import unseen_for_slowness
from validation.scenarios.judge.number_hash import day_hashes, numbers_hash
from validation.scenarios.judge.real_closes import check_real_closes
from validation.scenarios.story.story import read_story
from validation.scenarios.suite.file_commands import found_path
from validation.verdict import Verdict, as_measured


def test_ends_of_day_equal_the_reference_on_the_closes_of_the_topics(run):
    closes = run.closes
    expected = expected_of(run.records, closes.closes, calendar=closes.calendar, days=closes.days)
    finding = check_end_of_day("ends", run.stated, expected)
    assert (finding.verdict, len(expected)) == (Verdict.PASSED, 6), finding.detail


PLAYED = ("clock-jump", "correlation-one", "currencies-lost", "currency-feed-lost",
          "end-of-day-under-load",
          "fat-finger", "feed-halt", "flash-crash", "fx-shock", "hostile-quotes", "intraday-trades",
          "late-ticks", "long-to-short", "negative-price", "new-instrument",
          "option-expiry", "two-weeks", "volatility-regime")  # fmt: skip


@pytest.mark.parametrize("name", PLAYED)
def test_a_story_of_the_library_keeps_its_expectations_when_folded_in_memory(name):
    story = read_story(read_scenario(found_path(name)), load_settings().wheels_dir)
    run = Played(story, batch=1 if name == "fat-finger" else 40)
    expect = story.scenario.file.expect
    expected = expected_of(
        run.records,
        run.closes.closes,
        calendar=run.closes.calendar,
        days=run.closes.days,
        refused=expect.refused or (),
    )
    findings = [
        check_end_of_day("ends", run.stated, expected),
        check_live(run.seen, run.records, run.snapshots),
        check_recorded(run.records, run.snapshots[::20]),
        *check_expectations(expect, run.ruled, run.seen, run.stated, run.snapshots),
    ]
    assert {
        finding.check: finding.detail
        for finding in findings
        if finding.verdict is not Verdict.PASSED
    } == {}


def test_live_numbers_equal_the_reference_at_their_offsets(run):
    finding = check_live(run.seen, run.records, run.snapshots)
    assert finding.verdict is Verdict.PASSED, finding.detail
    assert finding.figures["sampled"] > 10


def test_a_live_number_that_is_a_little_off_fails(run):
    chosen = [line for line in run.seen if line.kind is SnapshotKind.LIVE and line.var]
    wrong = [msgspec.structs.replace(line, var=line.var * (1 + 1e-7)) for line in chosen]
    assert check_live(wrong, run.records).verdict is Verdict.FAILED


def test_a_live_number_of_other_offsets_fails(run):
    live = [
        line for line in run.seen if line.kind is SnapshotKind.LIVE and line.portfolio == "book"
    ]
    swapped = msgspec.structs.replace(live[-1], offsets=live[len(live) // 2].offsets)
    assert check_live([swapped], run.records).verdict is Verdict.FAILED


def test_a_component_that_is_a_little_off_fails(run):
    def with_wrong_component(snapshot):
        first, *others = snapshot.positions
        part = (first.component_var or 1.0) * (1 + 1e-6)
        wrong = msgspec.structs.replace(first, component_var=part)
        return msgspec.structs.replace(snapshot, positions=(wrong, *others))

    stored = [with_wrong_component(snapshot) for snapshot in run.snapshots if snapshot.var]
    finding = check_live(run.seen, run.records, stored)
    assert finding.verdict is Verdict.FAILED
    assert "component" in finding.detail


def test_snapshots_around_faults_are_sampled_in_any_case(run):
    every = [line for line in run.seen if line.kind is SnapshotKind.LIVE and line.var is not None]
    moment = every[len(every) // 3 + 1].received_ns
    chosen = {line.snapshot_id for line in sample(run.seen, [moment])}
    later = [line.snapshot_id for line in every if line.received_ns >= moment]
    assert set(later[:AFTER_FAULT_COUNT]) <= chosen


def test_without_a_live_number_nothing_is_shown(run):
    assert check_live([], run.records).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(("partitions", "batch"), [(1, 1_000), (4, 7)])
def test_numbers_hash_alike_over_partitions_and_batches(run, tmp_path, partitions, batch):
    other = Played(story_of(tmp_path, STORY, head=HEAD), partitions=partitions, batch=batch)
    one, two = (day_hashes(played.snapshots) for played in (run, other))
    assert one == two
    assert numbers_hash(one) == numbers_hash(two)


def test_another_number_has_another_hash(run):
    changed = msgspec.structs.replace(run.ends[0], var=run.ends[0].var + 1e-12)
    assert day_hashes([run.ends[0]]) != day_hashes([changed])
    moved = msgspec.structs.replace(run.ends[0], fence=9, epoch=9, offsets={})
    assert day_hashes([run.ends[0]]) == day_hashes([moved])


@pytest.mark.parametrize(("stretch", "verdict"), [(1.0, Verdict.UNKNOWN), (3.0, Verdict.MEASURED)])
def test_an_adjustment_that_fell_into_no_batch_is_unknown_unless_the_machine_is_slow(
    stretch, verdict
):
    unseen = check_adjusted(("AAPL 2020-08-31 split 4",), ())
    assert as_measured(unseen_for_slowness(unseen, stretch)).verdict is verdict
    wrong = msgspec.structs.replace(unseen, verdict=Verdict.FAILED)
    assert as_measured(unseen_for_slowness(wrong, stretch)).verdict is Verdict.FAILED


def test_closes_that_are_not_the_real_ones_fail(run):
    real = {name: dict(own) for name, own in run.closes.closes.items()}
    assert check_real_closes(run.closes, real).verdict is Verdict.PASSED
    day = run.closes.days[0]
    real["SIM001"][day] += 1e-9
    assert check_real_closes(run.closes, real).verdict is Verdict.FAILED
