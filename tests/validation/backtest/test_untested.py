"""Days and books without a test: counted, explained, and never in the way of others."""

from __future__ import annotations

import statistics
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from system import cli
from system.exits import ExitCode
from tests.validation.backtest.test_cases import CASES, dated, ran, rows_of, summary_of, written

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
