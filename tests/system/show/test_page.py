"""The page as Streamlit runs it, without a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from system import show
from system.contracts.messages import RiskSnapshot
from system.show.page import SCREENS, address_of
from system.show.panels.plain import plain
from system.show.server import runtime

PAGE = Path(show.__file__).with_name("page.py")
RUN_SECONDS = 20


def page_run(screen: str = "", **query: str) -> AppTest:
    """Run the page with a name, or the one of an address without a name."""
    page = AppTest.from_file(str(PAGE), default_timeout=RUN_SECONDS)
    if screen:
        page._page_hash = calc_hash(screen)  # AppTest opens no page that is a function
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def test_without_a_number_there_is_no_ticket(running: runtime.Dashboard) -> None:
    page = page_run()
    assert not page.exception
    assert "no portfolio has a number yet" in page.caption[0].value
    assert len(page.button) == 0


def test_the_ticket_is_for_the_portfolio_in_the_address(
    running: runtime.Dashboard, long_short: RiskSnapshot, long_equities: RiskSnapshot
) -> None:
    running.desk.take_snapshot(long_short, 0)
    running.desk.take_snapshot(long_equities, 0)
    page = page_run(portfolio="long-short")
    assert not page.exception
    assert page.button[0].label == "Send to long-short"
    assert page.selectbox[0].options == [row.instrument for row in long_short.positions]


def test_a_ticket_that_cannot_be_sent_says_why(
    running: runtime.Dashboard, long_short: RiskSnapshot
) -> None:
    running.desk.take_snapshot(long_short, 0)
    page = page_run()
    page.button[0].click().run()
    assert not page.exception
    assert plain("api_url is unknown") in page.error[0].value


def test_a_preview_that_cannot_be_asked_for_says_why(
    running: runtime.Dashboard, long_short: RiskSnapshot
) -> None:
    running.desk.take_snapshot(long_short, 0)
    page = page_run()
    asked = next(button for button in page.button if button.label.startswith("What would"))
    page = asked.click().run()
    assert not page.exception
    assert len(page.error) == 1


def test_a_scenario_that_cannot_be_asked_for_says_why(
    running: runtime.Dashboard, long_short: RiskSnapshot
) -> None:
    running.desk.take_snapshot(long_short, 0)
    page = page_run("stress")
    asked = next(button for button in page.button if button.label == "Revalue")
    page = asked.click().run()
    assert not page.exception
    assert len(page.error) == 1


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("has_number", [False, True])
def test_every_page_draws_with_and_without_a_number(
    running: runtime.Dashboard, long_short: RiskSnapshot, screen: str, has_number: bool
) -> None:
    if has_number:
        running.desk.take_snapshot(long_short, 0)
    assert not page_run("" if screen == "book" else screen).exception


def test_the_chosen_portfolio_goes_along_to_another_page() -> None:
    assert address_of("long-short") == {"portfolio": "long-short"}
    assert address_of("") == {}
