"""Running a command: logged, bounded, and its whole group ended."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import pytest

from validation.run.command import log_tail, run_command

PARENT_WITH_CHILD = """
import os, signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


def run(tmp_path: Path, code: str, *, timeout_s: float = 60.0, **options):
    return run_command(
        [sys.executable, "-c", code],
        log=tmp_path / "log",
        timeout_s=timeout_s,
        cwd=tmp_path,
        **options,
    )


def child_of(folder: Path) -> int:
    """Return the process id that the command printed, a line of its own."""
    return next(int(line) for line in (folder / "log").read_text().splitlines() if line.isdigit())


def test_output_of_both_streams_and_the_command_stand_in_the_log(tmp_path: Path) -> None:
    result = run(tmp_path, "import sys; print('out'); sys.stderr.write('err')")
    text = (tmp_path / "log").read_text()
    assert (result.ending, result.exit_code) == ("ended", 0)
    assert text.startswith(f"$ {sys.executable} -c ")
    assert "out" in text
    assert "err" in text


def test_the_exit_code_is_that_of_the_command(tmp_path: Path) -> None:
    assert run(tmp_path, "raise SystemExit(3)").exit_code == 3


def test_a_program_that_does_not_exist_is_told_apart(tmp_path: Path) -> None:
    log = tmp_path / "log"
    result = run_command(["no-such-program"], log=log, timeout_s=5, cwd=tmp_path)
    assert result.ending == "not started"
    assert "no-such-program" in log.read_text()


def test_at_its_bound_a_command_is_ended_with_its_children(tmp_path: Path) -> None:
    result = run(tmp_path, PARENT_WITH_CHILD, timeout_s=2.0)
    child = child_of(tmp_path)
    assert result.ending == "timed out"
    assert not psutil.pid_exists(child)


def test_an_interrupt_of_the_caller_ends_the_command(tmp_path: Path) -> None:
    def interrupted() -> None:
        if any(line.isdigit() for line in (tmp_path / "log").read_text().splitlines()):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, PARENT_WITH_CHILD, on_wait=interrupted)
    assert not psutil.pid_exists(child_of(tmp_path))


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("".join(f"line {number}\n" for number in range(100)))
    assert log_tail(tmp_path / "log", 2) == "line 98\nline 99"
    assert log_tail(tmp_path / "none", 2) == ""


def test_a_command_runs_in_a_group_of_its_own(tmp_path: Path) -> None:
    run(tmp_path, "import os; print(os.getpgid(0))")
    assert int((tmp_path / "log").read_text().split()[-1]) != os.getpgid(0)
