"""The dashboard's own routes."""

from __future__ import annotations

import asyncio
import hashlib
import re

import httpx
import msgspec
import pytest
from starlette.applications import Starlette

from system.contracts.messages import RiskSnapshot
from system.show.panels.renderer import Panel
from system.show.server import routes, runtime
from system.show.server.fanout import Fanout
from tests.system.show.panels.test_ticket_panel import no_connections

RESERVED = ("/_stcore/", "/media/", "/component/", "/static/")


def got(path: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(Starlette(routes=routes.routes()))
        async with httpx.AsyncClient(transport=transport, base_url="http://desk.test") as client:
            return await client.get(path)

    return asyncio.run(ask())


def test_the_routes_keep_clear_of_streamlits() -> None:
    assert not [route for route in routes.routes() if route.path.startswith(RESERVED)]


def test_files_are_kept_for_ever_under_an_address_that_changes_with_them() -> None:
    answer = got("/" + routes.asset_url("panels.js"))
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert re.fullmatch(r"live/assets/[0-9a-f]{12}/panels\.js", routes.asset_url("panels.js"))


@pytest.mark.parametrize(
    "path",
    [
        "/live/assets/000000000000/panels.js",
        f"/{routes.asset_url('nothing.js')}",
        f"/live/assets/{routes.asset_version()}/..%2Fapp.py",
    ],
)
def test_nothing_else_is_served(path: str) -> None:
    assert got(path).status_code == 404


def test_the_health_page_counts_the_browsers(running: runtime.Dashboard) -> None:
    assert got("/live/health").text == "ok, 0 listening\n"
    with running.fanout.listener():
        assert got("/live/health").text == "ok, 1 listening\n"


def test_a_browser_gets_the_state_at_once_and_each_change_after_it(
    running: runtime.Dashboard, long_short: RiskSnapshot
) -> None:
    async def listen() -> list[dict[str, object]]:
        pushes = routes._pushes(running, "")
        first = await anext(pushes)
        running.desk.take_snapshot(long_short, 0)
        running.fanout.wake()
        second = await anext(pushes)
        await pushes.aclose()
        return [msgspec.json.decode(push.removeprefix(b"data: ")) for push in (first, second)]

    first, second = asyncio.run(listen())
    assert first["selected"] == ""
    assert second["selected"] == "long-short"
    assert len(running.fanout) == 0, "the place is given back"


def test_the_book_that_a_browser_looks_at_is_named(
    running: runtime.Dashboard, long_short: RiskSnapshot
) -> None:
    looked_at: list[str] = []
    running.desk.take_snapshot(long_short, 0)
    live = runtime.Dashboard(
        running.desk, running.fanout, running.loop, no_connections, looked_at.append
    )

    async def listen() -> None:
        pushes = routes._pushes(live, "")
        await anext(pushes)
        await pushes.aclose()

    asyncio.run(listen())
    assert looked_at == ["long-short"]


def test_a_browser_too_many_is_told_so(running: runtime.Dashboard) -> None:
    crowded = runtime.Dashboard(running.desk, Fanout(max_listeners=0), running.loop, no_connections)

    async def listen() -> list[bytes]:
        return [push async for push in routes._pushes(crowded, "")]

    (push,) = asyncio.run(listen())
    assert push.startswith(b"event: refused\ndata: 0 tabs")


def test_every_panel_has_its_file_and_is_mounted() -> None:
    panels = (routes.STATIC_DIR / "panels.js").read_text(encoding="utf-8")
    for panel in Panel:
        assert (routes.STATIC_DIR / f"panel_{panel.value}.js").is_file()
        assert f'from "./panel_{panel.value}.js"' in panels


def test_nothing_is_loaded_from_elsewhere() -> None:
    for path in routes.STATIC_DIR.iterdir():
        code = re.sub(r"(?m)^\s*(//|\*).*|\s// .*", "", path.read_text(encoding="utf-8"))
        addresses = set(re.findall(r"https?://[^\"' )]+", code))
        assert addresses <= {"http://www.w3.org/2000/svg"}, path.name


def test_files_that_are_taken_over_are_those_that_are_named() -> None:
    named = (routes.STATIC_DIR / "README.md").read_text(encoding="utf-8")
    hashes = dict(re.findall(r"\| `(uplot[^`]+)` \| [^|]+ \| `([0-9a-f]{64})` \|", named))
    taken = sorted(routes.STATIC_DIR.glob("uplot*"))
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in taken} == hashes
