"""One desk, many browsers: latest wins."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest

from system.show.server.fanout import Fanout, TooManyBrowsersError


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
    fanout = Fanout(max_listeners=1)
    with fanout.listener():
        assert len(fanout) == 1
        with pytest.raises(TooManyBrowsersError, match="1 tabs"), fanout.listener():
            pass
    assert len(fanout) == 0


def test_one_browser_does_not_shut_the_others_out() -> None:
    async def play() -> int:
        fanout = Fanout(max_listeners=4)
        with ExitStack() as open_tabs:
            tabs = [open_tabs.enter_context(fanout.listener("greedy")) for _ in range(4)]
            for name in ("ann", "bob"):
                open_tabs.enter_context(fanout.listener(name))
            assert [tab.is_ended for tab in tabs] == [True, True, False, False]
            with pytest.raises(TooManyBrowsersError, match="another one has the place"):
                await tabs[0].changed(1)
            assert not await tabs[3].changed(0.01)
            return len(fanout)

    assert asyncio.run(play()) == 4


def test_a_browser_that_has_most_places_gets_no_more() -> None:
    fanout = Fanout(max_listeners=2)
    with (
        fanout.listener("greedy"),
        fanout.listener("greedy"),
        pytest.raises(TooManyBrowsersError, match="2 tabs"),
        fanout.listener("greedy"),
    ):
        pass


def test_browsers_with_the_same_number_of_places_keep_them() -> None:
    fanout = Fanout(max_listeners=2)
    with (
        fanout.listener("ann"),
        fanout.listener("bob"),
        pytest.raises(TooManyBrowsersError),
        fanout.listener("eve"),
    ):
        pass
