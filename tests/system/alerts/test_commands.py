"""`riskstream alerts`: a test notice, what became of notices, dead ones again."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from system.alerts import commands
from system.alerts.commands import NoSuchNoticeError, alerts_app
from system.alerts.machine import transitions
from system.clock import ManualClock
from system.store.alerts.news import News
from system.store.alerts.record_fake import MemoryAlerts
from tests.system.alerts.receiver import listening
from tests.system.alerts.samples import end_of_day


class OpenedAlerts(MemoryAlerts):
    """The fake as the commands open it."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


@pytest.fixture
def alerts(tmp_path, monkeypatch):
    monkeypatch.setenv("RISKSTREAM_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    kept = OpenedAlerts(ManualClock(), [News(ends_of_day=[end_of_day(5, breach=True)])])
    monkeypatch.setattr(commands, "AlertRecord", lambda url: kept)
    kept.advance(transitions)
    return kept


def invoked(*words: str):
    return CliRunner().invoke(alerts_app, words)


def test_notices_are_shown_and_as_json_for_programs(alerts):
    shown = invoked("show")
    assert shown.exit_code == 0
    assert "pending" in shown.output
    answer = json.loads(invoked("show", "--json").output)
    [delivery] = answer["deliveries"]
    assert delivery["notice"]["key"] == "breach:P:2020-03-05"


def test_dead_notices_are_a_failure_until_they_are_sent_again(alerts):
    assert invoked("dead").exit_code == 0
    alerts.failed(alerts.sent[0], "answer 410", None)
    dead = invoked("dead", "--json")
    assert dead.exit_code == 1
    assert json.loads(dead.output)["deliveries"][0]["last_error"] == "answer 410"
    assert invoked("resend", "1").exit_code == 0
    assert invoked("dead").exit_code == 0


def test_a_number_that_is_not_dead_is_refused(alerts):
    refused = invoked("resend", "7")
    assert isinstance(refused.exception, NoSuchNoticeError)
    assert "notice 7 is not dead; `riskstream alerts dead`" in str(refused.exception)


def test_a_test_notice_is_sent_signed_and_its_answer_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("RISKSTREAM_STATE_DIR", str(tmp_path))
    with listening() as receiver:
        monkeypatch.setenv("RISKSTREAM_ALERTS_URL", receiver.url)
        accepted = invoked("test")
        receiver.answers.append(403)
        refused = invoked("test")
    assert (accepted.exit_code, accepted.output) == (0, "raised: accepted\ncleared: accepted\n")
    assert (refused.exit_code, refused.output) == (1, "raised: answer 403\n")
    assert [json.loads(body)["type"] for _, body in receiver.received] == ["alert.test"] * 3
    assert all("webhook-signature" in headers for headers, _ in receiver.received)
