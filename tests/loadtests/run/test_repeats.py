"""Command that a report names to repeat it: parsed again, it is the same run."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from loadtests.commands import MEASUREMENTS
from loadtests.peers import compare as compare_module
from loadtests.peers.compare import PEERS, PIPELINES, PRODUCT
from loadtests.run import command as load_module
from loadtests.run.command import mode_of
from loadtests.run.judge import budgets_of
from loadtests.run.repeats import load_command
from loadtests.source.plan import LoadPlan, load_plan
from loadtests.source.shapes import SHAPES
from loadtests.studies.latency_growth import repeat_of as repeat_of_point
from loadtests.users import command as users_module
from loadtests.users.command import MAX_PROCESSES, MAX_USERS
from system.settings import Settings

RATES = st.floats(0.001, 20_000, allow_nan=False)
SECONDS = st.floats(0.001, 1_000, allow_nan=False)
CLIENTS = st.sampled_from(("kafka-python", "confluent"))


class ToldError(Exception):
    """Ends a command at the moment that it would run, with what it would run."""


@st.composite
def plans(draw) -> LoadPlan:
    instruments = draw(st.integers(1, 10_000))
    return load_plan(
        rate=draw(RATES),
        seconds=draw(SECONDS),
        warm_up_seconds=draw(st.one_of(st.just(0.0), SECONDS)),
        shape=draw(st.sampled_from(sorted(SHAPES))),
        instruments=instruments,
        portfolios=draw(st.integers(1, 10_000)),
        positions=draw(st.integers(0, instruments)),
        window=draw(st.integers(20, 1_000)),
        seconds_per_day=draw(SECONDS),
        seed=draw(st.integers(0, 2**31)),
        client=draw(CLIENTS),
    )


@contextmanager
def nothing(*_, **__):
    yield None


def told(words: list[str], command, **replaced) -> ToldError:
    """Run a command whose work is replaced by telling of it."""
    app = typer.Typer()
    app.command()(command)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in replaced.items():
            patch.setattr(command.__module__ + "." + name, value)
        done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, ToldError), done.output
    return done.exception


def read_back(line: str, folder) -> tuple[Any, ...]:
    """Return what `riskstream load` would run for a line."""
    program, name, *words = shlex.split(line)
    assert (program, name) == ("riskstream", "load")
    seen = {}

    def site_of(report, console, **how):
        seen.update(how)

    def measured_load(plan, site, connections, budgets, **said):
        raise ToldError(plan, budgets, said["mode"], seen["running"], said["repeat_with"])

    replaced = {"site_of": site_of, "connected": nothing, "measured_load": measured_load}
    return told([*words, "--report", str(folder)], load_module.load, **replaced).args


@given(
    plan=plans(),
    p99_ms=st.one_of(st.just(0.0), st.floats(1, 1e6)),
    local=st.booleans(),
    running=st.booleans(),
)
def test_a_load_is_repeated_to_the_last_digit_of_its_plan(
    tmp_path_factory, plan, p99_ms, local, running
):
    line = load_command(plan, p99_ms=p99_ms, local=local, running=running)
    again, budgets, mode, on_running, said = read_back(line, tmp_path_factory.getbasetemp())
    assert again == plan
    assert budgets == budgets_of(plan, p99_ms=p99_ms or None)
    assert (mode, on_running) == (mode_of(local), running)
    assert said == line


def test_a_point_with_partitions_of_its_own_names_them_as_settings_read_them(monkeypatch, tmp_path):
    plan = load_plan(rate=10, seconds=5)
    assert repeat_of_point(plan, {}) == load_command(plan)
    variable, *words = shlex.split(repeat_of_point(plan, {"market_data": 8}))
    monkeypatch.setenv(*variable.split("=", 1))
    assert Settings().partitions == {"market_data": 8}
    assert read_back(shlex.join(words), tmp_path)[0] == plan


@pytest.mark.parametrize("system", [*PIPELINES, *PEERS])
def test_a_run_of_the_comparison_is_repeated_by_the_comparison(system, tmp_path):
    runs = []

    def run(name, plan, folder, console, repeat):
        runs.append((name, plan))
        if name == system:
            raise ToldError
        return compare_module.failed_run(name, repeat, "not run")

    plan = load_plan(
        rate=333.25, seconds=7, warm_up_seconds=2.5, seconds_per_day=9.5, client="confluent"
    )
    program, group, name, *words = shlex.split(compare_module.repeat_of(system, plan))
    assert (program, group) == ("riskstream", "measure")
    assert MEASUREMENTS[name].module == compare_module.__name__
    told([*words, "--report", str(tmp_path)], compare_module.compare, _run=run)
    assert runs == [(name, plan) for name in dict.fromkeys([PRODUCT, system])]


@given(
    rate=RATES,
    seconds=SECONDS,
    shape=st.sampled_from(sorted(SHAPES)),
    client=CLIENTS,
    user_count=st.integers(1, MAX_USERS),
    processes=st.integers(0, MAX_PROCESSES),
    ui=st.booleans(),
)
def test_a_run_with_users_is_repeated_with_its_users(
    tmp_path_factory, rate, seconds, shape, client, user_count, processes, ui
):
    def open_books(plan, connections, site):
        raise ToldError(plan)

    plan = load_plan(rate=rate, seconds=seconds, warm_up_seconds=1, shape=shape, client=client)
    line = users_module.repeat_of(plan, user_count, processes, ui=ui)
    program, group, name, *words = shlex.split(line)
    assert (program, group) == ("riskstream", "measure")
    assert MEASUREMENTS[name].module == users_module.__name__
    options = dict(zip(words, [*words[1:], ""], strict=True))
    assert (options["--users"], options["--processes"]) == (str(user_count), str(processes))
    assert ("--ui" in words) == ui
    words += ["--report", str(tmp_path_factory.getbasetemp())]
    replaced = {"connected": nothing, "open_books": open_books}
    assert told(words, users_module.users, **replaced).args == (plan,)
