"""A receiver of alerts is complete before anything is sent, and its address is never shown."""

from __future__ import annotations

import pytest

from system.alerts.target import AlertTargetError, Target, target_of
from system.settings import load_settings

SLACK = "https://hooks.example.com/services/T0/B0/secretpath"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://a.example/x", "scheme 'ftp'"),
        ("file:///etc/passwd", "scheme 'file'"),
        ("hooks.example.com/x", "scheme ''"),
        ("https:///x", "scheme 'https'"),
        ("https://user:pw@a.example/x", "a user, a password"),
        ("https://a.example/x#y", "fragment"),
        ("https://a.example:port/x", "is no address"),
    ],
)
def test_an_address_that_is_none_is_refused_and_not_shown(url, said):
    with pytest.raises(AlertTargetError, match="RISKSTREAM_ALERTS_URL") as caught:
        Target(url)
    assert said in str(caught.value)
    assert "example" not in str(caught.value)


def test_pagerduty_needs_its_key():
    with pytest.raises(AlertTargetError, match="RISKSTREAM_ALERTS_ROUTING_KEY"):
        Target(SLACK, "pagerduty")


def test_no_secret_is_in_its_representation():
    assert repr(Target(SLACK, "pagerduty", b"hidden", "hidden")) == "Target(form='pagerduty')"


def test_the_settings_name_it_and_the_secret_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("RISKSTREAM_STATE_DIR", str(tmp_path / "state"))
    with pytest.raises(AlertTargetError, match="RISKSTREAM_ALERTS_URL is not set"):
        target_of(load_settings())
    monkeypatch.setenv("RISKSTREAM_ALERTS_URL", SLACK)
    monkeypatch.setenv("RISKSTREAM_ALERTS_FORMAT", "slack")
    target = target_of(load_settings())
    assert (target.url, target.form) == (SLACK, "slack")
    assert target_of(load_settings()).secret == target.secret
    assert (tmp_path / "state" / "alerts-secret").stat().st_mode & 0o777 == 0o600


def test_a_file_of_ones_own_has_the_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("RISKSTREAM_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("RISKSTREAM_ALERTS_URL", SLACK)
    monkeypatch.setenv("RISKSTREAM_ALERTS_SECRET_FILE", str(tmp_path / "mine"))
    assert target_of(load_settings()).secret
    assert (tmp_path / "mine").exists()


def test_a_process_of_the_stack_is_told_by_the_private_file_and_not_by_its_environment(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("RISKSTREAM_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("RISKSTREAM_ALERTS_URL", SLACK)
    settings = load_settings()
    assert settings.external()["alerts_url"] == SLACK
    assert SLACK not in settings.environment().values()
    assert SLACK not in repr(settings)
