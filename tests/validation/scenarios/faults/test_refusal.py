"""The command that a driver names when it refuses to start, found in its log and run."""

import pytest

from system.clock import ManualClock
from system.errors import UnavailableError
from validation.scenarios.faults.refusal import RefusalLog, run_command

REFUSAL = "the state ends at 7; `riskstream recover --case gap` goes on without them\n"


def test_the_command_is_taken_from_a_line_that_came_after_the_fault(tmp_path):
    path = tmp_path / "stream.log"
    path.write_text(REFUSAL.replace("gap", "old"), "utf-8")
    log = RefusalLog(path, ManualClock())
    with path.open("a") as stream:
        stream.write("another line\n" + REFUSAL)
    line, command = log.await_command("ends at 7")
    assert line == REFUSAL.strip()
    assert command == "riskstream recover --case gap"


def test_a_driver_that_names_no_command_is_waited_for_no_longer_than_a_bound(tmp_path):
    log = RefusalLog(tmp_path / "stream.log", ManualClock())
    with pytest.raises(UnavailableError, match="named no `riskstream recover` beside 'gap'"):
        log.await_command("gap")


def test_a_command_that_fails_says_what_it_printed(tmp_path):
    with pytest.raises(UnavailableError, match=r"(?s)failed \(2\): .*no-such"):
        run_command("riskstream no-such", tmp_path)
