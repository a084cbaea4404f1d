"""The suite of verify: what it runs, what it leaves out and says so, and its grid's verdict."""

from pathlib import Path

import msgspec
import pytest

from system.errors import UnavailableError
from validation.scenarios.file.parser import read_scenario
from validation.scenarios.play.play import Run
from validation.scenarios.play.stack import PipelineConfig, replay_settings
from validation.scenarios.story.story import read_story
from validation.scenarios.suite import short
from validation.scenarios.suite.file_commands import found_path, scenario_paths
from validation.scenarios.suite.flaky import BROKE_OFF, broken_off
from validation.scenarios.suite.grid import (
    BASE,
    GRID_STORY,
    SHORT_GRID,
    WHOLE_GRID,
    check_faults_alike,
    check_grid,
    uncovered_pairs,
)
from validation.scenarios.suite.repeat_command import repeat_line
from validation.scenarios.suite.report import ScenarioReport
from validation.scenarios.suite.short import (
    FAULT_SEEDS,
    Play,
    in_order,
    is_chosen,
    library,
    not_run,
    out_of_time,
    short_plays,
    whole_plays,
    world_of,
)
from validation.verdict import Verdict


def report(name: str, *, seed: int = 1, **hashes: str) -> ScenarioReport:
    return ScenarioReport(
        name=name,
        title="",
        story="",
        verdict=Verdict.PASSED,
        repeat_with="",
        commit="",
        scenario_hash="",
        seed=seed,
        speed="1x",
        partitions=2,
        seconds=1.0,
        findings=(),
        faults=(),
        portfolios=(),
        days={},
        latencies=(),
        latency_over_time=(),
        timeline={},
        fault_seconds=(),
        numbers_hash="0",
        day_hashes=hashes,
    )


def test_runs_with_the_same_numbers_pass_and_one_that_differs_fails():
    same = [report("a", day1="x", day2="y"), report("b", day1="x", day2="y")]
    assert check_grid(same).verdict is Verdict.PASSED
    finding = check_grid([*same, report("c", day1="x", day2="z")])
    assert (finding.verdict, finding.detail) == (Verdict.FAILED, "c differs on day2")
    lost = check_grid([*same, report("d", day1="x")])
    assert (lost.verdict, lost.detail) == (Verdict.FAILED, "d differs on day2")


def test_one_run_alone_shows_nothing():
    assert check_grid([report("a", day1="x")]).verdict is Verdict.UNKNOWN


def test_runs_with_other_faults_must_agree_on_the_days_that_they_share():
    one, two = report("a", day1="x", day2="y"), report("b", day1="x", day3="z")
    assert check_faults_alike([[one, two]]).verdict is Verdict.PASSED
    other_seed = report("c", seed=2, day1="other")
    assert check_faults_alike([[one, two, other_seed]]).verdict is Verdict.PASSED
    finding = check_faults_alike([[one, two, report("d", day2="other")]])
    assert (finding.verdict, finding.detail) == (Verdict.FAILED, "a and d differ on day2")
    assert check_faults_alike([[one, other_seed]]).verdict is Verdict.UNKNOWN


def test_runs_of_other_markets_are_not_compared_with_each_other():
    one, two = report("a", day1="x"), report("b", day1="x")
    other = report("e", day1="of another timeline")
    assert check_faults_alike([[one, two], [other]]).verdict is Verdict.PASSED
    assert check_faults_alike([[one], [other]]).verdict is Verdict.UNKNOWN


def test_stories_that_differ_in_faults_and_length_alone_are_of_one_world():
    worlds = {
        name: world_of(read_scenario(found_path(name)).file)
        for name in ("fault-broker", "fault-driver", "fault-links", "fault-kill-points")
    }
    assert worlds["fault-broker"] == worlds["fault-driver"] == worlds["fault-links"]
    assert worlds["fault-broker"] != worlds["fault-kill-points"]


def test_the_short_grid_brings_each_two_values_of_two_factors_together():
    assert list(uncovered_pairs((BASE, *SHORT_GRID))) == []
    assert list(uncovered_pairs((BASE, *SHORT_GRID[1:]))) != []
    assert set(SHORT_GRID) <= set(WHOLE_GRID)
    assert len(WHOLE_GRID) == len({point.name for point in WHOLE_GRID}) == 71


def test_a_point_restarts_anywhere_but_at_the_same_moment_each_time():
    days = len(read_story(read_scenario(found_path(GRID_STORY)), Path()).days)
    moments = [point.restart_at for point in WHOLE_GRID if point.restarts]
    assert len(set(moments)) > 12
    assert all(1 <= day <= days and 0 < at < 1 for day, at in moments)
    assert moments == [point.restart_at for point in WHOLE_GRID if point.restarts]
    assert BASE.restart_at is None


@pytest.mark.parametrize("seeds", [FAULT_SEEDS[:1], FAULT_SEEDS])
def test_the_suite_plays_every_story_and_each_with_faults_with_its_seeds(seeds):
    plays = short_plays(library(), seeds=seeds)
    assert {play.name for play in plays} == {path.stem for path in scenario_paths()}
    for play in plays:
        faults = read_scenario(found_path(play.name)).file.faults
        assert (play.seed is not None) == bool(faults)
    assert [play.seed for play in plays if play.name == "fault-driver"] == list(seeds)


