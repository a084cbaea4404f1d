"""Settings of a portfolio file: given above the file, bounded, and the moment of the positions."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from system.client.files.portfolio_file import read_portfolio
from tests.system.client.files.written import OPTIONS, WHOLE, refusal, written


def test_settings_given_stand_above_the_file_s(tmp_path: Path) -> None:
    book = read_portfolio(written(tmp_path, WHOLE), {"portfolio": "other", "window": "60"})
    assert (book.portfolio.portfolio, book.portfolio.window) == ("other", 60)
    assert book.portfolio.confidence == "0.99"


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


def test_a_measure_limited_twice_is_refused(tmp_path: Path) -> None:
    error = refusal(written(tmp_path, OPTIONS), {"limits": "net=0.1/0.2,net=0.2/0.3"})
    assert "limit of net stands twice" in str(error)


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
