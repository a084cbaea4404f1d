"""Every page of the dashboard in a real browser, on a real stack with a book of options.

Screenshots go to the folder that ``RISKSTREAM_SCREENSHOT_DIR`` names, by default one of the run.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from system.bus.producer import MessageProducer
from system.client.sync_client import RiskClient
from system.contracts.messages import Mark
from system.runtime.components.ports import free_ports
from system.runtime.preflight import find_browser
from system.settings import Connections
from system.show import format as text
from system.show.page import BOOK, SCREENS
from tests.end_to_end.pages.browser import Page, browser
from tests.end_to_end.pages.dashboards import Dashboard, wait_until
from tests.end_to_end.test_option_oracle import BATCHES, DRAIN_BOUND_S
from tests.system.book.feed import tick
from validation.run.read_back import await_committed

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.timeout(600),
    pytest.mark.pipeline("api", "oracle"),
    pytest.mark.skipif(find_browser() is None, reason="no Chromium or Chrome is installed"),
]

PORTFOLIO = "O"
AXE = Path(__file__).with_name("axe.min.js")
SIZES = ((1440, 1100, "dark"), (1024, 1400, "light"), (390, 2000, "light"))
IS_LIVE = "window.riskstreamFeed?.state.live === true && riskstreamFeed.state.view !== null"
PANELS = """window.panels = () => [...document.querySelectorAll("*")]
    .map((element) => element.shadowRoot?.querySelector(".panel")).filter(Boolean);
  window.panel = (name) => panels().find((element) => element.classList.contains(name));"""
DRAWN = {
    "desk": "panel('desk')?.querySelectorAll('tbody tr').length === 1",
    BOOK: "panel('gauge')?.querySelector('.value').textContent.includes('%')",
    "attribution": "panel('map')?.querySelectorAll('tbody tr').length > 2",
    "backtest": "panel('lines')?.querySelector('canvas, .empty:not([hidden])')",
    "stress": "panel('stressed')?.querySelectorAll('tbody tr').length > 0",
    "greeks": "panel('sheet')?.querySelectorAll('tbody tr.total').length === 1",
    "what-if": "document.querySelector('[data-testid=stDataFrame]') && panel('sheet')",
    "change": "panel('waterfall')?.querySelectorAll('.steps > g').length > 2",
    "health": "panels().filter((one) => one.classList.contains('sheet')).length === 5",
}
"""An expression that holds once a page shows its numbers, by the page's name."""


@pytest.fixture(scope="module")
def played(connections: Connections) -> Connections:
    """Three days of a book with options in all stores."""
    with MessageProducer(connections.kafka_bootstrap_servers) as producer:
        for messages in BATCHES:
            for message in messages:
                if isinstance(message, Mark):
                    producer.send_mark_everywhere(message)
                else:
                    producer.send(message)
            producer.flush()
            assert await_committed(connections, timeout_s=DRAIN_BOUND_S)
    return connections


