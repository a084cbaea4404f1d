"""The guard: becomes the program, in its folder, and dies with its parent."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys

import psutil
import pytest

from system.priority import NICENESS
from system.runtime.components import guard
from system.runtime.components.guard import DETACHED, NOT_STARTED_EXIT_CODE, ORPHANED_EXIT_CODE
from system.runtime.components.programs import (
    Program,
    change_program,
    guarded_command,
    run_step,
    save_program,
)
from system.runtime.errors import StackError

BOUND_S = 60


class StartedError(Exception):
    """Instead of becoming the program."""


SLEEPER = "import sys, time; print('ready', flush=True); time.sleep(60)"
SHOW = (
    "import os;print(os.getcwd(), os.environ['GREETING'], oct(os.umask(0)), os.getpid(), sep='\\n')"
)


def command(tmp_path, program, parent=None, death_signal="SIGKILL"):
    path = tmp_path / "program.json"
    save_program(path, program)
    return guarded_command(str(path), str(os.getpid() if parent is None else parent), death_signal)


def test_the_guard_becomes_the_program_in_its_folder_with_its_environment(tmp_path):
    program = Program((sys.executable, "-c", SHOW), tmp_path, {"GREETING": "hello"})
    with subprocess.Popen(command(tmp_path, program), stdout=subprocess.PIPE, text=True) as process:
        said = process.communicate(timeout=BOUND_S)[0].splitlines()
    assert said == [str(tmp_path), "hello", "0o77", str(process.pid)]


def test_the_program_file_is_private(tmp_path):
    save_program(tmp_path / "p", Program(("x",), tmp_path, {"PASSWORD": "y"}))
    assert (tmp_path / "p").stat().st_mode & 0o777 == 0o600


def test_a_changed_program_starts_with_its_new_variables_and_stays_private(tmp_path):
    path = tmp_path / "program.json"
    save_program(path, Program((sys.executable, "-c", SHOW), tmp_path, {"GREETING": "hello"}))
    change_program(path, {"GREETING": "again"})
    assert path.stat().st_mode & 0o777 == 0o600
    with subprocess.Popen(
        guarded_command(str(path), str(os.getpid())), stdout=subprocess.PIPE, text=True
    ) as process:
        said = process.communicate(timeout=BOUND_S)[0].splitlines()
    assert said[:2] == [str(tmp_path), "again"]


def test_the_program_is_killed_when_its_parent_is(tmp_path):
    program = Program((sys.executable, "-c", SLEEPER), tmp_path)
    path = tmp_path / "program.json"
    save_program(path, program)
    guard = guarded_command(str(path), "PARENT")
    parent_code = (
        "import os, subprocess, sys, time;"
        f"command = [a.replace('PARENT', str(os.getpid())) for a in {guard!r}];"
        "child = subprocess.Popen(command, stdout=subprocess.PIPE);"
        "child.stdout.readline(); print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", parent_code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        parent.wait(BOUND_S)
        psutil.wait_procs([child], timeout=BOUND_S)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_parent_that_died_before_the_guard_looked_is_noticed(tmp_path):
    program = Program((sys.executable, "-c", SLEEPER), tmp_path)
    nobody = 2**22 + 1  # above the largest process id of Linux
    done = subprocess.run(command(tmp_path, program, nobody), timeout=BOUND_S, check=False)
    assert done.returncode == ORPHANED_EXIT_CODE


def test_a_detached_program_is_left_to_init(tmp_path):
    program = Program((sys.executable, "-c", "import os; print(os.getppid())"), tmp_path)
    done = subprocess.run(
        command(tmp_path, program, DETACHED), timeout=BOUND_S, check=True, capture_output=True
    )
    assert int(done.stdout) != os.getpid()


@pytest.mark.parametrize(
    "program",
    [
        Program(("/no/such/program",), directory=os.curdir),
        Program((sys.executable,), directory="/no/such/folder"),
        Program((sys.executable,), directory=os.curdir, user="no-such-user"),
    ],
)
def test_what_cannot_be_started_says_why_and_exits_as_a_shell_would(tmp_path, program):
    done = subprocess.run(
        command(tmp_path, program), timeout=BOUND_S, check=False, capture_output=True, text=True
    )
    assert done.returncode == NOT_STARTED_EXIT_CODE
    assert "cannot start" in done.stderr
    assert "no" in done.stderr.lower()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may go ahead of others")
def test_a_program_goes_ahead_of_others_where_it_may(tmp_path):
    code = (
        "import os, subprocess, sys;"
        "say = 'import os; print(os.sched_getscheduler(0) & os.SCHED_RR, os.nice(0))';"
        "exec(say);"
        "sys.stdout.flush();"
        "subprocess.run([sys.executable, '-c', say], check=True)"
    )
    program = Program((sys.executable, "-c", code), tmp_path, goes_first=True)
    done = subprocess.run(
        command(tmp_path, program), timeout=BOUND_S, check=True, capture_output=True, text=True
    )
    itself, what_it_starts = (tuple(map(int, line.split())) for line in done.stdout.splitlines())
    assert itself == (os.SCHED_RR, NICENESS)
    assert what_it_starts == (0, 0)


def test_without_the_privilege_a_program_starts_all_the_same(tmp_path, monkeypatch):
    def refused(*_):
        raise PermissionError

    monkeypatch.setattr(guard.os, "setpriority", refused)
    monkeypatch.setattr(guard.os, "sched_setscheduler", refused)
    monkeypatch.setattr(guard.os, "umask", lambda _: 0)
    monkeypatch.setattr(
        guard.os, "execvpe", lambda *told: (_ for _ in ()).throw(StartedError(told[0]))
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StartedError, match="/bin/true"):
        guard.become(
            guard.Order(False, 0, signal.SIGTERM, ("/bin/true",), str(tmp_path), {}, None, -3, 1)
        )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_becomes_the_service_user_for_good_in_a_folder_that_user_could_not_reach(tmp_path):
    home = tmp_path / "private"
    work = home / "work"
    work.mkdir(parents=True)
    home.chmod(0o700)
    shutil.chown(work, "nobody")
    script = "grep -E '^(Uid|Gid|Groups)' /proc/self/status; ls /proc/self/cwd; echo > made"
    done = subprocess.run(
        command(tmp_path, Program(("/bin/sh", "-c", script), work, user="nobody")),
        timeout=BOUND_S,
        check=True,
        capture_output=True,
        text=True,
    )
    uid = pwd.getpwnam("nobody").pw_uid
    assert done.stdout.splitlines()[0].split() == ["Uid:", *[str(uid)] * 4]
    assert done.stdout.splitlines()[-1].split() == ["Groups:"]
    assert (work / "made").stat().st_uid == uid


def test_a_step_that_fails_says_what_it_printed_and_leaves_no_file(tmp_path):
    program = Program((sys.executable, "-c", "import sys; sys.exit('disk is full')"), tmp_path)
    with pytest.raises(StackError, match="disk is full"):
        run_step(program, tmp_path / "scratch")
    assert list(tmp_path.iterdir()) == []


def test_a_step_is_fed_its_secret_by_standard_input(tmp_path):
    code = "import sys; assert sys.stdin.read() == 'secret'"
    run_step(Program((sys.executable, "-c", code), tmp_path), tmp_path / "scratch", stdin="secret")


def test_a_gentle_death_signal_can_be_chosen(tmp_path):
    program = Program((sys.executable, "-c", "print('ran')"), tmp_path)
    chosen = command(tmp_path, program, death_signal="SIGTERM")
    assert signal.Signals[chosen[chosen.index("--signal") + 1]] == signal.SIGTERM
    subprocess.run(chosen, timeout=BOUND_S, check=True, capture_output=True)
