"""Imported books: sent after what they need, or refused by field."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

from system.book.state.rows import ClosesState
from system.contracts.api.risk import PortfolioAccepted, PortfolioImport
from system.contracts.codec import encode
from system.contracts.messages import (
    CloseHistory,
    ClosePoint,
    Instrument,
    OpeningPosition,
    Portfolio,
)
from system.risk.confidence import Confidence, tail_rank
from system.risk.errors import TooFewScenariosError
from tests.message_strategies import VENDORS_NAMES
from tests.system.serve.responses import accepted, refused

FIRST = dt.date(2020, 1, 1)


def closes(series: str, count: int = 31, start: float = 100.0) -> CloseHistory:
    points = (ClosePoint(FIRST + dt.timedelta(days=n), start + n) for n in range(count))
    return CloseHistory(series=series, closes=tuple(points))


def equity(name: str, currency: str = "USD") -> Instrument:
    return Instrument(instrument=name, asset_class="equity", currency=currency)


def cash(name: str) -> OpeningPosition:
    return OpeningPosition(instrument=name, quantity=1.0, entry_price=1.0)


def book(*held: str, **changes: Any) -> PortfolioImport:
    positions = tuple(
        OpeningPosition(instrument=name, quantity=10.0, entry_price=99.0) for name in held
    )
    complete = PortfolioImport(
        portfolio=Portfolio(portfolio="mine", positions=positions),
        instruments=tuple(map(equity, held)),
        histories=tuple(map(closes, held)),
    )
    return msgspec.structs.replace(complete, **changes)


def post_book(world: Any, wanted: PortfolioImport) -> Any:
    return world.client.post("/v1/portfolios", content=msgspec.json.encode(wanted))


def test_a_book_is_sent_after_what_it_needs(world: Any) -> None:
    response = post_book(world, book("A", "B"))
    assert response.status_code == 202, response.text
    told = msgspec.json.decode(response.content, type=PortfolioAccepted)
    assert (told.position_count, told.instrument_count, told.history_count) == (2, 2, 2)
    kinds = [type(message) for message in world.bus.sent]
    assert kinds == [Instrument, Instrument, CloseHistory, CloseHistory, Portfolio]
    assert (told.topic, told.offset) == ("reference", 4)


def test_a_book_that_was_just_sent_can_be_traded_at_once(world: Any) -> None:
    post_book(world, book("A"))
    trade = {"portfolio": "mine", "instrument": "A", "quantity": 1, "price": 1}
    accepted(world.client.post("/v1/trades", json=trade))


def test_messages_need_no_type_when_their_place_says_it(world: Any) -> None:
    response = world.client.post("/v1/portfolios", json={"portfolio": {"portfolio": "empty"}})
    assert response.status_code == 202


def test_what_the_stream_knows_may_be_left_out(world: Any) -> None:
    known = closes("A")
    state = ClosesState(
        dates=tuple(p.date for p in known.closes), values=tuple(p.value for p in known.closes)
    )
    world.know(instrument__A=equity("A"), closes__A=state)
    assert post_book(world, book("A", instruments=(), histories=())).status_code == 202
    assert post_book(world, book("A")).status_code == 202


def test_closes_that_contradict_the_stream_s_are_named_by_date(world: Any) -> None:
    world.know(closes__A=ClosesState(dates=(FIRST,), values=(100.0,)))
    problem = refused(post_book(world, book("A")), 422)
    assert problem["errors"][0]["field"] == "histories[0].closes[1]"
    assert "2020-01-02" in problem["detail"]


def test_an_instrument_that_contradicts_the_stream_s_is_named(world: Any) -> None:
    world.know(instrument__A=equity("A", "EUR"))
    problem = refused(post_book(world, book("A")), 422)
    assert problem["errors"][0]["field"] == "instruments[0]"
    assert "currency is EUR, not USD" in problem["detail"]


def test_an_instrument_that_is_known_by_another_name_is_not_sent_again(world: Any) -> None:
    world.know(instrument__A=msgspec.structs.replace(equity("A"), name="Alpha Ltd"))
    assert post_book(world, book("A")).status_code == 202
    assert Instrument not in [type(message) for message in world.bus.sent]


@pytest.mark.parametrize(
    ("wanted", "field", "told"),
    [
        (book("A", instruments=()), "portfolio.positions[0].instrument", "'A' is not known"),
        (book("A", histories=()), "histories", "no closes of 'A'"),
        (book("A", histories=(closes("A", 30),)), "histories[0].closes", "needs 31"),
        (book("A", histories=(closes("A"), closes("A"))), "histories", "stands 2 times"),
        (book("A", instruments=(equity("A"), equity("A"))), "instruments", "stands 2 times"),
        (book("A", instruments=(equity("A", "JPY"),)), "histories", "no closes of 'fx:JPY'"),
        (
            book(instruments=(equity("cash:USD"),)),
            "instruments[0]",
            "cash of every currency is there",
        ),
        (
            book(portfolio=Portfolio(portfolio="mine", confidence="0.4")),
            "portfolio.confidence",
            "0.4",
        ),
    ],
)
def test_a_book_that_could_not_be_valued_is_refused_by_field(
    world: Any, wanted: PortfolioImport, field: str, told: str
) -> None:
    problem = refused(post_book(world, wanted), 422)
    assert field in [error["field"] for error in problem["errors"]]
    assert told in problem["detail"]
    assert world.bus.sent == []


def test_everything_that_is_wrong_with_a_book_is_told_at_once(world: Any) -> None:
    wanted = book("A", "B", instruments=(equity("A"),), histories=())
    fields = [error["field"] for error in refused(post_book(world, wanted), 422)["errors"]]
    assert fields == ["portfolio.positions[1].instrument", "histories"]


def test_money_of_another_currency_needs_its_rate_and_eur_needs_none(world: Any) -> None:
    positions = tuple(
        OpeningPosition(instrument=name, quantity=1.0, entry_price=1.0)
        for name in ("cash:EUR", "cash:JPY")
    )
    definition = Portfolio(portfolio="mine", positions=positions)
    problem = refused(post_book(world, PortfolioImport(portfolio=definition)), 422)
    assert [error["detail"].split("'")[1] for error in problem["errors"]] == ["fx:JPY", "fx:USD"]
    rates = (closes("fx:JPY"), closes("fx:USD"))
    whole = PortfolioImport(portfolio=definition, histories=rates)
    assert post_book(world, whole).status_code == 202


def call_on(underlying: str, **terms: Any) -> Instrument:
    plain = {"right": "call", "strike": 100.0, "expiry": FIRST, "volatility": 0.2, **terms}
    return msgspec.convert(
        {
            "instrument": "CALL",
            "asset_class": "option",
            "currency": "USD",
            "option": {"underlying": underlying, **plain},
        },
        Instrument,
    )


def option_book(option: Instrument, *others: Instrument, held: str = "CALL") -> PortfolioImport:
    histories = tuple(closes(other.instrument) for other in others)
    return book(held, instruments=(option, *others), histories=histories)


def test_a_book_of_options_needs_the_closes_of_the_underlying_alone(world: Any) -> None:
    sent = option_book(call_on("NEW", volatility_series="VOL"), equity("NEW"))
    response = world.client.post("/v1/portfolios", content=encode(sent))
    assert response.status_code == 202, response.text
    names = [message.instrument for message in world.bus.sent if isinstance(message, Instrument)]
    assert names == ["NEW", "CALL"]


@pytest.mark.parametrize("terms", [{"rate": -0.1}, {"rate": 0.2}, {"dividend_yield": -0.1}])
def test_an_option_whose_rates_outgrow_numbers_is_refused_as_the_stream_would(
    world: Any, terms: dict[str, float]
) -> None:
    sent = option_book(call_on("NEW", expiry="9999-12-31", **terms), equity("NEW"))
    problem = refused(world.client.post("/v1/portfolios", content=encode(sent)), 422)
    [error] = problem["errors"]
    assert error["field"] == "instruments[0].option.expiry"
    assert "until 9999-12-31" in error["detail"]
    assert "any day up to" in error["detail"]
    assert world.bus.sent == []


def test_an_option_on_something_unknown_is_refused_by_field(world: Any) -> None:
    sent = option_book(call_on("NOPE"))
    problem = refused(world.client.post("/v1/portfolios", content=encode(sent)), 422)
    fields = [error["field"] for error in problem["errors"]]
    assert fields == ["instruments[0].option.underlying"]
    assert "NOPE" in problem["detail"]


def test_an_instrument_with_a_proxy_needs_no_closes_of_its_own(world: Any) -> None:
    young = msgspec.structs.replace(equity("YOUNG"), proxy="EQ000")
    sent = book("YOUNG", instruments=(young,), histories=())
    assert world.client.post("/v1/portfolios", content=encode(sent)).status_code == 202


def test_an_instrument_with_a_proxy_may_bring_fewer_closes_than_a_window_needs(world: Any) -> None:
    young = msgspec.structs.replace(equity("YOUNG"), proxy="EQ000")
    sent = book("YOUNG", instruments=(young,), histories=(closes("YOUNG", count=1),))
    assert world.client.post("/v1/portfolios", content=encode(sent)).status_code == 202
    without = book("YOUNG", instruments=(equity("YOUNG"),), histories=(closes("YOUNG", count=1),))
    refused(world.client.post("/v1/portfolios", content=encode(without)), 422)


def test_a_history_must_begin_before_the_window_and_may_have_gaps(world: Any) -> None:
    whole = closes("A", 40)
    gaps = CloseHistory(series="B", closes=whole.closes[5::2])  # 18 closes
    late = CloseHistory(series="B", closes=whole.closes[20:])
    assert post_book(world, book("A", "B", histories=(whole, gaps))).status_code == 202
    problem = refused(post_book(world, book("A", "B", histories=(whole, late))), 422)
    (error,) = problem["errors"]
    assert error["field"] == "histories[1].closes"
    assert error["detail"] == (
        f"B begins on {whole.closes[20].date}, after the first scenario day of the window, "
        f"{whole.closes[9].date}: give older closes, or name a proxy"
    )


def test_a_window_that_can_never_have_a_var_is_refused_in_the_words_of_a_backtest(
    world: Any,
) -> None:
    definition = Portfolio(portfolio="c99", confidence="0.99", window=30)
    problem = refused(post_book(world, PortfolioImport(portfolio=definition)), 422)
    (error,) = problem["errors"]
    assert error == {
        "field": "portfolio.confidence",
        "detail": "30 scenarios are too few for 99 %: give at least 100, or a lower confidence",
    }
    with pytest.raises(TooFewScenariosError) as caught:
        tail_rank(30, Confidence.parse("0.99"))
    assert str(caught.value) == error["detail"]
    assert world.bus.sent == []


@pytest.mark.parametrize(("confidence", "window"), [("0.99", 100), ("0.975", 40), ("0.95", 20)])
def test_the_smallest_window_that_supports_a_confidence_is_taken(
    world: Any, confidence: str, window: int
) -> None:
    definition = Portfolio(portfolio="c", confidence=confidence, window=window)
    assert post_book(world, PortfolioImport(portfolio=definition)).status_code == 202
    shorter = msgspec.structs.replace(definition, window=window - 1)
    refused(post_book(world, PortfolioImport(portfolio=shorter)), 422)


@pytest.mark.parametrize(
    "name", [name for name in VENDORS_NAMES if not name.startswith(("cash:", "fx:"))]
)
def test_a_book_of_any_legal_name_is_taken_with_any_legal_instrument(world: Any, name: str) -> None:
    wanted = book(name)
    wanted = msgspec.structs.replace(
        wanted, portfolio=msgspec.structs.replace(wanted.portfolio, portfolio=name, desk=name)
    )
    response = post_book(world, wanted)
    assert response.status_code == 202, response.text
    sent = world.bus.sent[-1]
    assert (sent.portfolio, sent.desk, sent.positions[0].instrument) == (name, name, name)


@pytest.mark.parametrize(
    ("wanted", "field", "told"),
    [
        (
            book(portfolio=Portfolio(portfolio="mine", positions=(cash("cash:dollars"),))),
            "portfolio.positions[0].instrument",
            "cash is of a currency, as in cash:USD",
        ),
        (
            book("A", histories=(closes("A"), closes("fx:GBX"))),
            "histories[1].series",
            "'GBX' is a minor unit, 1/100 GBP: write GBP",
        ),
        (
            book("A", instruments=(equity("A", "GBC"),)),
            "histories",
            "ISO 4217 has no currency GBC: minor units that are known are GBX or GBp",
        ),
    ],
)
def test_a_unit_that_is_no_currency_is_answered_with_what_to_write(
    world: Any, wanted: PortfolioImport, field: str, told: str
) -> None:
    problem = refused(post_book(world, wanted), 422)
    assert field in [error["field"] for error in problem["errors"]]
    assert told in problem["detail"]


def test_pence_in_another_spelling_do_not_contradict_what_is_known(world: Any) -> None:
    world.know(instrument__A=equity("A", "GBp"))
    rates = (closes("fx:GBP"), closes("fx:USD"))
    wanted = book("A", instruments=(equity("A", "GBX"),), histories=(closes("A"), *rates))
    assert post_book(world, wanted).status_code == 202
