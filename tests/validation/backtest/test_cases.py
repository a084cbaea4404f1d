"""Inputs that real desks send, and what ``riskstream backtest`` makes of them."""

from __future__ import annotations

import csv
import datetime as dt
import json
import math
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from system import cli

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
    found: dict[str, Any] = json.loads((out / "summary.json").read_text())
    return found


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def dated(values: list[str]) -> list[str]:
    """Return lines of consecutive days, each with its value."""
    return [f"{FIRST + dt.timedelta(number)},{value}" for number, value in enumerate(values)]


# -- a loss equal to the VaR ----------------------------------------------------


def test_a_share_of_two_states_never_breaches(tmp_path: Path) -> None:
    case = CASES / "loss-equal-to-var"
    found = ran(tmp_path, prices=case / "prices-two-states.csv", positions=case / "positions.csv")
    assert found.exit_code == 0, found.output
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
    found = ran(tmp_path / "out", **wild_rate(tmp_path, "HKD", rates))
    assert found.exit_code == 0, found.output
    suspects = summary_of(tmp_path / "out")["portfolios"]["book"]["hs"]["suspect_moves"]
    down, up = str(FIRST + dt.timedelta(50)), str(FIRST + dt.timedelta(51))
    assert [(one["instrument"], one["date"]) for one in suspects] == [
        ("fx:HKD", down),
        ("fx:HKD", up),
    ]
    assert [round(one["move"], 3) for one in suspects] == [-0.998, 499.0]
    assert [one["probable_split"] for one in suspects] == [None, None]
    assert f"suspect move, counted: fx:HKD {down} -99.8%" in found.output
    value = {row["asof"]: float(row["value"]) for row in rows_of(tmp_path / "out" / "daily.csv")}
    assert 2.0 < value[down] < 3.0


def test_the_rate_of_pence_is_that_of_the_pound(tmp_path: Path) -> None:
    rates = ["1.3"] * 60
    rates[50] = "130.0"
    found = ran(tmp_path / "out", **wild_rate(tmp_path, "GBp", rates))
    assert found.exit_code == 0, found.output
    suspects = summary_of(tmp_path / "out")["portfolios"]["book"]["hs"]["suspect_moves"]
    assert {one["instrument"] for one in suspects} == {"fx:GBP"}


def test_a_rate_that_moves_inside_its_bound_is_not_flagged(tmp_path: Path) -> None:
    rates = [str(0.128 * (1.0 + 0.02 * math.sin(number))) for number in range(60)]
    found = ran(tmp_path / "out", **wild_rate(tmp_path, "HKD", rates))
    assert found.exit_code == 0, found.output
    assert summary_of(tmp_path / "out")["portfolios"]["book"]["hs"]["suspect_moves"] == []
