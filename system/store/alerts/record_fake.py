"""Alerts in memory: the fake of ``AlertRecord``, with the news that a test gives."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import msgspec

from system.clock import Clock
from system.contracts.api.alerts import (
    AlertAction,
    AlertNotice,
    Deliveries,
    Delivery,
    DeliveryState,
)
from system.store.alerts.news import Judge, News, Transition
from system.store.alerts.statements import MAX_DUE

_NS_PER_S: Final = 10**9


class MemoryAlerts:
    """Alerts of no database.

    Parameters
    ----------
    clock : Clock
        Its monotonic time decides what is due.
    news : iterable of News
        Rows of the next rounds, a value per round; afterwards nothing is new.
    """

    def __init__(self, clock: Clock, news: Iterable[News] = ()) -> None:
        self._clock = clock
        self.news = deque(news)
        self.open: dict[str, str] = {}
        self.sent: list[Delivery] = []
        self._due_ns: dict[int, int] = {}

    def advance(self, judge: Judge) -> list[Transition] | None:
        """Judge the next news, and keep what they raise and clear."""
        rows = self.news.popleft() if self.news else News()
        news = replace(rows, open_keys=frozenset(self.open))
        return [each for each in judge(news) if self._keep(each)]

    def due(self) -> list[Delivery]:
        """Return the oldest notices that are to be sent now, at most one per alert."""
        arrived = {
            each.notice.alert_id
            for each in self.sent
            if each.state is DeliveryState.DELIVERED and each.notice.action is AlertAction.RAISED
        }
        now_ns = self._clock.monotonic_ns()
        return [
            each
            for each in self.sent
            if each.state is DeliveryState.PENDING
            and self._due_ns[each.delivery_id] <= now_ns
            and (each.notice.action is AlertAction.RAISED or each.notice.alert_id in arrived)
        ][:MAX_DUE]

    def delivered(self, delivery: Delivery) -> None:
        """Record that the receiver has a notice."""
        self._change(delivery, DeliveryState.DELIVERED, "")

    def failed(self, delivery: Delivery, reason: str, retry_in_s: float | None) -> None:
        """Record a failed attempt; ``retry_in_s`` None: no further one is made."""
        state = DeliveryState.DEAD if retry_in_s is None else DeliveryState.PENDING
        self._change(delivery, state, reason)
        wait_ns = round((retry_in_s or 0.0) * _NS_PER_S)
        self._due_ns[delivery.delivery_id] = self._clock.monotonic_ns() + wait_ns

    def deliveries(self, state: DeliveryState | None = None, *, limit: int = 100) -> Deliveries:
        """Return notices and what became of them, newest first."""
        chosen = [each for each in reversed(self.sent) if state in {None, each.state}]
        return Deliveries(deliveries=tuple(chosen[:limit]))

    def resend(self, delivery_id: int | None = None) -> Deliveries:
        """Take dead notices up again, one or all; returns those that it took up."""
        dead = [
            each
            for each in self.sent
            if each.state is DeliveryState.DEAD and delivery_id in {None, each.delivery_id}
        ]
        for each in dead:
            again = msgspec.structs.replace(each, state=DeliveryState.PENDING, attempts=0)
            self.sent[each.delivery_id - 1] = again
            self._due_ns[each.delivery_id] = self._clock.monotonic_ns()
        return Deliveries(deliveries=tuple(self.sent[each.delivery_id - 1] for each in dead))

    def _keep(self, transition: Transition) -> bool:
        is_raised = transition.action is AlertAction.RAISED
        if is_raised == (transition.key in self.open):
            return False
        number = len(self.sent) + 1
        name = f"alert-{number}" if is_raised else self.open.pop(transition.key)
        if is_raised:
            self.open[transition.key] = name
        notice = AlertNotice(
            type=f"alert.{transition.action}",
            alert_id=name,
            key=transition.key,
            action=transition.action,
            subject=transition.subject,
            recorded_at_ms=self._clock.wall_ns() // 10**6,
        )
        kept = Delivery(delivery_id=number, notice=notice, state=DeliveryState.PENDING, attempts=0)
        self.sent.append(kept)
        self._due_ns[number] = self._clock.monotonic_ns()
        return True

    def _change(self, delivery: Delivery, state: DeliveryState, reason: str) -> None:
        place = delivery.delivery_id - 1
        before = self.sent[place]
        if before.state is DeliveryState.PENDING:
            self.sent[place] = msgspec.structs.replace(
                before, state=state, attempts=before.attempts + 1, last_error=reason
            )
