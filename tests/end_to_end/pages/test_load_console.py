"""The chart of tick-to-VaR latency on locust's own console, in a real browser."""

from __future__ import annotations

import pytest

from system.runtime.preflight import find_browser
from tests.end_to_end.pages.browser import browser
from tests.loadtests.users.consoles import console

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(find_browser() is None, reason="no Chromium or Chrome is installed"),
]

PANEL = "document.querySelector('#tick-to-var-panel')"
LINES = "querySelectorAll('.scatterlayer .trace')"
LEGEND = "[...document.querySelectorAll('.legendtext')].map((one) => one.textContent)"


def test_the_console_shows_the_chart_without_a_click_on_every_tab(tmp_path):
    with console() as address, browser(find_browser(), tmp_path) as page:
        for tab in ("stats", "charts", "tick-to-var"):
            page.resize(1280, 900)
            page.open(f"{address}/?tab={tab}")
            page.wait("document.querySelector('#root')?.children.length")
            page.wait(f"{PANEL}?.querySelector('iframe').contentDocument?.{LINES}.length === 3")
            top, bottom = page.value(
                f"(({{top, bottom}}) => [top, bottom])({PANEL}.getBoundingClientRect())"
            )
            assert 0 < top < bottom <= 900
        page.open(f"{address}/tick-to-var")
        page.wait(f"document.{LINES}.length === 3")
        assert page.value(LEGEND) == ["p50 ms", "p99 ms", "ticks covered per s"]
        assert page.problems == []
