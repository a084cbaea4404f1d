from __future__ import annotations

import datetime as dt
from fractions import Fraction

import pytest

from system.contracts.messages import AssetClass, OptionRight, ReturnType
from system.risk.listing import Listing, OptionTerms
from system.risk.scenarios.suspect_returns import SuspectMove, split_ratio, suspect_moves
from system.risk.scenarios.window import CloseTable, ScenarioWindow, scenario_window
from validation.rules import second_reader

DAYS = tuple(dt.date(2020, 6, number) for number in range(1, 5))


def window_of(**series: list[float]) -> ScenarioWindow:
    table = CloseTable.of(
        {name: dict(zip(DAYS, values, strict=True)) for name, values in series.items()}
    )
    return scenario_window(table, as_of=DAYS[-1], scenario_count=3)


def test_a_move_beyond_the_bound_is_flagged_by_name_and_date() -> None:
    window = window_of(CALM=[100.0, 101.0, 99.0, 100.0], WILD=[100.0, 100.0, 70.0, 71.0])
    listings = [Listing(name, AssetClass.EQUITY, "USD") for name in ("CALM", "WILD")]
    (suspect,) = suspect_moves(window, listings)
    assert (suspect.instrument_id, suspect.date) == ("WILD", DAYS[2])
    assert suspect.move == pytest.approx(-0.3)
    assert suspect.split_ratio is None


def test_a_move_that_matches_a_split_says_which() -> None:
    window = window_of(SPLIT=[400.0, 404.0, 101.5, 102.0])
    (suspect,) = suspect_moves(window, [Listing("SPLIT", AssetClass.EQUITY, "USD")])
    assert suspect.split_ratio == Fraction(4)


def test_bounds_differ_by_asset_class_and_can_be_given() -> None:
    window = window_of(X=[100.0, 100.0, 80.0, 80.0])
    equity, etf = (Listing("X", kind, "USD") for kind in (AssetClass.EQUITY, AssetClass.ETF))
    assert suspect_moves(window, [equity]) == ()
    assert len(suspect_moves(window, [etf])) == 1
    assert len(suspect_moves(window, [equity], bounds={AssetClass.EQUITY: 0.1})) == 1


def test_money_and_absolute_returns_are_passed_over() -> None:
    window = window_of(OIL=[10.0, -37.0, 10.0, 9.0])
    listings = [
        Listing("OIL", AssetClass.FUTURE, "USD", return_type=ReturnType.ABSOLUTE),
        Listing("cash:USD", AssetClass.CASH, "USD"),
    ]
    assert suspect_moves(window, listings) == ()


def test_a_rate_has_a_bound_of_its_own_and_is_named_by_its_series() -> None:
    rates = {"fx:GBP": [0.85, 0.92, 0.85, 0.85], "fx:JPY": [120.0, 1.2, 120.0, 120.0]}
    window = window_of(P=[10.0] * 4, **rates)
    pence = Listing("P", AssetClass.EQUITY, "GBp")
    yen = Listing("Y", AssetClass.FX, "JPY")
    suspects = suspect_moves(window, [pence, yen])
    assert [(move.instrument_id, move.date) for move in suspects] == [
        ("fx:JPY", DAYS[1]),
        ("fx:JPY", DAYS[2]),
    ]
    assert [move.move for move in suspects] == pytest.approx([-0.99, 99.0])
    assert [move.split_ratio for move in suspects] == [None, None]
    assert suspect_moves(window, [pence, yen], bounds={AssetClass.EQUITY: 0.25}) == ()
    tight = suspect_moves(window, [pence], bounds={AssetClass.FX: 0.05})
    assert {move.instrument_id for move in tight} == {"fx:GBP", "fx:JPY"}


def test_a_wild_base_currency_is_one_series_and_not_every_cross() -> None:
    window = window_of(**{"fx:GBP": [0.85] * 4, "fx:USD": [1.1, 1.1, 0.011, 1.1]})
    suspects = suspect_moves(window, [Listing("G", AssetClass.FX, "GBP")])
    assert {move.instrument_id for move in suspects} == {"fx:USD"}


def test_a_move_of_what_an_option_is_on_is_flagged_once_and_without_holding_it() -> None:
    window = window_of(X=[100.0, 100.0, 60.0, 60.0])
    under = Listing("X", AssetClass.EQUITY, "USD")
    terms = OptionTerms(under, OptionRight.CALL, 100.0, dt.date(2021, 1, 1), 0.2)
    option = Listing("O", AssetClass.OPTION, "USD", option=terms)
    for listings in ([option], [option, under], [option, option]):
        (suspect,) = suspect_moves(window, listings)
        assert (suspect.instrument_id, suspect.date) == ("X", DAYS[2])


def test_the_rates_of_europes_central_bank_have_few_suspects_and_all_are_known() -> None:
    suspects = []
    for currency, series in second_reader.read_ecb_rates().items():
        table = CloseTable.of({f"fx:{currency}": series})
        window = scenario_window(table, as_of=table.dates[-1], scenario_count=len(table.dates) - 1)
        suspects += [(move.instrument_id, str(move.date)) for move in suspect_moves(window, [])]
    assert ("fx:CHF", "2015-01-15") in suspects
    assert ("fx:RUB", "2022-02-28") in suspects
    assert not [name for name, date in suspects if date == "2016-06-24"]
    assert len(suspects) <= 25


@pytest.mark.parametrize(
    ("move", "ratio"),
    [
        (-0.5, Fraction(2)),
        (-0.49, Fraction(2)),
        (-1 / 3, Fraction(3, 2)),
        (-0.95, Fraction(20)),
        (9.0, Fraction(1, 10)),
        (1.01, Fraction(1, 2)),
        (-0.36, None),
        (0.6, None),
        (-1.0, None),
        (float("inf"), None),
    ],
)
def test_common_splits_and_reverse_splits_are_recognised(
    move: float, ratio: Fraction | None
) -> None:
    assert split_ratio(move) == ratio


def test_the_real_march_of_2020_has_suspects_that_are_real_moves() -> None:
    equities = second_reader.read_closes(second_reader.EQUITIES)
    start, end = dt.date(2020, 2, 3), dt.date(2020, 4, 30)
    recent = {
        name: {date: close for date, close in series.items() if start <= date <= end}
        for name, series in equities.items()
    }
    window = scenario_window(CloseTable.of(recent), as_of=end, scenario_count=61)
    listings = [Listing(name, AssetClass.EQUITY, "USD") for name in sorted(equities)]
    suspects = suspect_moves(window, listings)
    assert {suspect.instrument_id for suspect in suspects} == {"RRC"}
    assert isinstance(suspects[0], SuspectMove)
