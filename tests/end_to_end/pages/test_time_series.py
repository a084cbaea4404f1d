"""Time series in a real browser: 100,000 points are drawn, zoomed, and share their cursor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from system.runtime.components.ports import free_ports
from system.runtime.preflight import find_browser
from system.show.server.routes import asset_url
from tests.end_to_end.pages.browser import Page, browser
from tests.end_to_end.pages.dashboards import ApiServer, Dashboard
from tests.system.show.fake_api import FakeApi

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(find_browser() is None, reason="no Chromium or Chrome is installed"),
]

POINTS = 100_000
MOUNT = """(async () => {
  const { mount } = await import(new URL("%s", document.baseURI).href);
  const roots = [...document.querySelectorAll("*")].map((element) => element.shadowRoot);
  const bar = roots.find((root) => root?.querySelector(".panel.bar"));
  const place = document.createElement("div");
  place.style = "position: fixed; inset: 0; z-index: 99; background: #000";
  document.body.append(place);
  const shadow = place.attachShadow({ mode: "open" });
  shadow.adoptedStyleSheets = [...bar.adoptedStyleSheets];
  shadow.append(...[...bar.querySelectorAll("style, link")].map((style) => style.cloneNode(true)));
  const x = Array.from({ length: %d }, (_, index) => 1577836800 + index * 60);
  const values = x.map((_, index) => Math.sin(index / 5000) * 1000);
  const series = (name) => ({ name, colour: "long", values });
  const charts = ["one", "two"].map((title) => ({ title, words: title, series: [series(title)] }));
  window.plots = shadow;
  const begun = performance.now();
  const content = { title: "series", x, charts };
  mount(shadow, { panel: "lines", stream: "live/stream", content }, {});
  await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return performance.now() - begun;
})()"""
LEGENDS = """[...plots.querySelectorAll(".u-legend")].map((legend) =>
  [...legend.querySelectorAll(".u-value")].map((value) => value.textContent))"""


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    executable = find_browser()
    assert executable is not None
    server = ApiServer(FakeApi(), free_ports([None])[0])
    server.start()
    running = Dashboard(free_ports([None])[0], server.url, tmp_path)
    running.start()
    try:
        with browser(executable, tmp_path / "chromium") as page:
            page.resize(1440, 900)
            page.open(running.url)
            page.wait("document.body && window.riskstreamFeed?.state.live === true")
            yield page
    finally:
        running.stop()
        server.stop()


def mouse(page: Page, kind: str, x: float, y: float, *, is_pressed: bool = False) -> None:
    """Move, press or release; ``is_pressed`` says whether the left button is down after it."""
    page.call(
        "Input.dispatchMouseEvent",
        type=kind,
        x=x,
        y=y,
        button="none" if kind == "mouseMoved" and not is_pressed else "left",
        buttons=int(is_pressed),
        clickCount=1,
    )


def test_a_hundred_thousand_points_are_drawn_zoomed_and_share_their_cursor(page: Page) -> None:
    taken_ms = page.value(MOUNT % (asset_url("panels.js"), POINTS))
    print(f"two charts of {POINTS:,} points drawn in {taken_ms:.0f} ms")  # noqa: T201
    left, top, width, height = page.value(
        """(({ left, top, width, height }) => [left, top, width, height])(
             plots.querySelector(".u-over").getBoundingClientRect())"""
    )
    middle = top + height / 2
    mouse(page, "mouseMoved", left + 20, middle)
    page.wait(f"{LEGENDS}.every((values) => values[0].startsWith('2020-01-0'))")
    first, second = page.value(LEGENDS)
    assert first == second, "both charts stand at the same moment"
    mouse(page, "mouseMoved", left + width * 0.5, middle)
    mouse(page, "mousePressed", left + width * 0.5, middle, is_pressed=True)
    mouse(page, "mouseMoved", left + width * 0.75, middle, is_pressed=True)
    mouse(page, "mouseReleased", left + width * 0.75, middle)
    mouse(page, "mouseMoved", left + 20, middle)
    page.wait(f"{LEGENDS}.every((values) => values[0].startsWith('2020-02-0'))")
    page.value("plots.querySelector('header button').click()")
    mouse(page, "mouseMoved", left + 22, middle)
    page.wait(f"{LEGENDS}.every((values) => values[0].startsWith('2020-01-0'))")
    assert page.problems == []
