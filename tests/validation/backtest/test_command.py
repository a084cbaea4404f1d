"""``riskstream backtest`` from the command line: golden years, files, flags and refusals."""

from __future__ import annotations

import csv
import datetime as dt
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from system import cli
from tests.system.backtest.golden_days import AMOUNT, PERIODS, equities, golden

FAST = ("--simulations", "100", "--no-report")
Files = dict[str, Path]


def exported(folder: Path, first: dt.date, last: dt.date, entry: dt.date) -> Files:
    """Write prices from one day to another, and the book entered at ``entry``."""
    table = equities()
    prices, positions = folder / "prices.csv", folder / "positions.csv"
    with prices.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["date", *table.names])
        for date, closes in zip(table.dates, table.closes.T.tolist(), strict=True):
            if first <= date <= last:
                rows.writerow([date, *closes])
    entries = table.closes[:, table.dates.index(entry)].tolist()
    with positions.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["portfolio", "instrument", "quantity"])
        rows.writerows(
            ("golden", name, AMOUNT / price)
            for name, price in zip(table.names, entries, strict=True)
        )
    return {"--prices": prices, "--positions": positions}


def invoked(files: Files, out: Path, *options: str) -> Result:
    named = [part for option, path in files.items() for part in (option, str(path))]
    return CliRunner().invoke(cli.app, ["backtest", *named, "--out", str(out), *options])


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def numbers(rows: Sequence[dict[str, str]], column: str) -> np.ndarray:
    return np.array([float(row[column]) for row in rows])


def summary_of(out: Path) -> dict[str, dict[str, object]]:
    portfolios = json.loads((out / "summary.json").read_text())["portfolios"]
    return portfolios["golden"]


@pytest.mark.parametrize("period", PERIODS)
def test_golden_days_from_csv_files(tmp_path: Path, period: str) -> None:
    days = golden(period)
    entry, bounds = days.dates("asof")[0], days.bounds
    files = exported(tmp_path, entry - dt.timedelta(90), bounds.end, entry)
    result = invoked(files, tmp_path / "out", "--start", str(bounds.start), *FAST)
    assert result.exit_code == 0, result.output
    daily = rows_of(tmp_path / "out" / "daily.csv")
    assert list(daily[0]) == [
        "portfolio", "asof", "pnl_date", "value", "var", "es", "pnl", "breach", "scenario_date",
    ]  # fmt: skip
    for own, theirs in (("asof", "asof"), ("pnl_date",) * 2, ("scenario_date",) * 2):
        assert [row[own] for row in daily] == [row[theirs] for row in days.rows]
    for own, theirs in (("value", "value"), ("var", "var_k2"), ("es", "es_acerbi_tasche")):
        assert numbers(daily, own) == pytest.approx(days.numbers(theirs), rel=1e-9, abs=5e-7)
    assert numbers(daily, "pnl") == pytest.approx(days.numbers("pnl"), rel=1e-9, abs=5e-7)
    assert [row["breach"] for row in daily] == [row["breach_k2"] for row in days.rows]
    _components_equal(tmp_path / "out" / "components.csv", days.rows)
    (entry_of,) = summary_of(tmp_path / "out").values()
    assert (entry_of["days"], entry_of["breaches"]) == PERIODS[period][:2]


def _components_equal(path: Path, golden_rows: Sequence[dict[str, str]]) -> None:
    components = rows_of(path)
    names = sorted(name for name in golden_rows[0] if name.startswith("cvar_"))
    expected = [float(row[name]) for row in golden_rows for name in names]
    assert [f"cvar_{row['instrument']}" for row in components] == names * len(golden_rows)
    assert numbers(components, "component_var") == pytest.approx(expected, rel=1e-9, abs=5e-7)


