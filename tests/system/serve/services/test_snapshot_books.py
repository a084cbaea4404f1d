"""Books of snapshots in the API: made to the bit, read once a day, waiting for commits."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from system.contracts.api.risk import current_risk
from system.serve.services import snapshot_books
from system.serve.services.catalogue import Catalogue
from system.serve.services.connections import Services
from system.serve.services.hub import SnapshotHub
from system.serve.services.snapshot_books import Recalled, SnapshotBooks
from tests.system.book.feed import holding, live, portfolio, tick
from tests.system.serve.streamed import Streamed, answered, asked, figures, proposed


def test_within_a_day_postgresql_is_asked_once_and_again_after_a_close(
    streamed: Streamed, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    state_values = streamed.world.history.state_values

    def recorded(keys: Any) -> Any:
        read.extend(keys)
        return state_values(keys)

    monkeypatch.setattr(streamed.world.history, "state_values", recorded)
    streamed.take(streamed.feed.close(0))
    streamed.take(streamed.feed.send(tick("A", 107.0, day=1)))
    first = answered(streamed, proposed("A", 5.0))
    assert "portfolio:P" in read
    read.clear()
    streamed.take(streamed.feed.send(tick("A", 108.0, day=1, hour=16.0)))
    second = answered(streamed, proposed("A", 5.0))
    assert read == []
    assert second.before.daily_pnl == pytest.approx(first.before.daily_pnl + 10.0)
    streamed.take(streamed.feed.close(1))
    snapshot = live(streamed.take(streamed.feed.send(tick("A", 90.0, day=2))))
    third = answered(streamed)
    assert "portfolio:P" in read
    assert figures(third.before) == figures(current_risk(snapshot))
    assert third.before.daily_pnl == snapshot.daily_pnl


def test_a_question_right_after_a_close_waits_for_the_closes(
    streamed: Streamed, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(streamed)
    streamed.take(streamed.feed.close(0), durable=False)
    sleep = snapshot_books.anyio.sleep

    async def catching_up(seconds: float) -> None:
        if seconds:
            streamed.catch_up()
        await sleep(0)

    monkeypatch.setattr(snapshot_books.anyio, "sleep", catching_up)
    snapshot = live(streamed.feed.book.revalue(fence=1, epoch=9))
    assert answered(streamed).after.inputs_hash == snapshot.inputs_hash


def test_a_question_that_waits_for_a_commit_holds_up_no_other(streamed: Streamed) -> None:
    answered(streamed)
    world = streamed.world
    stored = live(streamed.take(streamed.feed.send(tick("A", 103.0, hour=16.0)))).snapshot_id
    streamed.take(streamed.feed.close(0), durable=False)
    reader = world.latest.reader()
    services = Services(reader, world.history, world.bus, SnapshotHub(reader), "t")
    desk = SnapshotBooks(services, Catalogue(services))
    order: list[str] = []

    async def ask(name: str, at: str | None) -> None:
        await desk.ask("P", (), lambda recalled: recalled.snapshot.snapshot_id, at=at)
        order.append(name)
        streamed.catch_up()

    async def both() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, "new day", None)
            await anyio.sleep(0)
            tasks.start_soon(ask, "old day", stored)

    anyio.run(both)
    assert order == ["old day", "new day"]


def test_closes_that_stay_away_are_said_to_be_missing(
    streamed: Streamed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_books, "COMMIT_BOUND_S", 0.0)
    streamed.take(streamed.feed.close(0), durable=False)
    response = asked(streamed)
    assert response.status_code == 503
    assert "cannot be made anew" in response.json()["detail"]


def test_a_book_with_options_and_stressed_windows_is_made_anew_to_the_bit(
    optioned: Streamed,
) -> None:
    snapshot = live(optioned.feed.book.revalue(fence=1, epoch=1), "O")
    assert snapshot.stressed[0].var is not None
    answer = answered(optioned, name="O")
    assert figures(answer.after) == figures(current_risk(snapshot))
    assert answer.after.stressed == snapshot.stressed
    assert answer.after.greeks == snapshot.greeks


def test_only_a_what_if_for_a_small_book_without_options_keeps_the_event_loop(
    optioned: Streamed, monkeypatch: pytest.MonkeyPatch
) -> None:
    optioned.take(optioned.feed.send(portfolio("N", holding("A", 1.0))))
    threaded: list[str] = []
    run_sync = anyio.to_thread.run_sync

    async def watched(work: Any, *arguments: Any, **named: Any) -> Any:
        threaded.extend(
            argument.snapshot.portfolio for argument in arguments if isinstance(argument, Recalled)
        )
        return await run_sync(work, *arguments, **named)

    monkeypatch.setattr(anyio.to_thread, "run_sync", watched)
    answered(optioned, name="N")
    assert threaded == []
    answered(optioned, name="O")
    assert threaded == ["O"]
    monkeypatch.setattr(snapshot_books, "PROMPT_POSITIONS_MAX", 0)
    answered(optioned, name="N")
    assert threaded == ["O", "N"]


def test_each_portfolio_is_answered_from_its_own_book(streamed: Streamed) -> None:
    answered(streamed)
    other = portfolio("Q", holding("C", 3.0), holding("E", -200.0), base_currency="GBP")
    really = live(streamed.take(streamed.feed.send(other)), "Q")
    assert figures(answered(streamed, name="Q").after) == figures(current_risk(really))
