"""The dashboard in a real browser, against a double of the API that the tests can break."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from system.contracts.replay import ReplayFault, ReplayStatus
from system.runtime.components.ports import free_ports
from system.runtime.preflight import find_browser
from system.show.page import SCREENS
from tests.end_to_end.pages.browser import Page, browser
from tests.end_to_end.pages.dashboards import (
    START_SECONDS,
    STOP_SECONDS,
    ApiServer,
    Dashboard,
    wait_until,
)
from tests.system.show.answers import MARKUP
from tests.system.show.fake_api import FakeApi

STALE_WITHIN_SECONDS = 30.0
"""Ends a wait for what does not come; two seconds without a heartbeat are stale."""
SOON_MS = 100
STATE = "window.riskstreamFeed.state"
IS_LIVE = f"window.riskstreamFeed && {STATE}.live === true && {STATE}.view !== null"

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.skipif(find_browser() is None, reason="no Chromium or Chrome is installed"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    api = FakeApi()
    api.play_days(12)
    running = ApiServer(api, free_ports([None])[0])
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def dashboard(server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    running = Dashboard(free_ports([None])[0], server.url, tmp_path_factory.mktemp("dashboard"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    executable = find_browser()
    assert executable is not None
    with browser(executable, tmp_path_factory.mktemp("chromium")) as page:
        page.resize(1680, 1060)
        yield page


@pytest.fixture
def page(tab: Page, dashboard: Dashboard, server: ApiServer) -> Iterator[Page]:
    """The desk, live, with helpers that look into the panels' shadow roots."""
    server.api.mend()
    tab.open(f"{dashboard.url}/?portfolio=long-equities")
    tab.wait(IS_LIVE)
    tab.value(
        """window.panel = (name) => [...document.querySelectorAll("*")]
             .map((element) => element.shadowRoot?.querySelector(`.panel.${name}`))
             .find(Boolean);
           window.text = (name, inside) => panel(name)?.querySelector(inside)?.textContent;"""
    )
    tab.wait("panel('trades') && panel('gauge') && text('gauge', '.value')?.includes('%')")
    yield tab
    assert tab.problems == []


def test_what_the_api_sends_stands_on_the_screen(page: Page, server: ApiServer) -> None:
    server.api.step_seconds = 0.6
    shown = page.value(f"({{ id: {STATE}.view.snapshot_id, gauge: text('gauge', '.value') }})")
    wait_until(lambda: server.api.latest, START_SECONDS, "the double has no snapshot")
    sent = server.api.sent[shown["id"]]
    server.api.step_seconds = 0.09
    assert sent.var_fraction is not None
    assert shown["gauge"].replace("\u202f", "") == f"{sent.var_fraction * 100:.2f}%"


def test_every_panel_draws(page: Page) -> None:
    drawn = page.value(
        """({
          curve: panel("pnl").querySelector(".curve").getAttribute("d").length > 50,
          limit: text("gauge", ".limit-text"),
          tail: panel("made").querySelectorAll(".tail tbody tr").length,
          classes: panel("exposure").querySelectorAll("tbody tr").length,
          contributors: panel("contributors").querySelectorAll("tbody tr").length,
          days: panel("days").querySelectorAll(".bars rect").length,
          heat: panel("heat").querySelectorAll("tbody tr").length,
          portfolios: panel("cards").querySelectorAll(".card").length,
        })"""
    )
    assert drawn["days"] >= 11
    assert drawn | {"days": 11} == {
        "curve": True,
        "limit": "limit 2.00\u202f%",
        "tail": 5,
        "classes": 1,
        "contributors": 5,
        "days": 11,
        "heat": 12,
        "portfolios": 3,
    }


def push_delays_ms(page: Page, server: ApiServer) -> list[float]:
    """Return how long after it was published each of some forty numbers was on the screen."""
    page.value(
        """window.seen = {};
           window.watch = new MutationObserver(() => {
             const at = performance.timeOrigin + performance.now();
             seen[riskstreamFeed.state.view.snapshot_id] ??= at;
           });
           watch.observe(panel("bar"), { subtree: true, childList: true, characterData: true });"""
    )
    page.wait("Object.keys(seen).length > 40")
    seen = page.value("(watch.disconnect(), seen)")
    return [at - server.api.published_ms[name] for name, at in seen.items()]


def test_pushes_come_to_the_screen_after_they_were_published(page: Page, server: ApiServer) -> None:
    delays_ms = push_delays_ms(page, server)
    assert min(delays_ms) > 0, "the clocks of one machine agree"


