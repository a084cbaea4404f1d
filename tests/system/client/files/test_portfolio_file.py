"""Portfolio files: what is read, and how what is wrong is named."""

from __future__ import annotations

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
from system.client.files.portfolio_rows import KNOWN_COLUMNS
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
from tests.system.client.files.written import WHOLE, refusal, written


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


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeffinstrument,quantity,entry_price\r\nA,1,2\r\n")
    assert read_portfolio(path).portfolio.positions[0].instrument == "A"


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
