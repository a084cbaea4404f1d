"""Statements of positions: what they contain, and what comes on top of them.

A statement replaces the effect of everything up to its moment and of nothing later. Whether
something is up to it follows from event times and barriers alone, never from the order in which
partitions were read: so a trade that comes late, and what amends or cancels it, is contained too.

* A trade is contained if its first version's event time is not after the moment. Without an event
  time it counts as made at the start of its session, and never before its book was opened.
* A split or dividend is contained if it took effect at a barrier before the moment. A statement as
  of a day is in the shares of that day: what takes effect at its end comes on top.
* Cash that a statement does not name stays what trades and dividends have made it, contained
  trades that come late or change among them. Realised P&L is brought forward.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from system.book.state.adjustments import Entry
from system.book.state.market import midnight_after_ns, utc_date
from system.book.state.positions import Effect, Positions, Realised
from system.book.state.rows import (
    AdjustmentState,
    CarriedBalances,
    CashBalance,
    Cutoff,
    DayState,
    HeldPosition,
    PortfolioState,
    RealisedAmount,
    RealisedBalance,
    TradeState,
)
from system.contracts.messages import Portfolio, TradeAction
from system.risk.cost import CostBasis
from system.risk.listing import Listing

NEXT_BARRIER_NS: Final = 2**63 - 1
"""Moment of a statement that gives none, until the barrier that dates it."""
SAME: Final = 1e-9
"""Relative: quantities that were added up in another order are equal."""
_DAY: Final = dt.timedelta(days=1)

ListingOf = Callable[[str], Listing]


class Difference(NamedTuple):
    """Quantity of an instrument by the trades, and as it was stated."""

    instrument: str
    before: float
    stated: float


class Reconciled(NamedTuple):
    """A statement against what a book held by its trades at the same moment.

    ``differing`` and ``equal_count`` are of instruments, cash among them where it is stated;
    ``on_top_count`` is the number of trades after the moment.
    """

    differing: tuple[Difference, ...]
    equal_count: int
    is_cash_stated: bool
    on_top_count: int


class Holdings(NamedTuple):
    """What a portfolio holds, and what it would hold without the statement of its session.

    ``unrestated`` is None where there is no such statement, or where it changes no value.
    """

    positions: Positions
    unrestated: Positions | None = None


# -- moments --------------------------------------------------------------------------------


def cutoff_of(definition: Portfolio, day: DayState | None, *, is_first: bool) -> Cutoff:
    """Return the moment of a definition's positions.

    Parameters
    ----------
    definition : Portfolio
        As it came.
    day : DayState or None
        The last day that was closed when it came.
    is_first : bool
        Whether it opens its book: then it contains no trade without a time.
    """
    as_of_ns, last = _moment(definition, day, is_first=is_first)
    untimed = None if is_first else (last or dt.date.min)
    return Cutoff(as_of_ns=as_of_ns, day=last, untimed=untimed)


def _moment(
    definition: Portfolio, day: DayState | None, *, is_first: bool
) -> tuple[int, dt.date | None]:
    """Return the event time of a statement, and the last day whose end lay before it."""
    if definition.as_of_day is not None:
        as_of_ns = midnight_after_ns(definition.as_of_day) - 1
        return as_of_ns, _day_before(definition.as_of_day)
    closed = None if day is None else day.date
    if definition.as_of_ns is None:
        return 0 if is_first else NEXT_BARRIER_NS, closed
    if day is not None and definition.as_of_ns <= day.event_time_ns:
        return definition.as_of_ns, min(utc_date(definition.as_of_ns), day.date) - _DAY
    return definition.as_of_ns, closed


def _day_before(date: dt.date) -> dt.date | None:
    """Return the day before, None before the first of the calendar."""
    return date - _DAY if date > dt.date.min else None


def is_contained(entry: Entry, cutoff: Cutoff) -> bool:
    """Return whether a balance up to a cut-off contains a trade, split or dividend."""
    if isinstance(entry, AdjustmentState):
        assert entry.taken is not None, "it has taken effect"
        return cutoff.day is not None and entry.taken <= cutoff.day
    made_ns = entry.trade.event_time_ns if entry.made_ns is None else entry.made_ns
    if made_ns > 0:
        return made_ns <= cutoff.as_of_ns
    return cutoff.untimed is not None and (entry.day or dt.date.min) <= cutoff.untimed


def is_on_top(entry: Entry, state: PortfolioState) -> bool:
    """Return whether an entry moves all of a portfolio: its positions, cash and realised P&L."""
    cutoffs = [_cutoffs(state), _cutoffs(state, _restated_cash(state))]
    positions = state.restated or cutoffs[0].positions
    moments = {positions, *(cutoff for each in cutoffs for cutoff in (each.cash, each.realised))}
    return not any(is_contained(entry, moment) for moment in moments)


def _later(first: Cutoff, second: Cutoff) -> Cutoff:
    """Return the cut-off of a balance that contains all that either of two contains."""
    return Cutoff(
        as_of_ns=max(first.as_of_ns, second.as_of_ns),
        day=_latest(first.day, second.day),
        untimed=_latest(first.untimed, second.untimed),
    )


def _latest(*days: dt.date | None) -> dt.date | None:
    return max((day for day in days if day is not None), default=None)


class _Cutoffs(NamedTuple):
    """From where on entries move each of a portfolio's balances."""

    positions: Cutoff
    cash: Cutoff
    realised: Cutoff

    def effect(self, entry: Entry) -> Effect:
        return Effect(*(not is_contained(entry, cutoff) for cutoff in self))


