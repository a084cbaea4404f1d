"""Messages that Kafka has lost: a book has no risk until its positions are stated again."""

from __future__ import annotations

import msgspec
import pytest

from system.book.questions.snapshot_book import SnapshotInputs, recalled_book
from system.book.state.errors import NotRecalledError
from system.book.state.rows import LOST_KEY, PORTFOLIO_PREFIX, LostMessages, PortfolioState
from system.contracts.limits import Limit, LimitMeasure
from system.contracts.messages import Portfolio
from tests.system.book.feed import (
    MARKET,
    Feed,
    at_ns,
    holding,
    instrument,
    live,
    opened,
    portfolio,
    rate,
    tick,
    trade,
)

WHY = "3 messages of trades:0 are lost; state the positions again"
LIMITS = (Limit(measure=LimitMeasure.GROSS, warning=0.5, breach=1.0),)


def stated(quantity: float, *, hour: float | None = None) -> Portfolio:
    as_of_ns = None if hour is None else at_ns(0, hour)
    plain = portfolio("P", holding("A", quantity))
    return msgspec.structs.replace(plain, as_of_ns=as_of_ns, limits=LIMITS)


def priced() -> Feed:
    feed = Feed()
    feed.send(*MARKET, stated(10.0))
    feed.send(tick("A", 101.0), rate("USD", 1.1))
    return feed


def recovered(feed: Feed) -> Feed:
    """Do what the command does to the rows, and go on with them."""
    for key, row in feed.rows.items():
        if key.startswith(PORTFOLIO_PREFIX):
            state = msgspec.json.decode(row, type=PortfolioState)
            unknown = msgspec.structs.replace(state, positions_unknown=WHY)
            feed.rows[key] = msgspec.json.encode(unknown)
    until = {"reference:0": feed.next_offsets["reference:0"]}
    lost = LostMessages(reason=WHY, until=until, since_ns=feed.book.market.newest_event_ns)
    feed.rows[LOST_KEY] = msgspec.json.encode(lost)
    feed.restart(feed.next_offsets)
    return feed


def test_a_book_that_may_lack_trades_has_no_risk_and_says_why():
    feed = priced()
    before = live(feed.book.revalue(fence=1, epoch=50))
    assert before.var is not None
    after = live(recovered(feed).book.revalue(fence=1, epoch=51))
    assert (after.var, after.expected_shortfall, after.not_available) == (None, None, WHY)
    assert after.positions_unknown == WHY
    assert {use.value for use in after.limits} == {None}
    assert after.positions[0].quantity == 10.0, "what is known of it is shown, and named"


def test_no_question_is_answered_from_positions_that_are_not_known():
    feed = recovered(priced())
    after = live(feed.book.revalue(fence=1, epoch=51))
    with pytest.raises(NotRecalledError, match="state the positions again"):
        recalled_book(after, SnapshotInputs(feed.book.market))


def test_a_statement_as_of_a_later_moment_makes_it_known():
    feed = recovered(priced())
    snapshot = live(feed.send(stated(12.0, hour=15.5)))
    assert (snapshot.not_available, snapshot.positions_unknown) == ("", "")
    assert snapshot.var is not None
    assert snapshot.positions[0].quantity == 12.0
    feed.restart(feed.next_offsets)
    assert live(feed.book.revalue(fence=1, epoch=60)).not_available == ""


def test_the_same_positions_stated_again_make_it_known():
    feed = priced()
    feed.send(stated(10.0, hour=15.0))
    feed = recovered(feed)
    assert live(feed.send(stated(10.0, hour=15.0))).not_available == ""


@pytest.mark.parametrize(
    "definition",
    [
        stated(12.0, hour=14.0),
        msgspec.structs.replace(stated(10.0), window=4),
    ],
    ids=["as of a moment before", "settings only"],
)
def test_what_is_no_statement_of_a_later_moment_leaves_it_unknown(definition):
    feed = recovered(priced())
    feed.send(definition)
    assert live(feed.book.revalue(fence=1, epoch=60)).positions_unknown == WHY


def test_trades_ticks_and_days_leave_it_unknown():
    feed = recovered(priced())
    feed.send(trade("t-1", "A", 5.0, 101.0))
    feed.close(0, tick("A", 102.0, hour=16.0))
    after = live(feed.book.revalue(fence=1, epoch=60))
    assert after.positions_unknown == WHY
    assert after.positions[0].quantity == 15.0


def test_a_statement_that_was_sent_before_the_recovery_does_not_count():
    feed = priced()
    feed.next_offsets["reference:0"] += 1
    waiting = {"reference:0": feed.next_offsets["reference:0"] - 1}
    feed = recovered(feed)
    feed.next_offsets |= waiting
    feed.restart(feed.next_offsets)
    feed.send(stated(12.0, hour=15.5))
    assert live(feed.book.revalue(fence=1, epoch=60)).positions_unknown == WHY


def test_an_empty_database_knows_no_book_that_was_opened_before_the_recovery():
    feed = Feed()
    feed.rows[LOST_KEY] = msgspec.json.encode(LostMessages(reason=WHY, until={"reference:0": 12}))
    feed.restart(feed.next_offsets)
    feed.send(*MARKET, stated(10.0))
    feed.send(tick("A", 101.0), rate("USD", 1.1))
    assert live(feed.book.revalue(fence=1, epoch=60)).positions_unknown == WHY
    feed.send(portfolio("Q", holding("A", 1.0)))
    assert live(feed.book.revalue(fence=1, epoch=61), "Q").not_available == ""


def test_a_state_that_lacks_nothing_opens_known_books():
    feed = opened(holding("A", 10.0))
    feed.send(instrument("Z"), tick("A", 101.0), rate("USD", 1.1))
    assert live(feed.book.revalue(fence=1, epoch=60)).not_available == ""
