"""The fork server: how runs end, and that no process is left."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from validation.kill_table.fork_client import ForkServer, ForkServerError
from validation.kill_table.fork_server import LIBRARIES, OURS, Request

BOUND_S = 120.0
SHORT_BOUND_S = 0.5
TESTS = """import os
import signal
import subprocess
from pathlib import Path


def test_passes():
    assert "system" not in __import__("sys").modules


def test_fails():
    assert 1 == 2


def test_waits_for_ever():
    Path("child.pid").write_text(str(os.getpid()))
    while True:
        signal.pause()


def test_is_ended_by_a_signal():
    os.kill(os.getpid(), signal.SIGKILL)


def test_leaves_a_process():
    process = subprocess.Popen(["sleep", "3600"])
    Path("child.pid").write_text(str(process.pid))
    process.returncode = 0  # no warning that it still runs
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    (folder / "test_endings.py").write_text(TESTS)
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ForkServer]:
    with ForkServer(folder, log=folder / "server.log", libraries=()) as server:
        yield server


def request_for(folder: Path, name: str, *, bound_s: float = BOUND_S) -> Request:
    (folder / "child.pid").unlink(missing_ok=True)
    return Request(
        arguments=("-q", f"--basetemp={folder / 'tmp'}", f"test_endings.py::{name}"),
        log=str(folder / "run.log"),
        bound_s=bound_s,
        keep_bytecode=False,
    )


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + BOUND_S
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return
        except psutil.NoSuchProcess:
            return
        time.sleep(0.01)
    raise AssertionError(f"process {pid} is still there")


def pid_written(path: Path) -> int:
    deadline = time.monotonic() + BOUND_S
    while time.monotonic() < deadline:
        if path.exists() and (text := path.read_text()):
            return int(text)
        time.sleep(0.01)
    raise AssertionError(f"nothing wrote {path}")


def test_each_run_is_a_process_with_the_exit_code_of_pytest(
    folder: Path, server: ForkServer
) -> None:
    endings = [server.run(request_for(folder, f"test_{name}")) for name in ("passes", "fails")]
    assert [(run.ending, run.exit_code) for run in endings] == [("ended", 0), ("ended", 1)]
    assert "assert 1 == 2" in (folder / "run.log").read_text()
    assert psutil.Process(server.pid).children() == []


def test_a_run_that_hangs_is_ended_at_its_bound(folder: Path, server: ForkServer) -> None:
    hanging = request_for(folder, "test_waits_for_ever", bound_s=SHORT_BOUND_S)
    assert server.run(hanging).ending == "timed out"
    assert psutil.Process(server.pid).children() == []
    assert server.run(request_for(folder, "test_passes")).exit_code == 0


def test_a_run_that_crashes_names_its_signal(folder: Path, server: ForkServer) -> None:
    crashed = server.run(request_for(folder, "test_is_ended_by_a_signal"))
    assert (crashed.ending, crashed.exit_code) == ("ended", -signal.SIGKILL)


def test_processes_that_a_run_leaves_end_with_it(folder: Path, server: ForkServer) -> None:
    assert server.run(request_for(folder, "test_leaves_a_process")).exit_code == 0
    wait_until_gone(pid_written(folder / "child.pid"))


def test_a_run_ends_with_its_client(folder: Path) -> None:
    request, errors = request_for(folder, "test_waits_for_ever"), []

    def run_for_ever(server: ForkServer) -> None:
        try:
            server.run(request)
        except ForkServerError as error:
            errors.append(error)

    with ForkServer(folder, log=folder / "server.log", libraries=()) as server:
        waiting = threading.Thread(target=run_for_ever, args=(server,))
        waiting.start()
        child_pid = pid_written(folder / "child.pid")
    waiting.join()
    wait_until_gone(child_pid)
    wait_until_gone(server.pid)
    assert len(errors) == 1


@pytest.mark.parametrize(
    ("library", "reason"),
    [
        ("system", r"modules of this project are loaded before the fork: \['system'\]"),
        ("threaded", "2 threads before the fork"),
    ],
)
def test_a_server_that_holds_our_code_or_a_second_thread_does_not_fork(
    folder: Path, monkeypatch, library: str, reason: str
) -> None:
    (folder / "threaded.py").write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder))
    with (
        ForkServer(folder, log=folder / "server.log", libraries=(library,)) as server,
        pytest.raises(ForkServerError, match=reason),
    ):
        server.run(request_for(folder, "test_passes"))


def test_the_libraries_of_the_server_are_neither_ours_nor_patch_the_standard_library() -> None:
    assert not {name.partition(".")[0] for name in LIBRARIES} & {*OURS, "locust", "gevent"}
