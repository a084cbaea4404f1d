"""Settlements of options that say no volatility: per option and day, as gaps are."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest

from system.backtest.daily import DailyBacktest
from system.backtest.engine.days import DayBounds
from system.backtest.engine.positions import DatedQuantity
from system.backtest.engine.untested import Cause
from system.backtest.errors import NoBacktestDaysError, NoOptionVolatilityError
from system.contracts.messages import AssetClass, OptionRight
from system.risk.errors import MissingCloseError
from system.risk.listing import Listing, OptionTerms
from system.risk.options.black_scholes import EuropeanOption, OptionArrays, option_value
from system.risk.scenarios.window import Missing
from tests.system.backtest.test_daily import DAYS, WINDOW, day, run, share, walk

CALL, PUT = OptionRight.CALL, OptionRight.PUT
EXPIRY = day(DAYS + 20)
VOLATILITY = 0.25
SPOTS = walk(1)
NOTHING = math.nan


def worth(number: int, strike: float, volatility: float, right: OptionRight = CALL) -> float:
    """Return the model's value on a day."""
    option = EuropeanOption(right, strike, (EXPIRY - day(number)).days / 365)
    spot, at = np.array([SPOTS[number]]), np.array([volatility])
    return float(option_value(OptionArrays.of([option]), spot=spot, volatility=at)[0])


def settled(
    settlements: dict[int, float],
    *,
    strike: float = 80.0,
    missing: Missing = Missing.REFUSE,
    right: OptionRight = CALL,
    bounds: DayBounds | None = None,
    used_from: int = 0,
) -> DailyBacktest:
    """Return a share and an option whose settlements are good but for some."""
    terms = OptionTerms(share(), right, strike, EXPIRY, 0.4)
    option = Listing("O", AssetClass.OPTION, "USD", option=terms)
    own = [
        settlements.get(number, worth(number, strike, VOLATILITY, right))
        if number >= used_from
        else NOTHING
        for number in range(DAYS)
    ]
    held = [DatedQuantity("A", 1.0), DatedQuantity("O", 2.0)]
    closes = {"A": SPOTS, "O": own}
    return run([share(), option], held, closes, missing=missing, bounds=bounds)


BELOW = {27: max(SPOTS[27] - 80.0, 0.0) - 5.0}
"""Five points less than exercise brings."""
ABOVE = {27: 2.0 * SPOTS[27]}
EMPTY = {27: NOTHING}
NEGATIVE = {27: -1.0}
WRONG = [BELOW, ABOVE, EMPTY, NEGATIVE]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_settlement_that_no_volatility_gives_is_refused_with_day_and_value(
    wrong: dict[int, float],
) -> None:
    kind = MissingCloseError if wrong is EMPTY else NoOptionVolatilityError
    with pytest.raises(kind, match=f"O on {day(27)}") as refused:
        settled(wrong)
    if isinstance(refused.value, NoOptionVolatilityError):
        assert refused.value.price == wrong[27]
        assert f"{wrong[27]:g}" in str(refused.value)


@pytest.mark.parametrize("wrong", WRONG)
def test_carried_it_is_worth_the_model_at_the_last_good_volatility(
    wrong: dict[int, float],
) -> None:
    backtest = settled(wrong, missing=Missing.CARRY)
    good = settled({})
    assert backtest.value == pytest.approx(good.value, rel=1e-9)
    assert backtest.var == pytest.approx(good.var, rel=1e-6)
    (stand_in,) = backtest.stand_ins
    assert (stand_in.instrument_id, stand_in.date) == ("O", day(27))
    assert (stand_in.settled_on, stand_in.is_worth_price) == (day(26), False)
    assert stand_in.volatility == pytest.approx(VOLATILITY, rel=1e-6)
    assert stand_in.price == (None if wrong is EMPTY else wrong[27])
    assert [(close.name, close.date) for close in backtest.carried] == [("O", day(27))]
    assert backtest.untested == ()


@pytest.mark.parametrize("wrong", WRONG)
def test_skipped_the_day_is_left_out_and_the_others_are_tested(wrong: dict[int, float]) -> None:
    backtest, good = settled(wrong, missing=Missing.SKIP), settled({})
    assert backtest.day_count == good.day_count - 1
    assert day(27) not in (*backtest.as_of_dates, *backtest.pnl_dates)
    (left,) = backtest.left_out
    assert (left.first, left.last, left.cause, left.series) == (
        day(27),
        day(27),
        Cause.NO_SETTLEMENT,
        ("O",),
    )
    assert backtest.untested == backtest.left_out
    assert not backtest.stretches.is_broken
    before = [good.as_of_dates.index(as_of) for as_of in good.as_of_dates if as_of < day(26)]
    assert backtest.var[: len(before)].tolist() == good.var[before].tolist()
    assert (
        backtest.value[backtest.as_of_dates.index(day(26))]
        == good.value[good.as_of_dates.index(day(26))]
    )


def test_days_in_a_row_are_carried_from_the_same_settlement() -> None:
    backtest = settled(dict.fromkeys(range(25, 30), -1.0), missing=Missing.CARRY)
    assert {stand_in.settled_on for stand_in in backtest.stand_ins} == {day(24)}
    assert len(backtest.stand_ins) == 5


def test_a_wrong_settlement_in_the_warm_up_does_not_matter() -> None:
    for missing in Missing:
        backtest = settled({5: -1.0, 6: NOTHING}, missing=missing)
        assert backtest.var.tolist() == settled({}).var.tolist()
        assert backtest.stand_ins == ()


