"""Changes that an import makes: in the answer, and before it with a dry run."""

from __future__ import annotations

import datetime as dt
from typing import Any

import httpx
import msgspec
import pytest

from system.book import closing
from system.contracts.api.risk import PortfolioAccepted, PortfolioImport, Reconciliation
from system.contracts.messages import Instrument, OpeningPosition, Portfolio
from system.serve.services import reconciliation as reconciling
from tests.system.book.feed import (
    MARKET,
    Feed,
    at_ns,
    date_of,
    history,
    holding,
    portfolio,
    rate,
    tick,
    walk,
)
from tests.system.book.state.test_adjustments import dividend, split
from tests.system.serve.streamed import Streamed


class Desk:
    """The API and a fold of what it sends: a stack without servers."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.feed = Feed()
        self.streamed = Streamed(world, self.feed)
        self.take(*MARKET, rate("USD", 1.1, hour=9.0), rate("GBP", 0.85, hour=9.0))
        self.taken = 0

    def take(self, *messages: Any) -> None:
        self.streamed.take(self.feed.send(*messages))

    def read(self) -> None:
        """Let the stream read what the API has sent."""
        new = self.world.bus.sent[self.taken :]
        self.taken = len(self.world.bus.sent)
        self.take(*new)
        self.world.clock.advance_ns(10**9)

    def close(self, day: int, *messages: Any) -> None:
        self.streamed.take(self.feed.close(day, *messages))
        self.world.clock.advance_ns(10**9)

    def send(
        self, *held: OpeningPosition, dry_run: bool = False, **moment: object
    ) -> PortfolioAccepted:
        definition = msgspec.structs.replace(portfolio("P", *held, window=6), **moment)
        answer = self.posted(PortfolioImport(portfolio=definition), dry_run=dry_run)
        assert answer.status_code == (200 if dry_run else 202), answer.text
        return msgspec.json.decode(answer.content, type=PortfolioAccepted)

    def posted(self, book: PortfolioImport, *, dry_run: bool = False) -> httpx.Response:
        path = f"/v1/portfolios?dry_run={str(dry_run).lower()}"
        return self.world.client.post(path, content=msgspec.json.encode(book))

    def imported(self, *held: OpeningPosition, **moment: object) -> Reconciliation:
        changes = self.send(*held, **moment).reconciliation
        self.read()
        assert changes is not None
        return changes

    def trade(self, name: str, quantity: float, price: float, **other: object) -> str:
        body = {"portfolio": "P", "instrument": name, "quantity": quantity, "price": price, **other}
        answer = self.world.client.post("/v1/trades", json=body)
        assert answer.status_code == 202, answer.text
        self.read()
        return answer.json()["trade_id"]

    def held(self) -> dict[str, float]:
        basis = self.feed.book.portfolios["P"].positions.basis
        return {name: held.quantity for name, held in basis.items()}


@pytest.fixture
def desk(world: Any) -> Desk:
    return Desk(world)


def rows(changes: Reconciliation) -> list[tuple[str, float, float, float]]:
    return [(row.instrument, row.before, row.stated, row.difference) for row in changes.rows]


def test_the_first_import_opens_the_book(desk: Desk) -> None:
    changes = desk.imported(holding("A", 100.0))
    assert (changes.opens, changes.rows, changes.current) == (True, (), True)
    assert desk.held() == {"A": 100.0}


def test_an_import_after_a_trade_agrees_and_counts_it_once(desk: Desk) -> None:
    desk.imported(holding("A", 100.0))
    desk.trade("A", 50.0, 100.0)
    changes = desk.imported(holding("A", 150.0))
    assert (changes.opens, changes.rows, changes.equal_count, changes.cash_stated) == (
        False,
        (),
        1,
        False,
    )
    assert desk.held() == {"A": 150.0, "cash:USD": -5_000.0}
    desk.trade("A", 5.0, 100.0)
    assert desk.held()["A"] == 155.0, "after the import: on top of it"
    desk.close(0, tick("A", 100.0))
    assert desk.held() == {"A": 155.0, "cash:USD": -5_500.0}


def test_what_differs_is_listed_by_instrument(desk: Desk) -> None:
    desk.imported(holding("A", 100.0), holding("B", 5.0), holding("C", 7.0, 900.0))
    desk.trade("A", -100.0, 110.0)
    changes = desk.imported(holding("B", 5.0), holding("C", 8.0, 900.0), holding("D", 1.0, 3_000.0))
    assert rows(changes) == [("C", 7.0, 8.0, 1.0), ("D", 0.0, 1.0, 1.0)]
    assert (changes.different_count, changes.equal_count) == (2, 1)
    changes = desk.imported(holding("B", 5.0), holding("cash:USD", 11_000.0))
    assert rows(changes) == [("C", 8.0, 0.0, -8.0), ("D", 1.0, 0.0, -1.0)]
    assert (changes.cash_stated, changes.equal_count) == (True, 2)


def test_a_dry_run_shows_the_same_and_sends_nothing(desk: Desk) -> None:
    desk.imported(holding("A", 100.0))
    sent = len(desk.world.bus.sent)
    tried = desk.send(holding("A", 90.0), dry_run=True)
    assert (tried.dry_run, tried.topic, tried.offset, tried.watch) == (True, "", None, "")
    assert rows(tried.reconciliation) == [("A", 100.0, 90.0, -10.0)]
    assert len(desk.world.bus.sent) == sent
    desk.read()
    assert desk.held() == {"A": 100.0}
    assert desk.send(holding("A", 90.0)).reconciliation == tried.reconciliation


def test_a_dry_run_of_a_new_book_checks_it(desk: Desk) -> None:
    assert desk.send(holding("A", 90.0), dry_run=True).reconciliation.opens
    refused = desk.posted(
        PortfolioImport(portfolio=portfolio("P", holding("Z", 1.0))), dry_run=True
    )
    assert refused.status_code == 422
    assert desk.world.bus.sent == []


def test_positions_as_of_the_past_are_compared_with_the_past(desk: Desk) -> None:
    desk.imported(holding("A", 100.0), as_of_ns=at_ns(0, 8.0))
    desk.trade("A", 50.0, 100.0, event_time_ns=at_ns(0, 10.0))
    desk.trade("A", 7.0, 100.0, event_time_ns=at_ns(0, 14.0))
    changes = desk.imported(holding("A", 151.0), as_of_ns=at_ns(0, 12.0))
    assert rows(changes) == [("A", 150.0, 151.0, 1.0)]
    assert changes.trades_on_top == 1
    assert desk.held()["A"] == 158.0


def test_positions_as_of_a_day_are_compared_before_what_its_end_brought(desk: Desk) -> None:
    desk.imported(holding("A", 100.0), holding("C", 10.0, 900.0), as_of_day=date_of(-1))
    desk.take(split(ratio=8.0), dividend("C", 45.0))
    desk.close(0, tick("A", 120.0), tick("C", 900.0))
    changes = desk.imported(holding("A", 100.0), holding("C", 10.0, 900.0), as_of_day=date_of(0))
    assert (changes.rows, changes.equal_count) == ((), 2)
    assert desk.held() == {"A": 800.0, "C": 10.0, "cash:GBP": 4.5}
    changes = desk.imported(holding("A", 800.0), holding("C", 10.0, 900.0))
    assert (changes.rows, changes.equal_count) == ((), 2)


def test_a_trade_sent_after_an_end_of_day_is_after_positions_as_of_that_day(desk: Desk) -> None:
    desk.imported(holding("A", 100.0))
    desk.close(0, tick("A", 100.0))
    desk.trade("A", 7.0, 100.0)
    changes = desk.imported(holding("A", 101.0), as_of_day=date_of(0))
    assert (rows(changes), changes.trades_on_top) == ([("A", 100.0, 101.0, 1.0)], 1)
    assert desk.held()["A"] == 108.0


def test_a_statement_is_compared_with_what_closed_trades_have_made(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "OPEN_SESSIONS", 1)
    desk.imported(holding("A", 100.0))
    desk.trade("A", 50.0, 100.0)
    desk.trade("B", 4.0, 100.0)
    desk.close(0, tick("A", 100.0))
    desk.close(1, tick("A", 100.0, day=1))
    desk.trade("A", 7.0, 100.0)
    assert desk.world.history.state_keys("trade:") != []
    assert len(desk.world.history.trades_of("P")) == 1
    changes = desk.imported(holding("A", 160.0))
    assert rows(changes) == [("A", 157.0, 160.0, 3.0), ("B", 4.0, 0.0, -4.0)]


def test_a_statement_as_of_a_closed_day_is_refused_before_it_is_sent(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "OPEN_SESSIONS", 1)
    desk.imported(holding("A", 100.0))
    desk.close(0, tick("A", 100.0))
    desk.close(1, tick("A", 100.0, day=1))
    sent = len(desk.world.bus.sent)
    for name, moment in (("as_of_day", date_of(0)), ("as_of_ns", at_ns(0, 23.0))):
        late = msgspec.structs.replace(
            portfolio("P", holding("A", 1.0), window=6), **{name: moment}
        )
        answer = desk.posted(PortfolioImport(portfolio=late))
        assert answer.status_code == 422
        (problem,) = answer.json()["errors"]
        assert problem["field"] == f"portfolio.{name}"
        assert "closed up to the end of 2020-02-03" in problem["detail"]
    assert len(desk.world.bus.sent) == sent
    assert desk.imported(holding("A", 1.0), as_of_day=date_of(1)).opens is False


def test_a_second_statement_is_compared_with_the_first(desk: Desk) -> None:
    desk.imported(holding("A", 100.0))
    assert rows(desk.imported(holding("A", 150.0))) == [("A", 100.0, 150.0, 50.0)]
    assert rows(desk.imported(holding("A", 160.0))) == [("A", 150.0, 160.0, 10.0)]


def test_an_instrument_that_comes_with_the_book_is_compared(desk: Desk) -> None:
    desk.imported(holding("A", 100.0))
    new = Instrument(instrument="N", asset_class="equity", currency="USD")
    wanted = PortfolioImport(
        portfolio=portfolio("P", holding("N", 3.0), window=6),
        instruments=(new,),
        histories=(history("N", walk(9)),),
    )
    accepted = msgspec.json.decode(desk.posted(wanted).content, type=PortfolioAccepted)
    assert rows(accepted.reconciliation) == [("A", 100.0, 0.0, -100.0), ("N", 0.0, 3.0, 3.0)]


def test_what_the_stream_has_not_read_yet_is_said(desk: Desk, monkeypatch: Any) -> None:
    monkeypatch.setattr(reconciling, "READ_BOUND_S", 0.05)
    desk.imported(holding("A", 100.0))
    body = {"portfolio": "P", "instrument": "A", "quantity": 50.0, "price": 100.0}
    desk.world.client.post("/v1/trades", json=body)
    changes = desk.send(holding("A", 150.0)).reconciliation
    assert (rows(changes), changes.current) == ([("A", 100.0, 150.0, 50.0)], False)
    desk.read()
    assert desk.held() == {"A": 150.0, "cash:USD": -5_000.0}, (
        "the stream counts it once all the same"
    )


def test_the_answer_says_as_of_when(desk: Desk) -> None:
    given = desk.send(holding("A", 1.0), as_of_day=date_of(-1))
    assert (given.as_of_ns, given.as_of_day) == (None, dt.date(2020, 2, 2))
    default = desk.send(holding("A", 1.0))
    assert default.as_of_ns is not None
    assert at_ns(0, 9.0) < default.as_of_ns < at_ns(0, 9.0) + 100, "the newest event, and then some"


def test_two_moments_are_refused(desk: Desk) -> None:
    body = {"portfolio": {"portfolio": "P", "as_of_ns": 1, "as_of_day": "2020-01-31"}}
    answer = desk.world.client.post("/v1/portfolios", json=body)
    assert answer.status_code == 422
    assert "as_of_ns 1 and as_of_day 2020-01-31: give one of the two" in answer.text


def test_unknown_definitions_are_no_statement_of_another_book(desk: Desk) -> None:
    desk.imported(holding("A", 100.0))
    other = PortfolioImport(portfolio=Portfolio(portfolio="Q", window=30, positions=()))
    accepted = msgspec.json.decode(desk.posted(other).content, type=PortfolioAccepted)
    assert accepted.reconciliation.opens
