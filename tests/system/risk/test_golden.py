"""Three half-years of real history, every day, against the golden files; and stressed windows.

The files are rounded to six decimals: a number agrees at 1e-9 relative or 5e-7 absolute.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from system.contracts.messages import AssetClass
from system.risk.confidence import Confidence
from system.risk.historical import expected_shortfall, historical_var
from system.risk.listing import Listing
from system.risk.portfolio import PortfolioRisk, portfolio_risk, scenario_pnl
from system.risk.scenarios.factors import scenario_factors
from system.risk.scenarios.window import CloseTable, scenario_window
from system.risk.valuation import Holding, Holdings, Valuation, valuation
from tests.strategies import reference_position
from validation.references.snapshot import reference_snapshot
from validation.rules import second_reader

DATA = Path(__file__).parents[3] / "validation" / "data"
NINETY_FIVE = Confidence.parse("0.95")
WINDOW = 30
PERIODS = {"2008H2": (128, 9, 13), "2020H1": (125, 15, 16), "2022H1": (124, 11, 15)}
REFERENCE_STRIDE = 6  # exact arithmetic takes ~30 ms a day
WINDOW_SPAN = dt.timedelta(days=90)  # holds the window of 30 returns that ends on any day
AMOUNT = 50_000.0

Equities = Mapping[str, Mapping[dt.date, float]]


def closes_between(equities: Equities, first: dt.date, last: dt.date) -> Equities:
    return {
        name: {day: close for day, close in series.items() if first <= day <= last}
        for name, series in equities.items()
    }


def agreed(number: float) -> object:
    return pytest.approx(number, rel=1e-9, abs=5e-7)


def book_of(equities: Equities, first_day: dt.date) -> Holdings:
    return Holdings.of(
        Holding(Listing(name, AssetClass.EQUITY, "USD"), AMOUNT / series[first_day], 1.0)
        for name, series in equities.items()
    )


@dataclass
class Batch:
    """The golden book of one period, valued at any close."""

    rows: list[dict[str, str]]
    table: CloseTable
    holdings: Holdings

    def valuation(self, date: dt.date) -> Valuation:
        prices = self.table.closes[:, self.table.dates.index(date)]
        return valuation(self.holdings, prices=prices, quotes={}, base_currency="USD")

    def risk(self, as_of: dt.date) -> PortfolioRisk:
        window = scenario_window(self.table, as_of=as_of, scenario_count=WINDOW)
        factors = scenario_factors(window, self.holdings.listings, base_currency="USD")
        return portfolio_risk(
            self.valuation(as_of).exposures,
            factors,
            confidence=NINETY_FIVE,
            groups=self.holdings.asset_classes(),
        )

    def pnl(self, row: dict[str, str]) -> float:
        before, after = (dt.date.fromisoformat(row[column]) for column in ("asof", "pnl_date"))
        return self.valuation(after).nav - self.valuation(before).nav


@pytest.fixture(scope="module")
def equities() -> Equities:
    return second_reader.read_closes(second_reader.EQUITIES)


@pytest.fixture(scope="module", params=PERIODS)
def batch(request: pytest.FixtureRequest, equities: Equities) -> Batch:
    with gzip.open(DATA / f"golden_us20_ew_{request.param}.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == PERIODS[request.param][0]
    holdings = book_of(equities, dt.date.fromisoformat(rows[0]["asof"]))
    return Batch(rows, CloseTable.of(equities).select(holdings.instrument_ids), holdings)


def test_every_day_equals_the_golden_file(batch: Batch) -> None:
    for row in batch.rows:
        as_of = dt.date.fromisoformat(row["asof"])
        risk, value = batch.risk(as_of), batch.valuation(as_of)
        assert value.nav == agreed(float(row["value"])), as_of
        assert risk.var == agreed(float(row["var_k2"])), as_of
        assert risk.expected_shortfall == agreed(float(row["es_acerbi_tasche"])), as_of
        assert risk.var_scenario_date.isoformat() == row["scenario_date"], as_of
        assert risk.scenario_dates[-1] == as_of
        components = [float(row[f"cvar_{name}"]) for name in batch.holdings.instrument_ids]
        assert risk.component_var.tolist() == agreed(components), as_of


def test_the_conventions_that_are_not_ours_are_told_apart_every_day(batch: Batch) -> None:
    for row in batch.rows:
        risk = batch.risk(dt.date.fromisoformat(row["asof"]))
        worst_two = risk.pnl[risk.tail]
        assert -worst_two.mean() == agreed(float(row["es_worst2"]))
        assert -np.quantile(risk.pnl, 0.05) == agreed(float(row["var_type7"]))
        assert risk.var > -np.quantile(risk.pnl, 0.05)


def test_breaches_are_losses_strictly_beyond_the_var_of_the_close_before(
    batch: Batch, request: pytest.FixtureRequest
) -> None:
    days, official, interpolated = PERIODS[request.node.callspec.params["batch"]]
    breaches = []
    for row in batch.rows:
        pnl = batch.pnl(row)
        assert pnl == agreed(float(row["pnl"]))
        breaches.append(-pnl > batch.risk(dt.date.fromisoformat(row["asof"])).var)
        assert breaches[-1] == (row["breach_k2"] == "1"), row["asof"]
    assert (len(breaches), sum(breaches)) == (days, official)
    assert sum(row["breach_type7"] == "1" for row in batch.rows) == interpolated


def test_the_exact_reference_agrees_to_the_last_digits(batch: Batch, equities: Equities) -> None:
    positions = [
        reference_position(Holding(listing, quantity, 1.0))
        for listing, quantity in zip(
            batch.holdings.listings, batch.holdings.quantity.tolist(), strict=True
        )
    ]
    first, last = (dt.date.fromisoformat(batch.rows[index]["asof"]) for index in (0, -1))
    closes_of_windows = closes_between(equities, first - WINDOW_SPAN, last)
    for row in itertools.islice(batch.rows, 0, None, REFERENCE_STRIDE):
        as_of = dt.date.fromisoformat(row["asof"])
        risk = batch.risk(as_of)
        reference = reference_snapshot(positions, closes_of_windows, as_of=as_of)
        assert risk.var == pytest.approx(float(reference.var), rel=1e-12)
        assert risk.expected_shortfall == pytest.approx(
            float(reference.expected_shortfall), rel=1e-12
        )
        assert risk.var_scenario_date == reference.scenario_date
        for name, component in zip(
            batch.holdings.instrument_ids, risk.component_var.tolist(), strict=True
        ):
            assert component == pytest.approx(
                float(reference.components[name]), abs=1e-12 * reference.var
            )
        assert float(reference.var) == agreed(float(row["var_k2"]))


@pytest.fixture(scope="module")
def stressed() -> dict[str, dict[str, object]]:
    return json.loads((DATA / "golden_stressed_var.json").read_text())


@pytest.mark.parametrize("name", ["2008", "2020", "2022", "GFC12m"])
def test_todays_book_under_the_returns_of_a_crisis(
    equities: Equities, stressed: dict[str, dict[str, object]], name: str
) -> None:
    today = dt.date(2022, 12, 27)
    holdings = book_of(equities, dt.date(2022, 1, 3))
    table = CloseTable.of(equities).select(holdings.instrument_ids)
    book = Batch([], table, holdings)
    golden = stressed[name]
    window = scenario_window(
        table,
        as_of=dt.date.fromisoformat(str(golden["last"])),
        scenario_count=int(str(golden["n"])),
    )
    assert window.scenario_dates[0].isoformat() == golden["first"]
    factors = scenario_factors(window, holdings.listings, base_currency="USD")
    pnl = scenario_pnl(book.valuation(today).exposures, factors)
    assert historical_var(pnl, confidence=NINETY_FIVE) == pytest.approx(golden["svar"], abs=0.01)
    assert expected_shortfall(pnl, confidence=NINETY_FIVE) == pytest.approx(
        golden["es_at"], abs=0.01
    )
    assert -pnl.min() == pytest.approx(golden["worst"], abs=0.01)
    assert book.valuation(today).nav == pytest.approx(1_042_440.62, abs=0.01)
    assert book.risk(today).var == pytest.approx(14_794.48, abs=0.01)
