"""The input files: defaults, and every wrong cell named."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from system.backtest.engine.positions import ALWAYS, DatedQuantity
from system.backtest.engine.splits import DatedSplit
from system.backtest.errors import UnknownInstrumentError, UnsupportedInstrumentError
from system.contracts.messages import AssetClass, ReturnType
from system.risk.listing import Listing
from system.tables.errors import InputFileError
from validation.backtest.input_files import BacktestInput, InputPaths, read_input

FILES = {
    "prices": "date,A,B\n2020-01-02,1,2\n",
    "positions": "portfolio,instrument,quantity\none,A,10\n",
}


def read(folder: Path, base: str = "USD", **files: str) -> BacktestInput:
    paths = {}
    for name, text in {**FILES, **files}.items():
        paths[name] = folder / f"{name}.csv"
        paths[name].write_text(text)
    return read_input(InputPaths(**paths), base)


def test_without_reference_data_all_is_domestic_equity(tmp_path: Path) -> None:
    inputs = read(tmp_path, base="EUR")
    (book,) = inputs.books
    assert book.listings == {"A": Listing("A", AssetClass.EQUITY, "EUR")}
    assert book.quantities == (DatedQuantity("A", 10.0, ALWAYS),)
    assert inputs.market.rates.names == ()
    assert inputs.splits == ()


def test_portfolios_come_in_order_of_name_with_dates_where_given(tmp_path: Path) -> None:
    positions = "date,quantity,instrument,portfolio\n,1,A,two\n2020-01-02,-2.5,B,one\n"
    books = read(tmp_path, positions=positions).books
    assert [book.portfolio for book in books] == ["one", "two"]
    assert books[0].quantities == (DatedQuantity("B", -2.5, dt.date(2020, 1, 2)),)


def test_reference_data_say_what_an_instrument_is(tmp_path: Path) -> None:
    instruments = (
        "instrument,asset_class,currency,multiplier,return_type\n"
        "A,future,EUR,50,absolute\nB,equity,GBp,,\ncash:JPY,cash,JPY,1,\n"
    )
    fx = "date,EUR,GBP,JPY\n2020-01-02,1.1,1.3,0.009\n"
    positions = "portfolio,instrument,quantity\none,A,1\none,cash:JPY,5\none,cash:EUR,7\n"
    inputs = read(tmp_path, instruments=instruments, fx=fx, positions=positions)
    listings = inputs.books[0].listings
    assert listings["A"] == Listing("A", AssetClass.FUTURE, "EUR", 50.0, ReturnType.ABSOLUTE)
    assert listings["B"] == Listing("B", AssetClass.EQUITY, "GBp")
    assert listings["cash:EUR"] == Listing("cash:EUR", AssetClass.CASH, "EUR")
    assert inputs.market.rates.names == ("EUR", "GBP", "JPY")


def test_splits_are_read(tmp_path: Path) -> None:
    inputs = read(tmp_path, splits="instrument,date,ratio\nA,2020-08-31,4\n")
    assert inputs.splits == (DatedSplit("A", dt.date(2020, 8, 31), 4.0),)


def test_a_position_that_is_not_listed_is_refused(tmp_path: Path) -> None:
    read_back = read(tmp_path, instruments="instrument,asset_class,currency\nB,equity,USD\n")
    assert read_back.books == ()
    assert isinstance(read_back.refused["one"], UnknownInstrumentError)
    assert "one holds A" in str(read_back.refused["one"])


def test_an_option_without_terms_is_refused_when_it_is_held(tmp_path: Path) -> None:
    listed = "instrument,asset_class,currency\nA,equity,USD\nB,option,USD\n"
    assert read(tmp_path, instruments=listed).books
    held = "portfolio,instrument,quantity\none,B,10\n"
    read_back = read(tmp_path, instruments=listed, positions=held)
    assert isinstance(read_back.refused["one"], UnsupportedInstrumentError)
    assert "needs underlying, right, strike, expiry" in str(read_back.refused["one"])


HEADER = "instrument,asset_class,currency,multiplier,return_type\n"
TERMS = "instrument,asset_class,currency,underlying,right,strike,expiry,volatility"
OPTIONAL = "rate,dividend_yield,volatility_series,volatility_shift"


def option_row(**changes: str) -> str:
    """Return a file with a share, and a call on it."""
    cells = {
        "instrument": "A.CALL",
        "asset_class": "option",
        "currency": "USD",
        "underlying": "A",
        "right": "call",
        "strike": "90",
        "expiry": "2021-06-18",
        "volatility": "0.25",
        "rate": "0.01",
        "dividend_yield": "",
        "volatility_series": "VIX",
        "volatility_shift": "absolute",
    } | changes
    share = "A,equity,USD,,,,,,,,,"
    return f"{TERMS},{OPTIONAL}\n{','.join(cells.values())}\n{share}\nM,cash,USD,,,,,,,,,\n"


def test_the_terms_of_an_option_are_read_whatever_the_order_of_the_rows(tmp_path: Path) -> None:
    held = "portfolio,instrument,quantity\none,A.CALL,10\n"
    [book] = read(tmp_path, instruments=option_row(), positions=held).books
    terms = book.listings["A.CALL"].option
    assert terms is not None
    assert terms.underlying == book.listings["A"]
    assert (terms.right, terms.strike, terms.expiry) == ("call", 90.0, dt.date(2021, 6, 18))
    assert (terms.volatility, terms.rate, terms.dividend_yield) == (0.25, 0.01, 0.0)
    assert (terms.volatility_series, terms.volatility_shift) == ("VIX", "absolute")


@pytest.mark.parametrize(
    ("column", "text", "said"),
    [
        ("underlying", "", "line 2, column underlying.*fill it in"),
        ("underlying", "Z", "underlying.*'Z'.*add a row"),
        ("underlying", "M", "underlying.*'M'.*no cash"),
        ("underlying", "A.CALL", "underlying.*no option"),
        ("currency", "EUR", "underlying.*it is in USD"),
        ("right", "straddle", "right.*'straddle'.*call, put"),
        ("strike", "0", "strike.*'0'.*above zero"),
        ("expiry", "June", "expiry.*'June'"),
        ("volatility", "25", "volatility.*'25'.*0.25 for 25 %"),
        ("rate", "3", "rate.*'3'.*0.02 for 2 %"),
        ("volatility_shift", "log", "volatility_shift.*'log'.*relative, absolute"),
        ("asset_class", "equity", "underlying.*is no option"),
    ],
)
def test_a_wrong_term_is_named_with_line_and_column(
    tmp_path: Path, column: str, text: str, said: str
) -> None:
    with pytest.raises(InputFileError, match=said):
        read(tmp_path, instruments=option_row(**{column: text}))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("positions", "portfolio,instrument\none,A\n", "no column quantity"),
        ("positions", "portfolio,instrument,quantity\n", "no position"),
        ("positions", "portfolio,instrument,quantity\none,A,many\n", "line 2, column quantity"),
        ("positions", "portfolio,instrument,quantity\none,A,nan\n", "line 2, column quantity"),
        ("positions", "portfolio,instrument,quantity\n,A,1\n", "line 2, column portfolio"),
        ("positions", "portfolio,instrument,quantity\none,A,1\none,A,2\n", "line 3.*'A'"),
        ("positions", "portfolio,instrument,quantity,day\none,A,1,2\n", "unknown column 'day'"),
        ("instruments", f"{HEADER}A,bond,USD,,\n", "asset_class.*'bond'.*equity"),
        ("instruments", f"{HEADER}A,equity,Dollar,,\n", "currency.*'Dollar'"),
        ("instruments", f"{HEADER}A,equity,USD,0,\n", "multiplier.*'0'"),
        ("instruments", f"{HEADER}A,cash,USD,5,\n", "multiplier.*amount"),
        ("instruments", f"{HEADER}A,equity,USD,,log\n", "return_type.*'log'.*relative"),
        ("instruments", f"{HEADER}A,equity,USD,,\nA,etf,USD,,\n", "line 3.*'A'"),
        ("fx", "date,Euro\n2020-01-02,1.1\n", "'Euro' is no currency"),
        ("splits", "instrument,date,ratio\nA,2020-01-02,0\n", "ratio.*'0'"),
        ("splits", "instrument,date,ratio\nA,2020-13-02,2\n", "line 2, column date"),
    ],
)
def test_a_wrong_cell_is_named_with_file_line_and_column(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    with pytest.raises(InputFileError, match=said) as refused:
        read(tmp_path, **{name: text})
    assert f"{name}.csv" in str(refused.value)