def test_without_a_good_settlement_before_the_volatility_of_the_row_stands_in() -> None:
    backtest = settled({}, used_from=DAYS, missing=Missing.CARRY)
    assert {(stand_in.volatility, stand_in.settled_on) for stand_in in backtest.stand_ins} == {
        (0.4, None)
    }
    assert backtest.day_count == DAYS - 1 - WINDOW


def test_an_option_that_settles_late_takes_no_days_from_the_windows() -> None:
    backtest, good = settled({}, used_from=28, missing=Missing.SKIP), settled({})
    kept = [good.as_of_dates.index(as_of) for as_of in backtest.as_of_dates]
    assert backtest.as_of_dates[0] == day(28)
    assert backtest.var.tolist() == good.var[kept].tolist()
    assert backtest.left_out == ()
    (late,) = backtest.untested
    assert (late.first, late.last, late.cause) == (day(21), day(28), Cause.NO_SETTLEMENT)
    with pytest.raises(NoBacktestDaysError):
        settled({}, used_from=DAYS, missing=Missing.SKIP)


@pytest.mark.parametrize("missing", list(Missing))
def test_a_settlement_of_nothing_far_out_of_the_money_is_worth_nothing(missing: Missing) -> None:
    zero = dict.fromkeys(range(22, 30), 0.0)
    backtest = settled(zero, strike=130.0, missing=missing)
    good = settled({}, strike=130.0)
    assert backtest.as_of_dates == good.as_of_dates
    for place, as_of in enumerate(backtest.as_of_dates):
        number = (as_of - day(0)).days
        own = 0.0 if number in zero else worth(number, 130.0, VOLATILITY)
        assert backtest.value[place] == pytest.approx(SPOTS[number] + 2.0 * own)
    assert backtest.var == pytest.approx(good.var, rel=1e-6)
    assert {stand_in.settled_on for stand_in in backtest.stand_ins} == {day(21)}
    assert all(stand_in.is_worth_price for stand_in in backtest.stand_ins)
    assert (backtest.carried, backtest.untested) == ((), ())


@pytest.mark.parametrize("right", [CALL, PUT])
def test_a_settlement_of_exactly_what_exercise_brings_is_that_and_no_gap(
    right: OptionRight,
) -> None:
    strike = 30.0 if right is CALL else 300.0
    exact = {number: abs(SPOTS[number] - strike) for number in range(20, DAYS)}
    backtest = settled(exact, strike=strike, right=right)
    assert backtest.value == pytest.approx(
        [SPOTS[number] + 2.0 * exact[number] for number in range(20, DAYS - 1)]
    )
    pnl = np.diff([SPOTS[number] + 2.0 * exact[number] for number in range(20, DAYS)])
    assert backtest.pnl == pytest.approx(pnl, abs=1e-9)
    assert backtest.theoretical_pnl == pytest.approx(pnl, abs=0.05)


def test_a_settlement_of_nothing_in_the_money_is_one_that_no_volatility_gives() -> None:
    with pytest.raises(NoOptionVolatilityError, match=r"O on .* is 0, "):
        settled({27: 0.0}, strike=60.0)


def test_one_option_of_several_is_named() -> None:
    terms = OptionTerms(share(), CALL, 80.0, EXPIRY, 0.4)
    options = [Listing(name, AssetClass.OPTION, "USD", option=terms) for name in ("O", "P")]
    good = [worth(number, 80.0, VOLATILITY) for number in range(DAYS)]
    bad = [-1.0 if number in (25, 26) else price for number, price in enumerate(good)]
    held = [DatedQuantity(name, 1.0) for name in ("O", "P")]
    closes = {"A": SPOTS, "O": good, "P": bad}
    backtest = run([share(), *options], held, closes, missing=Missing.SKIP)
    (left,) = backtest.left_out
    assert (left.first, left.last, left.series) == (day(25), day(26), ("P",))


def test_a_start_on_a_day_without_a_settlement_begins_behind_it() -> None:
    wrong = {27: -1.0, 28: -1.0}
    start = DayBounds(day(28))
    backtest = settled(wrong, missing=Missing.SKIP, bounds=start)
    assert backtest.as_of_dates[0] == day(29)
    assert [(days.first, days.last) for days in backtest.untested] == [(day(28), day(29))]
    whole = settled({}, bounds=start)
    kept = [whole.as_of_dates.index(as_of) for as_of in backtest.as_of_dates]
    assert backtest.var.tolist() == whole.var[kept].tolist()


def test_on_and_after_its_last_day_an_option_needs_no_settlement() -> None:
    terms = OptionTerms(share(), CALL, 80.0, day(30), 0.4)
    option = Listing("O", AssetClass.OPTION, "USD", option=terms)
    own = [
        NOTHING if number >= 30 else max(SPOTS[number] - 80.0, 0.0) + 1.0 for number in range(DAYS)
    ]
    for missing in Missing:
        backtest = run(
            [share(), option],
            [DatedQuantity("O", 1.0)],
            {"A": SPOTS, "O": own},
            missing=missing,
        )
        assert backtest.as_of_dates[-1] == day(DAYS - 2)
        assert backtest.value[-1] == pytest.approx(max(SPOTS[30] - 80.0, 0.0))


def test_the_days_of_the_tests_are_as_far_apart_as_they_say() -> None:
    assert EXPIRY - day(0) == dt.timedelta(DAYS + 20)