@pytest.fixture(scope="module")
def dashboard(played: Connections, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    folder = tmp_path_factory.mktemp("dashboard")
    running = Dashboard(free_ports([None])[0], played.api_url, folder, played.api_token)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    executable = find_browser()
    assert executable is not None
    with browser(executable, tmp_path_factory.mktemp("chromium")) as page:
        yield page


@pytest.fixture(scope="module")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    named = os.environ.get("RISKSTREAM_SCREENSHOT_DIR")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    print(f"screenshots: {folder}")  # noqa: T201 - for who runs the test
    return folder


def opened(tab: Page, dashboard: Dashboard, name: str) -> None:
    """Open a page by its address and wait until it shows its numbers."""
    path = "" if name == BOOK else name
    tab.problems.clear()
    tab.console_errors.clear()
    tab.open(f"{dashboard.url}/{path}?portfolio={PORTFOLIO}")
    tab.wait(f"document.body && {IS_LIVE}")
    tab.value(PANELS)
    tab.wait(DRAWN[name])


def serious(tab: Page) -> list[str]:
    """Return what axe-core finds on the page that is serious or critical."""
    tab.value(AXE.read_text(encoding="utf-8") + "; true")
    findings = tab.value(
        """axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
             JSON.stringify(violations
               .filter(({ impact }) => ["serious", "critical"].includes(impact))
               .map(({ id, nodes }) =>
                 `${id}: ${nodes.map(({ target }) => target.flat().join(" ")).join("; ")}`)))"""
    )
    return list(json.loads(findings))


def errors(tab: Page) -> list[str]:
    """Return what went wrong in the browser.

    Streamlit asks for its own addresses below the page's first, and falls back to the root on 404.
    """
    probed = ("/_stcore/health", "/_stcore/host-config")
    return tab.problems + [said for said in tab.console_errors if not said.endswith(probed)]


def test_every_page_is_named_here() -> None:
    assert set(DRAWN) == set(SCREENS)


@pytest.mark.parametrize("name", SCREENS)
def test_a_page_draws_in_every_size_without_an_error(
    tab: Page, dashboard: Dashboard, screenshots: Path, name: str
) -> None:
    for width, height, scheme in SIZES:
        tab.resize(width, height)
        tab.prefer(scheme)
        opened(tab, dashboard, name)
        tab.wait("document.fonts.status === 'loaded'")
        tab.screenshot(screenshots / f"{name}-{width}.png")
        assert tab.value("document.documentElement.scrollWidth") <= width, "wider than the screen"
        assert errors(tab) == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("name", SCREENS)
def test_axe_finds_nothing_serious(tab: Page, dashboard: Dashboard, name: str, scheme: str) -> None:
    tab.resize(1440, 1100)
    tab.prefer(scheme)
    opened(tab, dashboard, name)
    assert serious(tab) == []


def test_a_page_shows_the_numbers_of_the_api(
    tab: Page, dashboard: Dashboard, played: Connections
) -> None:
    with RiskClient(played.api_url, played.api_token) as client:
        risk = client.current_var(PORTFOLIO)
        health = client.health()
    opened(tab, dashboard, "desk")
    cells = "[...panel('desk').querySelector('tbody tr').children].map((cell) => cell.textContent)"
    row = tab.value(cells)
    assert row[:5] == [
        PORTFOLIO, "\u2013", risk.base_currency, text.amount(risk.var),
        text.percent(risk.var_fraction),
    ]  # fmt: skip
    opened(tab, dashboard, "health")
    servers = tab.value(
        "[...panel('sheet').querySelectorAll('tbody th')].map((cell) => cell.textContent)"
    )
    assert servers == [component.name for component in health.components]


def test_links_change_the_page_and_keep_document_and_stream(
    tab: Page, dashboard: Dashboard
) -> None:
    opened(tab, dashboard, BOOK)
    tab.value("window.sameDocument = true")
    for name in (*SCREENS, BOOK):
        tab.value(f"panel('bar').querySelector('nav [data-page=\"{name}\"]').click()")
        tab.wait(DRAWN[name])
        tab.wait(f"panel('bar').querySelector('nav [aria-current]').dataset.page === '{name}'")
        assert tab.value("window.sameDocument === true"), "the page was loaded anew"
        assert tab.value("location.search") == f"?portfolio={PORTFOLIO}"
    wait_until(lambda: dashboard.listener_count() == 1, 10, "more than one event stream is open")
    assert errors(tab) == []


def test_a_row_of_the_desk_opens_its_book(tab: Page, dashboard: Dashboard) -> None:
    opened(tab, dashboard, "desk")
    tab.value("panel('desk').querySelector('tbody tr').click()")
    tab.wait(DRAWN[BOOK])
    assert tab.value("location.pathname") == "/"


def test_a_tick_is_on_the_desk_without_a_reload(
    tab: Page, dashboard: Dashboard, played: Connections
) -> None:
    opened(tab, dashboard, "desk")
    tab.value("window.sameDocument = true")
    shown = "panel('desk').querySelector('tbody tr').children[8].textContent"
    before = tab.value(shown)
    with MessageProducer(played.kafka_bootstrap_servers) as producer:
        producer.send(tick("C", 940.0, day=3))
        producer.flush()
    tab.wait(f"{shown} !== {json.dumps(before)}")
    assert tab.value("window.sameDocument === true")


def test_each_page_shows_its_numbers_within_two_seconds_once_the_browser_is_warm(
    tab: Page, dashboard: Dashboard
) -> None:
    tab.resize(1440, 1100)
    seconds = {}
    for name in SCREENS:
        begun = time.monotonic()
        opened(tab, dashboard, name)
        seconds[name] = time.monotonic() - begun
    print("; ".join(f"{name} {taken:.2f} s" for name, taken in seconds.items()))  # noqa: T201
    assert max(seconds.values()) < 60.0, "the bound of a loaded machine: figures are printed"
