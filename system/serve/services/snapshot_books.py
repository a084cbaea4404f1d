"""Books of snapshots in the API's process: what they are made from, read and kept.

Closes and reference data change once a day and are kept, and so is each portfolio's last close;
prices of what a portfolio does not hold are read anew with each question. A snapshot in Redis
can be a batch ahead of the closes in PostgreSQL: a question after a close waits for the commit of
its batch, and holds up no other. ``inputs_hash`` tells if closes changed all the same: then they
are read again, once for all who wait.
"""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import anyio
import anyio.to_thread

from system.book.questions.snapshot_book import SnapshotInputs
from system.book.restore import restored_market, restored_rows
from system.book.state.errors import OtherInputsError
from system.book.state.listings import series_behind
from system.book.state.market import Staleness
from system.book.state.positions import cash_currency
from system.book.state.rows import (
    ADJUSTMENT_PREFIX,
    CLOSES_PREFIX,
    FX_PREFIX,
    INSTRUMENT_PREFIX,
    PARTITION_PREFIX,
    PORTFOLIO_PREFIX,
    QUOTE_PREFIX,
    SESSIONS_PREFIX,
    STRESSED_PREFIX,
    DayClose,
    stressed_series,
)
from system.book.state.synthetic_quotes import Price
from system.contracts.codec import decode, encode
from system.contracts.currencies import EUR
from system.contracts.messages import RiskSnapshot
from system.errors import UnavailableError
from system.risk.currency import major_currency
from system.risk.scenarios.window import fx_series
from system.serve.http.errors import UnknownInstrumentError, unknown_snapshot
from system.serve.services.catalogue import Catalogue
from system.serve.services.connections import Services
from system.store.redis.redis_values import LatestRecord

MAX_SERIES_KEPT: Final = 20_000
MAX_CLOSES_KEPT: Final = 1_000
"""Portfolios whose last close is kept: 20 kB each at 100 positions."""
ATTEMPTS: Final = 4
COMMIT_BOUND_S: Final = 0.5
"""For the commit of a batch, per attempt: several batches of the stream."""
COMMIT_POLL_S: Final = 0.01
PROMPT_POSITIONS_MAX: Final = 200
"""A what-if for so many takes the event loop 2 to 4 ms: less than two changes of thread cost
those who ask while batches compute."""
T = TypeVar("T")


@dataclass(frozen=True)
class Recalled:
    """A portfolio's newest snapshot and what its book is made from.

    Parameters
    ----------
    record : LatestRecord
        As Redis has it.
    snapshot : RiskSnapshot
        The same, decoded.
    recall : SnapshotInputs
        Reference data, closes, and prices of the other instruments that were asked for.
    close : DayClose or None
        The last close.
    """

    record: LatestRecord
    snapshot: RiskSnapshot
    recall: SnapshotInputs
    close: DayClose | None