@pytest.fixture(scope="module")
def seventeen_years(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("years")
    first = next(date for date in equities().dates if date.year == 2006)
    files = exported(folder, first, dt.date(2022, 12, 28), first)
    result = invoked(files, folder / "out", "--simulations", "400")
    assert result.exit_code == 0, result.output
    (folder / "out" / "screen.txt").write_text(result.output)
    return folder / "out"


def test_seventeen_years_have_288_breaches_in_4246_days(seventeen_years: Path) -> None:
    entry = summary_of(seventeen_years)["hs"]
    assert (entry["days"], entry["breaches"], entry["k"], entry["n"]) == (4246, 288, 2, 30)
    assert entry["expected_rate"] == 2 / 31
    assert entry["rate"] == 288 / 4246
    daily = rows_of(seventeen_years / "daily.csv")
    assert sum(row["breach"] == "1" for row in daily) == 288


def test_the_summary_has_every_test_and_the_evidence(seventeen_years: Path) -> None:
    entry = summary_of(seventeen_years)["hs"]
    tests = entry["tests"]
    assert isinstance(tests, dict)
    assert len(tests) == 16
    for name in ("kupiec_pof", "weibull_duration", "dynamic_quantile", "acerbi_szekely_z2"):
        assert {"statistic", "p_value", "p_value_simulated", "p_value_rolling"} <= set(tests[name])
        assert tests[name]["p_value_simulated"] > 0.0
    assert entry["traffic_light"]["zone"] == "red"
    assert [zone["period"] for zone in entry["years"]] == [str(year) for year in range(2006, 2023)]
    assert entry["e_process"]["first_rejection"] == "2011-06-15"
    assert entry["e_process"]["expected_days_to_rejection"] / 252 == pytest.approx(5.8, abs=0.1)
    assert entry["pnl_attribution"]["zone"] == "green"
    assert len(entry["kernel_checked"]) == 20
    assert entry["carried_prices"] == []


def test_large_moves_are_flagged_in_the_summary_and_on_screen(seventeen_years: Path) -> None:
    suspects = summary_of(seventeen_years)["hs"]["suspect_moves"]
    reported = {(suspect["instrument"], suspect["date"]) for suspect in suspects}
    assert ("RRC", "2020-03-13") in reported
    assert ("AMD", "2016-04-22") in reported
    screen = (seventeen_years / "screen.txt").read_text()
    assert "AMD 2016-04-22 +52.3%" in screen
    assert "more in summary.json" in screen


def test_the_report_is_one_page_that_tells_implementation_from_model(
    seventeen_years: Path,
) -> None:
    page = (seventeen_years / "report.html").read_text()
    assert page.count("plotly-graph-div") >= 4
    for words in ("<h3>Implementation</h3>", "evidence, not a verdict", "E-process", "6.45%"):
        assert words.lower() in page.lower(), words
    assert 'src="http' not in page
    assert 'href="http' not in page.split("<body>")[1]


def test_methods_go_side_by_side_and_the_first_names_the_files(tmp_path: Path) -> None:
    entry = dt.date(2008, 6, 30)
    files = exported(tmp_path, dt.date(2007, 1, 3), dt.date(2008, 9, 30), entry)
    out = tmp_path / "out"
    result = invoked(
        files, out, "--start", "2008-07-01", "--method", "hs", "normal", "--method",
        "hs250,ewma-fhs", "--method", "student-t", *FAST,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert list(summary_of(out)) == ["hs", "hs250", "ewma-fhs", "student-t", "normal"]
    assert {path.name for path in out.iterdir()} == {
        "summary.json",
        *(
            f"{name}{suffix}.csv"
            for name in ("daily", "components")
            for suffix in ("", "-hs250", "-ewma-fhs", "-student-t", "-normal")
        ),
    }
    days = {method: entry["days"] for method, entry in summary_of(out).items()}
    assert len(set(days.values())) == 1


def small(folder: Path, edit: Callable[[list[list[str]]], None] = lambda rows: None) -> Files:
    """Write a book of two shares over 60 days; ``edit`` changes the rows of the prices."""
    rng = np.random.default_rng(0)
    closes = 100.0 * np.cumprod(1.0 + rng.normal(0.0, 0.01, (60, 2)), axis=0)
    first = dt.date(2021, 1, 1)
    rows = [
        [str(first + dt.timedelta(number)), *map(str, row)]
        for number, row in enumerate(closes.tolist())
    ]
    edit(rows)
    prices, positions = folder / "prices.csv", folder / "positions.csv"
    prices.write_text("\n".join(map(",".join, [["date", "A", "B"], *rows])))
    positions.write_text("portfolio,instrument,quantity\ngolden,A,10\ngolden,B,-5\n")
    return {"--prices": prices, "--positions": positions}


def test_a_gap_is_an_error_that_names_instrument_and_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gap(rows: list[list[str]]) -> None:
        rows[40][2] = ""

    files = small(tmp_path, gap)
    named = [part for option, path in files.items() for part in (option, str(path))]
    out = tmp_path / "out"
    monkeypatch.setattr("sys.argv", ["riskstream", "backtest", *named, "--out", str(out), *FAST])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "B on 2021-02-10" in said
    assert not out.exists()
    assert invoked(files, out, "--missing", "carry", *FAST).exit_code == 0
    carried = summary_of(out)["hs"]["carried_prices"]
    assert carried == [{"series": "B", "date": "2021-02-10"}]


def test_a_probable_split_is_counted_and_not_an_error(tmp_path: Path) -> None:
    def split(rows: list[list[str]]) -> None:
        for row in rows[45:]:
            row[1] = str(float(row[1]) / 2.0)

    result = invoked(small(tmp_path, split), tmp_path / "out", *FAST)
    assert result.exit_code == 0
    assert "probable split, 2 for 1" in result.output
    (suspect,) = summary_of(tmp_path / "out")["hs"]["suspect_moves"]
    assert (suspect["instrument"], suspect["probable_split"]) == ("A", "2")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--method", "garch"), "--method is 'garch'"),
        (("--confidence", "1.5"), "confidence is '1.5'"),
        (("--confidence", "0.99"), "too few"),
        (("--start", "soon"), "--start is 'soon'"),
        (("--end", "2020-01-01"), "no day to test"),
        (("--base-currency", "dollar"), "--base-currency: 'dollar' is no currency"),
    ],
)
def test_a_wrong_option_is_refused_with_its_value(
    tmp_path: Path, options: Sequence[str], said: str
) -> None:
    result = invoked(small(tmp_path), tmp_path / "out", *options, *FAST)
    assert result.exit_code == 1
    assert said in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_a_relative_return_around_a_negative_price_is_refused(tmp_path: Path) -> None:
    def negative(rows: list[list[str]]) -> None:
        rows[40][1] = "-36.98"

    result = invoked(small(tmp_path, negative), tmp_path / "out", *FAST)
    assert result.exit_code == 1
    assert "A on 2021-02-10 is -36.98" in str(result.exception)


