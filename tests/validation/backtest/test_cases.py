"""Inputs that real desks send, and what ``riskstream backtest`` makes of them."""

from __future__ import annotations

import csv
import datetime as dt
import json
import math
from pathlib import Path
from typing import Any

import pytest
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
    (row,) = (one for one in rows_of(tmp_path / "out/daily.csv") if one["asof"] == "2020-02-13")
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
    (row,) = (one for one in rows_of(tmp_path / "out/daily.csv") if one["asof"] == "2020-02-13")
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
