"""The reference itself, against books small enough to value by hand."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from fractions import Fraction

import pytest

from validation.references.exact import ReferenceInputError
from validation.references.revaluation import CurrentMarket, ReferencePosition
from validation.references.snapshot import ReferenceSnapshot, reference_snapshot

DAYS = [dt.date(2020, 1, 1) + dt.timedelta(index) for index in range(21)]
LAST = DAYS[-1]


def series(*levels: str) -> dict[dt.date, str]:
    """Return closes that stay at the first level until the last days take the others."""
    flat = [levels[0]] * (len(DAYS) - len(levels) + 1)
    return dict(zip(DAYS, [*flat, *levels[1:]], strict=True))


CLOSES = {
    "A": series("100", "90", "99"),
    "FUT": series("3000", "3300", "2970"),
    "OIL": series("10", "-30", "20"),
}
FX = {"USD": series("1.25", "1.00", "1.25"), "GBP": series("0.8", "0.8", "0.5")}


def snapshot(*positions: ReferencePosition, **settings: object) -> ReferenceSnapshot:
    return reference_snapshot(positions, CLOSES, FX, as_of=LAST, window=20, **settings)  # type: ignore[arg-type]


def test_a_share_loses_its_return_of_its_current_value() -> None:
    result = snapshot(ReferencePosition("A", "equity", "USD", 10))
    assert result.nav == 990
    assert result.var == 99
    assert result.scenario_date == DAYS[-2]
    assert result.pnl[-2:] == (-99, 99)
    assert result.components == {"A": 99}
    assert result.classes == {"equity": (99, 99)}


def test_a_foreign_share_is_revalued_at_both_moves() -> None:
    result = snapshot(ReferencePosition("A", "etf", "USD", 10), base_currency="EUR")
    assert result.nav == Fraction(990) / Fraction("1.25")
    # price x 0.9, a dollar from 0.8 to 1 euro: x 1.25; then x 1.1 and x 0.8
    assert result.pnl[-2:] == (792 * (Fraction("0.9") * Fraction("1.25") - 1), -Fraction("95.04"))


def test_a_foreign_future_converts_its_unrealised_pnl_only() -> None:
    future = ReferencePosition("FUT", "future", "USD", 2, entry_price=2900, multiplier=50)
    result = snapshot(future, base_currency="EUR")
    assert result.nav == 2 * 50 * 70 * Fraction(4, 5)
    assert result.pnl[-2] == 2 * 50 * (Fraction(3267) - 2900) * 1 - result.nav
    assert result.pnl[-1] == 2 * 50 * (Fraction(2673) - 2900) * Fraction("0.64") - result.nav


@pytest.mark.parametrize("unit", ["GBp", "GBX"])
def test_pence_are_hundredths_and_money_moves_with_its_currency(unit: str) -> None:
    share = ReferencePosition("A", "equity", unit, 100)
    money = ReferencePosition("cash:GBP", "cash", "GBP", 1000)
    result = snapshot(share, money, base_currency="EUR")
    assert result.nav == 99 * 2 + 2000
    assert result.position_pnl["cash:GBP"][-1] == 2000 * Fraction("0.6")
    assert result.position_pnl["A"][-1] == 198 * (Fraction("1.1") * Fraction("1.6") - 1)


def test_an_absolute_instrument_takes_the_change_of_price() -> None:
    oil = ReferencePosition("OIL", "future", "USD", 1, 5, 10, "absolute")
    assert snapshot(oil).pnl[-2:] == (-400, 500)
    with pytest.raises(ReferenceInputError, match="OIL are 10 and -30: no ratio"):
        snapshot(ReferencePosition("OIL", "future", "USD", 1))


def test_current_prices_and_quotes_take_the_place_of_the_last_closes() -> None:
    share = ReferencePosition("A", "equity", "USD", 10)
    now = CurrentMarket({"A": "200"}, {"USD": "2"})
    result = snapshot(share, now=now, base_currency="EUR")
    assert result.nav == 1000
    assert snapshot(share, now=CurrentMarket({"A": 200})).var == 200


def test_of_equal_losses_the_older_day_is_the_worse_one() -> None:
    result = snapshot(ReferencePosition("cash:USD", "cash", "USD", 5))
    assert result.scenario_date == result.tail[0] == result.scenario_dates[0]
    assert result.var == 0


def test_components_and_tail_parts_add_up_exactly() -> None:
    result = snapshot(
        ReferencePosition("A", "equity", "GBp", -70),
        ReferencePosition("FUT", "future", "USD", 1, 3000, 5),
        ReferencePosition("cash:GBP", "cash", "GBP", 31),
    )
    assert sum(result.components.values()) == result.var
    assert sum(result.component_es.values()) == result.expected_shortfall


@pytest.mark.parametrize(
    ("position", "settings", "message"),
    [
        (ReferencePosition("B", "equity", "USD", 1), {}, "no history of B"),
        (ReferencePosition("A", "equity", "CHF", 1), {}, "no history of fx:CHF"),
        (ReferencePosition("A", "equity", "USD", 1), {"confidence": "0.4"}, "confidence 0.4"),
        (ReferencePosition("A", "equity", "USD", 1), {"confidence": "0.99"}, "no tail"),
        (
            ReferencePosition("A", "equity", "USD", 1),
            {"now": CurrentMarket({})},
            "no current price of A",
        ),
        (
            ReferencePosition("A", "equity", "USD", 1),
            {"now": CurrentMarket({"A": 1}, {"USD": 0}), "base_currency": "EUR"},
            "quote of USD is 0",
        ),
    ],
)
def test_bad_input_is_refused_by_name(
    position: ReferencePosition, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ReferenceInputError, match=message):
        snapshot(position, **settings)


def test_an_instrument_that_stands_twice_is_refused() -> None:
    share = ReferencePosition("A", "equity", "USD", 1)
    with pytest.raises(ReferenceInputError, match="A stands twice"):
        snapshot(share, share)


@pytest.mark.parametrize(("field", "value"), [("asset_class", "bond"), ("return_type", "log")])
def test_an_unknown_kind_is_refused(field: str, value: str) -> None:
    with pytest.raises(ReferenceInputError, match=f"'{value}' of A is not known"):
        ReferencePosition(
            **{"instrument": "A", "asset_class": "etf", "currency": "USD", "quantity": 1}  # type: ignore[arg-type]
            | {field: value}
        )


def test_the_references_load_nothing_of_the_product_and_no_array_library() -> None:
    script = (
        "import sys, validation.references.snapshot\n"
        "roots = {name.split('.')[0] for name in sys.modules}\n"
        "print(sorted(roots & {'system', 'numpy', 'pandas', 'scipy', 'pyspark'}))\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
