"""Sources that number their messages per day or per connection, from the topic to the close."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from system.contracts.messages import FxRate, Tick
from tests.system.book.feed import (
    Feed,
    end_of_day,
    holding,
    instrument,
    live,
    portfolio,
    rate,
    reasons,
    tick,
)

COUNT = 40
"""Messages a day of a thin share: fewer than the numbers that are remembered."""
Quoted = Callable[..., Tick | FxRate]
SOURCES = {
    "market_data": lambda value, **when: tick("AAA", value, **when),
    "fx_rates": lambda value, **when: rate("JPY", value, **when),
}
topics = pytest.mark.parametrize(("topic", "quoted"), SOURCES.items(), ids=SOURCES)


def opened() -> Feed:
    feed = Feed()
    book = portfolio("P", holding("AAA", 100.0), base_currency="JPY")
    feed.send(instrument("AAA", currency="JPY"), instrument("BBB", currency="EUR"), book)
    feed.send(portfolio("Q", holding("BBB", 100.0), base_currency="JPY"), tick("BBB", 1.0))
    return feed


def day_of(quoted: Quoted, day: int, value: float, count: int = COUNT) -> list[Tick | FxRate]:
    """Return a day's messages, numbered from 1."""
    return [
        quoted(value, day=day, hour=13.0 + number / 10, sequence=number)
        for number in range(1, count + 1)
    ]


def value_of(feed: Feed, topic: str) -> float:
    """Return what a series is marked, or converted, at."""
    market = feed.book.market
    return market.quotes["AAA"].price if topic == "market_data" else market.rates["JPY"].price


@topics
@pytest.mark.parametrize("is_restarted", [False, True])
def test_the_price_of_the_second_day_is_that_of_its_ticks(
    topic: str, quoted: Quoted, is_restarted: bool
) -> None:
    feed = opened()
    before = feed.counts(topic).get("applied", 0)
    feed.close(0, *day_of(quoted, 0, 100.0))
    if is_restarted:
        feed.restart(feed.next_offsets)
    fold = feed.close(1, *day_of(quoted, 1, 91.0))
    assert fold.rejected == ()
    assert value_of(feed, topic) == 91.0
    assert feed.counts(topic)["applied"] == before + 2 * COUNT
    assert "duplicate" not in feed.counts(topic)
    name = "P" if topic == "market_data" else "Q"
    assert end_of_day(fold, name).nav == pytest.approx(9_100.0)


@topics
def test_a_reconnection_within_a_day_loses_no_message_and_knows_what_is_replayed(
    topic: str, quoted: Quoted
) -> None:
    feed = opened()
    before = feed.counts(topic).get("applied", 0)
    morning = day_of(quoted, 0, 100.0)
    again = [quoted(95.0, hour=18.0 + number / 10, sequence=number) for number in range(1, 6)]
    feed.send(*morning, *morning[-10:], *again, *morning[-10:], *again)
    assert value_of(feed, topic) == 95.0
    assert feed.counts(topic) == {"applied": before + COUNT + 5, "duplicate": 25}


@topics
def test_a_replay_of_a_closed_day_is_late(topic: str, quoted: Quoted) -> None:
    feed = opened()
    yesterday = day_of(quoted, 0, 100.0)
    feed.close(0, *yesterday)
    fold = feed.send(*day_of(quoted, 1, 91.0, count=5), *yesterday)
    assert {str(reason) for reason in reasons(fold)} == {"late"}
    assert value_of(feed, topic) == 91.0


@topics
def test_a_late_message_of_either_numbering_changes_no_price(topic: str, quoted: Quoted) -> None:
    feed = opened()
    feed.send(*day_of(quoted, 0, 100.0), *[quoted(95.0, hour=18.0, sequence=2)])
    late = [quoted(50.0, hour=12.0, sequence=77), quoted(50.0, hour=17.9, sequence=1)]
    feed.send(*late)
    assert value_of(feed, topic) == 95.0
    assert feed.counts(topic)["superseded"] == 2
    if topic == "market_data":
        assert live(feed.book.revalue(fence=1, epoch=9)).positions[0].price == 95.0
