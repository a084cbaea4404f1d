"""Books under one desk: the same as one book that holds it all."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from system.book.questions.consolidation import consolidated_risk
from system.book.questions.snapshot_book import SnapshotInputs
from system.book.restore import restored_market, restored_rows
from system.book.state.errors import NotRecalledError
from system.book.state.market import Staleness
from system.contracts.messages import RiskSnapshot
from system.risk.decomposition import DeskRisk
from tests.system.book.feed import (
    LAST_CLOSE,
    Feed,
    history,
    holding,
    instrument,
    live,
    opened,
    portfolio,
    rate,
    tick,
    walk,
)
from tests.system.book.valuation.test_options import CALL, VOL

PRICED = (tick("A", 101.0), tick("B", 104.0), tick("C", 905.0), tick("D", 3010.0))
RATES = (rate("USD", 1.12), rate("GBP", 0.86))
FIRST = (holding("A", 30.0), holding("B.CALL", 2.0, 2.0), holding("D", 1.0, 2900.0))
SECOND = (holding("A", -10.0), holding("B", 40.0), holding("C", 55.0, 900.0), holding("E", 900.0))


def desk_feed() -> Feed:
    feed = opened()
    whole = (
        holding("A", 20.0),
        holding("B", 40.0),
        holding("B.CALL", 2.0, 2.0),
        holding("C", 55.0, 900.0),
        holding("D", 1.0, 2900.0),
        holding("E", 900.0),
    )
    feed.send(CALL, VOL, portfolio("one", *FIRST), portfolio("two", *SECOND))
    feed.send(portfolio("whole", *whole))
    return feed


def together(feed: Feed, *snapshots: RiskSnapshot, base_currency: str = "USD"):
    market = restored_market(restored_rows(feed.rows), Staleness(2**62))
    return consolidated_risk(
        snapshots, SnapshotInputs(market), base_currency=base_currency, confidence="0.8", window=5
    )


def test_two_books_under_a_desk_have_the_risk_of_the_book_that_holds_both() -> None:
    feed = desk_feed()
    fold = feed.send(*PRICED, *RATES)
    whole = live(fold, "whole")
    desk = together(feed, live(fold, "one"), live(fold, "two"))
    assert desk.var == pytest.approx(whole.var, rel=1e-9)
    assert desk.expected_shortfall == pytest.approx(whole.expected_shortfall, rel=1e-9)
    assert desk.scenario_date == whole.scenario_date
    assert [member.name for member in desk.members] == ["one", "two"]
    for book_snapshot in desk.members:
        assert book_snapshot.var == pytest.approx(live(fold, book_snapshot.name).var, rel=1e-9)


def test_a_desk_in_another_currency_moves_the_rate_inside_each_scenario() -> None:
    feed = desk_feed()
    fold = feed.send(*PRICED, *RATES)
    desk = together(feed, live(fold, "one"), live(fold, "two"), base_currency="GBP")
    plain = portfolio("pounds", *live_positions(live(fold, "whole")), base_currency="GBP")
    feed.send(plain)
    pounds = live(
        feed.send(*(msgspec.structs.replace(quote, sequence=9**9) for quote in PRICED)), "pounds"
    )
    assert desk.var == pytest.approx(pounds.var, rel=1e-9)


def live_positions(snapshot: RiskSnapshot):
    return [
        holding(position.instrument, position.quantity, position.average_cost)
        for position in snapshot.positions
    ]


def test_every_book_stands_at_the_newest_prices_of_the_desk() -> None:
    feed = desk_feed()
    old = live(feed.send(*PRICED, *RATES), "one")
    new = live(feed.send(tick("C", 950.0, hour=16.0), tick("A", 103.0, hour=16.0)), "two")
    fresh = msgspec.structs.replace(new, portfolio="two")
    desk = together(feed, old, fresh)
    again = together(feed, live(feed.send(tick("D", 3010.0, hour=17.0)), "one"), fresh)
    assert desk.var == pytest.approx(again.var, rel=1e-12)


def test_a_book_that_lacks_a_price_is_named() -> None:
    feed = desk_feed()
    snapshot = live(feed.send(*PRICED, *RATES), "one")
    lacking = msgspec.structs.replace(snapshot, missing=("X",))
    with pytest.raises(NotRecalledError, match="X"):
        together(feed, snapshot, lacking)


def silent_desk(quantity: float, **settings: float) -> DeskRisk:
    """Return the risk of a book of A and one of S, which fell silent two weeks ago."""
    feed = opened()
    feed.send(
        instrument("S"),
        history("S", walk(9), last=LAST_CLOSE - dt.timedelta(days=14)),
        portfolio("one", holding("A", 100.0)),
        msgspec.structs.replace(portfolio("two", holding("S", quantity)), **settings),
    )
    fold = feed.book.revalue(fence=1, epoch=9)
    return together(feed, live(fold, "one"), live(fold, "two"))


def test_the_desk_carries_what_is_a_small_part_of_all_its_books() -> None:
    assert silent_desk(1.0).var > 0.0
    with pytest.raises(NotRecalledError, match=r"closes are missing of S \(10 sessions"):
        silent_desk(50.0)


def test_the_strictest_bound_of_its_books_is_that_of_the_desk() -> None:
    with pytest.raises(NotRecalledError, match=r"or 0\.1% of gross exposure"):
        silent_desk(1.0, carry_max_share=0.001)
    with pytest.raises(NotRecalledError, match="closes are missing of S"):
        silent_desk(50.0, carry_max_sessions=20)
