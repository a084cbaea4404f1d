"""Prices that can be negative: of instruments with absolute returns, and of no others."""

from __future__ import annotations

import msgspec
import pytest

from system.contracts.messages import (
    AssetClass,
    Instrument,
    RejectReason,
    ReturnType,
)
from tests.system.book.feed import (
    Feed,
    end_of_day,
    history,
    holding,
    live,
    opened,
    portfolio,
    reasons,
    tick,
    trade,
)
from tests.system.book.valuation.test_options import CALL

OIL = Instrument(
    instrument="OIL",
    asset_class=AssetClass.FUTURE,
    currency="USD",
    multiplier=1000.0,
    return_type=ReturnType.ABSOLUTE,
)
CLOSES = [20.0, 22.0, 18.0, 19.0, 17.0, 18.0, -2.0, 1.0]


def oil(*, quantity: float = 2.0) -> Feed:
    feed = opened()
    fold = feed.send(OIL, history("OIL", CLOSES), portfolio("O", holding("OIL", quantity, 15.0)))
    assert fold.rejected == ()
    return feed


def test_a_negative_price_is_valued_and_its_changes_are_the_scenarios() -> None:
    feed = oil()
    snapshot = live(feed.send(tick("OIL", -37.63)), "O")
    (row,) = snapshot.positions
    assert (row.price, row.exposure) == (-37.63, -75_260.0)
    assert snapshot.nav == pytest.approx(2_000.0 * (-37.63 - 15.0))
    assert snapshot.var == 2_000.0 * 20.0
    assert snapshot.suspect == ()


def test_a_close_below_zero_enters_the_window() -> None:
    feed = oil()
    closed = end_of_day(feed.close(0, tick("OIL", -37.0)), "O")
    assert closed.var == 2_000.0 * 38.0
    assert closed.not_available == ""


def test_a_trade_below_zero_is_booked() -> None:
    feed = oil()
    feed.send(tick("OIL", -37.0))
    snapshot = live(feed.send(trade("t", "OIL", -1.0, -37.0, "O")), "O")
    held = {row.instrument: row for row in snapshot.positions}
    assert held["OIL"].realised_pnl == 1_000.0 * (-37.0 - 15.0)
    assert snapshot.nav == pytest.approx(2_000.0 * (-37.0 - 15.0))


def test_no_move_of_it_is_a_suspect_tick() -> None:
    feed = oil()
    folds = [feed.send(tick("OIL", price, hour=14.0 + n)) for n, price in enumerate((20, -37, 20))]
    assert [live(fold, "O").suspect_ticks for fold in folds] == [(), (), ()]


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (tick("A", -1.0), "mid of A is -1"),
        (tick("A", 0.0), "mid of A is 0"),
        (msgspec.structs.replace(tick("A", 1.0), bid=-1.0), "bid of A is -1"),
        (trade("t", "A", 1.0, -5.0), "price of A is -5"),
        (portfolio("X", holding("A", 1.0, -5.0)), "entry_price of A is -5"),
        (history("Z", [1.0, -1.0]), "close on 2020-02-02 of Z is -1"),
    ],
    ids=["tick", "zero", "bid", "trade", "entry", "close"],
)
def test_anything_else_below_zero_is_refused_by_name(message, told) -> None:
    fold = opened(holding("A", 1.0)).send(message)
    assert reasons(fold) == [RejectReason.INVALID]
    assert told in fold.rejected[0].detail


@pytest.mark.parametrize("asset_class", [AssetClass.FX, AssetClass.CASH, AssetClass.OPTION])
def test_what_has_no_return_type_of_its_own_cannot_be_absolute(asset_class) -> None:
    basis = CALL if asset_class is AssetClass.OPTION else OIL
    changes = {"asset_class": asset_class.value, "multiplier": 1.0, "return_type": "absolute"}
    with pytest.raises(msgspec.ValidationError, match="return_type of"):
        msgspec.convert({**msgspec.to_builtins(basis), **changes}, Instrument)


def test_an_option_on_it_is_refused() -> None:
    feed = oil()
    terms = msgspec.structs.replace(CALL.option, underlying="OIL")
    fold = feed.send(msgspec.structs.replace(CALL, currency="USD", option=terms))
    assert reasons(fold) == [RejectReason.INVALID]
    assert "its price can be negative" in fold.rejected[0].detail
