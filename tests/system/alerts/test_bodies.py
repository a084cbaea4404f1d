"""Bodies of webhooks: complete, in the receiver's form, with names as they are."""

from __future__ import annotations

import json
from typing import get_args

import msgspec

from system.alerts.bodies import BODIES, SUMMARY_LENGTH_MAX, slack_body
from system.contracts.api.alerts import AlertAction, AlertNotice
from system.settings import AlertFormat
from tests.system.alerts.samples import notice


def test_every_format_of_the_settings_has_a_body():
    assert set(BODIES) == set(get_args(AlertFormat))


def test_json_is_the_notice_itself_and_never_the_routing_key():
    body = BODIES["json"](notice(), "key")
    assert msgspec.json.decode(body, type=AlertNotice) == notice()
    assert b"routing" not in body


def test_slack_gets_text_and_blocks_in_which_names_call_nobody():
    body = slack_body(notice("VaR of <!channel> & <https://a|b>\x1b[2J is high"))
    message = json.loads(body)
    assert "&lt;!channel&gt; &amp; &lt;https://a|b&gt;" in message["text"]
    for text in (message["text"], message["blocks"][0]["text"]["text"]):
        assert "<" not in text
        assert "\x1b" not in text
    assert message["text"].startswith("Critical: ")
    cleared = json.loads(slack_body(notice(action=AlertAction.CLEARED)))
    assert cleared["text"].startswith("Cleared: ")


def test_pagerduty_opens_and_resolves_the_same_incident():
    raised, cleared = (
        json.loads(BODIES["pagerduty"](notice(action=action), "r0ut1ng")) for action in AlertAction
    )
    assert (raised["event_action"], cleared["event_action"]) == ("trigger", "resolve")
    assert raised["dedup_key"] == cleared["dedup_key"] == notice().alert_id
    assert raised["routing_key"] == "r0ut1ng"
    payload = raised["payload"]
    assert payload["severity"] in {"critical", "error", "warning", "info"}
    assert payload["timestamp"] == "2020-03-05T09:20:00+00:00"
    assert {"summary", "source"} <= set(payload)


def test_a_long_summary_is_cut_to_what_pagerduty_takes():
    body = json.loads(BODIES["pagerduty"](notice("x" * 5_000), ""))
    assert len(body["payload"]["summary"]) == SUMMARY_LENGTH_MAX
