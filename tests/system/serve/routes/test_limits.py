"""Limits over the API: where they stand, the trail, and who has seen what is raised."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from system.book.valuation.limits import LimitAlerts
from system.contracts.api.limits import LimitPage
from system.contracts.api.risk import LIMIT_EVENT
from system.contracts.codec import encode
from system.contracts.limits import (
    Acknowledgement,
    LimitLevel,
    LimitMeasure,
    Limits,
    LimitStatus,
    TrailKind,
    TrailPage,
    TrailRow,
)
from system.serve.services.hub import TOLD_MAX, Subscription
from system.store.records import BatchCommit
from system.store.sample_snapshots import sample_snapshot
from tests.system.book.valuation.test_limits import use

PATH = "/v1/portfolios/alpha/limits"


def state(world: Any, alerts: LimitAlerts, value: float | None) -> None:
    """Let the stream publish a snapshot that stands there, and note what it raises."""
    world.epoch += 1
    taken = sample_snapshot(epoch=world.epoch, fence=world.fence, limits=(use(value),))
    snapshot, events = alerts.watched(taken)
    place = (world.fence, world.epoch)
    world.latest.publish(
        [snapshot], fence=world.fence, epoch=world.epoch, offsets={}, published_ns=1
    )
    world.history.commit(BatchCommit(*place, {}, snapshots=[snapshot], limit_events=events))


def status(world: Any) -> LimitStatus:
    limits = msgspec.json.decode(world.client.get(PATH).content, type=Limits)
    (limit,) = limits.limits
    return limit


def acknowledged(world: Any, actor: str = "J. Doe", note: str = "", measure: str = "var") -> Any:
    body = encode(Acknowledgement(actor=actor, note=note))
    return world.client.post(f"{PATH}/{measure}/acknowledge", content=body)


def trail(world: Any, **query: Any) -> TrailPage:
    response = world.client.get(f"{PATH}/events", params=query)
    return msgspec.json.decode(response.content, type=TrailPage)


def test_a_limit_that_nobody_has_crossed_is_not_raised(world: Any) -> None:
    state(world, LimitAlerts(), 0.5)
    limits = status(world)
    assert (limits.use.level, limits.use.raised) == (LimitLevel.OK, LimitLevel.OK)
    assert (limits.raised_by, limits.acknowledged) == (None, None)
    assert trail(world).rows == ()


def test_a_breach_is_raised_seen_and_left_again(world: Any) -> None:
    alerts = LimitAlerts()
    state(world, alerts, 1.2)
    limits = status(world)
    assert limits.raised_by is not None
    assert (limits.raised_by.after, limits.acknowledged) == (LimitLevel.BREACH, False)
    seen = msgspec.json.decode(acknowledged(world, note="hedged").content, type=TrailRow)
    assert (seen.actor, seen.note, seen.acknowledges) == (
        "J. Doe",
        "hedged",
        limits.raised_by.event_id,
    )
    assert status(world).acknowledgement == seen
    state(world, alerts, 0.97)
    assert status(world).acknowledged is True
    state(world, alerts, 0.2)
    assert status(world).acknowledged is None
    assert [row.kind for row in trail(world).rows] == [
        TrailKind.LEVEL,
        TrailKind.ACKNOWLEDGED,
        TrailKind.LEVEL,
    ]


def test_a_breach_that_comes_back_is_to_be_seen_anew(world: Any) -> None:
    alerts = LimitAlerts()
    for value in (1.2, 0.2):
        state(world, alerts, value)
        acknowledged(world)
    state(world, alerts, 1.3)
    assert status(world).acknowledged is False


def test_the_same_acknowledgement_counts_once_and_another_person_s_too(world: Any) -> None:
    state(world, LimitAlerts(), 1.2)
    first = acknowledged(world)
    assert acknowledged(world).content == first.content
    assert acknowledged(world, actor="A. Other").status_code == 200
    assert [row.actor for row in trail(world).rows] == ["A. Other", "J. Doe", ""]


def test_the_trail_comes_page_by_page(world: Any) -> None:
    alerts = LimitAlerts()
    for value in (1.2, 0.2, 0.9, 0.2):
        state(world, alerts, value)
    first = trail(world, limit=3)
    rest = trail(world, limit=3, before=first.next)
    ids = [row.event_id for row in (*first.rows, *rest.rows)]
    assert (ids, rest.next) == ([4, 3, 2, 1], None)


def test_where_nothing_is_raised_there_is_nothing_to_see(world: Any) -> None:
    state(world, LimitAlerts(), 0.5)
    response = acknowledged(world)
    assert (response.status_code, response.json()["title"]) == (409, "Nothing to acknowledge")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"{PATH}/length/acknowledge", {"actor": "a"}),
        (f"{PATH}/var/acknowledge", {"actor": " "}),
        (f"{PATH}/var/acknowledge", {"actor": "J. Doe "}),
        (f"{PATH}/var/acknowledge", {"actor": "J.\nDoe"}),
        (f"{PATH}/var/acknowledge", {"actor": "J. Doe\n"}),
        (f"{PATH}/var/acknowledge", {"actor": "x" * 101}),
        (f"{PATH}/var/acknowledge", {"actor": "x", "note": "no\x00thing"}),
        (f"{PATH}/var/acknowledge", {"actor": "x", "note": "x" * 1_001}),
        (f"{PATH}/var/acknowledge", {}),
    ],
)
def test_a_word_that_is_no_measure_and_nobody_are_refused(
    world: Any, path: str, body: dict[str, str]
) -> None:
    state(world, LimitAlerts(), 1.2)
    assert world.client.post(path, content=msgspec.json.encode(body)).status_code == 422


def test_an_unknown_portfolio_has_no_limits(world: Any) -> None:
    assert world.client.get("/v1/portfolios/nobody/limits").status_code == 404
    assert world.client.get("/v1/portfolios/nobody/limits/events").status_code == 404
    body = encode(Acknowledgement(actor="a"))
    path = "/v1/portfolios/nobody/limits/var/acknowledge"
    assert world.client.post(path, content=body).status_code == 404


def test_an_acknowledgement_is_pushed_to_who_watches_the_portfolio(world: Any) -> None:
    state(world, LimitAlerts(), 1.2)
    hub = world.client.app.state.services.hub
    own, other = Subscription("alpha"), Subscription("beta")
    hub.subscribe(own)
    hub.subscribe(other)
    row = acknowledged(world).content
    chunk = asyncio.run(own.next_chunk())
    assert chunk == b"event: limit\r\ndata: " + row + b"\r\n\r\n"
    assert LIMIT_EVENT == "limit"
    other.close()
    assert asyncio.run(other.next_chunk()) is None


def test_of_too_many_pushed_words_the_newest_wait() -> None:
    client = Subscription()
    for number in range(TOLD_MAX + 5):
        client.tell(b"%d;" % number)
    chunk = asyncio.run(client.next_chunk())
    assert chunk is not None
    assert chunk.startswith(b"5;")
    assert chunk.count(b";") == TOLD_MAX


def test_every_limit_measure_has_an_address(world: Any) -> None:
    state(world, LimitAlerts(), 0.5)
    for measure in LimitMeasure:
        assert acknowledged(world, measure=measure.value).status_code == 409


def test_the_limits_of_all_portfolios_are_one_request(world: Any) -> None:
    state(world, LimitAlerts(), 1.2)
    world.publish(sample_snapshot("beta", desk="rates", limits=(use(0.9),)))
    answer = msgspec.json.decode(world.client.get("/v1/limits").content, type=LimitPage)
    assert [line.portfolio for line in answer.limits] == ["alpha", "beta"]
    assert (answer.limits[0].limit.acknowledged, answer.limits[1].limit.acknowledged) == (
        False,
        None,
    )
    acknowledged(world)
    open_ones = world.client.get("/v1/limits?raised=true&acknowledged=false").json()
    assert (open_ones["limits"], open_ones["matched_count"]) == ([], 0)
    page = world.client.get("/v1/limits?limit=1").json()
    rest = world.client.get(f"/v1/limits?limit=1&after={page['next']}").json()
    assert rest["limits"][0]["desk"] == "rates"


@pytest.mark.parametrize("query", ["level=high", "measure=beta", "after=!", "limit=0", "raised=x"])
def test_a_bad_question_about_all_limits_is_refused(world: Any, query: str) -> None:
    assert world.client.get(f"/v1/limits?{query}").status_code == 422
