"""The state folder: private, owned once, secrets kept, logs read from their end."""

from __future__ import annotations

import os
import stat

import pytest
from pydantic import SecretStr

from system.runtime import state as state_module
from system.runtime.errors import AlreadyRunningError, StackError
from system.runtime.state import (
    ComponentRecord,
    StackRecord,
    StateDir,
    forget_run,
    held_lock,
    is_held,
    kept_secrets,
    last_lines,
    load_record,
    opened_short_dir,
    opened_state_dir,
    refusal,
    save_record,
)
from system.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(state_dir=tmp_path / "state", api_token=None)


@pytest.fixture
def state(settings):
    opened = opened_state_dir(settings)
    yield opened
    forget_run(settings, opened)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_the_state_folder_is_private_even_if_it_was_not(settings):
    settings.state_dir.mkdir(mode=0o755)
    state = opened_state_dir(settings)
    assert mode(state.root) == mode(state.logs_dir) == mode(state.programs_dir) == 0o700


def test_a_state_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(StackError, match="RISKSTREAM_STATE_DIR"):
        opened_state_dir(Settings(state_dir=tmp_path / "file" / "state"))


def test_secrets_are_generated_once_and_kept_in_private_files(settings, state):
    first = kept_secrets(settings, state)
    assert kept_secrets(settings, state) == first
    values = [first.postgres, first.redis, first.spark, first.api_token]
    assert len(set(values)) == 4
    assert all(len(value) >= 32 for value in values)
    assert mode(state.root / "secrets.json") == mode(settings.api_token_path) == 0o600


def test_secrets_are_not_shown_when_printed(settings, state):
    secrets = kept_secrets(settings, state)
    assert secrets.redis not in repr(secrets)


def test_a_chosen_api_token_wins_and_is_not_written_down(tmp_path):
    settings = Settings(state_dir=tmp_path, api_token=SecretStr("chosen"))
    assert "chosen" in vars(kept_secrets(settings, opened_state_dir(settings))).values()
    assert not settings.api_token_path.exists()


def test_a_second_owner_of_the_state_folder_is_refused(state):
    with held_lock(state), pytest.raises(AlreadyRunningError, match=str(state.root)):  # noqa: SIM117
        with held_lock(state):
            pass
    assert not is_held(state)


def test_a_folder_that_nobody_ever_used_is_not_held(tmp_path):
    assert not is_held(StateDir(tmp_path))


def test_an_inherited_lock_is_held_after_its_first_owner_let_go(state):
    with held_lock(state) as lock:
        inherited = os.dup(lock)
    assert is_held(state)
    os.close(inherited)
    assert not is_held(state)


def test_the_record_of_a_run_is_read_back_and_forgotten(settings, state):
    record = StackRecord(1, (ComponentRecord("redis", "redis://x", external=True, log_path=""),))
    save_record(state, record)
    assert load_record(state) == record
    forget_run(settings, state)
    assert load_record(state) is None


def test_the_short_folder_leaves_room_for_a_socket_however_deep_the_state_folder_is(tmp_path):
    deep = StateDir(tmp_path.joinpath(*["a" * 60] * 5))
    assert len(str(deep.socket_path)) < 100


def test_two_state_folders_have_two_short_folders(tmp_path):
    assert StateDir(tmp_path / "a").short_dir != StateDir(tmp_path / "b").short_dir


@pytest.mark.parametrize(("reachable", "expected"), [(True, 0o711), (False, 0o700)])
def test_the_short_folder_lets_others_through_only_when_it_must(state, reachable, expected):
    assert mode(opened_short_dir(state, reachable=reachable)) == expected


@pytest.mark.parametrize("kind", ["link", "dangling link", "file"])
def test_where_somebody_made_the_short_folder_first_another_is_taken(
    state, tmp_path, monkeypatch, kind
):
    monkeypatch.setattr(state_module, "PUBLIC_TEMP_DIR", tmp_path)
    taken = state.short_dir
    if kind == "file":
        taken.touch()
    else:
        taken.symlink_to(tmp_path if kind == "link" else tmp_path / "nothing")
    opened = opened_short_dir(state, reachable=False)
    assert opened == state.short_dir != taken
    assert opened_short_dir(state, reachable=False) == opened, "it is kept"
    assert mode(state.short_word_path) == 0o600
    assert not (tmp_path / "supervisor.sock").exists()


def test_a_short_folder_whose_every_name_is_taken_is_refused(state, tmp_path, monkeypatch):
    monkeypatch.setattr(state_module, "PUBLIC_TEMP_DIR", tmp_path)
    monkeypatch.setattr(state_module, "_is_made_ours", lambda folder: False)
    with pytest.raises(StackError, match="somebody else"):
        opened_short_dir(state, reachable=False)


def test_the_end_of_a_log_is_its_last_lines_without_empty_ones(tmp_path):
    log = tmp_path / "log"
    log.write_text("".join(f"line {n}\n\n" for n in range(100)), "utf-8")
    lines = last_lines(log)
    assert lines[-1] == "line 99"
    assert len(lines) == state_module.LAST_LINE_COUNT


def test_the_end_of_a_log_holds_nothing_from_before_the_start(tmp_path):
    log = tmp_path / "log"
    log.write_text("earlier run: address already in use\n", "utf-8")
    before = log.stat().st_size
    with log.open("a", encoding="utf-8") as file:
        file.write("this run\n")
    assert last_lines(log, since=before) == ["this run"]


def test_a_log_that_was_rotated_since_is_read_whole(tmp_path):
    log = tmp_path / "log"
    log.write_text("after\n", "utf-8")
    assert last_lines(log, since=10_000) == ["after"]


def test_a_missing_log_has_no_lines(tmp_path):
    assert last_lines(tmp_path / "none") == []


def test_why_a_component_refuses_to_start_is_the_last_sentence_that_says_so(tmp_path):
    log = tmp_path / "stream.log"
    assert refusal(log) == ""
    first = "2026-11-30 ERROR system.stream the stream does not start: trades:0 begins at 13\n"
    log.write_text(first + "INFO SparkContext stopped\n")
    assert refusal(log) == "trades:0 begins at 13"
    size = log.stat().st_size
    log.write_text(first + "INFO SparkContext stopped\n" + "INFO ready\n")
    assert refusal(log, since=size) == "", "another start's"