def test_verify_plays_faults_with_one_seed_and_verify_full_with_both():
    short, whole = short_plays(["fault-redis"]), whole_plays(["fault-redis"])
    assert [play.folder for play in short] == ["fault-redis-seed1"]
    folders = [play.folder for play in whole]
    assert folders == ["fault-redis-seed1", "fault-redis-seed2", "fault-redis-paced"]


def test_a_long_story_is_played_by_verify_full_and_where_it_is_named(monkeypatch):
    assert set(library()) >= short.LONG
    monkeypatch.setattr(short, "LONG", {"two-weeks"})
    assert not is_chosen("two-weeks", None, whole=False)
    assert is_chosen("two-weeks", None, whole=True)
    assert is_chosen("two-weeks", ["two-weeks"], whole=False)
    assert not is_chosen("calm-day", ["two-weeks"], whole=True)
    assert is_chosen("calm-day", None, whole=False)


def test_stories_are_compressed_and_those_with_faults_wait_for_each_to_be_over():
    runs = {play.name: play.run() for play in short_plays(library()) if "-20" not in play.name}
    assert runs["calm-day"].speed == 1.0
    assert runs["two-weeks"].speed == pytest.approx(20 / 3, abs=0.1)
    assert runs["split-overnight"].speed == 1.0, "a number between barrier and first tick is needed"
    assert runs["fault-driver"].speed is None
    assert runs["fault-driver"].waits_at_faults
    assert not runs["two-weeks"].waits_at_faults


def test_the_suite_names_what_it_leaves_out():
    left = not_run(in_order(short_plays(["calm-day", GRID_STORY]), SHORT_GRID))
    assert left["bear-2022"] == "run by make verify-full"
    assert "calm-day" not in left
    assert left["determinism grid"].startswith("63 more points")
    assert left["stories on their own schedule"]
    assert left["faults with a second seed"]
    assert not_run(in_order(whole_plays(library()), WHOLE_GRID)) == {}


def test_further_seeds_come_last_and_are_named_when_time_has_run_out():
    plays = short_plays(["fault-redis", GRID_STORY], seeds=FAULT_SEEDS)
    jobs = in_order(plays, SHORT_GRID[:1])
    names = [job.folder for job in jobs]
    point = f"{GRID_STORY}-{SHORT_GRID[0].name}"
    assert names == ["fault-redis-seed1", point, GRID_STORY, "fault-redis-seed2"]
    assert out_of_time(jobs, jobs, 17) == {}
    left = out_of_time(jobs, jobs[:3], 17)
    assert left == {"fault-redis-seed2": "17 minutes were over; run by make verify-full"}


def test_runs_that_end_no_process_share_a_spark_session_and_come_last():
    jobs = in_order(short_plays(["calm-day", "fault-redis", GRID_STORY]), SHORT_GRID)
    flags = [job.ends_processes for job in jobs]
    assert flags == sorted(flags, reverse=True)
    assert sum(flags) == 1 + sum(point.restarts for point in SHORT_GRID)
    assert flags == [run_of(job).ends_processes for job in jobs]


def run_of(job):
    if isinstance(job, Play):
        return job.run()
    story = read_story(read_scenario(found_path(GRID_STORY)), Path())
    return Run(story, job.speed, restart_at=job.restart_at)


def test_the_line_that_repeats_a_point_names_its_cut_and_its_restart():
    point = next(
        grid_point for grid_point in SHORT_GRID if grid_point.restarts and grid_point.cut_records
    )
    story = read_story(read_scenario(found_path(GRID_STORY)), Path())
    run = Run(story, point.speed, restart_at=point.restart_at)
    line, _, _ = repeat_line(run, point.shape).partition("  #")
    assert f"--partitions {point.partitions} --cut {point.cut_records}" in line
    assert line.endswith(f"--restart-at {point.restart_at} --seed 1")


def test_a_run_that_breaks_off_has_failed_and_says_why():
    run = Run(read_story(read_scenario(found_path("calm-day")), Path()))
    broken = broken_off(
        run, PipelineConfig(), UnavailableError("no broker"), seconds=1.0, repeat_with="again"
    )
    (finding,) = broken.findings
    assert (broken.verdict, finding.check) == (Verdict.FAILED, BROKE_OFF)
    assert finding.detail == "UnavailableError: no broker"


@pytest.mark.parametrize("cut", [None, 40])
def test_a_shape_reaches_the_variables_of_the_stream(cut):
    settings = PipelineConfig(4, cut, sharded=bool(cut)).settings(replay_settings())
    variables = settings.environment()
    partitions = msgspec.json.decode(variables["RISKSTREAM_PARTITIONS"])
    assert partitions["market_data"] == 4
    assert variables["RISKSTREAM_MAX_BATCH_RECORDS"] == str(cut or 200_000)
    assert variables.get("RISKSTREAM_SHARD_FROM_PORTFOLIOS") == ("1" if cut else None)


def test_scenarios_have_a_state_folder_of_their_own():
    assert replay_settings().state_dir.name.endswith("-replay")
