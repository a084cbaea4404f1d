"""A split and a dividend over night: every judge agrees, and says so where one was wrong."""

from __future__ import annotations

import msgspec
import pytest

from system.contracts.messages import Dividend, SnapshotKind, Split
from system.settings import load_settings
from tests.validation.scenarios.judge.played_run import Played
from tests.validation.scenarios.stories import HEAD, story_of
from validation.checkers.end_of_day import check_end_of_day
from validation.oracle.history_check import check_recorded
from validation.rules.rulings import read_message
from validation.run.read_back import expected_of
from validation.scenarios.file.errors import ScenarioError
from validation.scenarios.file.parser import read_scenario
from validation.scenarios.judge.adjustments import check_adjusted
from validation.scenarios.judge.exact_numbers import check_live
from validation.scenarios.judge.expectations import check_expectations
from validation.scenarios.story.story import read_story
from validation.scenarios.suite.file_commands import found_path
from validation.verdict import Verdict

STORY = read_story(read_scenario(found_path("split-overnight")), load_settings().wheels_dir)
EXPECT = STORY.scenario.file.expect


@pytest.fixture(scope="module", params=[3, 40])
def run(request) -> Played:
    return Played(STORY, batch=request.param)


@pytest.fixture(scope="module")
def fine() -> Played:
    return Played(STORY, batch=1)


def test_every_judge_agrees_over_the_barrier(run):
    expected = expected_of(
        run.records, run.closes.closes, calendar=run.closes.calendar, days=run.closes.days
    )
    findings = [
        check_end_of_day("ends", run.stated, expected),
        check_live(run.seen, run.records, run.snapshots),
        check_recorded(run.records, [*run.ends, *run.snapshots[::7]]),
    ]
    assert {
        finding.check: finding.detail
        for finding in findings
        if finding.verdict is not Verdict.PASSED
    } == {}
    assert len(expected) == 12


def test_the_story_keeps_its_own_expectations(fine):
    findings = check_expectations(EXPECT, fine.ruled, fine.seen, fine.stated, fine.snapshots)
    assert {
        finding.check: finding.detail
        for finding in findings
        if finding.verdict is not Verdict.PASSED
    } == {}


def test_the_announcements_name_the_days_around_the_night(fine):
    messages = [read_message(record) for record in fine.records if record.topic == "reference"]
    told = [message for message in messages if isinstance(message, Split | Dividend)]
    assert {(str(announced.last_day), str(announced.date)) for announced in told} == {
        ("2024-01-03", "2024-01-04")
    }
    assert len(told) == 3


def test_no_move_of_the_story_is_suspect(fine):
    assert {name for snapshot in fine.snapshots for name in snapshot.suspect} == set()


@pytest.mark.parametrize("field", ["nav", "var"])
def test_a_number_that_the_barrier_moves_fails(fine, field):
    def wrong(one):
        return msgspec.structs.replace(one, **{field: getattr(one, field) * (1 + 1e-7)})

    changed = [
        wrong(snapshot)
        if snapshot.kind is SnapshotKind.LIVE and snapshot.adjustment_count
        else snapshot
        for snapshot in fine.snapshots
    ]
    finding = check_adjusted(EXPECT.adjusted, changed)
    assert finding.verdict is Verdict.FAILED
    assert field.upper() in finding.detail.upper()


def test_shares_that_did_not_split_fail(fine):
    def wrong(one):
        rows = tuple(
            msgspec.structs.replace(row, quantity=row.quantity * 1.5) for row in one.positions
        )
        return msgspec.structs.replace(one, positions=rows)

    changed = [
        wrong(snapshot)
        if snapshot.kind is SnapshotKind.LIVE and snapshot.adjustment_count
        else snapshot
        for snapshot in fine.snapshots
    ]
    assert check_adjusted(EXPECT.adjusted, changed).verdict is Verdict.FAILED


def test_an_adjustment_that_does_not_come_fails_and_one_that_comes_unasked_too(fine):
    missing = check_adjusted([*EXPECT.adjusted, "SIM004 2024-01-04 split 2"], fine.snapshots)
    assert "SIM004 2024-01-04 split 2 did not take effect" in missing.detail
    unasked = check_adjusted(EXPECT.adjusted[:1], fine.snapshots)
    assert "took effect too" in unasked.detail


def test_without_a_number_behind_the_barrier_nothing_is_shown(fine):
    ends = [snapshot for snapshot in fine.snapshots if snapshot.kind is SnapshotKind.END_OF_DAY]
    assert check_adjusted(EXPECT.adjusted, ends).verdict is Verdict.UNKNOWN


def test_a_split_on_the_first_day_is_refused(tmp_path):
    text = '[[timeline]]\ndo = "split"\nday = 1\ninstrument = "SIM001"\nratio = 2\n'
    with pytest.raises(ScenarioError, match="there is no day before to announce it on"):
        story_of(tmp_path, text, head=HEAD)
