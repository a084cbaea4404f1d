"""Program of a component: saved privately for the guard, changed, run as a step within a bound."""

from __future__ import annotations

import json
import sys

import pytest

from system.places import PROJECT_DIR
from system.priority import NICENESS, REAL_TIME_PRIORITY
from system.runtime.components.guard import DETACHED
from system.runtime.components.programs import (
    GUARD_COMMAND,
    Program,
    change_program,
    guarded_command,
    run_step,
    save_program,
)
from system.runtime.errors import StackError


def saved(tmp_path, **options):
    path = tmp_path / "program.json"
    save_program(path, Program(("redis", "--port", "1"), tmp_path, **options))
    assert path.stat().st_mode & 0o777 == 0o600
    return json.loads(path.read_text("utf-8"))


def test_a_program_finds_the_product_from_any_folder(tmp_path):
    content = saved(tmp_path, environment={"A": "1"})
    assert content["command"] == ["redis", "--port", "1"]
    assert content["directory"] == str(tmp_path)
    assert content["environment"] == {
        "PYTHONPATH": str(PROJECT_DIR),
        "PYTHONUNBUFFERED": "1",
        "A": "1",
    }


@pytest.mark.parametrize(
    ("goes_first", "priorities"), [(True, (NICENESS, REAL_TIME_PRIORITY)), (False, (0, 0))]
)
def test_only_what_goes_first_gets_priority(tmp_path, goes_first, priorities):
    content = saved(tmp_path, goes_first=goes_first)
    assert (content["niceness"], content["real_time_priority"]) == priorities


def test_changed_variables_are_added_or_replaced_and_nothing_else_changes(tmp_path):
    before = saved(tmp_path, environment={"A": "1", "B": "2"}, user="postgres")
    path = tmp_path / "program.json"
    change_program(path, {"B": "3", "C": "4"})
    after = json.loads(path.read_text("utf-8"))
    assert path.stat().st_mode & 0o777 == 0o600
    expected = {**before["environment"], "B": "3", "C": "4"}
    assert after == {**before, "environment": expected}


def test_the_command_line_holds_the_program_by_its_file_alone():
    command = guarded_command("/state/program", DETACHED, "SIGTERM")
    assert tuple(command[: len(GUARD_COMMAND)]) == GUARD_COMMAND
    assert command[len(GUARD_COMMAND) :] == [
        *("--parent", DETACHED),
        *("--signal", "SIGTERM"),
        *("--program", "/state/program"),
    ]


def step(tmp_path, code, **options):
    program = Program((sys.executable, "-c", code), tmp_path)
    try:
        run_step(program, tmp_path / "scratch", **options)
    finally:
        assert not (tmp_path / "scratch").exists()


def test_a_step_reads_its_input_and_leaves_nothing_behind(tmp_path):
    step(tmp_path, "import sys; open('read', 'w').write(sys.stdin.read())", stdin="password")
    assert (tmp_path / "read").read_text("utf-8") == "password"


def test_a_step_that_fails_is_quoted_with_its_code(tmp_path):
    with pytest.raises(StackError, match=r"failed \(3\):\nno disk"):
        step(tmp_path, "print('no disk'); raise SystemExit(3)")


def test_a_step_that_takes_too_long_is_ended(tmp_path):
    with pytest.raises(StackError, match=r"took over 0\.5 s"):
        step(tmp_path, "import time; time.sleep(600)", bound_s=0.5)
