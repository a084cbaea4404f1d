"""Instruments and closes that the stream holds, over fakes."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

from system.book.state.rows import ClosesState
from system.contracts.api.reference import Closes, Instruments
from system.contracts.messages import Instrument
from system.serve.routes import reference

DAYS = tuple(dt.date(2020, 3, day) for day in (2, 3, 4, 5))


@pytest.fixture
def listed(world: Any) -> Any:
    names = {"EQ1": "equity", "EQ2": "equity", "ETF": "etf", "aeq": "equity"}
    world.know(
        **{
            f"instrument__{name}": Instrument(instrument=name, asset_class=kind, currency="USD")
            for name, kind in names.items()
        },
        closes__EQ1=ClosesState(dates=DAYS, values=(1.0, 2.0, 3.0, 4.0)),
        **{"closes__fx:GBP": ClosesState(dates=DAYS[:1], values=(0.86,))},
    )
    return world


def read(world: Any, path: str, kind: type[Any]) -> Any:
    response = world.client.get(path)
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.content, type=kind)


def names(answer: Instruments) -> list[str]:
    return [instrument.instrument for instrument in answer.instruments]


def test_instruments_are_listed_by_name_and_filtered(listed: Any) -> None:
    assert names(read(listed, "/v1/instruments", Instruments)) == ["EQ1", "EQ2", "ETF", "aeq"]
    filtered = read(listed, "/v1/instruments?asset_class=equity&contains=EQ", Instruments)
    assert names(filtered) == ["EQ1", "EQ2", "aeq"]


@pytest.mark.parametrize("read_at_once", [1, 2, 5])
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_of_instruments_join_to_the_list(
    listed: Any, monkeypatch: pytest.MonkeyPatch, limit: int, read_at_once: int
) -> None:
    monkeypatch.setattr(reference, "_READ_AT_ONCE", read_at_once)
    joined: list[str] = []
    token = ""
    for _ in range(4):
        path = f"/v1/instruments?asset_class=equity&limit={limit}{token}"
        page = read(listed, path, Instruments)
        joined += names(page)
        if page.next is None:
            break
        token = f"&after={page.next}"
    assert joined == ["EQ1", "EQ2", "aeq"]


def test_an_instrument_has_its_reference_data_and_cash_needs_none(listed: Any) -> None:
    assert read(listed, "/v1/instruments/EQ1", Instrument).asset_class == "equity"
    cash = read(listed, "/v1/instruments/cash:USD", Instrument)
    assert (cash.asset_class, cash.currency) == ("cash", "USD")


def test_closes_are_those_between_two_days_both_included(listed: Any) -> None:
    path = "/v1/closes/EQ1?first=2020-03-03&last=2020-03-04"
    closes = read(listed, path, Closes)
    assert [(point.date, point.value) for point in closes.closes] == [
        (DAYS[1], 2.0),
        (DAYS[2], 3.0),
    ]
    assert (closes.first, closes.last, closes.held_count) == (DAYS[0], DAYS[-1], 4)
    assert len(read(listed, "/v1/closes/fx:GBP", Closes).closes) == 1


def test_an_instrument_without_closes_has_none(listed: Any) -> None:
    closes = read(listed, "/v1/closes/ETF", Closes)
    assert (closes.closes, closes.held_count, closes.first) == ((), 0, None)


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("instruments/NONE", 404, "GET /v1/instruments lists the known ones"),
        ("closes/NONE", 404, "GET /v1/instruments lists the known ones"),
        ("closes/fx:XXX", 404, "no closes of 'fx:XXX'"),
        ("closes/EQ1?first=2020-03-05&last=2020-03-02", 422, "last: 2020-03-02 is before first"),
        ("closes/EQ1?first=soon", 422, "first: "),
        ("instruments?asset_class=bond", 422, "asset_class: "),
        ("instruments?limit=0", 422, "limit: "),
    ],
)
def test_what_is_unknown_is_said_in_a_sentence(
    listed: Any, path: str, status: int, said: str
) -> None:
    response = listed.client.get(f"/v1/{path}")
    assert response.status_code == status
    assert said in response.json()["detail"]
