"""Forms of the page: exactly what they ask the API for whom, and that the answer is drawn."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, Self

import msgspec
import pytest
from streamlit.testing.v1 import AppTest

from system.contracts.api.questions import ScenarioRequest, Shock
from system.contracts.limits import (
    Acknowledgement,
    LimitLevel,
    LimitMeasure,
    LimitUse,
    TrailKind,
    TrailRow,
)
from system.contracts.messages import AssetClass, RiskSnapshot
from system.show.panels import stress_panel
from system.show.panels.desk_panel import OWN_CURRENCY
from system.show.panels.plain import plain as escaped
from system.show.panels.stress_panel import DAY, EVERYTHING, REVERSE
from system.show.server import runtime
from system.show.server.fanout import Fanout
from system.show.state.dashboard import DashboardState
from tests.system.show.panels.test_change_panel import FOUND as CHANGE
from tests.system.show.panels.test_contributions_panel import FOUND as CONTRIBUTIONS
from tests.system.show.panels.test_desk_panel import FOUND as TOGETHER
from tests.system.show.panels.test_stress_panel import FOUND as SCENARIO
from tests.system.show.panels.test_stress_panel import REVERSED, plain
from tests.system.show.test_page import page_run

TOKEN = "t" * 16
SEEN = TrailRow(
    event_id=2,
    kind=TrailKind.ACKNOWLEDGED,
    portfolio="long-short",
    measure=LimitMeasure.GROSS,
    before=LimitLevel.OK,
    after=LimitLevel.BREACH,
    value=1.5,
    warning=0.8,
    breach=1.0,
    snapshot_id="long-short-1-1",
    event_time_ns=1,
    recorded_at_ns=2,
    acknowledges=1,
    actor="R. Officer",
)


class Api:
    """In place of the client: keeps what is asked, and gives one answer."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.answer: Any = None

    def __call__(self, url: str, token: str) -> Self:
        assert (url, token) == ("http://api", TOKEN)
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def ask(*arguments: Any) -> Any:
            self.asked.append((name, *arguments))
            return self.answer

        return ask


@pytest.fixture
def api(
    long_short: RiskSnapshot, long_equities: RiskSnapshot, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Api]:
    def where() -> Any:
        return SimpleNamespace(api_url="http://api", api_token=TOKEN)

    api = Api()
    made = runtime.Dashboard(DashboardState(), Fanout(), asyncio.new_event_loop(), where)
    runtime.start(made)
    limited = msgspec.structs.replace(
        long_short,
        desk="rates",
        limits=tuple(
            LimitUse(
                measure=measure,
                value=1.5,
                warning=0.8,
                breach=1.0,
                used=1.5,
                level=level,
                raised=level,
            )
            for measure, level in (
                (LimitMeasure.GROSS, LimitLevel.BREACH),
                (LimitMeasure.NET, LimitLevel.BREACH),
            )
        ),
    )
    made.desk.take_snapshot(long_equities, 0)
    made.desk.take_snapshot(limited, 0)
    monkeypatch.setattr(stress_panel, "RiskClient", api)
    yield api
    runtime.stop()
    made.loop.close()


def page_of(portfolio: str = "long-short") -> AppTest:
    page = page_run(portfolio=portfolio)
    assert not page.exception
    return page


def clicked(page: AppTest, label: str) -> AppTest:
    page = next(button for button in page.button if button.label == label).click().run()
    assert not page.exception
    return page


def pressed(page: AppTest, label: str) -> AppTest:
    page = clicked(page, label)
    assert len(page.error) == 0
    return page


def field(widgets: Any, label: str) -> Any:
    return next(widget for widget in widgets if widget.label == label)


def said(page: AppTest) -> str:
    return plain(" ".join(markdown.value for markdown in page.markdown))


def asking(page: AppTest, kind: str) -> AppTest:
    control = next(group for group in page.button_group if kind in group.options)
    return control.set_value(kind).run()