def test_the_same_seed_writes_the_same_files(tmp_path: Path) -> None:
    files = small(tmp_path)
    for name in ("one", "two"):
        assert invoked(files, tmp_path / name, "--simulations", "100").exit_code == 0
    for name in ("daily.csv", "components.csv", "summary.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_other_currencies_and_a_tighter_tail_from_files(tmp_path: Path) -> None:
    files = small(tmp_path)
    files["--instruments"] = tmp_path / "instruments.csv"
    files["--instruments"].write_text(
        "instrument,asset_class,currency,multiplier,return_type\n"
        "A,equity,GBp,1,relative\nB,future,EUR,50,relative\n"
    )
    files["--fx"] = tmp_path / "fx.csv"
    first = dt.date(2021, 1, 1)
    rates = [
        f"{first + dt.timedelta(n)},{1.3 + 0.01 * math.sin(n)},{1.1 + 0.01 * math.cos(n)}"
        for n in range(60)
    ]
    files["--fx"].write_text("\n".join(["date,GBP,EUR", *rates]))
    result = invoked(files, tmp_path / "out", "--window", "40", "--confidence", "0.975", *FAST)
    assert result.exit_code == 0, result.output
    entry = summary_of(tmp_path / "out")["hs"]
    assert (entry["n"], entry["k"], entry["promised_rate"]) == (40, 1, 0.025)
    daily = rows_of(tmp_path / "out" / "daily.csv")
    price = float(files["--prices"].read_text().splitlines()[41].split(",")[1])
    rate = float(files["--fx"].read_text().splitlines()[41].split(",")[1])
    assert float(daily[0]["value"]) == pytest.approx(10 * price * rate / 100)
