"""When trades are closed, by the second ruling."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from system.contracts.messages import Mark, Message, TradeAction
from tests.validation.rules.test_rulings import (
    APPLE,
    APPLIED,
    BOOK,
    DAY,
    DUPLICATE,
    EURO,
    HOUR_NS,
    MIDNIGHT_NS,
    mark,
    records,
    rejected,
    rulings,
    trade,
)
from validation.checkers.ledger import Outcome
from validation.rules.rulings import rulings_of

AMEND, CANCEL = TradeAction.AMEND, TradeAction.CANCEL


def marks(first: int, last: int) -> list[Mark]:
    return [mark(day) for day in range(first, last + 1)]


@pytest.mark.parametrize(
    ("message", "before", "behind"),
    [
        (trade(1, AMEND), APPLIED, rejected("late")),
        (trade(1, CANCEL), APPLIED, rejected("late")),
        (trade(2, AMEND), rejected("wrong_version"), rejected("late")),
        (trade(1, AMEND, instrument="EUR"), rejected("conflict"), rejected("late")),
        (trade(), DUPLICATE, DUPLICATE),
        (trade(event_time_ns=7), DUPLICATE, DUPLICATE),
        (trade(quantity=2.0), rejected("conflict"), rejected("conflict")),
    ],
)
def test_a_trade_is_closed_at_the_tenth_mark_after_its_own(message, before, behind) -> None:
    """The mark of its session is the first one here: nine more leave it open, ten do not."""
    assert rulings("trades", trade(), *marks(0, 9), message)[-1] == before
    assert rulings("trades", trade(), *marks(0, 10), message)[-1] == behind
    assert rulings("trades", *marks(-3, -1), trade(), *marks(0, 9), message)[-1] == before


def test_an_amendment_does_not_put_off_closing() -> None:
    amended = trade(1, AMEND)
    repeated = rulings("trades", trade(), *marks(0, 4), amended, *marks(5, 10), amended, trade())
    assert repeated[-2:] == [DUPLICATE, DUPLICATE]
    late = rulings("trades", trade(), *marks(0, 4), amended, *marks(5, 10), trade(2, CANCEL))
    assert late[-1] == rejected("late")


def ruled(*messages: Message) -> list[tuple[Outcome, str]]:
    return [
        (ruling.outcome, ruling.reason) for ruling in rulings_of(records("reference", *messages))
    ]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ({"as_of_day": DAY}, rejected("late")),
        ({"as_of_day": DAY + dt.timedelta(days=1)}, APPLIED),
        ({"as_of_ns": MIDNIGHT_NS + 22 * HOUR_NS}, rejected("late")),
        ({"as_of_ns": MIDNIGHT_NS + 24 * HOUR_NS - 1}, rejected("late")),
        ({"as_of_ns": MIDNIGHT_NS + 24 * HOUR_NS}, APPLIED),
        ({}, APPLIED),
    ],
)
def test_positions_as_of_a_closed_day_are_late_but_for_a_new_book(moment, expected) -> None:
    again = msgspec.structs.replace(BOOK, positions=(), **moment)
    new = msgspec.structs.replace(again, portfolio="new")
    sent = (APPLE, EURO, BOOK, *marks(0, 10), again, new)
    assert ruled(*sent)[-2:] == [expected, APPLIED]
    open_yet = (APPLE, EURO, BOOK, *marks(0, 9), again, *marks(10, 10), again)
    rulings_of_both = ruled(*open_yet)
    assert [rulings_of_both[-3], rulings_of_both[-1]] == [APPLIED, DUPLICATE]
