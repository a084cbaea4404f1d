"""The library of scenarios, its documentation and its schema."""

import json
import re
import tomllib

import jsonschema
import msgspec
import pytest

from system.bus.routing import partition_of
from system.places import SHARED_DIR
from system.settings import load_settings
from validation.scenarios.file.errors import ScenarioError
from validation.scenarios.file.fault_tables import AnyFault, FaultTable
from validation.scenarios.file.format import AnyEdit, Expect, RealMarket, ScenarioFile
from validation.scenarios.file.parser import read_scenario
from validation.scenarios.file.schema import SCHEMA_PATH, schema_bytes
from validation.scenarios.story.story import read_story
from validation.scenarios.suite.file_commands import TEMPLATE, checked, found_path, scenario_paths
from validation.scenarios.suite.short import KEEPS_SCHEDULE

README = (SHARED_DIR / "scenarios" / "README.md").read_text("utf-8")


def test_the_schema_is_that_of_the_format():
    assert SCHEMA_PATH.read_bytes() == schema_bytes(), (
        "run python -m validation.scenarios.file.schema"
    )


@pytest.mark.parametrize("path", scenario_paths(), ids=lambda path: path.stem)
def test_every_scenario_is_valid_by_reader_and_by_schema(path):
    assert read_scenario(path).file.story
    data = json.loads(json.dumps(tomllib.loads(path.read_text("utf-8")), default=str))
    jsonschema.validate(data, json.loads(SCHEMA_PATH.read_bytes()))


SIMULATED = [
    path for path in scenario_paths() if not isinstance(read_scenario(path).file.market, RealMarket)
]


@pytest.mark.parametrize("path", SIMULATED, ids=lambda path: path.stem)
def test_every_simulated_scenario_can_be_played(path):
    assert checked(path).books


FAULTY = [path for path in SIMULATED if read_scenario(path).file.faults]


@pytest.mark.parametrize("path", FAULTY, ids=lambda path: path.stem)
def test_ticks_go_on_for_as_long_as_a_recovery_must_hold_behind_the_last_fault(path):
    file = read_scenario(path).file
    last = max(file.faults, key=lambda fault: (fault.day, fault.at))
    within = 1 - last.at if isinstance(last, KEEPS_SCHEDULE) else 0  # else sent at once
    seconds = (file.market.days - last.day + within) * file.market.seconds_per_day
    assert seconds >= max(fault.steady_s for fault in file.faults) + 10


SILENT = [
    (path, name)
    for path in SIMULATED
    for name in read_scenario(path).file.expect.stale or ()
    if not name.startswith("fx:")
]


@pytest.mark.parametrize(("path", "name"), SILENT, ids=lambda value: getattr(value, "stem", value))
@pytest.mark.parametrize("partitions", [1, 2, 4])
def test_who_is_to_be_noticed_as_stale_has_a_neighbour_in_its_partition(path, name, partitions):
    others = {f"SIM{number:03d}" for number in range(1, instruments_of(path) + 1)} - {name}
    own = partition_of(name.encode(), partitions)
    assert any(partition_of(other.encode(), partitions) == own for other in others)


def instruments_of(path) -> int:
    return read_scenario(path).file.market.instruments


def test_the_soak_is_found_by_name_and_is_no_part_of_the_library():
    path = found_path("soak")
    assert path not in scenario_paths()
    story = read_story(read_scenario(path), load_settings().wheels_dir)
    assert len(story.days) == 300


def test_the_example_of_the_documentation_can_be_played(tmp_path):
    example = next(text for text in re.findall(r"```toml\n(.*?)```", README, re.DOTALL))
    path = tmp_path / "example.toml"
    path.write_text(example, "utf-8")
    assert len(checked(path).days) == 4


def test_what_new_writes_can_be_played(tmp_path):
    path = tmp_path / "begun.toml"
    path.write_text(TEMPLATE.format(title="begun"), "utf-8")
    assert checked(path).scenario.file.title == "begun"


def test_the_documentation_names_every_key_and_every_kind():
    for table in (ScenarioFile, Expect):
        for name in table.__struct_fields__:
            assert name in README
    for union in (AnyEdit, AnyFault):
        for kind in union.__args__:
            row = next(line for line in README.splitlines() if f"| `{tag(kind)}` |" in line)
            for name in set(kind.__struct_fields__) - set(FaultTable.__struct_fields__):
                assert f"`{name}`" in row, (tag(kind), name)


def tag(one: type[msgspec.Struct]) -> str:
    return str(one.__struct_config__.tag)


def test_a_scenario_is_found_by_name_and_an_unknown_one_is_refused_with_the_names():
    assert found_path("calm-day").name == "calm-day.toml"
    with pytest.raises(ScenarioError, match=r"scenarios there are: .*calm-day"):
        found_path("no-such")
