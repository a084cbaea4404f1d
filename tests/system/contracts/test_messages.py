"""Bounds of each message: what a book, a trade, an option or a history must be."""

from __future__ import annotations

import msgspec
import pytest

from system.contracts.codec import decode_topic, encode
from system.contracts.measures import OptionRisk
from system.contracts.messages import (
    SNAPSHOT_VERSION,
    AssetClass,
    OpeningPosition,
    Portfolio,
    PositionRisk,
    RejectReason,
    Tick,
    Trade,
    by_rows,
)
from system.contracts.topics import MARKET_DATA, REFERENCE, TRADES
from system.store.sample_snapshots import sample_snapshot
from tests.by_columns import by_columns, columns_of
from tests.raw_messages import BOOK, TICK, TRADE, refusal, text


@pytest.mark.parametrize(
    ("bid", "mid", "ask"), [(2.0, 1.0, 3.0), (1.0, 4.0, 3.0), (3.0, 2.0, 1.0), (2.1, 2.0, 2.0)]
)
def test_a_quote_that_contradicts_itself_is_refused(bid: float, mid: float, ask: float) -> None:
    error = refusal(text(TICK, bid=bid, mid=mid, ask=ask))
    assert error.reason == RejectReason.INVALID
    assert "bid <= mid <= ask" in error.detail


@pytest.mark.parametrize(("bid", "mid", "ask"), [(2.0, 2.0, 2.0), (1.0, 1.0, 3.0), (1.0, 3.0, 3.0)])
def test_a_mid_on_the_edge_of_its_spread_is_a_quote(bid: float, mid: float, ask: float) -> None:
    assert isinstance(decode_topic(text(TICK, bid=bid, mid=mid, ask=ask), MARKET_DATA), Tick)


def test_a_trade_of_nothing_is_refused() -> None:
    assert "quantity is 0" in refusal(text(TRADE, quantity=0), TRADES).detail


@pytest.mark.parametrize(("action", "version"), [("new", 1), ("amend", 0), ("cancel", 0)])
def test_a_trade_with_a_version_that_its_action_cannot_have_is_refused(
    action: str, version: int
) -> None:
    error = refusal(text(TRADE, action=action, version=version), TRADES)
    assert error.reason == RejectReason.INVALID
    assert action in error.detail


def test_a_book_with_an_instrument_twice_is_refused_by_name() -> None:
    position = {"instrument": "AAPL", "quantity": 1, "entry_price": 1}
    assert "AAPL" in refusal(text(BOOK, positions=[position, position]), REFERENCE).detail


@pytest.mark.parametrize("confidence", ["0.95\n", "0.", "1.0", "0.9500000", "95", ".95", " 0.95"])
def test_a_confidence_is_written_as_a_short_decimal(confidence: str) -> None:
    assert "confidence" in refusal(text(BOOK, confidence=confidence), REFERENCE).detail


@pytest.mark.parametrize("currency", ["usd", "USDX", "US", "GBp", "USD\n", "\uff35SD"])
def test_a_base_currency_is_an_iso_code(currency: str) -> None:
    assert "base_currency" in refusal(text(BOOK, base_currency=currency), REFERENCE).detail


TERMS = {
    "underlying": "AAPL",
    "right": "call",
    "strike": 80.0,
    "expiry": "2020-03-20",
    "volatility": 0.25,
}
OPTION = {
    "type": "instrument",
    "instrument": "CALL",
    "asset_class": "option",
    "currency": "USD",
    "option": TERMS,
}


def test_an_option_without_terms_and_terms_without_an_option_are_refused_by_name() -> None:
    bare = {name: value for name, value in OPTION.items() if name != "option"}
    for value in (text(bare), text(OPTION, asset_class="equity")):
        detail = refusal(value, REFERENCE).detail
        assert "CALL" in detail
        assert "option" in detail


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("strike", 0.0),
        ("strike", -1.0),
        ("volatility", 0.0),
        ("volatility", 25.0),
        ("right", "straddle"),
        ("expiry", "2020-02-30"),
        ("underlying", ""),
        ("rate", 5.0),
        ("dividend_yield", "much"),
        ("volatility_shift", "sticky"),
        ("colour", "red"),
    ],
)
def test_a_wrong_term_of_an_option_is_named(field: str, value: object) -> None:
    assert field in refusal(text(OPTION, option={**TERMS, field: value}), REFERENCE).detail


@pytest.mark.parametrize("field", ["underlying", "right", "strike", "expiry", "volatility"])
def test_a_missing_term_of_an_option_is_named(field: str) -> None:
    fewer = {name: value for name, value in TERMS.items() if name != field}
    assert field in refusal(text(OPTION, option=fewer), REFERENCE).detail


def test_money_and_options_have_no_proxy() -> None:
    assert "proxy of CALL" in refusal(text(OPTION, proxy="SPY"), REFERENCE).detail