def _cutoffs(state: PortfolioState, cash: CashBalance | None = None) -> _Cutoffs:
    positions = state.stated or Cutoff(day=state.opened)
    cash = cash or state.cash
    return _Cutoffs(
        positions,
        positions if cash is None else cash.cutoff,
        positions if state.realised is None else state.realised.cutoff,
    )


def _restated_cash(state: PortfolioState) -> CashBalance | None:
    return state.restated_cash or state.cash


# -- what is held ---------------------------------------------------------------------------


def holdings(state: PortfolioState, entries: Sequence[Entry], listing_of: ListingOf) -> Holdings:
    """Return what a portfolio holds.

    Parameters
    ----------
    state : PortfolioState
        Its statements, and what was brought forward.
    entries : sequence of Entry
        Every open trade that counts, and what took effect, in order.
    listing_of : callable
        Instrument id to Listing.
    """
    if state.restated is None or state.pending is None:
        return Holdings(_moved(_opening(state, listing_of, state.cash), entries, _cutoffs(state)))
    cash = _restated_cash(state)
    positions = _contained(state, entries, listing_of, state.restated)
    before = dict(positions.basis)
    positions.restate(state.pending.positions)
    held = Holdings(positions)
    if state.restated_cash is not None or _is_value(before, positions.basis, listing_of):
        plain = msgspec.structs.replace(state, restated=None)
        held = Holdings(positions, holdings(plain, entries, listing_of).positions)
    base = _cutoffs(state, cash)
    stated = positions.states_cash(state.pending.positions)
    rest = base._replace(positions=state.restated, cash=state.restated if stated else base.cash)
    later = (entry for entry in entries if not is_contained(entry, state.restated))
    _moved(positions, later, rest)
    return held


def brought_forward(
    state: PortfolioState, entries: Iterable[Entry], listing_of: ListingOf, day: DayState
) -> PortfolioState:
    """Return a state whose pending definition is in force, at the barrier of a day.

    Parameters
    ----------
    state : PortfolioState
        With a pending definition.
    entries : iterable of Entry
        Every open trade that counts, and what took effect, in order.
    listing_of : callable
        Instrument id to Listing.
    day : DayState
        The day whose barrier it is: the moment of a statement that gave none.
    """
    definition = state.pending
    assert definition is not None, "a definition waits"
    plain = {"definition": definition, "pending": None}
    if state.restated is None:
        return msgspec.structs.replace(state, **plain)
    restated = _moment_at(state.restated, day)
    state = msgspec.structs.replace(state, restated_cash=_cash_at(state.restated_cash, day))
    cash = _restated_cash(state)
    base = _cutoffs(state, cash)
    positions = _contained(state, entries, listing_of, restated)
    kept = CashBalance(
        amounts=positions.cash(),
        stated=base.positions if cash is None else cash.stated,
        cutoff=_later(base.cash, restated),
    )
    gains = RealisedBalance(
        amounts={
            name: RealisedAmount(currency=realised.currency, amount=realised.amount)
            for name, realised in sorted(positions.realised.items())
        },
        cutoff=_later(base.realised, restated),
    )
    closed = state.closed and msgspec.structs.replace(state.closed, balances=None)
    return msgspec.structs.replace(
        state,
        **plain,
        closed=closed,
        stated=restated,
        restated=None,
        restated_cash=None,
        cash=None if positions.states_cash(definition.positions) else kept,
        realised=gains,
    )


