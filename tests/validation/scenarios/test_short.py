"""The suite of verify: what it runs, what it leaves out and says so, and its grid's verdict."""

import msgspec
import pytest

from validation.checkers.verdict import Verdict
from validation.scenarios.commands import found_path, scenario_paths
from validation.scenarios.report import ScenarioReport
from validation.scenarios.short import (
    BASE,
    CUT_RECORDS,
    GRID_STORY,
    PARTITIONS,
    SHORT_GRID,
    SPEEDS,
    STORIES,
    WHOLE_GRID,
    check_grid,
    not_run,
)
from validation.scenarios.stack import Shape, replay_settings


def report(name: str, **hashes: str) -> ScenarioReport:
    return ScenarioReport(
        name=name,
        title="",
        story="",
        verdict=Verdict.PASSED,
        repeat_with="",
        commit="",
        scenario_hash="",
        seed=1,
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
    found = check_grid([*same, report("c", day1="x", day2="z")])
    assert (found.verdict, found.detail) == (Verdict.FAILED, "c differs on day2")
    lost = check_grid([*same, report("d", day1="x")])
    assert (lost.verdict, lost.detail) == (Verdict.FAILED, "d differs on day2")


def test_one_run_alone_shows_nothing():
    assert check_grid([report("a", day1="x")]).verdict is Verdict.UNKNOWN


def test_the_short_grid_has_every_partition_count_cut_and_speed():
    points = (BASE, *SHORT_GRID)
    assert {point.partitions for point in points} == set(PARTITIONS)
    assert {point.cut_records for point in points} == set(CUT_RECORDS)
    assert {point.speed for point in points} == set(SPEEDS)
    assert set(SHORT_GRID) <= set(WHOLE_GRID)
    assert len(WHOLE_GRID) == 35
    assert len({point.name for point in WHOLE_GRID}) == 35


def test_the_suite_names_what_it_leaves_out():
    assert GRID_STORY in STORIES
    assert all(found_path(name) for name in STORIES)
    left = not_run(STORIES, whole=False)
    assert {path.stem for path in scenario_paths()} == {*STORIES} | (
        set(left) - {"determinism grid"}
    )
    assert left["determinism grid"].startswith("33 more points")
    assert not_run([path.stem for path in scenario_paths()], whole=True) == {}


@pytest.mark.parametrize("cut", [None, 40])
def test_a_shape_reaches_the_variables_of_the_stream(cut):
    settings = Shape(4, cut).settings(replay_settings())
    variables = settings.environment()
    partitions = msgspec.json.decode(variables["RISKSTREAM_PARTITIONS"])
    assert partitions["market_data"] == 4
    assert variables["RISKSTREAM_MAX_BATCH_RECORDS"] == str(cut or 200_000)


def test_scenarios_have_a_state_folder_of_their_own():
    assert replay_settings().state_dir.name.endswith("-replay")
