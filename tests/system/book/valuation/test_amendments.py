"""Amendments of trades: booked anew once a batch, to the bit as if each came alone."""

from __future__ import annotations

import random

import pytest

from system.book.valuation.portfolio import PortfolioBook
from tests.system.book.feed import Feed, end_of_day, holding, live, numbers, opened, tick, trade

TRADES = 12


def script(seed: int) -> list[list]:
    """Return batches of new, amended and cancelled trades with ticks between them."""
    chance, versions = random.Random(seed), {}  # noqa: S311 - a script that can be repeated
    batches: list[list] = [[tick("A", 101.0), tick("D", 3010.0), tick("B", 96.0)]]
    for number in range(40):
        batch = []
        for _ in range(chance.randrange(1, 6)):
            name = f"t{chance.randrange(TRADES)}"
            instrument = "ABD"[int(name[1:]) % 3]
            action = "new" if name not in versions else chance.choice(["amend", "cancel", "amend"])
            if versions.get(name) is None and name in versions:
                continue
            version = 0 if action == "new" else versions[name] + 1
            versions[name] = None if action == "cancel" else version
            quantity, price = chance.uniform(-9, 9), chance.uniform(90, 110)
            more = {} if action == "new" else {"version": version, "action": action}
            batch.append(trade(name, instrument, quantity, price, **more))
        batch.append(tick("A", chance.uniform(95, 105), hour=15.1 + number / 100))
        batches.append(batch)
    return batches


def played(batches: list[list], *, alone: bool) -> Feed:
    feed = opened(holding("A", 10.0), holding("D", 1.0))
    for batch in batches:
        for messages in [[each] for each in batch] if alone else [batch]:
            feed.send(*messages)
    return feed


@pytest.mark.parametrize("seed", range(8))
def test_many_amendments_in_one_batch_are_to_the_bit_as_if_each_came_alone(seed: int) -> None:
    batches = script(seed)
    together, alone = played(batches, alone=False), played(batches, alone=True)
    assert together.rows.keys() == alone.rows.keys()
    assert together.rows == alone.rows
    last = tick("A", 104.0, hour=20.0)
    assert numbers(live(together.send(last))) == numbers(live(alone.send(last)))
    assert numbers(end_of_day(together.close())) == numbers(end_of_day(alone.close()))


def test_a_day_that_ends_in_the_batch_of_an_amendment_contains_it() -> None:
    feed = opened(holding("A", 10.0))
    feed.send(tick("A", 101.0), trade("t1", "A", 5.0, 100.0))
    amended = trade("t1", "A", 50.0, 100.0, version=1, action="amend")
    close = end_of_day(feed.close(0, amended, trade("t2", "A", 1.0, 100.0)))
    held = {row.instrument: row.quantity for row in close.positions}
    assert held["A"] == 61.0


def test_a_book_is_made_anew_once_a_batch_however_many_amendments_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed = opened(holding("A", 10.0))
    feed.send(tick("A", 101.0), *(trade(f"t{number}", "A", 1.0, 100.0) for number in range(50)))
    calls: list[str] = []
    redefine = PortfolioBook.redefine

    def counted(book: PortfolioBook, *arguments: object) -> None:
        calls.append(book.definition.portfolio)
        redefine(book, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(PortfolioBook, "redefine", counted)
    amended = [
        trade(f"t{number}", "A", 2.0, 100.0, version=1, action="amend") for number in range(50)
    ]
    snapshot = live(feed.send(*amended, trade("t50", "A", 1.0, 100.0)))
    assert calls == ["P"]
    assert {row.instrument: row.quantity for row in snapshot.positions}["A"] == 111.0
    assert len(snapshot.trade_ids) == 51
