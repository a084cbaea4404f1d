"""Bodies of webhooks: our own JSON, and what Slack and PagerDuty take. Pure functions.

Names in a notice are a user's text: in Slack's markup they neither call a channel nor make a link.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from system.contracts.api.alerts import AlertAction, AlertNotice
from system.contracts.text.names import visible
from system.settings import AlertFormat

SUMMARY_LENGTH_MAX: Final = 1_024
"""Of PagerDuty's summary, characters."""
_SLACK_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_PAGERDUTY_ACTIONS: Final = {AlertAction.RAISED: "trigger", AlertAction.CLEARED: "resolve"}


def json_body(notice: AlertNotice, routing_key: str = "") -> bytes:
    """Return the notice as it is, without a routing key."""
    return msgspec.json.encode(notice)


def slack_body(notice: AlertNotice, routing_key: str = "") -> bytes:
    """Return the message of an incoming webhook of Slack."""
    subject = notice.subject
    head = "Cleared" if notice.action is AlertAction.CLEARED else subject.severity.value.title()
    context = [f"alert {notice.alert_id}"]
    context += [f"snapshot {subject.snapshot_id}"] if subject.snapshot_id else []
    summary = slack_text(subject.summary)
    return msgspec.json.encode(
        {
            "text": f"{head}: {summary}",
            "blocks": [
                _section(f"*{head}*: {summary}"),
                {"type": "context", "elements": [_markdown(slack_text(", ".join(context)))]},
            ],
        }
    )


def pagerduty_body(notice: AlertNotice, routing_key: str = "") -> bytes:
    """Return an event of PagerDuty's Events API, version 2.

    Raising triggers an incident and clearing resolves it: the alert's id is the deduplication key.
    """
    subject = notice.subject
    moment = dt.datetime.fromtimestamp(notice.recorded_at_ms / 1_000, dt.UTC)
    return msgspec.json.encode(
        {
            "routing_key": routing_key,
            "event_action": _PAGERDUTY_ACTIONS[notice.action],
            "dedup_key": notice.alert_id,
            "payload": {
                "summary": visible(subject.summary)[:SUMMARY_LENGTH_MAX],
                "source": "riskstream",
                "severity": subject.severity.value,
                "timestamp": moment.isoformat(),
                "component": subject.portfolio or subject.kind.value,
                "class": subject.kind.value,
                "custom_details": {"key": notice.key, "snapshot_id": subject.snapshot_id},
            },
        }
    )


BODIES: Final[Mapping[AlertFormat, Callable[[AlertNotice, str], bytes]]] = {
    "json": json_body,
    "slack": slack_body,
    "pagerduty": pagerduty_body,
}


def slack_text(text: str) -> str:
    """Return text that Slack shows as it is.

    Examples
    --------
    >>> slack_text("<!channel> R&D")
    '&lt;!channel&gt; R&amp;D'
    """
    return visible(text).translate(_SLACK_ESCAPES)


def _section(text: str) -> dict[str, object]:
    return {"type": "section", "text": _markdown(text)}


def _markdown(text: str) -> dict[str, object]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