class SnapshotBooks:
    """Answers questions that need the book of a snapshot; one at a time.

    Parameters
    ----------
    services : Services
        Redis for the snapshot, PostgreSQL for the rest.
    names : Catalogue
        Says why a portfolio has no snapshot.
    """

    def __init__(self, services: Services, names: Catalogue) -> None:
        self._services = services
        self._names = names
        self._kept: SnapshotInputs | None = None
        self._series: frozenset[str] = frozenset()
        self._read_for = dt.date.min
        self._reading = 0
        self._closed: OrderedDict[str, DayClose] = OrderedDict()
        self._at_work = anyio.Lock()

    async def ask(
        self,
        portfolio: str,
        instruments: Iterable[str],
        answer: Callable[[Recalled], T],
        *,
        at: str | None = None,
        prompt: bool = False,
    ) -> T:
        """Return what a pure function makes of a portfolio's snapshot.

        Parameters
        ----------
        portfolio : str
            Whose.
        instruments : iterable of str
            What the question names besides what is held.
        answer : callable
            Called again with newer inputs where those at hand are of another moment.
        at : str or None
            Id of a stored snapshot; None: the newest.
        prompt : bool
            Whether the answer values the book but once. For a small book without options it is
            then made where it is asked for; every other is made in a thread, so that nobody
            else waits for it.

        Raises
        ------
        UnknownPortfolioError
            If it has no snapshot.
        UnknownSnapshotError
            If no snapshot of that id and portfolio is kept.
        UnknownInstrumentError
            If an instrument has no reference data; names it.
        UnavailableError
            If the inputs of its snapshot have not arrived within ``ATTEMPTS``, or a server
            does not answer.
        """
        named = frozenset(instruments)
        failed_reading = -1
        for _ in range(ATTEMPTS):
            record = await self._record(portfolio, at)
            snapshot = decode(record.json, RiskSnapshot)
            if (snapshot.asof or dt.date.min) > self._read_for:
                await self._committed(record)
            async with self._at_work:
                anew = self._reading == failed_reading
                recalled = await self._recalled(record, snapshot, named, anew=anew)
                try:
                    if prompt and _is_small(snapshot):
                        return answer(recalled)
                    return await anyio.to_thread.run_sync(answer, recalled)
                except OtherInputsError as error:
                    cause, failed_reading = error, self._reading
            await self._committed(record)
        raise UnavailableError(f"{cause}; it is asked for again at any time")

    async def _committed(self, record: LatestRecord) -> None:
        """Wait until PostgreSQL has the batch of a record, or for ``COMMIT_BOUND_S``."""
        if record.durable:
            return
        with anyio.move_on_after(COMMIT_BOUND_S):
            while True:
                status = await self._services.latest.status()
                at = (status.durable_fence, status.durable_epoch)
                if at >= (record.fence, record.epoch):
                    return
                await anyio.sleep(COMMIT_POLL_S)

    async def stored(self, portfolio: str, snapshot_id: str) -> RiskSnapshot:
        """Return one snapshot of a portfolio's history.

        Raises
        ------
        UnknownSnapshotError
            If no snapshot of that id and portfolio is kept.
        StoreUnavailableError
            If PostgreSQL does not answer.
        """
        stored = await self._services.read(self._services.history.snapshot_json, snapshot_id)
        snapshot = None if stored is None else decode(stored, RiskSnapshot)
        if snapshot is None or snapshot.portfolio != portfolio:
            raise unknown_snapshot(snapshot_id, portfolio)
        return snapshot

    async def _record(self, portfolio: str, at: str | None) -> LatestRecord:
        if at is None:
            record = await self._services.latest.snapshot(portfolio)
            if record is None:
                raise await self._names.unknown_portfolio(portfolio)
            return record
        stored = await self.stored(portfolio, at)
        state = self._services.hub.status.state
        return LatestRecord(portfolio, stored.fence, stored.epoch, encode(stored), True, state)

    async def _recalled(
        self, record: LatestRecord, snapshot: RiskSnapshot, named: frozenset[str], *, anew: bool
    ) -> Recalled:
        portfolio = snapshot.portfolio
        base = await self._reference(snapshot, named, anew=anew)
        _check_known(base, named)
        close = None if anew else self._known_close(snapshot)
        keys = self._fresh_keys(snapshot, base, named)
        if keys:  # a rate is stale behind any partition, also one that has ticked only since
            keys += await self._services.read(self._services.history.state_keys, PARTITION_PREFIX)
        keys += [PORTFOLIO_PREFIX + portfolio] if close is None else []
        kept = restored_rows(await self._rows(keys) if keys else {})
        market = restored_market(kept, Staleness(self._services.stale_after_ns))
        marks = _known({name: market.price(name) for name in kept.quotes})
        rates = _known({currency: market.rate(currency) for currency in kept.rates})
        for state in kept.portfolios:
            close = self._remembered(portfolio, state.close)
        return Recalled(record, snapshot, base.with_prices(marks, rates), close)

    def _known_close(self, snapshot: RiskSnapshot) -> DayClose | None:
        """Return the close of a snapshot's last day where it is known: it never changes again."""
        close = self._closed.get(snapshot.portfolio)
        return close if close is not None and close.date == snapshot.asof else None

    def _remembered(self, portfolio: str, close: DayClose | None) -> DayClose | None:
        self._closed.pop(portfolio, None)
        if close is not None:
            self._closed[portfolio] = close
        while len(self._closed) > MAX_CLOSES_KEPT:
            self._closed.popitem(last=False)
        return close

    # -- what changes once a day ----------------------------------------------------------

    async def _reference(
        self, snapshot: RiskSnapshot, named: frozenset[str], *, anew: bool
    ) -> SnapshotInputs:
        """Return instruments and closes, read where something is lacking or of another day."""
        held = {row.instrument for row in snapshot.positions}
        rates = map(fx_series, {snapshot.base_currency, *snapshot.rates} - {EUR})
        wanted = frozenset({*held, *named, *rates})
        kept, asof = self._kept, snapshot.asof or dt.date.min
        if kept is not None and not anew and wanted <= self._series and asof <= self._read_for:
            return kept
        known = self._series if len(self._series) < MAX_SERIES_KEPT else frozenset()
        self._kept = await self._read_reference(known | wanted)
        self._reading += 1
        self._read_for = max(asof, self._read_for)
        return self._kept

    async def _read_reference(self, wanted: frozenset[str]) -> SnapshotInputs:
        instruments = await self._instruments(wanted)
        kept = restored_rows(instruments)
        moved_by = {name for instrument in kept.instruments for name in series_behind(instrument)}
        currencies = {major_currency(instrument.currency) for instrument in kept.instruments}
        cash = {cash_currency(name) for name in wanted} - {None}
        rates = {fx_series(currency) for currency in {*currencies, *map(str, cash)}}
        series = {*wanted, *moved_by, *rates}
        closes = await self._rows(CLOSES_PREFIX + name for name in series)
        stressed = await self._stressed(series)
        self._series = wanted
        rows = {**instruments, **closes, **stressed, **await self._explaining()}
        market = restored_market(restored_rows(rows), Staleness(self._services.stale_after_ns))
        await anyio.to_thread.run_sync(lambda: market.table)
        return SnapshotInputs(market)

    async def _instruments(self, wanted: frozenset[str]) -> dict[str, bytes]:
        """Return the reference data of instruments, and of what options among them are on."""
        rows = await self._rows(INSTRUMENT_PREFIX + name for name in wanted)
        kept = restored_rows(rows).instruments
        others = {
            listing.option.underlying for listing in kept if listing.option is not None
        } - wanted
        return {**rows, **await self._rows(INSTRUMENT_PREFIX + name for name in others)}

    async def _stressed(self, series: set[str]) -> dict[str, bytes]:
        keys = await self._services.read(self._services.history.state_keys, STRESSED_PREFIX)
        return await self._rows(key for key in keys if stressed_series(key) in series)

    async def _explaining(self) -> dict[str, bytes]:
        """Return splits, dividends and sessions, all of them."""
        state_keys = self._services.history.state_keys
        adjustments = await self._services.read(state_keys, ADJUSTMENT_PREFIX)
        sessions = await self._services.read(state_keys, SESSIONS_PREFIX)
        return await self._rows([*adjustments, *sessions])

    # -- what changes with each tick ------------------------------------------------------

    def _fresh_keys(
        self, snapshot: RiskSnapshot, base: SnapshotInputs, named: frozenset[str]
    ) -> list[str]:
        held = {row.instrument for row in snapshot.positions}
        behind = {base.market.listing(name).option for name in named - held} - {None}
        spots = {
            position.option.underlying
            for position in snapshot.positions
            if position.option is not None
        }
        underlyings = {option.underlying.instrument_id for option in behind if option is not None}
        other = (named | (underlyings - spots)) - held
        currencies = {major_currency(base.market.listing(name).currency) for name in other}
        currencies |= {snapshot.base_currency} if other else set()
        unrated = currencies - snapshot.rates.keys() - {EUR}
        quotes = [QUOTE_PREFIX + name for name in sorted(other)]
        rates = [FX_PREFIX + currency for currency in sorted(unrated)]
        return [*quotes, *rates]

    async def _rows(self, keys: Iterable[str]) -> dict[str, bytes]:
        return await self._services.read(self._services.history.state_values, list(keys))


def _is_small(snapshot: RiskSnapshot) -> bool:
    rows = snapshot.positions
    return len(rows) <= PROMPT_POSITIONS_MAX and all(row.option is None for row in rows)


def _check_known(base: SnapshotInputs, named: frozenset[str]) -> None:
    for name in sorted(named):
        try:
            base.market.listing(name)
        except KeyError:
            raise UnknownInstrumentError(
                f"instrument {name!r} has no reference data: import it with a portfolio "
                "(POST /v1/portfolios), or see the positions of one for names"
            ) from None


def _known(prices: Mapping[str, Price | None]) -> dict[str, Price]:
    return {name: price for name, price in prices.items() if price is not None}
