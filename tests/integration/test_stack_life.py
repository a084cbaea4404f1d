"""The life of a stack: its ends, its accidents, its neighbours. Small stacks, real servers."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr
from tenacity import Retrying, stop_after_delay, wait_fixed

from system.places import PROJECT_DIR
from system.runtime import stack as stack_module
from system.runtime.components import postgres
from system.runtime.components.apps import Dashboard
from system.runtime.components.programs import Program
from system.runtime.errors import AlreadyRunningError, ComponentFailedError, StackError
from system.runtime.running import RunningStack
from system.runtime.stack import EmbeddedStack
from system.runtime.state import StateDir
from tests.integration.conftest import private_settings
from tests.integration.processes import family, survivors
from tests.signals import with_default_signals

pytestmark = pytest.mark.integration

UP_BOUND_S = 60
END_BOUND_S = 60
ONLY = ("redis", "postgres")


@pytest.fixture
def settings(tmp_path):
    chosen = private_settings(tmp_path / "state")
    yield chosen
    RunningStack(chosen).forget()


@pytest.fixture
def small_stack(settings):
    with EmbeddedStack(settings, components=ONLY) as embedded:
        yield embedded


@pytest.fixture
def command_line(settings):
    """A `riskstream up` in the foreground, ready."""
    process = start_command_line(settings)
    try:
        await_running(process)
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def impatient_command_line(settings):
    """A `riskstream up` that stops everything at the second crash within the window."""
    impatience = "from system.runtime.supervision import supervisord as s; s.MAX_CRASHES = 1"
    process = start_command_line(
        settings, "-c", f"{impatience}; from system.cli import main; main()"
    )
    try:
        await_running(process)
        yield process
    finally:
        process.kill()
        process.communicate()


def start_command_line(settings, *python):
    """Start `riskstream up` in the foreground, as a person would."""
    environment = {**os.environ, "RISKSTREAM_STATE_DIR": str(settings.state_dir)}
    for variable in ("REDIS_URL", "DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "SPARK_MASTER"):
        environment.pop(variable, None)
    return subprocess.Popen(
        with_default_signals(
            [sys.executable, *(python or ("-m", "system.cli")), "up", "--only", ",".join(ONLY)]
        ),
        env=environment,
        cwd=PROJECT_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def await_running(process):
    """Read what a person would until everything is up; pytest's own timeout bounds it."""
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("Running."):
            return
    pytest.fail("".join(said))


