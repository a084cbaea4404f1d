"""Stated positions against those that a book has by its trades: what an import changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import anyio
import msgspec

from system.book.closing import late_statement, open_entries
from system.book.restore import KeptRows, restored_market, restored_rows
from system.book.state.market import Market, Staleness
from system.book.state.positions import CASH_PREFIX
from system.book.state.rows import (
    ADJUSTMENT_PREFIX,
    DAY_KEY,
    INSTRUMENT_PREFIX,
    MARKS_KEY,
    PORTFOLIO_PREFIX,
    DayState,
    PortfolioState,
    TradeState,
)
from system.book.state.statements import Reconciled, reconciled
from system.book.state.trades import TradeLedger
from system.contracts.api.risk import PositionDifference, Reconciliation
from system.contracts.messages import Instrument, Portfolio
from system.contracts.topics import REFERENCE, TRADES, split_offset_key
from system.serve.http.errors import invalid_field
from system.serve.services.catalogue import Catalogue
from system.serve.services.connections import Services

READ_BOUND_S: Final = 2.0
"""Longest wait of an import until the stream has read what was sent before it."""
POLL_S: Final = 0.02
_TRADE: Final = msgspec.json.Decoder(TradeState)
NEW_BOOK: Final = Reconciliation(
    opens=True,
    equal_count=0,
    different_count=0,
    rows=(),
    cash_stated=False,
    trades_on_top=0,
    current=True,
)


class Reconciler:
    """Compares statements with the book state.

    Parameters
    ----------
    services : Services
        Its history holds the book state.
    names : Catalogue
        Portfolios that were sent.
    """

    def __init__(self, services: Services, names: Catalogue) -> None:
        self._services = services
        self._names = names

    async def reconciliation(
        self, definition: Portfolio, described: Iterable[Instrument]
    ) -> Reconciliation:
        """Return what a statement changes.

        Parameters
        ----------
        definition : Portfolio
            The statement, with its moment.
        described : iterable of Instrument
            What it brings along of instruments.

        Raises
        ------
        InvalidRequestError
            If its moment lies before the newest day whose trades are closed.
        StoreUnavailableError, BusUnavailableError
            If a server does not answer.
        """
        if definition.portfolio not in await self._names.imported():
            return NEW_BOOK
        is_current = await self._is_read()
        services, key = self._services, PORTFOLIO_PREFIX + definition.portfolio
        # trades first: none can be closed after that and be missing from the balances
        rows = await services.read(services.history.trades_of, definition.portfolio)
        kept = await services.read(services.history.state_values, [key, DAY_KEY, MARKS_KEY])
        if key not in kept:
            return msgspec.structs.replace(NEW_BOOK, current=is_current)
        known = restored_rows(kept)
        state = known.portfolios[0]
        if definition != (state.pending or state.definition):
            _refuse_late(definition, known.marks)
        trades = TradeLedger(map(_TRADE.decode, rows)).counting_states(definition.portfolio)
        market = await self._market(kept, state, definition, trades, described)
        taken = [state for state in market.taken if state.adjustment.instrument in market.listings]
        moved = open_entries(state, trades, taken)
        comparison = await anyio.to_thread.run_sync(
            lambda: reconciled(state, definition, market.day, moved, market.listing)
        )
        return _shown(comparison, is_current=is_current)

    async def _is_read(self) -> bool:
        """Wait until the stream has committed what was sent before; False if that takes long."""
        services = self._services
        ends = await services.send(services.bus.end_offsets)
        wanted = {
            place: end
            for place, end in ends.items()
            if split_offset_key(place)[0] in {REFERENCE.name, TRADES.name} and end
        }
        with anyio.move_on_after(READ_BOUND_S):
            while wanted and not await self._is_committed(wanted):
                await anyio.sleep(POLL_S)
            return True
        return False

    async def _is_committed(self, wanted: dict[str, int]) -> bool:
        mark = await self._services.latest.watermark()
        if mark is None or any(mark.offsets.get(place, 0) < end for place, end in wanted.items()):
            return False
        committed = await self._services.read(self._services.history.committed)
        place = (mark.fence, mark.epoch)
        return committed is not None and (committed.fence, committed.epoch) >= place

    async def _market(
        self,
        kept: dict[str, bytes],
        state: PortfolioState,
        definition: Portfolio,
        trades: Iterable[TradeState],
        described: Iterable[Instrument],
    ) -> Market:
        """Return a market that knows every instrument of a comparison, and what took effect."""
        services = self._services
        definitions = (state.definition, state.pending or state.definition, definition)
        named = {held.instrument for each in definitions for held in each.positions}
        named |= {trade.trade.instrument for trade in trades}
        if state.closed is not None and state.closed.balances is not None:
            named |= {held.instrument for held in state.closed.balances.positions}
        rows = await self._instruments(named)
        keys = await services.read(services.history.state_keys, ADJUSTMENT_PREFIX)
        rows |= await services.read(services.history.state_values, keys)
        rows |= {key: row for key, row in kept.items() if key == DAY_KEY}
        market = restored_market(restored_rows(rows), Staleness(0))
        for instrument in sorted(described, key=lambda described: described.option is not None):
            if instrument.instrument not in market.listings:
                market.add_instrument(instrument)
        return market

    async def _instruments(self, named: set[str]) -> dict[str, bytes]:
        """Return the rows of instruments, and of those that options among them are on."""
        history, services = self._services.history, self._services
        keys = [INSTRUMENT_PREFIX + name for name in sorted(named) if not _is_cash(name)]
        rows = await services.read(history.state_values, keys)
        kept: KeptRows = restored_rows(rows)
        underlyings = {
            option.underlying
            for instrument in kept.instruments
            if (option := instrument.option) is not None
        }
        others = [INSTRUMENT_PREFIX + name for name in sorted(underlyings - named)]
        return {**rows, **await services.read(history.state_values, others)}


def _refuse_late(definition: Portfolio, marks: Sequence[DayState]) -> None:
    """Refuse positions as of a moment before the newest day whose trades are closed.

    Raises
    ------
    InvalidRequestError
        If they are; the stream would reject them.
    """
    problem = late_statement(definition, marks)
    if problem:
        field = "as_of_ns" if definition.as_of_day is None else "as_of_day"
        raise invalid_field(f"portfolio.{field}", problem)


def _is_cash(name: str) -> bool:
    return name.startswith(CASH_PREFIX)


def _shown(comparison: Reconciled, *, is_current: bool) -> Reconciliation:
    return Reconciliation(
        opens=False,
        equal_count=comparison.equal_count,
        different_count=len(comparison.differing),
        rows=tuple(
            PositionDifference(
                instrument=row.instrument,
                before=row.before,
                stated=row.stated,
                difference=row.stated - row.before,
            )
            for row in comparison.differing
        ),
        cash_stated=comparison.is_cash_stated,
        trades_on_top=comparison.on_top_count,
        current=is_current,
    )
