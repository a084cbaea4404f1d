"""Settings: defaults, variables, errors that name the variable; connections and their files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from system import settings as settings_module
from system.contracts.topics import FX_RATES, MARKET_DATA, TRADES, Retention
from system.settings import (
    NotConnectedError,
    Settings,
    SettingsError,
    load_settings,
    reach_loopback_directly,
    save_connections,
)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in (
        "KAFKA_BOOTSTRAP_SERVERS",
        "SPARK_MASTER",
        "DATABASE_URL",
        "REDIS_URL",
        "SPARK_CONF_DIR",
    ):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("RISKSTREAM_STATE_DIR", str(tmp_path))


def test_the_state_folder_is_made_absolute_so_that_children_find_it_from_any_folder(
    monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RISKSTREAM_STATE_DIR", "some/where")
    assert load_settings().state_dir == tmp_path / "some" / "where"


def test_the_default_state_folder_is_in_the_checkout(monkeypatch):
    monkeypatch.delenv("RISKSTREAM_STATE_DIR")
    assert load_settings().state_dir == Path(__file__).parents[2] / ".riskstream"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("RISKSTREAM_API_PORT", "http", "RISKSTREAM_API_PORT"),
        ("RISKSTREAM_API_PORT", "80", "RISKSTREAM_API_PORT"),
        ("RISKSTREAM_LOG_LEVEL", "LOUD", "RISKSTREAM_LOG_LEVEL"),
        ("RISKSTREAM_PARTITIONS", '{"market_data": 0}', r"RISKSTREAM_PARTITIONS.market_data"),
        ("RISKSTREAM_PARTITIONS", '{"prices": 2}', "no such topic: prices"),
        ("RISKSTREAM_PARTITIONS", "many", "partitions"),
        ("RISKSTREAM_RETENTION_HOURS", '{"market_data": 0}', "RETENTION_HOURS.market_data"),
        ("RISKSTREAM_RETENTION_HOURS", '{"prices": 2}', "retention_hours: no such topic: prices"),
        ("RISKSTREAM_RETENTION_MIB", '{"trades": 63}', "RETENTION_MIB.trades"),
        ("RISKSTREAM_RETENTION_MIB", '{"prices": 64}', "retention_mib: no such topic: prices"),
    ],
)
def test_a_malformed_variable_is_refused_and_named(monkeypatch, variable, value, said):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=said):
        load_settings()


def test_beside_an_external_master_spark_is_configured_as_the_environment_says(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path / "theirs"))
    assert load_settings().spark_conf_dir == tmp_path / "spark" / "conf"
    monkeypatch.setenv("SPARK_MASTER", "spark://127.0.0.1:7077")
    assert load_settings().spark_conf_dir == tmp_path / "theirs"


def test_a_topic_has_its_default_partitions_unless_a_setting_says_otherwise(monkeypatch):
    monkeypatch.setenv("RISKSTREAM_PARTITIONS", '{"market_data": 7}')
    settings = load_settings()
    assert settings.partition_count(MARKET_DATA) == 7
    assert settings.partition_count(FX_RATES) == FX_RATES.partition_count


def test_a_topic_is_kept_by_its_defaults_unless_a_setting_says_otherwise(monkeypatch):
    monkeypatch.setenv("RISKSTREAM_RETENTION_HOURS", '{"market_data": 24}')
    monkeypatch.setenv("RISKSTREAM_RETENTION_MIB", '{"trades": 100000}')
    settings = load_settings()
    assert settings.retention(MARKET_DATA) == Retention(24, MARKET_DATA.retention.mib)
    assert settings.retentions["trades"] == Retention(TRADES.retention.hours, 100_000)
    assert settings.retentions["fx_rates"] == FX_RATES.retention


def test_a_variable_wins_over_what_the_running_stack_wrote(monkeypatch, tmp_path):
    save_connections(
        tmp_path / "connections.json", {"redis_url": "redis://ours", "database_url": "pg://ours"}
    )
    monkeypatch.setenv("REDIS_URL", "redis://theirs")
    connections = load_settings().connections()
    assert connections.redis_url == "redis://theirs"
    assert connections.database_url == "pg://ours"


def test_a_child_process_reads_the_same_settings_and_no_foreign_server(monkeypatch, tmp_path):
    monkeypatch.setenv("RISKSTREAM_STATE_DIR", "/somewhere/else")
    settings = load_settings().model_copy(
        update={"state_dir": tmp_path, "partitions": {"trades": 3}, "log_level": "DEBUG"}
    )
    monkeypatch.setenv("DATABASE_URL", "postgresql://somebody-elses/precious")
    for variable, value in settings.environment().items():
        monkeypatch.setenv(variable, value)
    assert load_settings().environment() == settings.environment()
    assert load_settings().partitions == {"trades": 3}
    assert load_settings().external() == {}


def test_an_empty_variable_names_nothing(monkeypatch, tmp_path):
    save_connections(tmp_path / "connections.json", {"database_url": "pg://ours"})
    monkeypatch.setenv("DATABASE_URL", "")
    assert load_settings().connections().database_url == "pg://ours"


def test_an_unknown_connection_says_which_folder_was_looked_in_and_what_to_do(tmp_path):
    with pytest.raises(NotConnectedError) as caught:
        _ = load_settings().connections().redis_url
    said = str(caught.value)
    assert str(tmp_path) in said
    assert "riskstream up" in said
    assert "REDIS_URL" in said


def test_a_damaged_connections_file_is_refused_by_name(tmp_path):
    (tmp_path / "connections.json").write_text("{", "utf-8")
    with pytest.raises(SettingsError, match=r"connections\.json"):
        load_settings().connections()


def test_no_secret_is_shown_when_settings_or_connections_are_printed(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:opensesame@host/db")
    monkeypatch.setenv("RISKSTREAM_API_TOKEN", "opensesame")
    settings = load_settings()
    assert "opensesame" not in f"{settings!r} {settings} {settings.connections()!r}"
    assert "opensesame" in settings.connections().database_url


def test_an_error_about_a_secret_variable_does_not_repeat_the_secret(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:opensesame@host/db")
    monkeypatch.setenv("RISKSTREAM_API_PORT", "opensesame")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "opensesame" not in str(caught.value)


def test_a_secret_may_be_a_file_of_the_variables_name(monkeypatch, tmp_path):
    (tmp_path / "database_url").write_text("postgresql://me:opensesame@host/db\n", "utf-8")
    (tmp_path / "riskstream_api_token").write_text("open", "utf-8")
    monkeypatch.setenv("RISKSTREAM_SECRETS_DIR", str(tmp_path))
    connections = load_settings().connections()
    assert connections.get("database_url") == "postgresql://me:opensesame@host/db"
    assert connections.get("api_token") == "open"


def test_a_variable_wins_over_the_file_of_its_name(monkeypatch, tmp_path):
    (tmp_path / "redis_url").write_text("redis://file", "utf-8")
    monkeypatch.setenv("RISKSTREAM_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("REDIS_URL", "redis://variable")
    assert load_settings().connections().redis_url == "redis://variable"


def test_a_folder_of_secrets_that_is_not_there_is_refused_by_name(monkeypatch, tmp_path):
    monkeypatch.setenv("RISKSTREAM_SECRETS_DIR", str(tmp_path / "none"))
    with pytest.raises(SettingsError, match=r"RISKSTREAM_SECRETS_DIR: no folder .*none"):
        load_settings()


def test_saved_connections_are_read_back(tmp_path):
    save_connections(tmp_path / "connections.json", {"api_url": "http://here"})
    assert json.loads((tmp_path / "connections.json").read_text("utf-8"))
    assert Settings(state_dir=tmp_path).connections().get("api_url") == "http://here"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "127.0.0.1,localhost"),
        ("", "127.0.0.1,localhost"),
        ("desk.example,localhost", "desk.example,localhost,127.0.0.1"),
        ("*", "*"),
    ],
)
def test_loopback_is_excepted_from_a_proxy_and_other_exceptions_stay(monkeypatch, before, after):
    for variable in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
        if before is not None:
            monkeypatch.setenv(variable, before)
    reach_loopback_directly()
    reach_loopback_directly()
    assert (os.environ["no_proxy"], os.environ["NO_PROXY"]) == (after, after)


def test_each_role_has_its_own_url_and_an_external_database_has_none_of_the_stacks(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("RISKSTREAM_STATE_DIR", str(tmp_path))
    kept = {
        "database_url": "pg://writer",
        "owner_database_url": "pg://owner",
        "reader_database_url": "pg://reader",
        "oracle_database_url": "pg://oracle",
    }
    save_connections(tmp_path / "connections.json", kept)
    ours = load_settings().connections()
    assert {name: getattr(ours, name) for name in kept} == kept
    monkeypatch.setenv("DATABASE_URL", "pg://elsewhere")
    monkeypatch.setenv("RISKSTREAM_READER_DATABASE_URL", "pg://its-reader")
    theirs = load_settings().connections()
    assert theirs.database_url == theirs.owner_database_url == "pg://elsewhere"
    assert theirs.oracle_database_url == "pg://elsewhere"
    assert theirs.reader_database_url == "pg://its-reader"


def test_postgres_gets_a_user_of_its_own_where_the_system_has_one(monkeypatch):
    known = {"riskstream": "riskstream"}

    def found(name):
        return SimpleNamespace(pw_name=known[name])

    monkeypatch.setattr(settings_module.pwd, "getpwnam", found)
    assert load_settings().service_user == "riskstream"
    known.clear()
    assert load_settings().service_user == "nobody"