@pytest.mark.benchmark_suite
def test_a_push_is_on_the_screen_within_a_tenth_of_a_second(page: Page, server: ApiServer) -> None:
    delays_ms = push_delays_ms(page, server)
    median, slowest = statistics.median(delays_ms), max(delays_ms)
    sys.stdout.write(f"push to screen: median {median:.1f} ms, slowest {slowest:.1f} ms\n")
    assert median < SOON_MS, sorted(delays_ms)


def test_a_stream_that_stops_is_called_stale_and_recovers_by_itself(
    page: Page, server: ApiServer
) -> None:
    server.api.frozen = True
    page.wait("text('bar', '.pill') === 'STALE'", STALE_WITHIN_SECONDS)
    banner = page.value("text('bar', '.banner')")
    assert banner.startswith("STALE since ")
    assert "its heartbeat is gone" in banner
    assert "UTC market time" in banner
    assert page.value("panel('gauge').classList.contains('stale')")
    page.wait("getComputedStyle(panel('gauge').querySelector('svg')).opacity < 0.6")
    server.api.frozen = False
    page.wait("text('bar', '.pill') === 'LIVE'", STALE_WITHIN_SECONDS)
    assert page.value("panel('bar').querySelector('.banner').hidden")


def test_a_replay_is_named_with_its_faults_until_it_is_over(page: Page, server: ApiServer) -> None:
    assert page.value("panel('bar').querySelector('.replay').hidden")
    fault = ReplayFault(do="kill", what="kafka", is_over=False)
    server.api.replay = ReplayStatus(
        running=True, title="The broker dies", speed="20x", day_count=8, faults=(fault,)
    )
    page.wait("!panel('bar').querySelector('.replay').hidden", STALE_WITHIN_SECONDS)
    shown = page.value("text('bar', '.replay')")
    assert shown == "Replay: The broker dies · day 1 of 8 · speed 20x · fault now: kill kafka"
    assert page.value("panel('bar').querySelector('.replay').classList.contains('broken')")
    server.api.replay = None
    page.wait("panel('bar').querySelector('.replay').hidden", STALE_WITHIN_SECONDS)


@pytest.mark.parametrize("name", SCREENS)
def test_every_page_is_greyed_while_the_stream_stands_still_and_recovers(
    page: Page, server: ApiServer, name: str
) -> None:
    page.value(f"panel('bar').querySelector('nav [data-page=\"{name}\"]').click()")
    page.wait(f"panel('bar').querySelector('nav [aria-current]').dataset.page === '{name}'")
    all_panels = """[...document.querySelectorAll("*")]
        .map((element) => element.shadowRoot?.querySelector(".panel")).filter(Boolean)"""
    server.api.frozen = True
    page.wait("text('bar', '.pill') === 'STALE'", STALE_WITHIN_SECONDS)
    page.wait(f"{all_panels}.every((one) => one.classList.contains('stale'))")
    server.api.frozen = False
    page.wait("text('bar', '.pill') === 'LIVE'", STALE_WITHIN_SECONDS)
    page.wait(f"{all_panels}.every((one) => !one.classList.contains('stale'))")


def test_what_a_message_holds_is_never_read_as_markup(page: Page) -> None:
    page.value("panel('bar').querySelector('nav [data-page=\"health\"]').click()")
    page.wait(
        f"""[...document.querySelectorAll("*")].some((element) =>
             element.shadowRoot?.textContent.includes({json.dumps(MARKUP)}))"""
    )
    assert page.value("document.body.dataset.harmed === undefined")


def test_an_api_that_falls_silent_is_called_stale(page: Page, server: ApiServer) -> None:
    server.api.silent = True
    server.api.paused = True
    page.wait("text('bar', '.pill') === 'STALE'", STALE_WITHIN_SECONDS)
    assert "says nothing any more" in page.value("text('bar', '.banner')")
    server.api.silent = False
    server.api.paused = False
    page.wait("text('bar', '.pill') === 'LIVE'", STALE_WITHIN_SECONDS)


def test_an_api_that_ends_is_called_stale_until_it_is_back(page: Page, server: ApiServer) -> None:
    server.stop()
    page.wait("text('bar', '.pill') === 'STALE'", STALE_WITHIN_SECONDS)
    assert "No connection to the API" in page.value("text('bar', '.banner')")
    server.start()
    page.wait("text('bar', '.pill') === 'LIVE'", 6)


