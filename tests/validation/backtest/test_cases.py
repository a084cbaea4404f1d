"""Inputs that real desks send, and what ``riskstream backtest`` makes of them."""

from __future__ import annotations

import csv
import datetime as dt
import json
import math
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markupsafe import escape
from typer.testing import CliRunner, Result

from system import cli
from system.exits import ExitCode
from system.tables.spreadsheets import cell_text, spreadsheet_text

CASES = Path(__file__).parents[2] / "data" / "backtest"
FAST = ("--simulations", "100", "--no-report")
FIRST = dt.date(2020, 1, 1)


def ran(out: Path, *options: str, **files: Path) -> Result:
    """Run the command on files, named by their option."""
    named = [part for option, path in files.items() for part in (f"--{option}", str(path))]
    return CliRunner().invoke(cli.app, ["backtest", *named, "--out", str(out), *options, *FAST])


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def summary_of(out: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((out / "summary.json").read_text())
    return result


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def dated(values: list[str]) -> list[str]:
    """Return lines of consecutive days, each with its value."""
    return [f"{FIRST + dt.timedelta(number)},{value}" for number, value in enumerate(values)]


# -- a loss equal to the VaR ----------------------------------------------------


def test_a_share_of_two_states_never_breaches(tmp_path: Path) -> None:
    case = CASES / "loss-equal-to-var"
    result = ran(tmp_path, prices=case / "prices-two-states.csv", positions=case / "positions.csv")
    assert result.exit_code == 0, result.output
    daily = rows_of(tmp_path / "daily.csv")
    assert len(daily) == 169
    assert [row["breach"] for row in daily] == ["0"] * 169
    equal = [row for row in daily if math.isclose(-float(row["pnl"]), float(row["var"]))]
    assert len(equal) == 85
    assert summary_of(tmp_path)["portfolios"]["book"]["hs"]["breaches"] == 0


# -- rates ----------------------------------------------------------------------


def wild_rate(folder: Path, currency: str, rates: list[str]) -> dict[str, Path]:
    closes = [str(100.0 + math.sin(number)) for number in range(len(rates))]
    return {
        "prices": written(folder / "prices.csv", "date,P", *dated(closes)),
        "positions": written(
            folder / "positions.csv", "portfolio,instrument,quantity", "book,P,100"
        ),
        "instruments": written(
            folder / "instruments.csv", "instrument,asset_class,currency", f"P,equity,{currency}"
        ),
        "fx": written(folder / "fx.csv", f"date,{currency.upper()}", *dated(rates)),
    }


def test_a_wild_rate_is_flagged_by_series_and_date_and_counted(tmp_path: Path) -> None:
    rates = ["0.128"] * 60
    rates[50] = "0.000256"
    result = ran(tmp_path / "out", **wild_rate(tmp_path, "HKD", rates))
    assert result.exit_code == 0, result.output
    suspects = summary_of(tmp_path / "out")["portfolios"]["book"]["hs"]["suspect_moves"]
    down, up = str(FIRST + dt.timedelta(50)), str(FIRST + dt.timedelta(51))
    assert [(item["instrument"], item["date"]) for item in suspects] == [
        ("fx:HKD", down),
        ("fx:HKD", up),
    ]
    assert [round(item["move"], 3) for item in suspects] == [-0.998, 499.0]
    assert [item["probable_split"] for item in suspects] == [None, None]
    assert f"suspect move, counted: fx:HKD {down} -99.8%" in result.output
    value = {row["asof"]: float(row["value"]) for row in rows_of(tmp_path / "out" / "daily.csv")}
    assert 2.0 < value[down] < 3.0


def test_the_rate_of_pence_is_that_of_the_pound(tmp_path: Path) -> None:
    rates = ["1.3"] * 60
    rates[50] = "130.0"
    result = ran(tmp_path / "out", **wild_rate(tmp_path, "GBp", rates))
    assert result.exit_code == 0, result.output
    suspects = summary_of(tmp_path / "out")["portfolios"]["book"]["hs"]["suspect_moves"]
    assert {item["instrument"] for item in suspects} == {"fx:GBP"}


def test_a_rate_that_moves_inside_its_bound_is_not_flagged(tmp_path: Path) -> None:
    rates = [str(0.128 * (1.0 + 0.02 * math.sin(number))) for number in range(60)]
    result = ran(tmp_path / "out", **wild_rate(tmp_path, "HKD", rates))
    assert result.exit_code == 0, result.output
    assert summary_of(tmp_path / "out")["portfolios"]["book"]["hs"]["suspect_moves"] == []


# -- minor units ----------------------------------------------------------------


def priced_in(tmp_path: Path, unit: str, fx: Path | None = None) -> Result:
    """Run a book of one share whose price is written in some unit."""
    folder = CASES / "minor-units"
    listed = written(
        tmp_path / "instruments.csv", "instrument,asset_class,currency", f"EZJ.L,equity,{unit}"
    )
    files = {"prices": folder / "prices.csv", "positions": folder / "positions.csv"}
    return ran(tmp_path / "out", **files, instruments=listed, fx=fx or folder / "fx.csv")


@pytest.mark.parametrize("unit", ["GBX", "GBp", "GBx"])
def test_pence_are_a_hundredth_of_a_pound_however_they_are_written(
    tmp_path: Path, unit: str
) -> None:
    assert priced_in(tmp_path, unit).exit_code == 0
    (row,) = (item for item in rows_of(tmp_path / "out/daily.csv") if item["asof"] == "2020-02-13")
    assert float(row["value"]) == pytest.approx(8078.6025, rel=1e-12)
    assert float(row["var"]) == pytest.approx(233.4545965337341, rel=1e-12)
    assert float(row["es"]) == pytest.approx(278.11085246705665, rel=1e-12)


@pytest.mark.parametrize(
    ("unit", "currency", "parts"), [("ZAc", "ZAR", 100), ("ILA", "ILS", 100), ("KWF", "KWD", 1_000)]
)
def test_cents_agorot_and_fils_are_valued_at_the_rate_of_their_currency(
    tmp_path: Path, unit: str, currency: str, parts: int
) -> None:
    rates = (CASES / "minor-units/fx.csv").read_text().replace("GBP", currency)
    fx = written(tmp_path / "fx.csv", *rates.splitlines())
    assert priced_in(tmp_path, unit, fx).exit_code == 0
    (row,) = (item for item in rows_of(tmp_path / "out/daily.csv") if item["asof"] == "2020-02-13")
    assert float(row["value"]) == pytest.approx(8078.6025 * 100 / parts, rel=1e-12)


def test_a_unit_without_rates_asks_for_those_of_its_currency(tmp_path: Path) -> None:
    assert "no history of fx:ZAR: load the daily rates of ZAR" in str(
        priced_in(tmp_path, "ZAc").exception
    )


@pytest.mark.parametrize("unit", ["gbx", "pence", "GBPence", ""])
def test_an_unknown_unit_is_answered_with_those_that_are_known(tmp_path: Path, unit: str) -> None:
    said = str(priced_in(tmp_path, unit).exception)
    assert f"instruments.csv, line 2, column currency: {unit!r} is no currency" in said
    assert "GBX or GBp for 1/100 GBP" in said


def test_three_letters_that_are_no_currency_are_answered_with_minor_units(tmp_path: Path) -> None:
    said = str(priced_in(tmp_path, "GBC").exception)
    assert "no history of fx:GBC" in said
    assert "ISO 4217 has no currency GBC" in said
    assert "GBX or GBp for 1/100 GBP" in said


def test_rates_of_a_minor_unit_are_answered_with_its_currency(tmp_path: Path) -> None:
    rates = (CASES / "minor-units/fx.csv").read_text().replace("GBP", "GBX")
    fx = written(tmp_path / "fx.csv", *rates.splitlines())
    assert "'GBX' is a minor unit, 1/100 GBP: write GBP" in str(
        priced_in(tmp_path, "GBp", fx).exception
    )


# -- quantities and splits ------------------------------------------------------


@pytest.mark.parametrize("start", [(), ("--start", "2020-04-23")])
def test_a_quantity_keeps_the_shares_of_its_date_wherever_the_test_starts(
    tmp_path: Path, start: tuple[str, ...]
) -> None:
    case = CASES / "split-before-the-first-close"
    files = {name: case / f"{name}.csv" for name in ("prices", "positions", "splits")}
    result = ran(tmp_path, *start, **files)
    assert result.exit_code == 0, result.output
    (day,) = (row for row in rows_of(tmp_path / "daily.csv") if row["asof"] == "2020-04-22")
    assert float(day["value"]) == 36391.0
    assert float(day["var"]) == pytest.approx(739.6699107655378, rel=1e-12)
    assert float(day["es"]) == pytest.approx(857.5989377416431, rel=1e-12)


@pytest.mark.parametrize("methods", [("hs", "hs250"), ("hs250", "hs")])
def test_all_methods_of_a_run_hold_one_book(tmp_path: Path, methods: tuple[str, ...]) -> None:
    case = CASES / "methods-hold-one-book"
    files = {name: case / f"{name}.csv" for name in ("prices", "positions", "splits")}
    options = [part for method in methods for part in ("--method", method)]
    result = ran(tmp_path, *options, **files)
    assert result.exit_code == 0, result.output
    last = [rows_of(tmp_path / f"daily{name}.csv")[-1] for name in ("", f"-{methods[1]}")]
    assert [(row["asof"], float(row["value"])) for row in last] == [("2020-08-10", 43657.0)] * 2
    assert summary_of(tmp_path)["undated_as_of"] == "2019-02-13"
    assert "quantities without a date are in the shares of 2019-02-13" in result.output


def test_two_books_of_one_file_mean_the_same_shares(tmp_path: Path) -> None:
    case = CASES / "methods-hold-one-book"
    prices = case / "prices.csv"
    header, *lines = prices.read_text().splitlines()
    later = [
        f"{line},{50 + number % 3}" if number >= 200 else f"{line},"
        for number, line in enumerate(lines)
    ]
    files = {
        "prices": written(tmp_path / "prices.csv", f"{header},NEW", *later),
        "positions": written(
            tmp_path / "positions.csv",
            "portfolio,instrument,quantity",
            "old,AAA,100",
            "young,AAA,100",
            "young,NEW,1",
        ),
        "splits": case / "splits.csv",
    }
    result = ran(tmp_path / "out", **files)
    assert result.exit_code == 0, result.output
    last = {row["portfolio"]: row for row in rows_of(tmp_path / "out" / "daily.csv")}
    assert float(last["old"]["value"]) == 43657.0
    assert float(last["young"]["value"]) == pytest.approx(43657.0 + 51.0, abs=1.0)


# -- days without a test --------------------------------------------------------


def test_days_before_a_new_share_has_its_window_are_counted_and_explained(tmp_path: Path) -> None:
    case = CASES / "share-listed-later"
    result = ran(
        tmp_path,
        "--missing",
        "skip",
        prices=case / "prices-ipo.csv",
        positions=case / "positions-ipo.csv",
    )
    assert result.exit_code == 0, result.output
    entry = summary_of(tmp_path)["portfolios"]["book"]["hs"]
    assert (entry["held_days"], entry["days"], entry["untested_days"]) == (99, 74, 25)
    (hole,) = entry["untested"]
    assert (hole["first"], hole["last"], hole["days"]) == ("2020-03-06", "2020-04-09", 25)
    assert (hole["cause"], hole["series"]) == ("window not full", ["BBB"])
    assert "book, hs: 25 of 99 P&L dates have no VaR" in result.output
    assert "2020-03-06 to 2020-04-09 (25): BBB has fewer than the 31 closes" in result.output


def test_days_behind_a_delisting_are_counted_and_explained(tmp_path: Path) -> None:
    case = CASES / "share-listed-later"
    header, *lines = (case / "prices-ipo.csv").read_text().splitlines()
    cut = [
        line if number < 80 else f"{line.rsplit(',', 1)[0]}," for number, line in enumerate(lines)
    ]
    positions = written(
        tmp_path / "positions.csv", "portfolio,instrument,quantity,date", "book,AAA,100,",
        "book,BBB,200,2020-04-15",
    )  # fmt: skip
    prices = written(tmp_path / "prices.csv", header, *cut)
    out = tmp_path / "out"
    result = ran(out, "--missing", "skip", prices=prices, positions=positions)
    assert result.exit_code == 0, result.output
    entry = summary_of(out)["portfolios"]["book"]["hs"]
    assert entry["untested_days"] == len(lines) - 80
    assert entry["left_out"] == entry["untested"]
    (gone,) = entry["untested"]
    assert (gone["series"], gone["reason"]) == (["BBB"], "BBB has no close")
    assert gone["last"] == lines[-1].split(",")[0]
    assert entry["days"] + entry["untested_days"] == entry["held_days"] == len(lines) - 31


def test_the_report_lists_days_without_a_test_and_books_without_one(tmp_path: Path) -> None:
    case = CASES / "share-listed-later"
    positions = written(
        tmp_path / "positions.csv", "portfolio,instrument,quantity,date", "book,AAA,100,",
        "book,BBB,200,2020-03-05", "<gone>,AAA,0,",
    )  # fmt: skip
    files = {"--prices": case / "prices-ipo.csv", "--positions": positions}
    named = [part for option, path in files.items() for part in (option, str(path))]
    options = ["--missing", "skip", "--simulations", "100", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(cli.app, ["backtest", *named, *options])
    assert result.exit_code == 0, result.output
    page = (tmp_path / "out" / "report.html").read_text()
    assert "BBB has fewer than the 31 closes" in page
    assert "25 of 99 P&amp;L dates on which the book was held" in page
    assert "flat: &lt;gone&gt;" in page


# -- one bad book ---------------------------------------------------------------


def test_a_book_too_young_is_named_and_the_other_is_tested(tmp_path: Path) -> None:
    case = CASES / "one-book-too-young"
    out = tmp_path / "out"
    result = ran(out, prices=case / "prices.csv", positions=case / "positions-young.csv")
    assert result.exit_code == ExitCode.INCOMPLETE == 3
    summary = summary_of(out)
    assert list(summary["portfolios"]) == ["old"]
    assert summary["portfolios"]["old"]["hs"]["days"] == 29
    (failure,) = summary["not_tested"]
    assert (failure["portfolio"], failure["method"], failure["kind"]) == (
        "young", "hs", "not tested",
    )  # fmt: skip
    assert "no day to test" in failure["reason"]
    assert "NEW has the fewest, 19" in failure["reason"]
    assert f"not tested: young, hs: {failure['reason']}" in result.output
    assert {row["portfolio"] for row in rows_of(out / "daily.csv")} == {"old"}
    last = result.output.splitlines()[-1]
    assert last.startswith("1 of 2 backtests were not made (young)")
    assert "exit code 3" in last


def test_a_flat_book_is_reported_as_holding_nothing(tmp_path: Path) -> None:
    case = CASES / "one-book-too-young"
    positions = written(
        tmp_path / "positions.csv", "portfolio,instrument,quantity", "old,AAA,100", "closed,AAA,0"
    )
    out = tmp_path / "out"
    result = ran(out, "--method", "hs", "normal", prices=case / "prices.csv", positions=positions)
    assert result.exit_code == 0, result.output
    assert summary_of(out)["not_tested"] == [
        {
            "portfolio": "closed",
            "method": None,
            "kind": "flat",
            "reason": "portfolio closed holds nothing: every quantity is 0",
        }
    ]
    assert summary_of(out)["portfolios"]["old"]["hs"]["days"] == 29
    assert "flat: closed: portfolio closed holds nothing" in result.output


def test_books_are_refused_one_by_one_each_for_its_own_reason(tmp_path: Path) -> None:
    case = CASES / "one-book-too-young"
    prices = case / "prices.csv"
    broken = prices.read_text().replace("101.29,", "-101.29,", 1)
    positions = written(
        tmp_path / "positions.csv",
        "portfolio,instrument,quantity",
        "[bold]a[/bold],NEW,1",
        "b,NOWHERE,1",
        "c,O,1",
        "d,UNLISTED,1",
        "good,B,1",
    )
    rows = broken.splitlines()
    table = [f"{rows[0]},B", *(f"{row},{100 + number % 7}" for number, row in enumerate(rows[1:]))]
    instruments = written(
        tmp_path / "instruments.csv", "instrument,asset_class,currency", "NEW,equity,USD",
        "NOWHERE,equity,USD", "O,option,USD", "B,equity,USD",
    )  # fmt: skip
    out = tmp_path / "out"
    result = ran(
        out,
        prices=written(tmp_path / "prices.csv", *table),
        positions=positions,
        instruments=instruments,
    )
    assert result.exit_code == 3, result.output
    reasons = {item["portfolio"]: item["reason"] for item in summary_of(out)["not_tested"]}
    assert list(reasons) == ["[bold]a[/bold]", "b", "c", "d"]
    for name, words in (
        ("[bold]a[/bold]", "no day to test"),
        ("b", "no history of NOWHERE"),
        ("c", "underlying, right, strike"),
        ("d", "not among the instruments"),
    ):
        assert words in reasons[name]
        assert reasons[name] in result.output
    assert "not tested: [bold]a[/bold], hs:" in result.output
    assert list(summary_of(out)["portfolios"]) == ["good"]


def test_a_gap_refuses_its_book_only_and_says_what_would_help(tmp_path: Path) -> None:
    case = CASES / "one-book-too-young"
    header, *lines = (case / "prices.csv").read_text().splitlines()
    lines = [
        f"{line},{'' if number == 45 else 100 + number % 7}" for number, line in enumerate(lines)
    ]
    positions = written(
        tmp_path / "positions.csv", "portfolio,instrument,quantity", "gap,AAA,1", "gap,B,1",
        "good,AAA,1",
    )  # fmt: skip
    out = tmp_path / "out"
    prices = written(tmp_path / "prices.csv", f"{header},B", *lines)
    result = ran(out, prices=prices, positions=positions)
    assert result.exit_code == 3
    (failure,) = summary_of(out)["not_tested"]
    assert "no close of B on" in failure["reason"]
    assert failure["reason"].endswith("--missing skip leaves such days out and names them")
    assert ran(out, "--missing", "skip", prices=prices, positions=positions).exit_code == 0


def test_where_no_book_can_be_tested_every_reason_is_said_and_nothing_is_written(
    tmp_path: Path,
) -> None:
    case = CASES / "one-book-too-young"
    positions = written(
        tmp_path / "positions.csv", "portfolio,instrument,quantity", "young,NEW,1", "flat,AAA,0"
    )
    out = tmp_path / "out"
    result = ran(out, prices=case / "prices.csv", positions=positions)
    assert result.exit_code == 1
    said = str(result.exception)
    assert "no book could be tested" in said
    assert "young, hs: portfolio young has no day to test" in said
    assert "flat, every method: portfolio flat holds nothing" in said
    assert not out.exists()


def test_a_method_whose_window_no_book_fills_leaves_the_others(tmp_path: Path) -> None:
    case = CASES / "one-book-too-young"
    positions = written(tmp_path / "positions.csv", "portfolio,instrument,quantity", "old,AAA,1")
    out = tmp_path / "out"
    files = {"prices": case / "prices.csv", "positions": positions}
    result = ran(out, "--method", "hs250", "--method", "hs", **files)
    assert result.exit_code == 3
    assert list(summary_of(out)["portfolios"]["old"]) == ["hs"]
    assert rows_of(out / "daily.csv") == []
    assert len(rows_of(out / "daily-hs.csv")) == 29
    thin = ran(tmp_path / "thin", "--confidence", "0.99", "--method", "hs", "hs250", **files)
    assert thin.exit_code == 1
    assert "30 scenarios are too few" in str(thin.exception)


# -- a fit without a maximum ----------------------------------------------------


def test_a_fund_that_is_priced_weekly_has_no_fit_by_students_law(tmp_path: Path) -> None:
    case = CASES / "fund-priced-weekly"
    files = {name: case / f"{name}.csv" for name in ("prices", "positions")}
    methods = ("--method", "student-t", "--method", "hs", "--method", "normal")
    result = ran(tmp_path / "out", *methods, **files)
    assert result.exit_code == 0, result.output
    summary = summary_of(tmp_path / "out")
    assert summary["portfolios"]["book"]["student-t"] is None
    (failure,) = summary["not_tested"]
    assert (failure["method"], failure["kind"]) == ("student-t", "no fit")
    assert "24 of 30 scenario P&Ls are equal" in failure["reason"]
    assert "has no maximum" in result.output
    assert rows_of(tmp_path / "out" / "daily.csv") == []
    for method, median in (("hs", 811), ("normal", 1610)):
        rows = rows_of(tmp_path / "out" / f"daily-{method}.csv")
        assert statistics.median(float(row["var"]) for row in rows) == pytest.approx(
            median, abs=0.5
        )
    alone = ran(tmp_path / "alone", "--method", "hs", **files)
    assert alone.exit_code == 0
    assert (tmp_path / "alone" / "daily.csv").read_bytes() == (
        tmp_path / "out" / "daily-hs.csv"
    ).read_bytes()


def test_days_without_a_fit_are_left_out_and_counted(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    closes, price = [], 100.0
    for number in range(160):
        if number < 80 or number % 5 == 0:
            price *= 1.0 + rng.normal(0.0, 0.01)
        closes.append(str(round(price, 4)))
    prices = written(tmp_path / "prices.csv", "date,F", *dated(closes))
    positions = written(tmp_path / "positions.csv", "portfolio,instrument,quantity", "b,F,10")
    out = tmp_path / "out"
    result = ran(out, "--method", "student-t", prices=prices, positions=positions)
    assert result.exit_code == 0, result.output
    entry = summary_of(out)["portfolios"]["b"]["student-t"]
    assert entry["days"] + entry["untested_days"] == entry["held_days"] == 129
    assert 40 <= entry["untested_days"] <= 60
    assert {item["cause"] for item in entry["untested"]} == {"no fit"}
    assert "scenario P&Ls are equal" in entry["fit_note"]
    rows = rows_of(out / "daily.csv")
    assert len(rows) == entry["days"]
    assert all(float(row["var"]) > 0.0 for row in rows)


# -- names that look like markup, orders or ways through folders ------------------


def held_by(tmp_path: Path, *portfolios: str) -> Result:
    """Run books of one share each, called as given."""
    rows = [["portfolio", "instrument", "quantity"], *([name, "AAA", "100"] for name in portfolios)]
    with (tmp_path / "positions.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([[spreadsheet_text(cell) for cell in row] for row in rows])
    return CliRunner().invoke(
        cli.app,
        [
            *("backtest", "--prices", str(CASES / "brackets/prices.csv")),
            *("--positions", str(tmp_path / "positions.csv"), "--out", str(tmp_path / "out")),
            *("--simulations", "100"),
        ],
        env={"COLUMNS": "200"},
    )


@pytest.mark.parametrize(
    "names",
    [
        ("Equity [/hedged]",),
        ("Fund [hedged]", "Fund [unhedged]"),
        ("[bold]Fund[/bold]", ":smile:", "..", "../../up", "EMEA/EQ"),
        ("=1+1", "+1", "-x", "@SUM(A1)", "#1 Fund", "ÅF B", 'say "x", y'),
        ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "&amp;"),
    ],
)
def test_names_are_shown_and_written_as_they_were_read(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    result = held_by(tmp_path, *names)
    assert result.exit_code == 0, result.exception
    for name in names:
        assert name in result.output
    daily = rows_of(tmp_path / "out/daily.csv")
    assert {cell_text(row["portfolio"]) for row in daily} == set(names)
    assert not [row for row in daily if row["portfolio"][0] in "=+-@"]
    assert set(summary_of(tmp_path / "out")["portfolios"]) == set(names)
    page = (tmp_path / "out/report.html").read_text()
    for name in names:
        assert str(escape(name)) in page
        assert name in page or "<" in name or "&" in name or '"' in name
    assert "<script>alert(1)" not in page
    assert "<img src=x" not in page
    assert {item.name for item in tmp_path.iterdir()} == {"positions.csv", "out"}


@pytest.mark.parametrize("name", ["A\x1b[2J", "A\u202eB", "A  B"])
def test_a_name_that_cannot_be_shown_is_refused_by_line_and_character(
    tmp_path: Path, name: str
) -> None:
    said = str(held_by(tmp_path, name).exception)
    assert "positions.csv, line 2, column portfolio: " in said
    assert "a name has 1 to 64 visible characters" in said
    assert said.isprintable()


# -- settlements of options -----------------------------------------------------


def zero_files() -> dict[str, Path]:
    case = CASES / "option-settles-at-zero"
    return {
        "prices": case / "prices-zero.csv",
        "positions": case / "positions.csv",
        "instruments": case / "instruments-zero.csv",
    }


@pytest.mark.parametrize("missing", ["refuse", "carry", "skip"])
def test_a_far_call_that_settles_at_nothing_is_worth_nothing_and_every_day_is_tested(
    tmp_path: Path, missing: str
) -> None:
    files = zero_files()
    result = ran(tmp_path, "--missing", missing, **files)
    assert result.exit_code == 0, result.output
    rows = rows_of(tmp_path / "daily.csv")
    prices = {row["date"]: row for row in rows_of(files["prices"])}
    assert len(rows) == 29
    for row in rows:
        now, then = prices[row["asof"]], prices[row["pnl_date"]]
        assert now["C"] == "0.0"
        assert float(row["value"]) == 100.0 * float(now["SPX"])
        gain = 100.0 * (float(then["SPX"]) - float(now["SPX"]))
        assert float(row["pnl"]) == pytest.approx(gain, abs=1e-6)
    entry = summary_of(tmp_path)["portfolios"]["m"]["hs"]
    assert {item["settled_on"] for item in entry["stand_in_volatilities"]} == {"2022-05-13"}
    assert "C settles at 0 30 times from 2022-06-13: worth that" in result.output


def deep_files(folder: Path) -> dict[str, Path]:
    """Write a deep call that settles five points below what exercise brings on one day."""
    files = zero_files()
    rows = []
    for row in rows_of(files["prices"]):
        below = -5.0 if row["date"] == "2022-07-04" else 8.0
        rows.append(f"{row['date']},{row['SPX']},{float(row['SPX']) - 3000.0 + below:.2f}")
    text = files["instruments"].read_text().replace("6000", "3000")
    return files | {
        "prices": written(folder / "prices.csv", "date,SPX,C", *rows),
        "instruments": written(folder / "instruments.csv", *text.splitlines()),
    }


def test_a_settlement_below_exercise_refuses_its_book_with_option_day_value_and_remedy(
    tmp_path: Path,
) -> None:
    result = ran(tmp_path / "out", **deep_files(tmp_path))
    said = str(result.exception)
    assert "settlement of C on 2022-07-04 is 964.66, which no volatility gives" in said
    assert "--missing carry takes the last volatility, --missing skip leaves the day out" in said
    positions = written(
        tmp_path / "positions.csv", "portfolio,instrument,quantity", "m,C,-10", "s,SPX,1"
    )
    beside = ran(tmp_path / "out", **{**deep_files(tmp_path), "positions": positions})
    assert beside.exit_code == 3
    assert list(summary_of(tmp_path / "out")["portfolios"]) == ["s"]


def test_a_settlement_below_exercise_is_carried_or_left_out_by_name(tmp_path: Path) -> None:
    files = deep_files(tmp_path)
    carried = ran(tmp_path / "carried", "--missing", "carry", **files)
    assert carried.exit_code == 0, carried.output
    assert len(rows_of(tmp_path / "carried" / "daily.csv")) == 29
    words = "C settles at 964.66 on 2022-07-04: worth the model's value, revalued at the volatility"
    assert f"{words} of 2022-07-01" in carried.output
    assert "carried close: C 2022-07-04" in carried.output
    skipped = ran(tmp_path / "skipped", "--missing", "skip", **files)
    assert skipped.exit_code == 0, skipped.output
    rows = rows_of(tmp_path / "skipped" / "daily.csv")
    assert len(rows) == 28
    assert not [row for row in rows if "2022-07-04" in (row["asof"], row["pnl_date"])]
    assert "2022-07-04: C has no settlement that a volatility gives" in skipped.output
