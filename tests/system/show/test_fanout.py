"""One desk, many browsers: latest wins."""

from __future__ import annotations

import asyncio

import pytest

from system.show.fanout import Fanout, TooManyBrowsersError


def test_every_listener_is_woken_and_many_changes_are_one() -> None:
    async def play() -> list[bool]:
        fanout = Fanout()
        with fanout.listener() as first, fanout.listener() as second:
            for _ in range(5):
                fanout.wake()
            seen = [await first.changed(1), await second.changed(1)]
            return [*seen, await first.changed(0.01)]

    assert asyncio.run(play()) == [True, True, False]


def test_a_change_during_the_wait_ends_it() -> None:
    async def play() -> bool:
        fanout = Fanout()
        with fanout.listener() as listener:
            waiting = asyncio.create_task(listener.changed(5))
            await asyncio.sleep(0)
            fanout.wake()
            return await waiting

    assert asyncio.run(play())


def test_places_are_bounded_and_given_back() -> None:
    fanout = Fanout(max_browsers=1)
    with fanout.listener():
        assert len(fanout) == 1
        with pytest.raises(TooManyBrowsersError, match="1 browsers"), fanout.listener():
            pass
    assert len(fanout) == 0