def test_a_shock_is_asked_as_it_is_filled_in(api: Api) -> None:
    api.answer = SCENARIO
    page = page_of()
    field(page.selectbox, "Prices of").set_value(AssetClass.EQUITY.value)
    field(page.number_input, "by %").set_value(-12.5)
    field(page.text_input, "Currency").set_value("jpy")
    field(page.number_input, "by % ").set_value(4.0)
    page = pressed(page, "Revalue")
    shocks = (
        Shock(move=-0.125, asset_class=AssetClass.EQUITY),
        Shock(move=0.04, currency="JPY"),
    )
    assert api.asked == [("scenario", "long-short", ScenarioRequest(shocks=shocks))]
    assert "-1 134 USD" in said(page)
    assert len(page.table) == 1


def test_a_shock_of_everything_is_for_the_portfolio_that_is_shown(api: Api) -> None:
    api.answer = SCENARIO
    page = page_of("long-equities")
    assert field(page.selectbox, "Prices of").value == EVERYTHING
    pressed(page, "Revalue")
    shocks = (Shock(move=-0.1),)
    assert api.asked == [("scenario", "long-equities", ScenarioRequest(shocks=shocks))]


def test_a_day_of_history_is_asked_by_its_date(api: Api) -> None:
    api.answer = SCENARIO
    page = asking(page_of(), DAY)
    field(page.date_input, "Day").set_value(dt.date(2008, 10, 15))
    page = pressed(page, "Revalue")
    assert api.asked == [("scenario", "long-short", ScenarioRequest(day=dt.date(2008, 10, 15)))]
    assert "from 2020-03-13 to 2020-03-16" in said(page)


def test_a_reverse_stress_is_asked_by_its_loss(api: Api) -> None:
    api.answer = REVERSED
    page = asking(page_of(), REVERSE)
    field(page.number_input, "Loss, base currency").set_value(75_000.0)
    page = pressed(page, "Revalue")
    assert api.asked == [("reverse_stress", "long-short", 75_000.0)]
    assert "-5.23 %** on all prices loses 5 000 USD" in said(page)


def test_a_change_is_explained_for_the_portfolio_that_is_shown(api: Api) -> None:
    api.answer = CHANGE
    page = pressed(page_of(), "Explain since the last close")
    assert api.asked == [("var_change", "long-short")]
    assert "+150 USD" in said(page)
    assert len(page.table) == 1


def test_contributions_are_asked_for_the_portfolio_that_is_shown(api: Api) -> None:
    api.answer = CONTRIBUTIONS
    page = pressed(page_of(), "Revalue without each")
    assert api.asked == [("contributions", "long-short")]
    assert len(page.table) == 1


@pytest.mark.parametrize("currency", [None, "USD"])
def test_a_desk_is_asked_by_its_name_and_in_the_chosen_currency(
    api: Api, currency: str | None
) -> None:
    api.answer = TOGETHER
    page = page_of()
    if currency is not None:
        next(box for box in page.selectbox if OWN_CURRENCY in box.options).set_value(currency)
    pressed(page, "Add up the books")
    assert api.asked == [("desk_var", "rates", currency)]


def test_a_limit_is_acknowledged_by_name(api: Api) -> None:
    api.answer = SEEN
    page = page_of()
    field(page.text_input, "Seen by").set_value(" R. Officer ")
    field(page.text_input, "Note").set_value("hedged")
    page = pressed(page, "Acknowledge")
    told = Acknowledgement(actor="R. Officer", note="hedged")
    assert api.asked == [("acknowledge_limit", "long-short", LimitMeasure.GROSS, told)]
    assert escaped("seen by R. Officer") in page.success[0].value


def test_a_currency_that_is_none_is_answered_on_the_page(api: Api) -> None:
    page = page_of()
    field(page.text_input, "Currency").set_value("gbx")
    page = clicked(page, "Revalue")
    assert escaped("'GBX' is a minor unit, 1/100 GBP: write GBP") in page.error[0].value


def test_a_note_that_drives_a_terminal_is_answered_on_the_page(api: Api) -> None:
    page = page_of()
    field(page.text_input, "Seen by").set_value("R. Officer")
    field(page.text_input, "Note").set_value("\x1b[2J")
    page = clicked(page, "Acknowledge")
    assert escaped("holds U+001B ESCAPE") in page.error[0].value
    assert api.asked == []


def test_nobody_acknowledges_without_a_name(api: Api) -> None:
    page = (
        next(button for button in page_of().button if button.label == "Acknowledge").click().run()
    )
    assert api.asked == []
    assert "say who has seen it" in page.error[0].value