def everybody(settings):
    return family(RunningStack(settings).pid("supervisord"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_termination_and_a_closed_terminal_stop_everything(command_line, settings, number):
    processes = everybody(settings)
    command_line.send_signal(number)
    said, _ = command_line.communicate(timeout=END_BOUND_S)
    assert command_line.returncode == 0, said
    assert survivors(processes) == []
    assert not RunningStack(settings).is_up()
    assert not settings.connections_path.exists()


def test_ctrl_c_in_the_middle_of_the_start_stops_what_was_started(settings):
    process = start_command_line(settings)
    seen = next(line for line in process.stdout if "starting" in line)
    processes = everybody(settings)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=END_BOUND_S)
    assert process.returncode == 0, seen + said
    assert "Traceback" not in said
    assert survivors(processes) == []
    assert not RunningStack(settings).is_up()


def test_nothing_survives_when_the_command_line_is_killed_and_its_leavings_can_be_removed(
    command_line, settings
):
    processes = everybody(settings)
    command_line.kill()
    assert survivors(processes) == []
    assert not RunningStack(settings).is_up()
    RunningStack(settings).forget()
    assert not StateDir(settings.state_dir).short_dir.exists()
    assert not settings.connections_path.exists()


def test_nothing_survives_when_the_supervisor_is_killed_and_the_command_line_says_so(
    command_line, settings
):
    processes = everybody(settings)
    processes[0].kill()
    said, _ = command_line.communicate(timeout=END_BOUND_S)
    assert survivors(processes) == []
    assert command_line.returncode == 1
    assert "supervisord ended by -9" in said


def test_a_component_that_crashes_again_and_again_stops_everything_with_its_last_words(
    impatient_command_line, settings
):
    command_line = impatient_command_line
    processes = everybody(settings)
    (settings.state_dir / "redis" / "redis.conf").write_text("no-such-directive 1\n", "utf-8")
    psutil.Process(RunningStack(settings).pid("redis")).kill()
    said, _ = command_line.communicate(timeout=END_BOUND_S)
    assert command_line.returncode == 1
    assert "redis crashed at every start" in said
    assert "what to do: " in said
    assert "no-such-directive" in said
    assert survivors(processes) == []
    again = subprocess.run(
        [sys.executable, "-m", "system.cli", "status"],
        env={**os.environ, "RISKSTREAM_STATE_DIR": str(settings.state_dir)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 3
    assert "redis crashed at every start" in again.stderr
    assert "what to do: " in again.stderr


def test_a_component_whose_starts_fail_for_a_while_comes_back_once_the_cause_is_gone(
    small_stack, settings
):
    conf = settings.state_dir / "redis" / "redis.conf"
    text = conf.read_text("utf-8")
    conf.write_text("no-such-directive 1\n", "utf-8")
    psutil.Process(small_stack.running.pid("redis")).kill()

    def redis():
        [status] = [each for each in small_stack.running.status() if each.name == "redis"]
        return status

    def is_given_up():
        assert redis().state == "fatal"
        assert "is started again in" in redis().problem

    def is_back():
        assert redis().state == "healthy"

    patience = Retrying(stop=stop_after_delay(UP_BOUND_S), wait=wait_fixed(0.2), reraise=True)
    patience(is_given_up)
    conf.write_text(text, "utf-8")
    patience(is_back)


def test_a_dashboard_that_cannot_start_does_not_keep_the_rest_from_starting(settings, monkeypatch):
    monkeypatch.setattr(
        Dashboard, "prepare", lambda self, site: Program(("false",), settings.state_dir)
    )
    with EmbeddedStack(settings, components=["redis", "dashboard"]) as stack:
        states = {each.name: each for each in stack.running.status()}
        assert states["redis"].state == "healthy"
        assert states["dashboard"].state in {"backoff", "fatal", "starting", "unhealthy"}


def test_a_component_that_crashed_once_is_started_again_on_its_port(small_stack):
    before = small_stack.running.pid("redis")
    psutil.Process(before).kill()

    def another_answers():
        [redis] = [each for each in small_stack.running.status() if each.name == "redis"]
        assert redis.state == "healthy"
        assert redis.pid != before

    Retrying(stop=stop_after_delay(UP_BOUND_S), wait=wait_fixed(0.2), reraise=True)(another_answers)


def test_a_component_can_be_restarted_and_keeps_its_data(small_stack):
    running = small_stack.running
    before = running.pid("postgres")
    running.restart("postgres")
    assert running.pid("postgres") != before
    assert {each.state for each in running.status()} == {"healthy"}


def test_a_crash_at_the_start_names_the_log_shows_its_end_and_leaves_nothing(settings):
    with EmbeddedStack(settings, components=["postgres"]):
        pass
    (settings.state_dir / "postgres" / "data" / "PG_VERSION").write_text("9\n", "utf-8")
    stack = EmbeddedStack(settings, components=ONLY)
    with pytest.raises(ComponentFailedError) as caught:
        stack.start()
    said = str(caught.value)
    assert "postgres exited while it started" in said
    assert str(settings.state_dir / "logs" / "postgres.log") in said
    assert "incompatible" in said
    assert not RunningStack(settings).is_up()
    assert not StateDir(settings.state_dir).short_dir.exists()


def test_a_stack_starts_again_on_the_state_that_another_left(settings):
    with EmbeddedStack(settings, components=["postgres"]) as first:
        password = first.connections.database_url.split(":")[2].split("@")[0]
    with EmbeddedStack(settings, components=["postgres"]) as second:
        assert password in second.connections.database_url


def test_a_second_stack_on_the_same_folder_is_refused_and_disturbs_nothing(small_stack, settings):
    with pytest.raises(AlreadyRunningError, match="riskstream status"):
        EmbeddedStack(settings, components=ONLY).start()
    assert {each.state for each in small_stack.running.status()} == {"healthy"}


def test_a_detached_stack_outlives_its_starter_until_it_is_told_to_stop(settings):
    EmbeddedStack(settings, components=["redis"], detached=True).start()
    processes = everybody(settings)
    running = RunningStack(settings)
    assert [each.state for each in running.status()] == ["healthy"]
    running.stop()
    assert survivors(processes) == []


def test_an_external_server_is_used_checked_and_not_started(small_stack, tmp_path):
    theirs = private_settings(tmp_path / "other").model_copy(
        update={"redis_url": SecretStr(small_stack.connections.redis_url)}
    )
    with EmbeddedStack(theirs, components=["redis"]) as stack:
        [status] = stack.running.status()
        assert (status.external, status.state, status.pid) == (True, "healthy", None)
        assert stack.connections.redis_url == small_stack.connections.redis_url


def test_an_external_server_that_does_not_answer_is_named_by_its_address(tmp_path, monkeypatch):
    monkeypatch.setattr("system.runtime.health.EXTERNAL_BOUND_S", 0.5)
    settings = private_settings(tmp_path).model_copy(
        update={"kafka_bootstrap_servers": "127.0.0.1:1"}
    )
    with pytest.raises(StackError, match=r"kafka: the server at 127\.0\.0\.1:1"):
        EmbeddedStack(settings, components=["kafka"]).start()
    assert not RunningStack(settings).is_up()


def test_a_port_that_is_taken_between_choice_and_use_becomes_another(settings, monkeypatch):
    choose = stack_module.free_ports
    with socket.socket() as thief:
        thief.bind(("127.0.0.1", 0))
        thief.listen()
        stolen = thief.getsockname()[1]
        offers = iter([[stolen]])
        monkeypatch.setattr(
            stack_module, "free_ports", lambda wanted: next(offers, None) or choose(wanted)
        )
        with EmbeddedStack(settings, components=["redis"]) as stack:
            assert f":{stolen}/" not in stack.connections.redis_url
            assert [each.state for each in stack.running.status()] == ["healthy"]


def link_or_copy(source, target):
    """Link where both are on one file system; a temporary folder may be on another."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_root_can_run_it_from_below_a_private_home(tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    installed = postgres.installed_dir()
    libraries = installed.parents[1] / postgres.LIBRARIES_DIR_NAME
    private = home / "venv" / installed.parent.name / installed.name
    shutil.copytree(installed, private, copy_function=link_or_copy)
    shutil.copytree(libraries, home / "venv" / libraries.name, copy_function=link_or_copy)
    monkeypatch.setattr(postgres, "installed_dir", lambda: Path(private))
    settings = private_settings(home / "checkout" / ".riskstream")
    with EmbeddedStack(settings, components=["postgres"]) as stack:
        server = psutil.Process(stack.running.pid("postgres"))
        assert server.username() == settings.service_user
        assert home.stat().st_mode & 0o777 == 0o700
        assert str(home) not in " ".join(server.cmdline())
    assert not StateDir(settings.state_dir).short_dir.exists()
