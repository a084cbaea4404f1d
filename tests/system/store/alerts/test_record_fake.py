"""The fake keeps one open alert per key, and tells nobody an end before its beginning."""

from __future__ import annotations

from system.clock import ManualClock
from system.contracts.api.alerts import AlertAction
from system.store.alerts.news import Transition
from system.store.alerts.record_fake import MemoryAlerts
from tests.system.alerts.samples import notice

RAISE = Transition("k", AlertAction.RAISED, notice().subject)
CLEAR = Transition("k", AlertAction.CLEARED, notice().subject)


def test_an_alert_that_is_open_is_kept_once():
    alerts = MemoryAlerts(ManualClock())
    assert alerts.advance(lambda news: [RAISE, RAISE]) == [RAISE]
    assert alerts.advance(lambda news: [RAISE]) == []
    assert alerts.advance(lambda news: [CLEAR, CLEAR, RAISE]) == [CLEAR, RAISE]
    assert [each.notice.alert_id for each in alerts.sent] == ["alert-1", "alert-1", "alert-3"]


def test_what_failed_is_due_after_its_wait():
    clock = ManualClock()
    alerts = MemoryAlerts(clock)
    alerts.advance(lambda news: [RAISE])
    [delivery] = alerts.due()
    alerts.failed(delivery, "answer 500", 5.0)
    assert alerts.due() == []
    clock.sleep(5.0)
    assert [each.attempts for each in alerts.due()] == [1]