def restated_by(
    state: PortfolioState, definition: Portfolio, day: DayState | None, listing_of: ListingOf
) -> PortfolioState:
    """Return the state with another definition pending: settings, and perhaps a statement.

    Parameters
    ----------
    state : PortfolioState
        Of the same portfolio.
    definition : Portfolio
        As it came; not the same as the last.
    day : DayState or None
        The last day that was closed when it came.
    listing_of : callable
        Instrument id to Listing.
    """
    last = state.pending or state.definition
    changed = msgspec.structs.replace(state, pending=definition)
    gives_moment = definition.as_of_ns is not None or definition.as_of_day is not None
    if not gives_moment and definition.positions == last.positions:
        return changed
    return msgspec.structs.replace(
        changed,
        restated=cutoff_of(definition, day, is_first=False),
        restated_cash=_cash_stated_before(state, definition, listing_of),
    )


def _cash_stated_before(
    state: PortfolioState, definition: Portfolio, listing_of: ListingOf
) -> CashBalance | None:
    """Return the cash of a statement that is replaced by a statement without cash."""
    if state.pending is None or state.restated is None:
        return None
    stated = Positions(state.pending, (), listing_of)
    if not stated.states_cash(state.pending.positions):
        return state.restated_cash
    return CashBalance(amounts=stated.cash(), stated=state.restated, cutoff=state.restated)


def settled_late(
    state: PortfolioState, known: TradeState | None, trade: TradeState, listing_of: ListingOf
) -> PortfolioState:
    """Return the state with a late trade settled in the cash balance that contains it.

    Parameters
    ----------
    state : PortfolioState
        Before.
    known : TradeState or None
        The trade's version before, None where it is new.
    trade : TradeState
        Its newest version.
    listing_of : callable
        Instrument id to Listing.

    Notes
    -----
    The settlement of a share, option or currency is quantity times price. A future settles
    what it realises, which a statement of its position has closed: nothing comes late.
    Where trades are closed, it comes on top of what these have made of cash.
    """
    cash, closed = state.cash, state.closed
    if cash is None or not is_contained(trade, cash.cutoff) or is_contained(trade, cash.stated):
        return state
    settlements = [
        (name, sign * paid)
        for sign, version in ((1.0, trade), (-1.0, known))
        for name, paid in _settlement(state.definition, version, listing_of).items()
    ]
    if closed is not None and closed.balances is not None:
        carried = _settled(closed.balances, settlements)
        closed = msgspec.structs.replace(closed, balances=carried)
    amounts = _sums(cash.amounts, settlements)
    kept = msgspec.structs.replace(cash, amounts=amounts)
    return msgspec.structs.replace(state, cash=kept, closed=closed)


