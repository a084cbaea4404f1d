"""The VaR before and after something was sent, and how long it took to be seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from system.client.errors import ApiUnavailableError
from system.client.events import SnapshotEvent, StatusEvent, StreamEvent, covers
from system.client.sync_client import RiskClient
from system.clock import Clock, SystemClock
from system.contracts.api.risk import (
    CurrentRisk,
    Delivered,
    PortfolioAccepted,
    RejectedRow,
    StreamState,
    TradeAccepted,
)
from system.contracts.topics import offset_key

WATCH_BOUND_NS: Final = 30_000_000_000
STALE_BOUND_NS: Final = 6_000_000_000
"""A driver that is busy for a moment misses a beat; one that is gone misses many."""
VERDICT_BOUND_NS: Final = 5_000_000_000
VERDICT_EVERY_S: Final = 0.2
_NS_PER_MS: Final = 1e6


@dataclass(frozen=True)
class WatchedTrade:
    """Outcome of a trade: its place on the broker and the risk after it.

    Parameters
    ----------
    trade : TradeAccepted
        Where the broker keeps it.
    before, after : CurrentRisk or None
        The portfolio's risk just before it was sent, and of the first snapshot that covers
        it; None where there was none, or none came in time.
    is_read : bool
        Whether the stream has read the trade. Read, without a snapshot and not rejected: it
        was there already and changed nothing.
    milliseconds : float or None
        From sending to that snapshot's arrival here.
    rejected : RejectedRow or None
        Why the stream did not apply it, if it did not.
    """

    trade: TradeAccepted
    before: CurrentRisk | None
    after: CurrentRisk | None
    is_read: bool
    milliseconds: float | None
    rejected: RejectedRow | None


@dataclass(frozen=True)
class WatchedImport:
    """Outcome of an import: the risk after it.

    Parameters
    ----------
    risk : CurrentRisk or None
        Of the first snapshot that covers it; of the last one that was seen where none came
        in time; None without any.
    rejected : RejectedRow or None
        Why the stream did not apply it, if it did not.
    """

    risk: CurrentRisk | None
    rejected: RejectedRow | None = None


def send_and_watch(
    client: RiskClient, send: Callable[[], TradeAccepted], clock: Clock | None = None
) -> WatchedTrade:
    """Send a trade with the push stream open, and wait for the VaR that it makes.

    Parameters
    ----------
    client : RiskClient
        Whose stream is watched.
    send : callable
        Sends it; called once the stream is open.
    clock : Clock or None
        Measures.

    Raises
    ------
    ApiRefusedError, ApiUnavailableError
        As the client's methods.
    """
    clock = clock or SystemClock()
    events = client.stream(compact=True)
    next(events)  # the stream is open once it has said where it stands
    sent_ns = clock.monotonic_ns()
    trade = send()
    reading = _Reading(client, trade)
    before, after = _around(_until_bound(events, clock, reading.is_over), trade)
    milliseconds = None if after is None else (clock.monotonic_ns() - sent_ns) / _NS_PER_MS
    applied = after is not None and trade.trade_id in after.trade_ids
    rejected = None if applied else _verdict(client, trade, clock)
    is_read = after is not None or reading.is_over()
    return WatchedTrade(trade, before, after, is_read, milliseconds, rejected)


def watch_import(
    client: RiskClient, book: PortfolioAccepted, clock: Clock | None = None
) -> WatchedImport:
    """Wait for the first snapshot that an imported book is in.

    Parameters
    ----------
    client : RiskClient
        Whose stream is watched.
    book : PortfolioAccepted
        As the API has answered; no dry run.
    clock : Clock or None
        Measures.

    Raises
    ------
    ApiRefusedError, ApiUnavailableError
        As the client's methods.
    """
    assert book.partition is not None, f"{book.portfolio} was imported"
    assert book.offset is not None, f"{book.portfolio} was imported"
    clock = clock or SystemClock()
    sent = Delivered(topic=book.topic, partition=book.partition, offset=book.offset)
    reading, place = _Reading(client, sent), offset_key(sent.topic, sent.partition)
    events = client.stream(book.portfolio, compact=True)
    last: CurrentRisk | None = None
    for risk in _until_bound(events, clock, reading.is_over):
        last = risk
        if risk.offsets.get(place, 0) > sent.offset:
            return WatchedImport(risk)
    return WatchedImport(last, _verdict(client, sent, clock))


def _around(
    risks: Iterator[CurrentRisk], trade: TradeAccepted
) -> tuple[CurrentRisk | None, CurrentRisk | None]:
    """Return the last snapshot before a trade and the first that covers it."""
    before: CurrentRisk | None = None
    for risk in risks:
        if covers(risk, trade):
            return before, risk
        if risk.portfolio == trade.portfolio:
            before = risk
    return before, None


class _Reading:
    """Check that the stream's watermark has passed the messages that were sent.

    Asked once a second; believed the second time, because the snapshot that covers the trade
    may still be on its way when the watermark is seen.
    """

    def __init__(self, client: RiskClient, sent: Delivered | TradeAccepted) -> None:
        self._client = client
        self._sent = sent
        self._seen = 0

    def is_over(self) -> bool:
        """Return whether no snapshot of it is to be expected any more."""
        place = offset_key(self._sent.topic, self._sent.partition)
        passed = self._client.health().offsets.get(place, 0) > self._sent.offset
        self._seen += passed
        return self._seen > 1


def _until_bound(
    events: Iterator[StreamEvent], clock: Clock, is_over: Callable[[], bool] = lambda: False
) -> Iterator[CurrentRisk]:
    """Yield snapshots until the bound, or until a status finds that all is over."""
    bound_ns = clock.monotonic_ns() + WATCH_BOUND_NS
    alive_ns = clock.monotonic_ns()
    for event in events:
        now_ns = clock.monotonic_ns()
        if isinstance(event, SnapshotEvent) and isinstance(event.risk, CurrentRisk):
            yield event.risk
        elif isinstance(event, StatusEvent) and event.status.state is not StreamState.STALE:
            alive_ns = now_ns
        if now_ns > bound_ns or (isinstance(event, StatusEvent) and is_over()):
            return
        if now_ns - alive_ns > STALE_BOUND_NS:
            raise ApiUnavailableError(
                f"the stream is stale for {STALE_BOUND_NS / 1e9:g} s: what was sent is kept and "
                "counts once it runs again"
            )


def _verdict(
    client: RiskClient, sent: Delivered | TradeAccepted, clock: Clock
) -> RejectedRow | None:
    """Look for what was sent among the rejected; PostgreSQL has them a moment after Redis."""
    bound_ns = clock.monotonic_ns() + VERDICT_BOUND_NS
    place = (sent.topic, sent.partition, sent.offset)
    while clock.monotonic_ns() < bound_ns:
        for row in client.rejected(limit=100).rows:
            if (row.topic, row.partition, row.offset) == place:
                return row
        clock.sleep(VERDICT_EVERY_S)
    return None
