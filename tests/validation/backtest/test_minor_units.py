"""Minor units in files of a backtest: pence, cents and fils at the rate of their currency."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import Result

from tests.validation.backtest.test_cases import CASES, ran, rows_of, written

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
