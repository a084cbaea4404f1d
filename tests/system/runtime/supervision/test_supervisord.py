"""supervisord's configuration, read back with supervisord's own parser."""

from __future__ import annotations

import pytest
from supervisor.options import ServerOptions

from system.runtime.components.guard import OWN_PID_VARIABLE
from system.runtime.components.registry import COMPONENTS, chosen_components
from system.runtime.supervision.restarts import MAX_CRASHES
from system.runtime.supervision.supervisord import Pause, supervisor_conf


@pytest.fixture
def options(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(OWN_PID_VARIABLE, "4711")
    (tmp_path / "logs").mkdir()
    conf = tmp_path / "supervisord.conf"
    conf.write_text(supervisor_conf(COMPONENTS.values(), tmp_path / "s.sock"), "utf-8")
    chosen = ServerOptions()
    chosen.realize(["-c", str(conf), "-n"])
    return chosen


@pytest.fixture
def groups(options):
    return {group.name: group for group in options.process_group_configs}


def test_the_sentinel_knows_what_is_optional(options):
    [words] = [words for name, _, words in options.rpcinterface_factories if name == "sentinel"]
    assert words["optional"].split() == ["oracle", "alerts", "dashboard"]
    assert int(words["max_crashes"]) == MAX_CRASHES


def test_a_component_that_waits_for_its_restart_is_told_so():
    sentence = Pause(7, 19.6).sentence()
    assert sentence == "crashed 7 times within 10 minutes; is started again in 20 s"


def test_every_component_is_a_program_that_starts_only_when_told(groups):
    programs = [program for group in groups.values() for program in group.process_configs]
    assert {program.name for program in programs} == set(COMPONENTS)
    assert not any(program.autostart for program in programs)


def test_a_component_is_guarded_by_supervisords_own_process_id(groups):
    for group in groups.values():
        for program in group.process_configs:
            assert "--parent 4711" in program.command
            assert f"programs/{program.name}.json" in program.command


def test_restarts_are_bounded_and_a_killed_component_takes_its_children_along(groups):
    for group in groups.values():
        for program in group.process_configs:
            assert program.startretries == 3
            assert program.killasgroup
            assert program.stdout_logfile_maxbytes > 0


def test_what_reads_is_stopped_before_what_it_reads_from(groups):
    order = {p.name: g.priority for g in groups.values() for p in g.process_configs}
    assert order["dashboard"] == order["api"] > order["stream"] > order["spark-worker"]
    assert order["spark-master"] > order["kafka"] == order["postgres"] == order["redis"]


def test_each_component_is_stopped_by_its_own_signal(groups):
    signals = {p.name: p.stopsignal.name for g in groups.values() for p in g.process_configs}
    assert signals["postgres"] == "SIGINT"
    assert signals["kafka"] == "SIGTERM"


def test_a_subset_has_only_its_own_groups(tmp_path):
    conf = supervisor_conf(chosen_components(["redis"]), tmp_path / "s.sock")
    assert "[program:redis]" in conf
    assert "kafka" not in conf
    assert conf.count("[group:") == 1


def test_no_secret_and_no_port_stands_in_the_configuration(tmp_path):
    conf = supervisor_conf(COMPONENTS.values(), tmp_path / "s.sock")
    assert "password" not in conf.lower()
    assert "port=" not in conf
