"""Inputs that real desks send, and what ``riskstream backtest`` makes of them."""

from __future__ import annotations

import csv
import datetime as dt
import json
import math
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape
from typer.testing import CliRunner, Result

from system import cli
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
