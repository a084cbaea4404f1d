"""The one dashboard of a process."""

from __future__ import annotations

import asyncio
import threading

import pytest

from system.errors import InternalError
from system.show.server import runtime
from system.show.server.fanout import Fanout
from system.show.state.dashboard import DashboardState
from tests.system.show.panels.test_ticket_panel import no_connections


def test_a_page_without_a_pump_says_how_to_start_it() -> None:
    with pytest.raises(InternalError, match=r"system/show/app\.py"):
        runtime.current()


def test_a_change_from_another_thread_happens_in_the_loop_and_wakes_the_browsers() -> None:
    async def play() -> tuple[bool, int]:
        fanout, threads = Fanout(), []
        running = runtime.Dashboard(
            DashboardState(), fanout, asyncio.get_running_loop(), no_connections
        )
        with fanout.listener() as listener:
            page = threading.Thread(
                target=running.change, args=(lambda _: threads.append(threading.get_ident()),)
            )
            page.start()
            woken = await listener.changed(5)
            page.join()
        return woken, threads[0]

    assert asyncio.run(play()) == (True, threading.get_ident())
