"""Rows of a portfolio file: positions, instruments and options."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec
import pytest

from system.client.files.portfolio_file import read_portfolio
from system.client.files.portfolio_rows import NUMBERS
from system.contracts.limits import Limit, LimitMeasure
from system.contracts.messages import (
    AssetClass,
    Instrument,
    OpeningPosition,
    OptionRight,
    OptionTerms,
)
from tests.system.client.files.written import OPTIONS, WHOLE, refusal, written


def test_columns_may_come_in_any_order(tmp_path: Path) -> None:
    book = read_portfolio(written(tmp_path, "entry_price,instrument,quantity\n2,A,-1\n"))
    assert book.portfolio.positions == (
        OpeningPosition(instrument="A", quantity=-1.0, entry_price=2.0),
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("AAPL,100", "AAPL,1O0", 9, "quantity: '1O0' is not a number"),
        ("AAPL,100", "AAPL,nan", 9, "quantity: 'nan'"),
        ("AAPL,100", 'AAPL,"1,000"', 9, "quantity: '1,000'"),
        ("AAPL,100,75.5", "AAPL,100,-75.5", 9, "entry_price: '-75.5' is below 1e-09"),
        ("AAPL,100,75.5", "AAPL,100,", 9, "entry_price: ''"),
        ("AAPL,100", "A  PL,100", 9, "instrument: 'A  PL' has two spaces"),
        ("ES,-2", "AAPL,-2", 10, "instrument: 'AAPL' stands in line 9 already"),
        ("future,USD,50", "futures,USD,50", 10, "asset_class: 'futures'"),
        ("future,USD,50", "future,usd,50", 10, "currency: 'usd'"),
        ("future,USD,50", "future,USD,zero", 10, "multiplier: 'zero'"),
        (
            "future,USD,50",
            "option,USD,50",
            10,
            "underlying: '' of option ES: an option needs underlying, right, strike, expiry",
        ),
        ("future,USD,50", "future,USD", 10, "5 cells under 6 columns"),
        ("10.,,,", "10.,,USD,", 13, "currency: 'USD' without an asset_class"),
        ("window: 250", "window: long", 5, "window: 'long' is not a number"),
        ("# confidence", "# confidense", 4, "setting 'confidense' is not known"),
        ("asset_class,", "assetclass,", 8, "assetclass"),
        ("quantity,", "quantity,quantity,", 8, "columns 2 and 3 are both named 'quantity'"),
        ("quantity,", "quantity,Quantity,", 8, "two columns are named quantity"),
        ("entry_price,", "", 8, "needed are instrument, quantity, entry_price"),
        ("AAPL,100", '"AAPL,100', 9, "not CSV"),
    ],
)
def test_what_is_wrong_is_named_by_line_field_and_value(
    tmp_path: Path, old: str, new: str, line: int, told: str
) -> None:
    assert old in WHOLE
    error = refusal(written(tmp_path, WHOLE.replace(old, new, 1)))
    assert error.line == line
    assert f"line {line}: " in str(error)
    assert told in str(error)


def test_an_option_is_read_with_its_terms_and_its_underlying_is_described_unheld(
    tmp_path: Path,
) -> None:
    book = read_portfolio(written(tmp_path, OPTIONS))
    terms = OptionTerms(
        underlying="N225",
        right=OptionRight.PUT,
        strike=23_000.0,
        expiry=dt.date(2020, 6, 12),
        volatility=0.19,
        rate=-0.001,
    )
    assert book.instruments == (
        Instrument(instrument="N225", asset_class=AssetClass.EQUITY, currency="JPY"),
        Instrument(instrument="PUT", asset_class=AssetClass.OPTION, currency="JPY", option=terms),
    )
    assert [position.instrument for position in book.portfolio.positions] == ["PUT", "A"]
    assert book.portfolio.limits == (
        Limit(measure=LimitMeasure.GROSS, warning=1.5, breach=2.0),
        Limit(measure=LimitMeasure.SINGLE_NAME, warning=0.1, breach=0.2),
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("0.19", "19%", 4, "volatility: '19%' is not a number"),
        ("0.19", "19", 4, "volatility: 19.0: must be a number of at most 10"),
        ("0.19", "", 4, "volatility: '' of option PUT: an option needs underlying, right"),
        ("put", "puts", 4, "right: 'puts': must be one of call, put, not 'puts'"),
        ("2020-06-12", "12.06.2020", 4, "expiry: '12.06.2020'"),
        ("23000", "-1", 4, "strike: -1.0: must be a number of at least 1e-09"),
        ("JPY,,,,,,", "JPY,,,5,,,", 3, "strike: '5' of asset_class 'equity', which is no option"),
        ("A,1,2,,,,,,,,", "A,1,2,,,,,5,,,", 5, "strike: '5' without an asset_class"),
        ("A,1,2", "A,,", 5, "quantity: ''"),
        ("N225,,,", "N225,5,,", 3, "entry_price: ''"),
        ("gross=1.5/2", "gross:1.5/2", 1, "limits: 'gross:1.5/2' is not MEASURE=WARNING/BREACH"),
        ("gross=1.5/2", "gross=a/2", 1, "limits: warning of gross: 'a' is not a number"),
        ("gross=1.5/2", "gross=3/2", 1, "warning of gross is 3.0, not below breach, 2.0"),
        ("gross=1.5/2", "var=1.5/2", 1, "the limit on VaR is var_limit_fraction"),
        ("gross=1.5/2", "grass=1.5/2", 1, "measure: 'grass'"),
    ],
)
def test_what_is_wrong_with_an_option_or_a_limit_is_named_by_line_column_and_value(
    tmp_path: Path, old: str, new: str, line: int, told: str
) -> None:
    assert old in OPTIONS
    error = refusal(written(tmp_path, OPTIONS.replace(old, new, 1)))
    assert error.line == line
    assert told in str(error)


def test_the_columns_are_the_fields_of_the_contracts() -> None:
    floats = {
        field.encode_name
        for kind in (Instrument, OptionTerms)
        for field in msgspec.structs.fields(kind)
        if "float" in str(field.type)
    }
    assert set(NUMBERS) == floats