def _sums(amounts: Mapping[str, float], added: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Return amounts by name with others added one by one, without those that are 0."""
    sums = dict(amounts)
    for name, amount in added:
        sums[name] = sums.get(name, 0.0) + amount
    return {name: amount for name, amount in sorted(sums.items()) if amount != 0.0}


def _settled(
    balances: CarriedBalances, settlements: Sequence[tuple[str, float]]
) -> CarriedBalances:
    names = {name for name, _ in settlements}
    held = {held.instrument: held.quantity for held in balances.positions}
    cash = _sums({name: held[name] for name in sorted(names) if name in held}, settlements)
    others = [held for held in balances.positions if held.instrument not in names]
    moved = [
        HeldPosition(instrument=name, quantity=amount, average_cost=0.0)
        for name, amount in cash.items()
    ]
    positions = sorted([*others, *moved], key=lambda held: held.instrument)
    return msgspec.structs.replace(balances, positions=tuple(positions))


def reconciled(
    state: PortfolioState,
    definition: Portfolio,
    day: DayState | None,
    entries: Sequence[Entry],
    listing_of: ListingOf,
) -> Reconciled:
    """Return a statement against what a book holds by its trades at the statement's moment.

    Parameters
    ----------
    state : PortfolioState
        Of the book, before the statement.
    definition : Portfolio
        The statement.
    day : DayState or None
        The last day that was closed.
    entries : sequence of Entry
        Every open trade that counts, and what took effect, in order.
    listing_of : callable
        Instrument id to Listing, of what is stated too.
    """
    moment = cutoff_of(definition, day, is_first=False)
    contained = [entry for entry in entries if is_contained(entry, moment)]
    before = holdings(state, contained, listing_of).positions
    stated = Positions(definition, (), listing_of)
    is_cash_stated = stated.states_cash(definition.positions)
    if not is_cash_stated:
        before.put_cash({})
    differing = tuple(differences(before.basis, stated.basis))
    trades = [entry for entry in entries if isinstance(entry, TradeState)]
    return Reconciled(
        differing,
        len({*before.basis, *stated.basis}) - len(differing),
        is_cash_stated,
        sum(not is_contained(trade, moment) for trade in trades),
    )


def differences(
    before: Mapping[str, CostBasis], stated: Mapping[str, CostBasis]
) -> Iterator[Difference]:
    """Yield the instruments whose quantity differs by more than rounding, in order."""
    for name in sorted({*before, *stated}):
        held = before.get(name, CostBasis()).quantity
        said = stated.get(name, CostBasis()).quantity
        if not math.isclose(held, said, rel_tol=SAME):
            yield Difference(name, held, said)


# -- the parts ------------------------------------------------------------------------------


def _opening(state: PortfolioState, listing_of: ListingOf, cash: CashBalance | None) -> Positions:
    """Return what was brought forward, before any open entry."""
    positions = Positions(state.definition, (), listing_of)
    if state.closed is not None and state.closed.balances is not None:
        _carry(positions, state.closed.balances)
        if cash is not state.cash and cash is not None:  # stated since: it contains what is closed
            positions.put_cash(cash.amounts)
        return positions
    if cash is not None:
        positions.put_cash(cash.amounts)
    if state.realised is not None:
        positions.realised = {
            name: Realised(amount.currency, amount.amount)
            for name, amount in state.realised.amounts.items()
        }
    return positions


def _carry(positions: Positions, balances: CarriedBalances) -> None:
    """Hold what closed trades have made of positions, cash and realised P&L."""
    positions.basis = {
        held.instrument: CostBasis(held.quantity, held.average_cost) for held in balances.positions
    }
    positions.realised = {
        name: Realised(amount.currency, amount.amount) for name, amount in balances.realised.items()
    }


def _contained(
    state: PortfolioState, entries: Iterable[Entry], listing_of: ListingOf, restated: Cutoff
) -> Positions:
    """Return what the portfolio held by its trades at the moment of a statement."""
    cash = _restated_cash(state)
    contained = (entry for entry in entries if is_contained(entry, restated))
    return _moved(_opening(state, listing_of, cash), contained, _cutoffs(state, cash))


def _moved(positions: Positions, entries: Iterable[Entry], cutoffs: _Cutoffs) -> Positions:
    for entry in entries:
        effect = cutoffs.effect(entry)
        if isinstance(entry, TradeState):
            positions.apply(entry.trade, effect)
        else:
            positions.adjust(entry, effect)
    return positions


def _is_value(
    before: Mapping[str, CostBasis], stated: Mapping[str, CostBasis], listing_of: ListingOf
) -> bool:
    """Return whether a statement changes what a portfolio is worth: of a future, the cost too."""
    if any(differences(before, stated)):
        return True
    return any(
        not math.isclose(basis.average_cost, before[name].average_cost, rel_tol=SAME)
        for name, basis in stated.items()
        if listing_of(name).is_future
    )


def _settlement(
    definition: Portfolio, state: TradeState | None, listing_of: ListingOf
) -> dict[str, float]:
    if state is None or state.trade.action is TradeAction.CANCEL:
        return {}
    plain = msgspec.structs.replace(definition, positions=())
    paid = Positions(plain, (), listing_of)
    paid.apply(state.trade, Effect(position=False, realised=False))
    return paid.cash()


def _cash_at(cash: CashBalance | None, day: DayState) -> CashBalance | None:
    """Return cash whose statement gave no moment as of a barrier."""
    if cash is None:
        return None
    stated, cutoff = _moment_at(cash.stated, day), _moment_at(cash.cutoff, day)
    return msgspec.structs.replace(cash, stated=stated, cutoff=cutoff)


def _moment_at(cutoff: Cutoff, day: DayState) -> Cutoff:
    if cutoff.as_of_ns != NEXT_BARRIER_NS:
        return cutoff
    return msgspec.structs.replace(cutoff, as_of_ns=day.event_time_ns)