def test_a_dashboard_that_ends_is_called_stale_by_the_page_itself(
    page: Page, dashboard: Dashboard
) -> None:
    assert dashboard.stop() < STOP_SECONDS, "open event streams must not hold the server up"
    page.wait("text('bar', '.pill') === 'STALE'", STALE_WITHIN_SECONDS)
    assert "nothing from the dashboard's server" in page.value("text('bar', '.banner')")
    dashboard.start()
    page.wait("text('bar', '.pill') === 'LIVE'", 15)


def test_one_tab_holds_one_event_stream_over_changes_of_portfolio(
    page: Page, dashboard: Dashboard
) -> None:
    for name in ("long-short", "eur-jpy-usd", "long-equities"):
        page.value(f"panel('cards').querySelector('[data-portfolio={name}]').click()")
        page.wait(f"{STATE}.view?.portfolio === '{name}' && text('gauge', '.note') === '{name}'")
        page.wait(f"location.search === '?portfolio={name}'")
        assert page.value("text('cards', '[aria-checked=true] .name')") == name
    wait_until(lambda: dashboard.listener_count() == 1, 3, "more than one event stream is open")


def test_contributors_are_sorted_by_delta_from_the_keyboard(page: Page) -> None:
    page.value("panel('contributors').querySelectorAll('th button')[0].focus()")
    for kind in ("keyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r",
                  windowsVirtualKeyCode=13)  # fmt: skip
    page.wait("panel('contributors').querySelectorAll('th')[5].ariaSort === 'descending'")
    page.wait(
        f"""(() => {{
          const rows = {STATE}.view.contributors.rows;
          const largest = rows.reduce((a, b) => (Math.abs(b.delta) > Math.abs(a.delta) ? b : a));
          return text("contributors", "tbody th") === largest.instrument;
        }})()"""
    )


def test_a_trade_from_the_ticket_shows_var_before_and_after(page: Page, server: ApiServer) -> None:
    before = len(server.api.trades)
    page.wait("document.querySelector('.stForm button[kind=primaryFormSubmit]')")
    page.value("document.querySelector('.stForm button[kind=primaryFormSubmit]').click()")
    page.wait("panel('trades').querySelector('tbody tr.in_var')")
    row = page.value(
        "[...panel('trades').querySelector('tbody tr').children].map((cell) => cell.textContent)"
    )
    trade = server.api.trades[before]
    assert trade.portfolio == "long-equities"
    assert row[0] == f"Buy 100 {trade.instrument}"
    assert "%" in row[2]
    assert "%" in row[3]
    assert row[4] != "\u2013"
    assert row[5].endswith("ms")


def test_each_limit_is_told_in_words_and_drawn_up_to_its_breach_level(page: Page) -> None:
    page.wait("text('limits', 'tbody th') === 'VaR'")
    page.wait("['within', 'warning', 'breach'].includes(text('limits', '.words'))")
    page.wait("panel('limits').querySelector('.limit i').style.width.endsWith('%')")
    page.wait("text('limits', '.note').endsWith('raised')")


def test_a_trade_that_the_api_refuses_says_why(page: Page, server: ApiServer) -> None:
    server.api.refusal = "quantity is above the limit of this desk"
    page.wait("document.querySelector('.stForm button[kind=primaryFormSubmit]')")
    page.value("document.querySelector('.stForm button[kind=primaryFormSubmit]').click()")
    page.wait("panel('trades').querySelector('tbody tr.refused')")
    page.wait("document.querySelector('.stAlert')?.textContent.includes('limit of this desk')")
    server.api.refusal = ""


def test_without_any_snapshot_the_page_says_so_until_the_first(tab: Page, tmp_path: Path) -> None:
    empty = ApiServer(FakeApi(frozen=True), free_ports([None])[0])
    empty.start()
    running = Dashboard(free_ports([None])[0], empty.url, tmp_path)
    running.start()
    try:
        tab.open(running.url)
        tab.wait("document.body?.innerText.includes('no portfolio has a number yet')")
        tab.wait("window.riskstreamFeed?.state.freshness?.state === 'no_data'")
        tab.wait(
            """[...document.querySelectorAll("*")].some((element) =>
                 element.shadowRoot?.querySelector(".pill")?.textContent === "NO DATA YET")"""
        )
        empty.api.frozen = False
        tab.wait("document.querySelector('.stForm button[kind=primaryFormSubmit]')")
        tab.wait("!document.body.innerText.includes('no portfolio has a number yet')")
    finally:
        running.stop()
        empty.stop()
