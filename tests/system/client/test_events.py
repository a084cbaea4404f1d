"""Events of the push stream: typed, resumed after a break, given up after a bound."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from system.client import bounds
from system.client.errors import ApiRefusedError, ApiUnavailableError
from system.client.events import GapEvent, SnapshotEvent, StatusEvent, StreamEvent, covers
from system.client.sync_client import RiskClient
from system.contracts.api.risk import CurrentRisk, Problem, StreamGap, TradeAccepted, current_risk
from system.contracts.codec import encode
from system.contracts.messages import TradeAction
from system.serve.services.hub import NO_STATUS, framed
from system.store.sample_snapshots import sample_snapshot
from tests.system.client.transports import client_of


def frames(*chunks: bytes, then: Exception | None = None) -> Iterator[bytes]:
    yield from chunks
    if then is not None:
        raise then


def streamed(*chunks: bytes, then: Exception | None = None) -> httpx.Response:
    headers = {"content-type": "text/event-stream"}
    return httpx.Response(200, headers=headers, content=frames(*chunks, then=then))


def snapshot_frame(epoch: int) -> bytes:
    return framed("snapshot", encode(sample_snapshot(epoch=epoch)), f"{epoch}-0")


def read(client: RiskClient, count: int, **kwargs: Any) -> list[StreamEvent]:
    events = client.stream(**kwargs)
    return [next(events) for _ in range(count)]


def test_events_are_typed_and_unknown_ones_are_left_out() -> None:
    gap = StreamGap(resumed_from="1-0", oldest_kept="5-0")
    chunks = (
        b"retry: 1000\r\n" + framed("heartbeat", encode(NO_STATUS)),
        framed("novelty", b"{}"),
        framed("gap", encode(gap)),
        snapshot_frame(3),
    )
    status, told, snapshot = read(client_of(lambda _: streamed(*chunks)), 3)
    assert status == StatusEvent(NO_STATUS)
    assert told == GapEvent(gap)
    assert snapshot == SnapshotEvent("3-0", sample_snapshot(epoch=3))


def test_the_short_form_is_typed_too() -> None:
    risk = current_risk(sample_snapshot())
    frame = framed("snapshot", encode(risk), "1-0")
    (event,) = read(client_of(lambda _: streamed(frame)), 1, compact=True)
    assert isinstance(event, SnapshotEvent)
    assert isinstance(event.risk, CurrentRisk)
    assert event.risk == risk


def test_a_lost_stream_is_resumed_after_the_last_event() -> None:
    asked: list[str | None] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("last-event-id"))
        lost = httpx.ReadError("lost")
        return streamed(snapshot_frame(len(asked)), then=lost if len(asked) < 3 else None)

    events = read(client_of(handler), 4, portfolio="alpha")
    ids = [event.event_id for event in events if isinstance(event, SnapshotEvent)]
    assert ids == ["1-0", "2-0", "3-0", "4-0"]
    assert asked == [None, "1-0", "2-0", "3-0"]


def test_a_stream_that_never_comes_back_is_given_up_after_its_bound() -> None:
    asked = 0

    def handler(_: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        raise httpx.ConnectError("refused")

    with pytest.raises(ApiUnavailableError, match="no stream after"):
        read(client_of(handler), 1)
    assert asked == bounds.RECONNECTS_MAX + 1


def test_a_refused_stream_is_not_asked_for_again() -> None:
    problem = Problem(title="Unknown portfolio", status=404, detail="no portfolio 'x'")
    client = client_of(lambda _: httpx.Response(404, content=encode(problem)))
    with pytest.raises(ApiRefusedError, match="no portfolio 'x'"):
        read(client, 1, portfolio="x")


def test_a_snapshot_covers_a_trade_once_its_offset_is_passed() -> None:
    trade = TradeAccepted(
        trade_id="t",
        version=0,
        action=TradeAction.NEW,
        portfolio="alpha",
        instrument="EQ000",
        quantity=1.0,
        price=1.0,
        topic="trades",
        partition=0,
        offset=4,
        watch="",
    )
    assert not covers(sample_snapshot(offsets={"trades:0": 4}), trade)
    assert covers(sample_snapshot(offsets={"trades:0": 5}), trade)
    assert not covers(sample_snapshot(offsets={"market_data:0": 9}), trade)
    assert not covers(sample_snapshot("beta", offsets={"trades:0": 5}), trade)
