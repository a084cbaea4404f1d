"""Child process: ready, read line by line, bounded, ended with all that it printed handled."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import pytest

from validation.run import child_process
from validation.run.child_process import ChildProcess, ProcessFailedError

SLEEPS = "import time; time.sleep(600)"
DEAF = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + "print('up', flush=True); "
)
ECHO = "import sys\nfor line in sys.stdin: print(line.upper(), end='', flush=True)"


def child(tmp_path: Path, code: str, **options) -> ChildProcess:
    return ChildProcess("the child", [sys.executable, "-c", code], log=tmp_path / "log", **options)


def test_it_is_ready_once_it_prints_its_line_and_ends_on_sigterm(tmp_path: Path) -> None:
    with child(tmp_path, f"print('up', flush=True); {SLEEPS}", ready="up") as process:
        assert process.is_running
        pid = process.pid
    assert not process.is_running
    assert not psutil.pid_exists(pid)


def test_another_first_line_is_a_failure_that_quotes_the_log(tmp_path: Path) -> None:
    code = (
        f"import sys; print('no', file=sys.stderr, flush=True); print('down', flush=True); {SLEEPS}"
    )
    process = child(tmp_path, code, ready="up")
    with pytest.raises(ProcessFailedError, match="the child did not start: no"):
        process.start()
    assert not process.is_running


def test_a_child_that_never_gets_ready_is_killed_at_the_bound(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(child_process, "READY_BOUND_S", 0.2)
    with pytest.raises(ProcessFailedError, match="it said nothing"):
        child(tmp_path, SLEEPS, ready="up").start()


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(child_process, "STOP_BOUND_S", 0.2)
    with child(tmp_path, DEAF, ready="up") as process:
        pid = process.pid
    assert not psutil.pid_exists(pid)


def test_whole_lines_are_handled_before_wait_returns_and_a_torn_one_is_not(tmp_path: Path) -> None:
    lines: list[bytes] = []
    code = "import sys; sys.stdout.write('one\\ntwo\\ntorn')"
    with child(tmp_path, code, on_line=lines.append) as process:
        process.wait(60)
    assert lines == [b"one\n", b"two\n"]


def test_a_child_that_does_not_end_in_time_is_a_failure(tmp_path: Path) -> None:
    with (
        child(tmp_path, SLEEPS) as process,
        pytest.raises(ProcessFailedError, match="the child did not end within 0 s"),
    ):
        process.wait(0.05)


def test_an_exit_code_is_a_failure(tmp_path: Path) -> None:
    with (
        child(tmp_path, "raise SystemExit(3)") as process,
        pytest.raises(ProcessFailedError, match="the child ended with 3: it said nothing"),
    ):
        process.wait(60)


def test_orders_are_answered_line_by_line_until_the_input_ends(tmp_path: Path) -> None:
    with child(tmp_path, ECHO, ends_with_input=True) as process:
        process.write_line(b"one")
        assert process.read_line(60) == b"ONE\n"
        process.write_line(b"two")
        assert process.read_line(60) == b"TWO\n"


def test_an_order_to_a_child_that_has_ended_is_lost_and_its_answer_empty(tmp_path: Path) -> None:
    with child(tmp_path, "") as process:
        process.wait(60)
        process.write_line(b"one")
        assert process.read_line(60) == b""


def test_it_runs_with_the_environment_and_folder_that_it_is_given(tmp_path: Path) -> None:
    lines: list[bytes] = []
    code = "import os; print(os.environ['PLACE'], os.getcwd())"
    options = {"environment": {**os.environ, "PLACE": "here"}, "cwd": tmp_path}
    with child(tmp_path, code, on_line=lines.append, **options) as process:
        process.wait(60)
    assert lines == [f"here {tmp_path}\n".encode()]


def test_stop_is_harmless_before_the_start_and_twice(tmp_path: Path) -> None:
    process = child(tmp_path, SLEEPS)
    process.stop()
    process.start()
    process.stop()
    process.stop()
