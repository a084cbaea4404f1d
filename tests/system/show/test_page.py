"""The page as Streamlit runs it, without a browser."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from system import show
from system.contracts.messages import RiskSnapshot
from system.show.panels.plain import plain
from system.show.server import runtime

PAGE = Path(show.__file__).with_name("page.py")
RUN_SECONDS = 20


def page_run(**query: str) -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=RUN_SECONDS)
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
    page = page_run()
    asked = next(button for button in page.button if button.label == "Revalue")
    page = asked.click().run()
    assert not page.exception
    assert len(page.error) == 1