STRESSED = {
    "type": "stressed_history",
    "window": "2008",
    "first": "2008-09-02",
    "last": "2008-12-31",
    "version": "v1",
    "series": "AAPL",
    "closes": [["2008-08-29", 6.0], ["2008-09-02", 5.9]],
}


def test_a_stressed_window_that_ends_before_it_begins_is_refused() -> None:
    detail = refusal(text(STRESSED, last="2008-09-01"), REFERENCE).detail
    assert "window 2008" in detail
    assert "2008-09-01" in detail


def test_stressed_closes_grow_in_date() -> None:
    closes = [["2008-09-02", 5.9], ["2008-08-29", 6.0]]
    assert "2008-08-29" in refusal(text(STRESSED, closes=closes), REFERENCE).detail


@pytest.mark.parametrize("asset_class", ["fx", "cash"])
def test_an_amount_of_money_has_no_multiplier(asset_class: str) -> None:
    value = text(
        {
            "type": "instrument",
            "instrument": "EUR",
            "asset_class": asset_class,
            "currency": "EUR",
            "multiplier": 100.0,
        }
    )
    assert "multiplier of EUR" in refusal(value, REFERENCE).detail


@pytest.mark.parametrize(
    "closes",
    [
        [["2020-01-02", 1.0], ["2020-01-01", 1.0]],
        [["2020-01-01", 1.0], ["2020-01-01", 1.0]],
        [["2020-01-01"]],
        [["2020-01-01", 1.0, 2]],
        [["2020-02-30", 1.0]],
        [["2020-01-01T00:00:00", 1.0]],
        [["2020-01-01", "0"]],
        [{"date": "2020-01-01", "value": 1.0}],
        [["2020-01-01", 1.0]] * 2_000,
    ],
)
def test_closes_are_dated_in_order_and_numbers(closes: list[object]) -> None:
    value = text({"type": "history", "series": "AAPL", "closes": closes})
    assert refusal(value, REFERENCE).reason == RejectReason.INVALID


def test_messages_cannot_be_changed() -> None:
    trade = decode_topic(text(TRADE), TRADES)
    assert isinstance(trade, Trade)
    with pytest.raises(AttributeError):
        trade.quantity = 2.0  # type: ignore[misc]


def test_a_full_book_fits_into_a_message() -> None:
    names = [f"{index:04d}" + "X" * 60 for index in range(5_000)]
    positions = tuple(
        OpeningPosition(instrument=name, quantity=-123456.789, entry_price=1234.56789)
        for name in names
    )
    book = Portfolio(portfolio="P", positions=positions)
    assert decode_topic(encode(book), REFERENCE) == book


ROWS = sample_snapshot(position_count=3).positions
COLUMNS = columns_of(tuple(ROWS))


def test_columns_are_a_sequence_of_their_rows() -> None:
    assert (len(COLUMNS), tuple(COLUMNS), COLUMNS[1], COLUMNS[1:]) == (3, ROWS, ROWS[1], ROWS[1:])
    assert COLUMNS == ROWS
    assert ROWS == COLUMNS
    assert columns_of(tuple(ROWS)) == COLUMNS
    assert hash(COLUMNS) == hash(columns_of(tuple(ROWS)))
    assert columns_of(tuple(ROWS[:2])) != COLUMNS
    assert COLUMNS != "AAPL"


def test_each_field_of_a_row_comes_from_the_column_of_its_name() -> None:
    option = OptionRisk(
        underlying="A",
        spot=1.0,
        volatility=0.25,
        is_implied=True,
        moves_volatility=False,
        days_to_expiry=3,
        unit=None,
        position=None,
    )
    row = PositionRisk("A.C", AssetClass.OPTION, "USD", *map(float, range(11)), 17, option)
    assert columns_of((row,))[0] == row
    assert columns_of((row,)) == (row,)


def test_positions_without_a_risk_have_none() -> None:
    bare = msgspec.structs.replace(COLUMNS, component_var=None, smoothed_share=None)
    assert [row.component_var for row in bare] == [None] * 3
    assert bare[0].smoothed_share is None
    assert bare[0].component_es == ROWS[0].component_es


@pytest.mark.parametrize("name", ["currency", "asset_class", "stale_since_ns", "delta"])
def test_a_column_of_another_length_is_refused_by_name(name: str) -> None:
    short = getattr(COLUMNS, name)[:-1]
    with pytest.raises(ValueError, match=name):
        msgspec.structs.replace(COLUMNS, **{name: short})


def test_rows_are_what_people_read_and_say_so_by_their_version() -> None:
    snapshot = by_columns(sample_snapshot())
    assert snapshot.message_version == SNAPSHOT_VERSION
    assert by_rows(snapshot) == sample_snapshot()
    assert by_rows(snapshot).message_version is msgspec.UNSET
    assert by_rows(sample_snapshot()) == sample_snapshot()
