"""One round of the process of alerts: judge what is new, then send what is due."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Final

from system.alerts.machine import transitions
from system.alerts.sending import Outcome, Send, next_wait_s
from system.alerts.staleness import StreamWatch
from system.contracts.api.alerts import Delivery
from system.contracts.api.risk import StreamState
from system.store.alerts.news import Alerts
from system.store.alerts.statements import MAX_DUE

_LOG: Final = logging.getLogger(__name__)


class Rounds:
    """Judges and sends, round by round; state is in the record only.

    Parameters
    ----------
    alerts : Alerts
        Where alerts and deliveries are kept.
    state : callable
        Returns the stream's state, None where Redis does not answer.
    watch : StreamWatch
        How long that state has lasted.
    send : callable
        Makes one attempt; called from several threads.
    """

    def __init__(
        self,
        alerts: Alerts,
        state: Callable[[], StreamState | None],
        watch: StreamWatch,
        send: Send,
    ) -> None:
        self._alerts = alerts
        self._state = state
        self._watch = watch
        self._send = send

    def run(self) -> bool:
        """Run one round.

        Returns
        -------
        bool
            Whether this process is the one that sends.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer; nothing is lost, and the next round goes on.
        """
        stream = self._watch.seen(self._state())
        changes = self._alerts.advance(lambda news: transitions(news, stream))
        if changes is None:
            return False
        for change in changes:
            _LOG.info("alert %s %s: %s", change.key, change.action, change.subject.summary)
        self.send_due()
        return True

    def send_due(self) -> None:
        """Send what is due, a notice of an alert at a time, and keep what became of it.

        Raises
        ------
        StoreUnavailableError
            If PostgreSQL does not answer: a notice that has arrived meanwhile is sent again,
            with the same id.
        """
        due = self._alerts.due()
        if not due:
            return
        with ThreadPoolExecutor(min(len(due), MAX_DUE), "send") as pool:
            sent = {pool.submit(self._send, delivery.notice): delivery for delivery in due}
            for attempt in as_completed(sent):  # one that arrived waits for no slower one
                self._keep(sent[attempt], attempt.result())

    def _keep(self, delivery: Delivery, outcome: Outcome) -> None:
        if outcome.is_delivered:
            self._alerts.delivered(delivery)
            return
        wait_s = next_wait_s(delivery.attempts + 1, outcome)
        self._alerts.failed(delivery, outcome.reason, wait_s)
        then = "dead: `riskstream alerts dead`" if wait_s is None else f"again in {wait_s:.1f} s"
        _LOG.warning("notice %d: %s; %s", delivery.delivery_id, outcome.reason, then)
