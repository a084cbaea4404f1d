"""Rounds with a receiver that fails, is slow and recovers: each notice arrives, once, in order."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.alerts.rounds import Rounds
from system.alerts.sending import ATTEMPTS_MAX, BACKOFF_MAX_S, Outcome, Sender
from system.alerts.staleness import StreamWatch
from system.alerts.target import Target
from system.clock import ManualClock
from system.contracts.api.alerts import AlertNotice, DeliveryState
from system.contracts.api.risk import StreamState
from system.store.alerts.news import News
from system.store.alerts.record_fake import MemoryAlerts
from system.store.alerts.statements import MAX_DUE
from tests.system.alerts.receiver import Receiver, listening
from tests.system.alerts.samples import BREACH, OK, end_of_day, level

LEVELS = [News(levels=[level(BREACH)]), News(levels=[level(OK, BREACH, event_id=2)])]
DAYS = [News(ends_of_day=[end_of_day(5, breach=True)]), News(ends_of_day=[end_of_day(6)])]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as opened:
        yield opened


def rounds_of(alerts: MemoryAlerts, clock: ManualClock, send) -> Rounds:
    return Rounds(alerts, lambda: StreamState.RUNNING, StreamWatch(clock), send)


def finished(alerts: MemoryAlerts, clock: ManualClock, send, count: int = 60) -> None:
    """Run rounds with a wait between them that is longer than any pause."""
    rounds = rounds_of(alerts, clock, send)
    for _ in range(count):
        assert rounds.run()
        clock.sleep(BACKOFF_MAX_S)


def test_a_receiver_that_fails_is_slow_and_recovers_gets_each_notice_once_in_order(receiver):
    receiver.answers.extend([500, 503, "drip"])
    clock = ManualClock()
    alerts = MemoryAlerts(clock, DAYS)
    target = Target(receiver.url, secret=b"k" * 32)
    finished(alerts, clock, Sender(target, clock, bound_s=0.5), count=8)
    assert receiver.ids == ["alert-1:raised"] * 4 + ["alert-1:cleared"]
    assert [each.state for each in alerts.sent] == [DeliveryState.DELIVERED] * 2
    assert [each.attempts for each in alerts.sent] == [4, 1]


def test_what_a_receiver_refuses_is_dead_until_it_is_sent_again(receiver):
    receiver.answers.append(410)
    clock = ManualClock()
    alerts = MemoryAlerts(clock, DAYS)
    send = Sender(Target(receiver.url, secret=b"k" * 32), clock, bound_s=60)
    finished(alerts, clock, send, count=4)
    [dead] = alerts.deliveries(DeliveryState.DEAD).deliveries
    assert (dead.notice.action, dead.last_error) == ("raised", "answer 410")
    assert receiver.ids == ["alert-1:raised"]  # its end is not told before its beginning
    assert len(alerts.resend(dead.delivery_id).deliveries) == 1
    finished(alerts, clock, send, count=3)
    assert receiver.ids == ["alert-1:raised", "alert-1:raised", "alert-1:cleared"]


def test_a_receiver_that_never_answers_is_given_up_after_the_bound():
    clock = ManualClock()
    alerts = MemoryAlerts(clock, [News(ends_of_day=[end_of_day(5, breach=True)])])
    finished(alerts, clock, lambda notice: Outcome(False, "answer 503"))
    assert [(each.state, each.attempts) for each in alerts.sent] == [
        (DeliveryState.DEAD, ATTEMPTS_MAX)
    ]


def test_no_address_and_no_secret_is_logged(receiver, caplog):
    receiver.answers.extend([500, 404])
    caplog.set_level(logging.INFO, logger="system.alerts")
    clock = ManualClock()
    alerts = MemoryAlerts(clock, [*LEVELS, *DAYS])
    target = Target(receiver.url, secret=b"topsecretkey" * 3)
    finished(alerts, clock, Sender(target, clock, bound_s=60), count=5)
    assert "limit:P:var:breach raised" in caplog.text
    assert "secretpath" not in caplog.text
    assert "topsecret" not in caplog.text


class Crash(BaseException):
    """The process of alerts ends."""


@given(
    st.lists(st.sampled_from(["ok", "fail", "refuse", "crash before", "crash after"]), max_size=25)
)
def test_a_process_that_ends_anywhere_loses_nothing_and_says_nothing_out_of_turn(fates):
    clock = ManualClock()
    alerts = MemoryAlerts(clock, [*LEVELS, *DAYS])
    arrived: list[str] = []
    waiting = iter(fates)

    def send(notice: AlertNotice) -> Outcome:
        fate = next(waiting, "ok")
        if fate == "crash before":
            raise Crash
        if fate in {"ok", "crash after"}:
            arrived.append(notice.message_id)
        if fate == "crash after":
            raise Crash
        return Outcome(fate == "ok", "said", is_lasting=fate == "refuse")

    for _ in range(len(fates) + 1):
        try:
            finished(alerts, clock, send, count=len(fates) + 12)
        except Crash:
            continue
        alerts.resend()
    finished(alerts, clock, send, count=8)
    assert {each.state for each in alerts.sent} == {DeliveryState.DELIVERED}
    assert sorted(set(arrived)) == sorted(each.notice.message_id for each in alerts.sent)
    for name in {each.notice.alert_id for each in alerts.sent}:
        first = [arrived.index(f"{name}:{action}") for action in ("raised", "cleared")]
        assert first == sorted(first)
        assert f"{name}:raised" not in arrived[first[1] :]
    # Twice only where a process ended between a receiver's answer and the note of it.
    crashes = fates.count("crash after") + fates.count("crash before")
    assert len(arrived) - len(set(arrived)) <= MAX_DUE * crashes
