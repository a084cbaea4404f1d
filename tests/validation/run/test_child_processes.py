"""Processes of a run: what they say is taken, and they never outlive it."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import msgspec
import psutil
import pytest

from system.contracts.oracle import OracleCheck, OracleVerdict
from system.simulate.progress import DaySent, PublishSummary, Slip, progress_line
from validation.oracle.recompute_ahead import Recomputed
from validation.run.child_process import ProcessFailedError
from validation.run.child_processes import AheadProcess, ObserverProcess, ReplayProcess

SLIP = Slip(ms_p50=0.1, ms_p99=0.5, ms_max=2.0)
SUMMARY = PublishSummary(
    day_count=1,
    tick_count=10,
    sent=15,
    acked=15,
    failed=0,
    seconds=1.0,
    ticks_per_second=10.0,
    achieved_ratio=1.0,
    on_schedule=True,
    slip=SLIP,
    offsets={},
)


def replay(tmp_path: Path, code: str, **options) -> ReplayProcess:
    """Return a process that says what some code says, in place of a source of market data."""
    process = ReplayProcess([], log=tmp_path / "log", **options)
    process._command = [sys.executable, "-c", code]
    return process


def saying(*lines: bytes) -> str:
    return f"import sys; sys.stdout.buffer.write({b''.join(lines)!r})"


def test_days_are_reported_and_the_summary_is_kept(tmp_path: Path) -> None:
    day = DaySent(date=dt.date(2020, 2, 3), index=0, day_count=1, tick_count=10, slip=SLIP)
    days: list[DaySent] = []
    code = saying(progress_line(day), progress_line(SUMMARY))
    with replay(tmp_path, code, on_day=days.append) as process:
        process.wait(60)
        assert process.summary == SUMMARY
        assert not process.is_running
    assert days == [day]


def test_a_failure_is_raised_with_the_last_words(tmp_path: Path) -> None:
    code = "import sys; sys.stderr.write('no broker'); sys.exit(3)"
    with (
        replay(tmp_path, code) as process,
        pytest.raises(ProcessFailedError, match=r"ended with 3: no broker"),
    ):
        process.wait(60)


def test_a_replay_that_does_not_end_is_ended_with_the_run(tmp_path: Path) -> None:
    with replay(tmp_path, "import time; time.sleep(600)") as process:
        assert process.is_running
        pid = process.pid
        with pytest.raises(ProcessFailedError, match=r"did not end within 0 s"):
            process.wait(0.05)
    assert not psutil.pid_exists(pid)


def observer(tmp_path: Path, code: str) -> ObserverProcess:
    process = ObserverProcess(tmp_path / "record", state_dir=tmp_path, log=tmp_path / "log")
    process._command = [sys.executable, "-c", code]
    return process


def test_an_observer_is_waited_for_and_ended_with_the_run(tmp_path: Path) -> None:
    code = "print('observing', flush=True); import time; time.sleep(600)"
    with observer(tmp_path, code) as process:
        pid = process.pid
        assert psutil.pid_exists(pid)
    assert not psutil.pid_exists(pid)


def test_an_observer_that_cannot_start_is_an_error_with_its_words(tmp_path: Path) -> None:
    code = "import sys; sys.stderr.write('no Redis'); sys.exit(1)"
    with pytest.raises(ProcessFailedError, match="no Redis"):
        observer(tmp_path, code).start()


def test_the_real_observer_says_why_it_cannot_observe_nothing(tmp_path: Path) -> None:
    process = ObserverProcess(tmp_path / "record", state_dir=tmp_path, log=tmp_path / "log")
    with pytest.raises(ProcessFailedError, match="redis_url is unknown"):
        process.start()


def test_the_verdicts_of_a_recomputing_oracle_are_read_when_it_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "recomputed"
    check = OracleCheck(
        snapshot_id="a-1-1",
        portfolio="a",
        verdict=OracleVerdict.AGREED,
        largest_difference=0.0,
        detail="",
        checked_at_ms=0,
    )
    line = msgspec.json.encode(Recomputed(digest="d", check=check)) + b"\n"
    code = f"""
import pathlib, time
pathlib.Path({str(path)!r}).write_bytes({line!r})
print("recomputing", flush=True)
time.sleep(600)
"""
    process = AheadProcess(path, state_dir=tmp_path, log=tmp_path / "log")
    process._command = [sys.executable, "-c", code]
    with process:
        pid = process.pid
        assert process.verdicts() == {"d": check}
        assert not psutil.pid_exists(pid)
