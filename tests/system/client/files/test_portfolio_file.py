"""Portfolio files: what is read, and how what is wrong is named."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.client.files.portfolio_file import read_portfolio
from system.client.files.portfolio_rows import KNOWN_COLUMNS, NUMBERS
from system.client.files.portfolio_settings import AS_OF, SETTINGS
from system.contracts.api.risk import PortfolioImport
from system.contracts.limits import Limit, LimitMeasure
from system.contracts.messages import (
    AssetClass,
    Instrument,
    OpeningPosition,
    OptionRight,
    OptionTerms,
    Portfolio,
    VolatilityShift,
)
from system.tables.errors import InputFileError

WHOLE = """\
# My book, kept by hand
# portfolio: mine
# base_currency: EUR
# confidence: 0.99
# window: 250
# var_limit_fraction: 0.015
# name: Mine, all mine
instrument,quantity,entry_price,asset_class,currency,multiplier
AAPL,100,75.5,equity,USD,
ES,-2,3300.25,future,USD,50

BMW, 10 ,60,equity,,
KNOWN,-1.5e3,10.,,,
cash:JPY,1000000,1,cash,JPY,
"""


def written(folder: Path, text: str, name: str = "book.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path, settings: dict[str, str] | None = None) -> InputFileError:
    with pytest.raises(InputFileError) as caught:
        read_portfolio(path, settings)
    assert str(path) in str(caught.value)
    return caught.value


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    book = read_portfolio(written(tmp_path, WHOLE))
    portfolio = book.portfolio
    assert (portfolio.portfolio, portfolio.name) == ("mine", "Mine, all mine")
    assert (portfolio.base_currency, portfolio.confidence) == ("EUR", "0.99")
    assert (portfolio.window, portfolio.var_limit_fraction) == (250, 0.015)
    assert portfolio.positions[0] == OpeningPosition(
        instrument="AAPL", quantity=100.0, entry_price=75.5
    )
    assert [p.quantity for p in portfolio.positions] == [100.0, -2.0, 10.0, -1500.0, 1e6]
    assert book.instruments == (
        Instrument(instrument="AAPL", asset_class=AssetClass.EQUITY, currency="USD"),
        Instrument(instrument="ES", asset_class=AssetClass.FUTURE, currency="USD", multiplier=50.0),
        Instrument(instrument="BMW", asset_class=AssetClass.EQUITY, currency="EUR"),
    )


def test_a_plain_file_takes_its_name_and_the_defaults(tmp_path: Path) -> None:
    book = read_portfolio(written(tmp_path, "instrument,quantity,entry_price\nA,1,2\n", "us.csv"))
    assert (book.portfolio.portfolio, book.portfolio.window) == ("us", 30)
    assert book.instruments == ()


def test_columns_may_come_in_any_order(tmp_path: Path) -> None:
    book = read_portfolio(written(tmp_path, "entry_price,instrument,quantity\n2,A,-1\n"))
    assert book.portfolio.positions == (
        OpeningPosition(instrument="A", quantity=-1.0, entry_price=2.0),
    )


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeffinstrument,quantity,entry_price\r\nA,1,2\r\n")
    assert read_portfolio(path).portfolio.positions[0].instrument == "A"


def test_settings_given_stand_above_the_file_s(tmp_path: Path) -> None:
    book = read_portfolio(written(tmp_path, WHOLE), {"portfolio": "other", "window": "60"})
    assert (book.portfolio.portfolio, book.portfolio.window) == ("other", 60)
    assert book.portfolio.confidence == "0.99"


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


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("window: 250", "window: 1", "window: 1: must be a whole number of at least 2"),
        ("window: 250", "window: 2.5", "window: 2.5: must be a whole number, not a number"),
        ("base_currency: EUR", "base_currency: Euro", "base_currency: 'Euro'"),
        ("portfolio: mine", "portfolio: my  book", "portfolio: 'my  book'"),
        ("var_limit_fraction: 0.015", "var_limit_fraction: 1.5", "var_limit_fraction: 1.5"),
    ],
)
def test_a_setting_out_of_its_bounds_is_named_with_its_value(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    assert told in str(refusal(written(tmp_path, WHOLE.replace(old, new, 1))))


@pytest.mark.parametrize("text", ["", "\n\n", "# portfolio: mine\n"])
def test_a_file_without_a_header_says_how_one_begins(tmp_path: Path, text: str) -> None:
    assert "it begins instrument,quantity,entry_price" in str(refusal(written(tmp_path, text)))


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    assert "No such file" in str(refusal(tmp_path / "none.csv"))
    path = tmp_path / "binary.csv"
    path.write_bytes(b"\xff\xfe\x00")
    assert "not UTF-16 text" in str(refusal(path))
    path.write_bytes(b"instrument\nM\xfcller")
    assert "not UTF-8 text (byte 0xfc on line 2)" in str(refusal(path))


def test_json_is_the_api_s_own_body(tmp_path: Path) -> None:
    body = {
        "portfolio": {
            "portfolio": "mine",
            "positions": [{"instrument": "A", "quantity": 1, "entry_price": 2}],
        },
        "instruments": [{"instrument": "A", "asset_class": "etf", "currency": "USD"}],
        "histories": [{"series": "A", "closes": [["2020-01-02", 1.5]]}],
    }
    book = read_portfolio(written(tmp_path, json.dumps(body), "b.json"), {"window": "60"})
    assert (book.portfolio.portfolio, book.portfolio.window) == ("mine", 60)
    assert book.histories[0].closes[0].value == 1.5


def test_json_that_names_a_field_twice_is_refused(tmp_path: Path) -> None:
    position = '{"instrument": "AAPL", "quantity": 1, "entry_price": 2, "quantity": 3}'
    text = '{"portfolio": {"portfolio": "a", "positions": [%s]}}' % position  # noqa: UP031
    detail = str(refusal(written(tmp_path, text, "b.json")))
    assert "field quantity stands twice in portfolio.positions[0]" in detail


def test_json_names_the_line_or_the_path_of_what_is_wrong(tmp_path: Path) -> None:
    broken = written(tmp_path, '{\n "portfolio": {\n  "portfolio": nil}}', "b.json")
    assert refusal(broken).line == 3
    wrong = written(tmp_path, '{"portfolio": {"portfolio": "a", "window": "30"}}', "c.json")
    assert "portfolio.window: must be a whole number" in str(refusal(wrong))


OPTIONS = """\
# limits: gross=1.5/2, single_name = 0.1 / 0.2
instrument,quantity,entry_price,asset_class,currency,right,underlying,strike,expiry,volatility,rate
N225,,,equity,JPY,,,,,,
PUT,3,480.5,option,JPY,put,N225,23000,2020-06-12,0.19,-0.001
A,1,2,,,,,,,,
"""


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


def test_a_measure_limited_twice_is_refused(tmp_path: Path) -> None:
    error = refusal(written(tmp_path, OPTIONS), {"limits": "net=0.1/0.2,net=0.2/0.3"})
    assert "limit of net stands twice" in str(error)


def test_the_columns_are_the_fields_of_the_contracts() -> None:
    floats = {
        field.encode_name
        for kind in (Instrument, OptionTerms)
        for field in msgspec.structs.fields(kind)
        if "float" in str(field.type)
    }
    assert set(NUMBERS) == floats


def csv_of(book: PortfolioImport) -> str:
    """Return a book as a file in CSV: every column, every line."""
    held = {position.instrument: position for position in book.portfolio.positions}
    described = {instrument.instrument: instrument for instrument in book.instruments}
    settings = [
        f"# {name}: {value}"
        for name in SETTINGS
        if name not in ("limits", AS_OF)
        and (value := getattr(book.portfolio, name)) not in (None, "")
    ]
    limits = ", ".join(f"{o.measure}={o.warning!r}/{o.breach!r}" for o in book.portfolio.limits)
    lines = [*settings, f"# limits: {limits}", ",".join(KNOWN_COLUMNS)]
    for name in dict.fromkeys((*held, *described)):
        cells = {**plain(described.get(name)), **plain(held.get(name)), "instrument": name}
        cells |= plain(described[name].option if name in described else None)
        lines.append(",".join(shown(cells.get(column)) for column in KNOWN_COLUMNS))
    return "\n".join(lines)


def plain(message: object) -> dict[str, Any]:
    return {} if message is None else msgspec.structs.asdict(message)


def shown(value: object) -> str:
    return "" if value is None else str(value) if not isinstance(value, float) else repr(value)


quantities = st.floats(-1e9, 1e9).filter(bool)
prices = st.floats(1e-6, 1e9)


@st.composite
def option_books(draw: st.DrawFn) -> PortfolioImport:
    names = [f"I{number}" for number in range(draw(st.integers(1, 4)))]
    currency = draw(st.sampled_from(["USD", "GBp", "JPY"]))
    shares = [
        Instrument(
            instrument=name,
            asset_class=draw(st.sampled_from([AssetClass.EQUITY, AssetClass.FUTURE])),
            currency=currency,
            multiplier=draw(prices),
            proxy=draw(st.sampled_from([None, "OTHER"])),
        )
        for name in names
    ]
    options = [
        Instrument(
            instrument=f"{name}.OPT",
            asset_class=AssetClass.OPTION,
            currency=currency,
            option=OptionTerms(
                underlying=name,
                right=draw(st.sampled_from(OptionRight)),
                strike=draw(prices),
                expiry=draw(st.dates()),
                volatility=draw(st.floats(1e-4, 10.0)),
                rate=draw(st.floats(-1.0, 1.0)),
                dividend_yield=draw(st.floats(-1.0, 1.0)),
                volatility_series=draw(st.sampled_from([None, "VIX"])),
                volatility_shift=draw(st.sampled_from(VolatilityShift)),
            ),
        )
        for name in names
    ]
    held = draw(
        st.lists(st.sampled_from([*names, *(option.instrument for option in options)]), unique=True)
    )
    positions = tuple(
        OpeningPosition(instrument=name, quantity=draw(quantities), entry_price=draw(prices))
        for name in held
    )
    limits = draw(
        st.sampled_from([(), (Limit(measure=LimitMeasure.NET, warning=0.1, breach=0.3),)])
    )
    portfolio = Portfolio(
        portfolio="mine",
        positions=positions,
        limits=limits,
        window=draw(st.sampled_from([30, 250, 500])),
        confidence=draw(st.sampled_from(["0.95", "0.975", "0.99"])),
        desk=draw(st.sampled_from([None, "overlay"])),
    )
    return PortfolioImport(portfolio=portfolio, instruments=(*shares, *options))


@given(option_books())
def test_a_book_with_options_comes_back_from_csv_and_from_json_to_the_bit(
    book: PortfolioImport,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        from_csv = read_portfolio(written(Path(folder), csv_of(book)))
        from_json = read_portfolio(
            written(Path(folder), msgspec.json.encode(book).decode(), "b.json")
        )
    assert from_json == book
    assert from_csv.portfolio == book.portfolio
    assert sorted(from_csv.instruments, key=str) == sorted(book.instruments, key=str)


@given(st.text(max_size=300))
def test_any_text_is_either_a_book_or_refused_as_a_file(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.csv"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        with suppress(InputFileError):
            read_portfolio(path)


@given(
    st.lists(
        st.tuples(
            st.floats(-1e9, 1e9).filter(lambda number: number != 0),
            st.floats(1e-6, 1e9),
        ),
        max_size=20,
    )
)
def test_numbers_come_back_to_the_bit(rows: list[tuple[float, float]]) -> None:
    lines = [f"I{n},{quantity!r},{price!r}" for n, (quantity, price) in enumerate(rows)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.csv"
        path.write_text("\n".join(["instrument,quantity,entry_price", *lines]))
        positions = read_portfolio(path).portfolio.positions
    assert [(position.quantity, position.entry_price) for position in positions] == rows


def test_a_file_says_as_of_when_its_positions_are(tmp_path: Path) -> None:
    table = "instrument,quantity,entry_price\nA,1,2\n"
    day = read_portfolio(written(tmp_path, f"# as_of: 2020-03-05\n{table}")).portfolio
    assert (day.as_of_day, day.as_of_ns) == (dt.date(2020, 3, 5), None)
    moment = read_portfolio(written(tmp_path, f"# as_of: 1970-01-01T01:00:02+01:00\n{table}"))
    assert (moment.portfolio.as_of_day, moment.portfolio.as_of_ns) == (None, 2 * 10**9)
    none = read_portfolio(written(tmp_path, table)).portfolio
    assert (none.as_of_day, none.as_of_ns) == (None, None)


def test_a_moment_that_is_given_takes_the_place_of_the_file_s(tmp_path: Path) -> None:
    table = "# as_of: 2020-03-05\ninstrument,quantity,entry_price\nA,1,2\n"
    chosen = {"as_of": "1970-01-01T00:00:03Z"}
    from_csv = read_portfolio(written(tmp_path, table), chosen).portfolio
    body = tmp_path / "book.json"
    body.write_text('{"portfolio": {"portfolio": "P", "as_of_day": "2020-03-05"}}')
    for portfolio in (from_csv, read_portfolio(body, chosen).portfolio):
        assert (portfolio.as_of_day, portfolio.as_of_ns) == (None, 3 * 10**9)
    assert read_portfolio(body).portfolio.as_of_day == dt.date(2020, 3, 5)
    assert read_portfolio(body, {"window": "40"}).portfolio.as_of_day == dt.date(2020, 3, 5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("yesterday", "'yesterday' is not a date-time like 2020-03-05T21:00:00Z"),
        ("2020-03-05T21:00:00", "does not say in which time zone: write 2020-03-05T21:00:00Z"),
        ("2020-02-30", "'2020-02-30' is not a date-time"),
        ("1969-12-31T00:00:00Z", "is before 1970"),
        ("05.03.2020", "a date like 2020-03-05 is the end of that day"),
    ],
)
def test_a_moment_that_is_none_is_refused_with_its_line(
    tmp_path: Path, text: str, said: str
) -> None:
    path = written(tmp_path, f"# as_of: {text}\ninstrument,quantity,entry_price\nA,1,2\n")
    error = refusal(path)
    assert said in str(error)
    assert "as_of" in str(error)
    assert error.line == 1
