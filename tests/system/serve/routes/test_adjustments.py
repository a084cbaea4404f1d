"""Splits and dividends by the API: what is sent, and what is refused by name."""

from __future__ import annotations

import datetime as dt

import pytest

from system.book.state.rows import AdjustmentState, ClosesState, DayState
from system.contracts.messages import Dividend, Instrument, Split
from tests.system.serve.conftest import World

EX_DATE = dt.date(2020, 8, 31)
FRIDAY = dt.date(2020, 8, 28)
SPLIT = {"instrument": "EQ000", "date": "2020-08-31", "ratio": 4}
DIVIDEND = {"instrument": "EQ000", "date": "2020-08-31", "amount": 0.82}
MESSAGE = Split(instrument="EQ000", date=EX_DATE, last_day=FRIDAY, ratio=4.0)


@pytest.fixture
def adjusting(world: World) -> World:
    world.know(
        instrument__EQ000=Instrument(instrument="EQ000", asset_class="equity", currency="USD"),
        instrument__FUT=Instrument(instrument="FUT", asset_class="future", currency="USD"),
        closes__EQ000=ClosesState(dates=(FRIDAY,), values=(500.0,)),
        day=DayState(date=FRIDAY, event_time_ns=1),
    )
    return world


def test_a_split_is_sent_with_the_weekday_before_as_its_last_day(adjusting) -> None:
    answer = adjusting.client.post("/v1/adjustments/splits", json=SPLIT)
    assert (answer.status_code, adjusting.bus.sent) == (202, [MESSAGE])
    told = answer.json()
    assert (told["type"], told["last_day"], told["topic"]) == ("split", "2020-08-28", "reference")


def test_a_dividend_is_sent_with_the_last_day_that_is_given(adjusting) -> None:
    asked = {**DIVIDEND, "last_day": "2020-08-27"}
    assert adjusting.client.post("/v1/adjustments/dividends", json=asked).status_code == 202
    last_day = dt.date(2020, 8, 27)
    assert adjusting.bus.sent == [
        Dividend(instrument="EQ000", date=EX_DATE, last_day=last_day, amount=0.82)
    ]


@pytest.mark.parametrize(
    ("path", "change", "field", "detail"),
    [
        ("splits", {"instrument": "FUT"}, "instrument", "FUT is of class future"),
        ("splits", {"ratio": 0}, "ratio", "got 0"),
        ("splits", {"date": "2020-08-28"}, "date", "closed already (until 2020-08-28)"),
        ("splits", {"last_day": "2020-08-31"}, "last_day", "it is the trading day before"),
        ("splits", {"amount": 1}, "amount", "unknown field"),
        ("dividends", {"amount": 500}, "amount", "not below the last close of EQ000, 500"),
        ("dividends", {"amount": -1}, "amount", "got -1"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(adjusting, path, change, field, detail) -> None:
    asked = {**(SPLIT if path == "splits" else DIVIDEND), **change}
    answer = adjusting.client.post(f"/v1/adjustments/{path}", json=asked)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert detail in answer.json()["detail"]
    assert adjusting.bus.sent == []


def test_an_unknown_instrument_is_named(adjusting) -> None:
    answer = adjusting.client.post("/v1/adjustments/splits", json={**SPLIT, "instrument": "NOPE"})
    assert answer.status_code == 422
    assert "'NOPE' has no reference data" in answer.json()["detail"]


def test_the_same_once_more_is_sent_again_and_another_is_refused_once_it_took_effect(
    adjusting,
) -> None:
    state = AdjustmentState(adjustment=MESSAGE, taken=FRIDAY, divisor=4.0, closes=("EQ000",))
    adjusting.know(**{"adjustment__split:EQ000:2020-08-31": state})
    assert adjusting.client.post("/v1/adjustments/splits", json=SPLIT).status_code == 202
    answer = adjusting.client.post("/v1/adjustments/splits", json={**SPLIT, "ratio": 5})
    assert answer.status_code == 409
    assert "took effect at the end of 2020-08-28" in answer.json()["detail"]


def test_they_are_listed_newest_first_and_by_instrument(adjusting) -> None:
    other = Dividend(instrument="A", date=FRIDAY, last_day=dt.date(2020, 8, 27), amount=1.0)
    adjusting.know(
        **{
            "adjustment__split:EQ000:2020-08-31": AdjustmentState(adjustment=MESSAGE),
            "adjustment__dividend:A:2020-08-28": AdjustmentState(adjustment=other, taken=FRIDAY),
        }
    )
    rows = adjusting.client.get("/v1/adjustments").json()["adjustments"]
    assert [(row["type"], row["instrument"], row["taken"]) for row in rows] == [
        ("split", "EQ000", None),
        ("dividend", "A", "2020-08-28"),
    ]
    chosen = adjusting.client.get("/v1/adjustments", params={"instrument": "A"}).json()
    assert [row["amount"] for row in chosen["adjustments"]] == [1.0]
