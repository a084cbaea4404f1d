"""locust's own web console, asked over HTTP: the chart is on its page, the tab has its rows."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.loadtests.users.consoles import console

POINT_SECONDS = 30.0


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with console() as address, httpx.Client(base_url=address, timeout=20.0) as asking:
        yield asking


def test_the_page_of_the_console_has_locusts_own_and_the_chart_below_it(client):
    page = client.get("/")
    assert int(page.headers["content-length"]) == len(page.content)
    root, panel = page.text.index('<div id="root">'), page.text.index("tick-to-var-panel")
    assert root < page.text.index("window.templateArgs") < panel < page.text.index("</body>")
    assert page.text.count("<iframe") == 1
    (framed,) = re.findall(r'<iframe src="([^"]+)"', page.text)
    chart = client.get(framed)
    assert chart.status_code == 200
    assert 'id="chart"' in chart.text
    (drawn_by,) = re.findall(r'<script src="([^"]+)"', chart.text)
    (fed_by,) = re.findall(r'fetch\("([^"]+)"\)', chart.text)
    assert "Plotly" in client.get(drawn_by).text
    assert client.get(fed_by).headers["content-type"] == "application/json"


def test_the_chart_is_fed_with_a_point_for_each_second(client):
    give_up = time.monotonic() + POINT_SECONDS
    while not (points := client.get("/tick-to-var.json").json()):
        assert time.monotonic() < give_up, "no point"
        time.sleep(0.05)
    assert (points[0]["p50_ms"], points[0]["p99_ms"]) == (80, 170)
    assert points[0]["count"] % 1_000 == 0


def test_the_tab_is_announced_and_its_rows_come_with_the_statistics(client):
    assert re.search(
        r'"extended_tabs": \[\{"key": "tick-to-var", "title": "Tick to VaR"', client.get("/").text
    )
    (tab,) = client.get("/stats/requests").json()["extended_stats"]
    covered = next(row for row in tab["data"] if row["name"] == "sent -> covered in Redis")
    assert covered["count"] >= 1_000
    assert (covered["p50"], covered["p99"], covered["max"]) == (80, 170, 170)


def test_other_pages_of_the_console_are_locusts_own(client):
    assert "tick-to-var-panel" not in client.get("/stats/report").text
    assert client.get("/no-such-page").status_code == 404
