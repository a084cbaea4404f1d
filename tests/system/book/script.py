"""Days of messages that say nothing of partitions or batches, and ways to cut them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import msgspec
from hypothesis import strategies as st

from system.book.book import DEFAULT_STALE_AFTER_NS, Book
from system.book.ingest.fold import Fold
from system.book.replica import Replica, ValuationOrder, Valuer
from system.book.state.events import Event
from system.book.state.rows import update_rows
from system.contracts.messages import RiskSnapshot, SnapshotKind, Trade, TradeAction
from tests.system.book.feed import (
    MARKET,
    Sent,
    at_ns,
    date_of,
    event,
    history,
    holding,
    home_of,
    instrument,
    mark,
    numbers,
    partition_names,
    portfolio,
    rate,
    tick,
    trade,
    unreadable,
    walk,
)

TICKERS = ("A", "B", "C", "D")
BOOKS = ("P", "Q", "R")
HOLDABLE = (*TICKERS, "E", "cash:USD", "cash:GBP")


@dataclass(frozen=True)
class Script:
    """What is sent: reference data first, then days that end with a mark each."""

    reference: tuple[Sent, ...]
    days: tuple[tuple[Sent, ...], ...]
    rest: tuple[Sent, ...] = ()

    def logs(self, market_partitions: int) -> dict[str, list[Event]]:
        """Return what lies in each partition, offsets without gaps."""
        names = partition_names(market_partitions)
        found: dict[str, list[Sent]] = {name: [] for name in names}
        for message in self.reference:
            found[home_of(message, names)].append(message)
        for day, messages in enumerate(self.days):
            for message in messages:
                found[home_of(message, names)].append(message)
            for name in names:
                found[name].append(mark(day))
        for message in self.rest:
            found[home_of(message, names)].append(message)
        return {
            name: [event(offset, message) for offset, message in enumerate(messages)]
            for name, messages in found.items()
        }


@dataclass
class Run:
    """A book that has folded a script: what it stated, and where."""

    ends: dict[tuple[str, object], bytes] = field(default_factory=dict)
    live: dict[tuple[tuple[str, int], ...], dict[str, bytes]] = field(default_factory=dict)
    rejected: list[tuple[str, str, str]] = field(default_factory=list)
    counts: dict[str, object] = field(default_factory=dict)
    rows: dict[str, bytes] = field(default_factory=dict)

    def note(self, fold: Fold, everything: Sequence[RiskSnapshot]) -> None:
        for snapshot in fold.snapshots:
            if snapshot.kind is SnapshotKind.END_OF_DAY:
                key = (snapshot.portfolio, snapshot.asof)
                assert key not in self.ends, f"{key} was closed twice"
                self.ends[key] = numbers(snapshot)
        self.rejected += [
            (rejection.topic, rejection.reason, rejection.value) for rejection in fold.rejected
        ]
        update_rows(self.rows, fold.state)
        place = tuple(sorted(fold.offsets.items()))
        self.live[place] = {shown.portfolio: numbers(shown) for shown in everything}


def folded(
    script: Script,
    *,
    market_partitions: int = 2,
    cuts: Sequence[Mapping[int, int]] = (),
    restarts: frozenset[int] = frozenset(),
    replicas: int = 0,
) -> Run:
    """Fold a script.

    Parameters
    ----------
    script : Script
        What is sent.
    market_partitions : int
        How many partitions ``market_data`` has.
    cuts : sequence of mapping of int to int
        Per batch, how many more events arrive in which partition (its index, modulo their
        number). Reference data comes in a batch before all, the rest in one behind.
    restarts : frozenset of int
        After these batches the book is made anew from its kept rows.
    replicas : int
        Value live portfolios in so many replicas of the state; 0: in the book itself.
    """
    logs = script.logs(market_partitions)
    names = list(logs)
    arrived = dict.fromkeys(names, 0)
    run = Run()
    book = Book(arrived, valuer=sharded(run.rows, replicas))
    first = {"reference:0": len(script.reference)}
    steps: Iterator[dict[str, int]] = itertools.chain(
        [first],
        (_by_name(cut, names) for cut in cuts),
        [{name: len(log) for name, log in logs.items()}],
    )
    for index, step in enumerate(steps):
        batch = {}
        for name, count in step.items():
            batch[name] = logs[name][arrived[name] : arrived[name] + count]
            arrived[name] = min(arrived[name] + count, len(logs[name]))
        fold = book.fold(batch, fence=1, epoch=2 * index)
        run.note(fold, book.revalue(fence=1, epoch=2 * index + 1).snapshots)
        if index in restarts:
            book = Book(fold.offsets, run.rows, valuer=sharded(run.rows, replicas))
            arrived = dict(fold.offsets)
    run.counts = msgspec.to_builtins(book.ledger.topics())
    return run


def sharded(rows: Mapping[str, bytes], replicas: int) -> Valuer | None:
    """Return what values in turn in several replicas, each told only when it is asked."""
    if not replicas:
        return None
    copies = [Replica(stale_after_ns=DEFAULT_STALE_AFTER_NS) for _ in range(replicas)]
    known, calls = dict(rows), itertools.count()

    def value(
        order: ValuationOrder, changed: Mapping[str, bytes | None]
    ) -> tuple[RiskSnapshot, ...]:
        update_rows(known, changed)
        copy = copies[next(calls) % replicas]
        copy.update(known)
        return copy.snapshots(order)

    return value


def _by_name(cut: Mapping[int, int], names: Sequence[str]) -> dict[str, int]:
    step: dict[str, int] = {}
    for at, count in cut.items():
        name = names[at % len(names)]
        step[name] = step.get(name, 0) + count
    return step


# -- strategies ---------------------------------------------------------------------------------
# Each is made once: Hypothesis validates a new one, which takes longer than drawing from it.

prices = st.integers(1, 4_000).map(lambda n: n / 7)
hours = st.integers(0, 40).map(lambda n: n / 2)
quantities = st.integers(-40, 40).filter(bool).map(lambda n: n / 4)


@cache
def ticks(day: int) -> st.SearchStrategy[Sent]:
    """Ticks of one day: some repeated, late, early, far off, or of nothing known."""
    return st.builds(
        tick,
        st.sampled_from([*TICKERS, *TICKERS, "E", "Z", "cash:USD"]),
        prices,
        day=st.sampled_from([day, day, day, day, day, day - 1, day + 5, day + 90]),
        hour=hours,
        sequence=st.none() | st.integers(0, 80),
    )


@cache
def rates(day: int) -> st.SearchStrategy[Sent]:
    return st.builds(
        rate,
        st.sampled_from(["USD", "USD", "GBP", "GBP", "JPY", "EUR", "GBp"]),
        st.integers(50, 200).map(lambda n: n / 128),
        day=st.sampled_from([day, day, day, day, day - 1]),
        hour=hours,
        sequence=st.none() | st.integers(0, 80),
    )


moments = st.builds(at_ns, st.integers(-1, 4), hours)
"""Event times on both sides of the marks, far from none of them."""


_actions = st.sampled_from([TradeAction.NEW, *TradeAction])
_trade_ids = st.sampled_from(["t1", "t2", "t3", "t4", "t5"])
_traded = st.sampled_from([*HOLDABLE, "Z", "cash:none"])
_accounts = st.sampled_from([*BOOKS, *BOOKS, "nobody"])
_versions = st.integers(1, 3)
_trade_times = st.just(0) | moments


@st.composite
def trades(draw: st.DrawFn) -> Trade:
    action = draw(_actions)
    return trade(
        draw(_trade_ids),
        draw(_traded),
        draw(quantities),
        draw(prices),
        draw(_accounts),
        version=0 if action is TradeAction.NEW else draw(_versions),
        action=action,
        event_time_ns=draw(_trade_times),
    )


_kinds_of_moment = st.sampled_from(["none", "as_of_ns", "as_of_day"])
_stated_days = st.integers(-1, 4).map(date_of)


@st.composite
def as_of(draw: st.DrawFn) -> dict[str, object]:
    """Return the moment of a statement: none, one of event time, or a day."""
    kind = draw(_kinds_of_moment)
    if kind == "as_of_ns":
        return {kind: draw(moments)}
    return {} if kind == "none" else {kind: draw(_stated_days)}


_holdings = st.dictionaries(st.sampled_from(HOLDABLE), st.tuples(quantities, prices), max_size=5)
_windows = st.integers(4, 6)
_later_windows = st.integers(5, 6)
_books = st.sampled_from(BOOKS)
_currencies = st.sampled_from(["USD", "EUR", "GBP"])
_confidences = st.sampled_from(["0.75", "0.8"])


@st.composite
def definitions(draw: st.DrawFn, name: str | None = None) -> Sent:
    """A book; a first one has a VaR, one behind it may be rejected (0.8 of 4 days)."""
    held = draw(_holdings)
    window = draw(_windows if name is None else _later_windows)
    book = portfolio(
        name or draw(_books),
        *(holding(name, quantity, price) for name, (quantity, price) in held.items()),
        base_currency=draw(_currencies),
        window=window,
        confidence=draw(_confidences),
    )
    return msgspec.structs.replace(book, **draw(as_of()))


@cache
def references(day: int) -> st.SearchStrategy[Sent]:
    """Reference data in the middle of a day: nobody else says anything of it on that day."""
    new = f"N{day}"
    return st.one_of(
        definitions(),
        st.builds(portfolio, st.just(f"X{day}"), st.builds(holding, st.just("A"), quantities)),
        st.just(instrument(new)),
        st.just(history(new, walk(day + 50))),
        st.just(history("A", [1.0, 2.0])),
        st.just(instrument("A", multiplier=3.0)),
        st.just(history(f"F{day}", walk(1), last=mark(day + 1).date)),
    )


@cache
def messages(day: int) -> st.SearchStrategy[Sent]:
    return st.one_of(
        ticks(day),
        ticks(day),
        rates(day),
        trades(),
        references(day),
        st.builds(unreadable),
        st.just(msgspec.structs.replace(mark(day), event_time_ns=at_ns(day + 300))),
    )


@cache
def days_of(day: int) -> st.SearchStrategy[list[Sent]]:
    return st.lists(messages(day), max_size=14)


@cache
def rest_of(day: int) -> st.SearchStrategy[list[Sent]]:
    return st.lists(messages(day), max_size=5)


_day_counts = st.integers(1, 4)
_first_books = st.tuples(*map(definitions, BOOKS))


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    days = draw(_day_counts)
    books = draw(_first_books)
    return Script(
        reference=(*MARKET, *books),
        days=tuple(tuple(draw(days_of(day))) for day in range(days)),
        rest=tuple(draw(rest_of(days))),
    )


cuts = st.lists(
    st.dictionaries(st.integers(0, 7), st.integers(1, 9), min_size=1, max_size=4), max_size=12
)
restarts = st.frozensets(st.integers(0, 12), max_size=3)
