"""Edits that trade: single trades, and a book that turns round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from system.contracts.messages import FxRate, Portfolio, Tick, Trade
from system.simulate.timeline import Planned
from validation.scenarios.file.format import Flip, TradeTable
from validation.scenarios.story.timeline import Days, Transformation, mid_of, series_of


def trades(
    edits: Sequence[TradeTable | Flip],
    books: Sequence[Portfolio],
    closes: Mapping[str, float],
    *,
    name: str,
) -> Transformation:
    """Return days with their trades, each at its moment.

    Parameters
    ----------
    edits : sequence
        In any order; taken in the order of day and moment.
    books : sequence of Portfolio
        What is held before.
    closes : mapping of str to float
        The last close of each series before the first day: the price of a trade before
        the first tick of its instrument.
    name : str
        Of the scenario; trade ids begin with it.
    """
    ordered = sorted(edits, key=lambda one: (one.day, one.at))
    held = {
        (book.portfolio, position.instrument): position.quantity
        for book in books
        for position in book.positions
    }

    def transformed(days: Days) -> Days:
        latest, count = dict(closes), 0
        for day in days:
            pending = [planned for planned in ordered if planned.day == day.number]
            items: list[Planned] = []
            event_time_ns = 0
            for item in day.items:
                while pending and day.moment(item) >= pending[0].at:
                    for trade in _of(pending.pop(0), held, latest):
                        count += 1
                        items.append(
                            Planned(item.due_ns, _sent(trade, f"{name}-{count}", event_time_ns))
                        )
                if series := series_of(item.message):
                    latest[series] = mid_of(item.message)
                    event_time_ns = _event_time_ns(item, event_time_ns)
                items.append(item)
            yield day.with_items(items)

    return transformed


def _event_time_ns(item: Planned, before_ns: int) -> int:
    message = item.message
    return message.event_time_ns if isinstance(message, Tick | FxRate) else before_ns


def _of(
    edit: TradeTable | Flip, held: dict[tuple[str, str], float], latest: Mapping[str, float]
) -> Iterator[tuple[str, str, float, float]]:
    """Yield (portfolio, instrument, quantity, price), and book it."""
    if isinstance(edit, TradeTable):
        wanted = [(edit.instrument, edit.quantity, edit.price)]
    else:
        wanted = [
            (instrument, -2 * quantity, None)
            for (portfolio, instrument), quantity in sorted(held.items())
            if portfolio == edit.portfolio and instrument in latest and quantity != 0
        ]
    for instrument, quantity, price in wanted:
        key = (edit.portfolio, instrument)
        held[key] = held.get(key, 0.0) + quantity
        yield edit.portfolio, instrument, quantity, price or latest[instrument]


def _sent(trade: tuple[str, str, float, float], trade_id: str, event_time_ns: int) -> Trade:
    portfolio, instrument, quantity, price = trade
    return Trade(
        trade_id=trade_id,
        portfolio=portfolio,
        instrument=instrument,
        quantity=quantity,
        price=price,
        event_time_ns=event_time_ns,
    )
