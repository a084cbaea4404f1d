"""Trades and books that come in by the API, over fakes."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import msgspec
import pytest

from system.book.state.rows import ClosesState
from system.contracts.api.risk import PortfolioAccepted, PortfolioImport, TradeAccepted
from system.contracts.codec import encode
from system.contracts.messages import (
    CloseHistory,
    ClosePoint,
    Instrument,
    OpeningPosition,
    Portfolio,
    Trade,
    TradeAction,
)
from system.risk.confidence import Confidence, tail_rank
from system.risk.errors import TooFewScenariosError
from system.serve.http.requests import MAX_TRADE_BYTES
from tests.message_strategies import VENDORS_NAMES
from tests.system.serve.conftest import WALL_NS

TRADE = {"portfolio": "alpha", "instrument": "EQ000", "quantity": -12.5, "price": 101.25}
FIRST = dt.date(2020, 1, 1)


def accepted(response: Any) -> TradeAccepted:
    assert response.status_code == 202, response.text
    return msgspec.json.decode(response.content, type=TradeAccepted)


def refused(response: Any, status: int) -> Any:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    return response.json()


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


# -- trades -------------------------------------------------------------------------------


def test_a_trade_is_accepted_once_the_broker_keeps_it(trading: Any) -> None:
    told = accepted(trading.client.post("/v1/trades", json=TRADE))
    (trade,) = trading.bus.sent
    assert trade == Trade(trade_id=told.trade_id, event_time_ns=trade.event_time_ns, **TRADE)
    assert trade.event_time_ns > WALL_NS, "made when it was accepted"
    assert str(uuid.UUID(told.trade_id)) == told.trade_id
    assert (told.topic, told.partition, told.offset) == ("trades", 0, 0)
    assert (told.version, told.action) == (0, TradeAction.NEW)
    assert told.watch == "/v1/stream?portfolio=alpha"


def test_a_trade_keeps_the_time_that_it_says_it_was_made_at(trading: Any) -> None:
    accepted(trading.client.post("/v1/trades", json={**TRADE, "event_time_ns": 7}))
    assert trading.bus.sent[0].event_time_ns == 7


def test_a_trade_keeps_the_id_it_was_sent_with(trading: Any) -> None:
    told = accepted(trading.client.post("/v1/trades", json={**TRADE, "trade_id": "mine-1"}))
    assert told.trade_id == "mine-1"


def test_a_trade_sent_twice_is_the_same_message_twice(trading: Any) -> None:
    for _ in range(2):
        accepted(trading.client.post("/v1/trades", json={**TRADE, "trade_id": "t"}))
    first, second = trading.bus.sent
    assert first == second


def test_another_trade_under_the_same_id_is_a_conflict(trading: Any) -> None:
    accepted(trading.client.post("/v1/trades", json={**TRADE, "trade_id": "t"}))
    problem = refused(
        trading.client.post("/v1/trades", json={**TRADE, "trade_id": "t", "price": 5}), 409
    )
    assert "is another trade (new of -12.5 EQ000 at 101.25)" in problem["detail"]
    assert len(trading.bus.sent) == 1


@pytest.mark.parametrize(
    ("change", "field", "told"),
    [
        ({"quantity": "5"}, "quantity", 'got "5"'),
        ({"quantity": 0}, "quantity", "buys and sells nothing"),
        ({"quantity": None}, "quantity", "got null"),
        ({"price": -1}, "price", "-1: EQ000 needs at least 1e-09"),
        ({"price": 1e300}, "price", "below 1e+15"),
        ({"portfolio": "a  b"}, "portfolio", "'a  b' has two spaces in a row"),
        ({"instrument": ""}, "instrument", "'' is empty"),
        ({"colour": "red"}, "colour", "unknown field"),
        ({"trade_id": "x" * 65}, "trade_id", "(65 characters) is too long: at most 64"),
    ],
)
def test_a_bad_field_of_a_trade_is_named_with_its_value(
    trading: Any, change: dict[str, Any], field: str, told: str
) -> None:
    problem = refused(trading.client.post("/v1/trades", json={**TRADE, **change}), 422)
    assert [error["field"] for error in problem["errors"]] == [field]
    assert told in problem["detail"]
    assert trading.bus.sent == []


def test_a_missing_field_is_named(trading: Any) -> None:
    body = {key: value for key, value in TRADE.items() if key != "price"}
    problem = refused(trading.client.post("/v1/trades", json=body), 422)
    assert problem["errors"][0]["field"] == "price"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "01", "1.", "+1", "ten"])
def test_what_is_no_json_number_is_named_with_its_field(trading: Any, number: str) -> None:
    body = f'{{"portfolio": "alpha", "quantity": {number}, "price": 1}}'
    problem = refused(trading.client.post("/v1/trades", content=body), 422)
    assert problem["detail"] == f"quantity: not a JSON value: {number}"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'{"a"', b'{"price": 1,}'])
def test_what_is_no_json_object_is_refused(trading: Any, body: bytes) -> None:
    problem = refused(trading.client.post("/v1/trades", content=body), 422)
    assert problem["errors"][0]["field"] == "body"


def test_a_body_beyond_its_bound_is_not_read(trading: Any) -> None:
    body = b'{"portfolio":"' + b"x" * MAX_TRADE_BYTES + b'"}'
    problem = refused(trading.client.post("/v1/trades", content=body), 413)
    assert str(MAX_TRADE_BYTES) in problem["detail"]


def test_an_unknown_portfolio_is_refused_with_the_known_ones(trading: Any) -> None:
    problem = refused(trading.client.post("/v1/trades", json={**TRADE, "portfolio": "b"}), 404)
    assert problem["known"] == ["alpha"]


def test_an_unknown_instrument_is_refused(trading: Any) -> None:
    problem = refused(trading.client.post("/v1/trades", json={**TRADE, "instrument": "X"}), 422)
    assert "'X'" in problem["detail"]


def test_cash_of_every_currency_can_be_traded(trading: Any) -> None:
    accepted(trading.client.post("/v1/trades", json={**TRADE, "instrument": "cash:JPY"}))


def test_a_silent_broker_is_a_503_and_not_an_acceptance(trading: Any) -> None:
    trading.bus.silent = True
    response = trading.client.post("/v1/trades", json=TRADE)
    problem = refused(response, 503)
    assert "does not answer" in problem["detail"]
    assert response.headers["retry-after"] == "1"


def test_a_trade_that_is_not_confirmed_is_sent_again_under_its_id_and_counts_once(
    trading: Any,
) -> None:
    trading.bus.loses_answers = True
    problem = refused(trading.client.post("/v1/trades", json=TRADE), 503)
    assert f"send the trade again with trade_id {problem['trade_id']!r}" in problem["detail"]
    trading.bus.loses_answers = False
    again = {**TRADE, "trade_id": problem["trade_id"]}
    for _ in range(2):
        assert accepted(trading.client.post("/v1/trades", json=again)).version == 0
    assert [trade.trade_id for trade in trading.bus.sent] == [problem["trade_id"]] * 3
    assert {trade.version for trade in trading.bus.sent} == {0}


def test_a_trade_with_an_id_that_is_not_confirmed_keeps_it(trading: Any) -> None:
    trading.bus.silent = True
    problem = refused(trading.client.post("/v1/trades", json={**TRADE, "trade_id": "mine"}), 503)
    assert problem["trade_id"] == "mine"


# -- amendments and cancellations ---------------------------------------------------------


def test_an_amendment_restates_the_trade_under_the_next_version(trading: Any) -> None:
    trading.book(Trade(trade_id="t", **TRADE))
    told = accepted(trading.client.put("/v1/trades/t", json={"quantity": 7, "price": 99}))
    assert (told.version, told.action, told.quantity) == (1, TradeAction.AMEND, 7.0)
    assert trading.bus.sent == [
        Trade(trade_id="t", version=1, action="amend", **{**TRADE, "quantity": 7.0, "price": 99.0})
    ]


def test_a_trade_can_be_changed_before_the_stream_has_booked_it(trading: Any) -> None:
    told = accepted(trading.client.post("/v1/trades", json=TRADE))
    amended = accepted(
        trading.client.put(f"/v1/trades/{told.trade_id}", json={"quantity": 1, "price": 2})
    )
    cancelled = accepted(trading.client.delete(f"/v1/trades/{told.trade_id}"))
    assert (amended.version, cancelled.version) == (1, 2)


def test_the_newest_version_counts_wherever_it_came_from(trading: Any) -> None:
    accepted(trading.client.post("/v1/trades", json={**TRADE, "trade_id": "t"}))
    trading.book(Trade(trade_id="t", version=4, action="amend", **TRADE))
    told = accepted(trading.client.delete("/v1/trades/t"))
    assert told.version == 5


def test_an_amendment_sent_twice_is_the_same_message_twice(trading: Any) -> None:
    trading.book(Trade(trade_id="t", **TRADE))
    body = {"quantity": 7, "price": 99, "version": 1}
    for _ in range(2):
        accepted(trading.client.put("/v1/trades/t", json=body))
    first, second = trading.bus.sent
    assert first == second


@pytest.mark.parametrize("version", [2, 5])
def test_a_version_that_is_not_next_is_a_conflict_that_names_it(trading: Any, version: int) -> None:
    trading.book(Trade(trade_id="t", **TRADE))
    body = {"quantity": 7, "price": 99, "version": version}
    assert "1 is next" in refused(trading.client.put("/v1/trades/t", json=body), 409)["detail"]
    path = f"/v1/trades/t?version={version}"
    assert "1 is next" in refused(trading.client.delete(path), 409)["detail"]


def test_a_cancellation_repeats_the_trade(trading: Any) -> None:
    trading.book(Trade(trade_id="t", **TRADE))
    told = accepted(trading.client.delete("/v1/trades/t"))
    assert told.action is TradeAction.CANCEL
    assert trading.bus.sent == [Trade(trade_id="t", version=1, action="cancel", **TRADE)]


def test_cancelling_again_changes_nothing(trading: Any) -> None:
    trading.book(Trade(trade_id="t", **TRADE))
    versions = [accepted(trading.client.delete("/v1/trades/t")).version for _ in range(3)]
    versions.append(accepted(trading.client.delete("/v1/trades/t?version=1")).version)
    assert versions == [1, 1, 1, 1]
    assert len(set(map(encode, trading.bus.sent))) == 1


def test_a_cancelled_trade_cannot_be_amended(trading: Any) -> None:
    trading.book(Trade(trade_id="t", version=1, action="cancel", **TRADE))
    problem = refused(trading.client.put("/v1/trades/t", json={"quantity": 1, "price": 1}), 409)
    assert "is cancelled" in problem["detail"]


def test_a_trade_that_never_came_cannot_be_changed(trading: Any) -> None:
    refused(trading.client.put("/v1/trades/none", json={"quantity": 1, "price": 1}), 404)
    refused(trading.client.delete("/v1/trades/none"), 404)


def test_an_amendment_to_nothing_says_what_to_do(trading: Any) -> None:
    trading.book(Trade(trade_id="t", **TRADE))
    problem = refused(trading.client.put("/v1/trades/t", json={"quantity": 0, "price": 1}), 422)
    assert "cancel it" in problem["detail"]


# -- books --------------------------------------------------------------------------------


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


# -- options and proxies ----------------------------------------------------------------


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


def test_what_is_accepted_without_a_type_is_described_so(trading: Any) -> None:
    schemas = trading.client.get("/openapi.json").json()["components"]["schemas"]
    for name in ("Instrument", "CloseHistory", "Portfolio"):
        assert "type" in schemas[name]["properties"]
        assert "type" not in schemas[name]["required"]
    assert "type" in schemas["RiskSnapshot"]["required"]
