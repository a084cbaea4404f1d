"""Forms of the page: exactly what they ask the API for whom, and that the answer is drawn."""

from __future__ import annotations

import datetime as dt

import pytest
from streamlit.testing.v1 import AppTest

from system.contracts.api.questions import ScenarioRequest, Shock
from system.contracts.messages import AssetClass
from system.show.panels.desk_panel import OWN_CURRENCY
from system.show.panels.plain import plain as escaped
from system.show.panels.stress_panel import DAY, EVERYTHING, REVERSE
from tests.system.show.panels.page_forms import Api, clicked, field, page_of, pressed, said
from tests.system.show.panels.test_contributions_panel import FOUND as CONTRIBUTIONS
from tests.system.show.panels.test_desk_panel import FOUND as TOGETHER
from tests.system.show.panels.test_stress_panel import FOUND as SCENARIO
from tests.system.show.panels.test_stress_panel import REVERSED

TOKEN = "t" * 16


def asking(page: AppTest, kind: str) -> AppTest:
    control = next(group for group in page.button_group if kind in group.options)
    return control.set_value(kind).run()


def test_a_shock_is_asked_as_it_is_filled_in(api: Api) -> None:
    api.answer = SCENARIO
    page = page_of(screen="stress")
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
    page = page_of("long-equities", screen="stress")
    assert field(page.selectbox, "Prices of").value == EVERYTHING
    pressed(page, "Revalue")
    shocks = (Shock(move=-0.1),)
    assert api.asked == [("scenario", "long-equities", ScenarioRequest(shocks=shocks))]


def test_a_day_of_history_is_asked_by_its_date(api: Api) -> None:
    api.answer = SCENARIO
    page = asking(page_of(screen="stress"), DAY)
    field(page.date_input, "Day").set_value(dt.date(2008, 10, 15))
    page = pressed(page, "Revalue")
    assert api.asked == [("scenario", "long-short", ScenarioRequest(day=dt.date(2008, 10, 15)))]
    assert "from 2020-03-13 to 2020-03-16" in said(page)


def test_a_reverse_stress_is_asked_by_its_loss(api: Api) -> None:
    api.answer = REVERSED
    page = asking(page_of(screen="stress"), REVERSE)
    field(page.number_input, "Loss, base currency").set_value(75_000.0)
    page = pressed(page, "Revalue")
    assert api.asked == [("reverse_stress", "long-short", 75_000.0)]
    assert "-5.23 %** on all prices loses 5 000 USD" in said(page)


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
    page = page_of(screen="desk")
    if currency is not None:
        next(box for box in page.selectbox if OWN_CURRENCY in box.options).set_value(currency)
    pressed(page, "Add up the books")
    assert api.asked == [("desk_var", "rates", currency)]


def test_a_currency_that_is_none_is_answered_on_the_page(api: Api) -> None:
    page = page_of(screen="stress")
    field(page.text_input, "Currency").set_value("gbx")
    page = clicked(page, "Revalue")
    assert escaped("'GBX' is a minor unit, 1/100 GBP: write GBP") in page.error[0].value
