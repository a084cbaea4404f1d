"""Notices of alerts: one id in every attempt, another for each of the two."""

from __future__ import annotations

import msgspec

from system.contracts.api.alerts import AlertAction, AlertNotice
from tests.system.alerts.samples import notice


def test_the_two_notices_of_an_alert_have_ids_of_their_own():
    raised, cleared = (notice(action=action) for action in AlertAction)
    assert raised.alert_id == cleared.alert_id
    assert raised.message_id == f"{raised.alert_id}:raised"
    assert cleared.message_id == f"{raised.alert_id}:cleared"


def test_a_notice_that_was_kept_is_read_back_as_it_was():
    assert msgspec.json.decode(msgspec.json.encode(notice()), type=AlertNotice) == notice()
