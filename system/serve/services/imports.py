"""Books in: checked against what the stream knows, then sent as reference data, in order.

The stream would put what contradicts it into ``rejected``; here the caller is told at once,
of everything that is wrong in one answer.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

import anyio.to_thread
import msgspec

from system.book.state.listings import listing_of
from system.book.state.positions import CASH_PREFIX, cash_currency, cash_listing
from system.book.state.rows import CLOSES_PREFIX, INSTRUMENT_PREFIX, SESSIONS_PREFIX, ClosesState
from system.book.state.sessions import goes_on
from system.contracts.api.risk import FieldProblem, PortfolioAccepted, PortfolioImport
from system.contracts.currencies import (
    FX_SERIES_PREFIX,
    checked_iso_currency,
    is_iso_4217,
    is_same_unit,
    missing_rates_remedy,
)
from system.contracts.discounting import discounting_problem
from system.contracts.messages import (
    PRICE_MIN,
    CloseHistory,
    ExchangeSessions,
    Instrument,
    ReturnType,
    field_names,
)
from system.contracts.text.checked import TextError
from system.errors import InputError, MessageError
from system.risk.confidence import supported_confidence
from system.risk.listing import Listing
from system.risk.scenarios.factors import series_of
from system.risk.scenarios.proxies import proxies_of
from system.serve.http.errors import InvalidRequestError
from system.serve.http.parameters import stream_of
from system.serve.services.calendars import exchange_sessions, wanted_span
from system.serve.services.catalogue import Catalogue
from system.serve.services.connections import Services
from system.serve.services.event_clock import EventClock
from system.serve.services.reconciliation import Reconciler

Problems = Iterator[tuple[str, str]]
T = TypeVar("T")
_INSTRUMENT: Final = msgspec.json.Decoder(Instrument)
_SESSIONS: Final = msgspec.json.Decoder(ExchangeSessions)
_CLOSES: Final = msgspec.json.Decoder(ClosesState)


class BookImporter:
    """Sends a book to the stream.

    Parameters
    ----------
    services : Services
        The bus to send on and the history that tells what is known.
    names : Catalogue
        Told what was sent.
    clock : EventClock
        Says as of when positions are that do not say so themselves.
    """

    def __init__(self, services: Services, names: Catalogue, clock: EventClock) -> None:
        self._services = services
        self._names = names
        self._clock = clock
        self._reconciler = Reconciler(services, names)

    async def send(self, book: PortfolioImport, *, dry_run: bool = False) -> PortfolioAccepted:
        """Check a book, compare it, and send its instruments, histories and then itself.

        Parameters
        ----------
        book : PortfolioImport
            Its positions are as of now where it gives no moment.
        dry_run : bool
            Check and compare only: nothing is sent.

        Raises
        ------
        InvalidRequestError
            If the stream would reject any of it, or could not value it; names each field.
        StoreUnavailableError, BusUnavailableError, DeliveryError
            If a server does not answer.
        """
        services = self._services
        instruments = await self._rows(INSTRUMENT_PREFIX, _named(book), _INSTRUMENT)
        behind = _underlyings(*book.instruments, *instruments.values()) - instruments.keys()
        instruments |= await self._rows(INSTRUMENT_PREFIX, behind, _INSTRUMENT)
        closes = await self._rows(CLOSES_PREFIX, _series(book, instruments), _CLOSES)
        check_book(book, instruments, closes)
        dates = [point.date for history in book.histories for point in history.closes]
        dates += [date for state in closes.values() for date in state.dates]
        last = max(dates, default=None)
        definition = await self._clock.with_moment(book.portfolio, last_close=last)
        reconciliation = await self._reconciler.reconciliation(definition, book.instruments)
        accepted = PortfolioAccepted(
            portfolio=definition.portfolio,
            position_count=len(definition.positions),
            instrument_count=len(book.instruments),
            history_count=len(book.histories),
            topic="",
            partition=None,
            offset=None,
            watch="",
            as_of_ns=definition.as_of_ns,
            as_of_day=definition.as_of_day,
            dry_run=dry_run,
            reconciliation=reconciliation,
        )
        if dry_run:
            return accepted
        new = [
            instrument
            for instrument in book.instruments
            if instrument.instrument not in instruments
        ]
        new.sort(
            key=lambda instrument: instrument.option is not None
        )  # what an option is on comes before it
        sessions = await self._sessions((*book.instruments, *instruments.values()), dates)
        await services.send(services.bus.deliver_all, (*new, *sessions, *book.histories))
        place = await services.send(services.bus.deliver, definition)
        name = definition.portfolio
        held = [position.instrument for position in definition.positions]
        self._names.remember(
            name, {*held, *(instrument.instrument for instrument in book.instruments)}
        )
        return msgspec.structs.replace(
            accepted,
            topic=place.topic,
            partition=place.partition,
            offset=place.offset,
            watch=stream_of(name),
        )

    async def _sessions(
        self, instruments: Iterable[Instrument], dates: Sequence[dt.date]
    ) -> list[ExchangeSessions]:
        """Return the sessions of exchanges that the book names, as far as the stream lacks them."""
        named = {
            instrument.exchange for instrument in instruments if instrument.exchange is not None
        }
        if not dates or not named:
            return []
        known = await self._rows(SESSIONS_PREFIX, named, _SESSIONS)
        tables = []
        for exchange in sorted(named):
            span = wanted_span(known.get(exchange), min(dates), max(dates))
            if span is not None:
                table = await anyio.to_thread.run_sync(
                    partial(exchange_sessions, exchange, first=span[0], last=span[1])
                )
                tables += [] if not goes_on(known.get(exchange), table) else [table]
        return tables

    async def _rows(
        self, prefix: str, names: Iterable[str], decoder: msgspec.json.Decoder[T]
    ) -> dict[str, T]:
        keys = sorted(prefix + name for name in names)
        rows = await self._services.read(self._services.history.state_values, keys)
        return {key.removeprefix(prefix): decoder.decode(row) for key, row in rows.items()}


def check_book(
    book: PortfolioImport,
    instruments: Mapping[str, Instrument],
    closes: Mapping[str, ClosesState],
) -> None:
    """Refuse a book that the stream would reject or could not value.

    Parameters
    ----------
    book : PortfolioImport
        Valid field by field.
    instruments, closes : mapping
        What the stream knows of the instruments and series that the book names.

    Raises
    ------
    InvalidRequestError
        With every problem that was found.
    """
    problems = [
        *_confidence_problems(book),
        *_repeated("instruments", "instrument", (i.instrument for i in book.instruments)),
        *_repeated("histories", "series", (history.series for history in book.histories)),
        *_instrument_problems(book, instruments),
        *_history_problems(book, instruments, closes),
        *_position_problems(book, instruments),
        *_price_problems(book, instruments),
        *_series_problems(book, instruments, closes),
    ]
    if problems:
        errors = [FieldProblem(field=field, detail=detail) for field, detail in problems]
        detail = "; ".join(f"{field}: {detail}" for field, detail in problems)
        raise InvalidRequestError(detail, errors=errors)


def _named(book: PortfolioImport) -> set[str]:
    held = {position.instrument for position in book.portfolio.positions}
    return held | {instrument.instrument for instrument in book.instruments}


def _series(book: PortfolioImport, known: Mapping[str, Instrument]) -> set[str]:
    return {*_needed_series(book, known), *(history.series for history in book.histories)}


def _underlyings(*instruments: Instrument) -> set[str]:
    return {
        instrument.option.underlying for instrument in instruments if instrument.option is not None
    }


def _needed_series(book: PortfolioImport, known: Mapping[str, Instrument]) -> tuple[str, ...]:
    """Return the series that a book cannot do without: one with a proxy it can."""
    described = _listings(
        {**known, **{instrument.instrument: instrument for instrument in book.instruments}}
    )
    listings = [
        _without_volatility(instrument)
        for position in book.portfolio.positions
        if (instrument := described.get(position.instrument)) is not None
    ]
    listings += [
        cash_listing(currency)
        for position in book.portfolio.positions
        if (currency := cash_currency(position.instrument)) is not None
    ]
    proxied = proxies_of(listings)
    needed = series_of(listings, book.portfolio.base_currency)
    return tuple(series for series in needed if series not in proxied)


def _listings(described: Mapping[str, Instrument]) -> dict[str, Listing]:
    """Return what the risk core sees; an option on what no option can be on is left out."""
    listings: dict[str, Listing] = {}
    for instrument in sorted(
        described.values(), key=lambda instrument: instrument.option is not None
    ):
        with suppress(MessageError):
            listings[instrument.instrument] = listing_of(instrument, listings)
    return listings


def _without_volatility(listing: Listing) -> Listing:
    """Return a listing that needs no history of volatilities: without one, it is constant."""
    if listing.option is None:
        return listing
    return replace(listing, option=replace(listing.option, volatility_series=""))


def _confidence_problems(book: PortfolioImport) -> Problems:
    try:
        supported_confidence(book.portfolio.confidence, book.portfolio.window)
    except InputError as error:
        yield "portfolio.confidence", str(error)


def _repeated(where: str, field: str, names: Iterable[str]) -> Problems:
    for name, count in Counter(names).items():
        if count > 1:
            yield where, f"{field} {name!r} stands {count} times"


def _instrument_problems(book: PortfolioImport, known: Mapping[str, Instrument]) -> Problems:
    described = {**known, **{instrument.instrument: instrument for instrument in book.instruments}}
    for index, instrument in enumerate(book.instruments):
        name = instrument.instrument
        if name.startswith(CASH_PREFIX):
            yield f"instruments[{index}]", f"{name!r}: cash of every currency is there already"
        elif differences := _differences(instrument, known.get(name, instrument)):
            yield f"instruments[{index}]", f"{name!r} is known otherwise: {differences}"
        elif instrument.option is not None:
            yield from _option_problems(index, instrument, described)


def _option_problems(
    index: int, instrument: Instrument, described: Mapping[str, Instrument]
) -> Problems:
    plain = {name: other for name, other in described.items() if name != instrument.instrument}
    try:
        listing_of(instrument, _listings(plain))
    except MessageError as error:
        yield f"instruments[{index}].option.underlying", error.detail
    if instrument.option is not None and (problem := discounting_problem(instrument.option)):
        yield f"instruments[{index}].option.expiry", problem


def _differences(stated: Instrument, known: Instrument) -> str:
    """Return where two descriptions disagree; a name is no matter, nor a proxy left out."""
    return ", ".join(
        f"{field} is {before}, not {after}"
        for field in field_names(Instrument)
        if field != "name"
        and not (field == "proxy" and stated.proxy is None)
        and not (field == "currency" and is_same_unit(stated.currency, known.currency))
        and (before := getattr(known, field)) != (after := getattr(stated, field))
    )


def _history_problems(
    book: PortfolioImport,
    instruments: Mapping[str, Instrument],
    known: Mapping[str, ClosesState],
) -> Problems:
    first_day = _first_scenario_day(book, instruments, known)
    proxied = {
        instrument.instrument
        for instrument in (*instruments.values(), *book.instruments)
        if instrument.proxy is not None
    }
    for index, history in enumerate(book.histories):
        yield from _rate_name_problems(index, history.series)
        if history.series not in proxied:
            yield from _short_history_problems(index, history, book.portfolio.window, first_day)
        if history.series in known:
            yield from _contradictions(index, history, known[history.series])


def _first_scenario_day(
    book: PortfolioImport, instruments: Mapping[str, Instrument], known: Mapping[str, ClosesState]
) -> dt.date | None:
    """Return the first day of the book's window, None where it has too few days with a close."""
    needed = {*_needed_series(book, instruments)}
    given = [history for history in book.histories if history.series in needed]
    days = {point.date for history in given for point in history.closes}
    days |= {date for name in needed & known.keys() for date in known[name].dates}
    count = book.portfolio.window + 1
    return sorted(days)[-count] if len(days) >= count else None


def _short_history_problems(
    index: int, history: CloseHistory, window: int, first_day: dt.date | None
) -> Problems:
    """Yield why a history cannot fill a window: it begins too late, or all of them are short."""
    where, count = f"histories[{index}].closes", len(history.closes)
    if first_day is None or not count:
        if count <= window:
            yield (
                where,
                f"{history.series}: {count} closes; a window of {window} needs {window + 1}",
            )
    elif history.closes[0].date > first_day:
        yield (
            where,
            f"{history.series} begins on {history.closes[0].date}, after the first scenario day of "
            f"the window, {first_day}: give older closes, or name a proxy",
        )


def _rate_name_problems(index: int, series: str) -> Problems:
    """Yield what is wrong with the name of a series of rates: a minor unit has none."""
    if series.startswith(FX_SERIES_PREFIX):
        try:
            checked_iso_currency(series.removeprefix(FX_SERIES_PREFIX))
        except TextError as error:
            yield f"histories[{index}].series", f"{series}: {error}"


def _contradictions(index: int, history: CloseHistory, known: ClosesState) -> Problems:
    values = dict(zip(known.dates, known.values, strict=True))
    for number, point in enumerate(history.closes):
        if values.get(point.date) != point.value:
            yield (
                f"histories[{index}].closes[{number}]",
                f"{history.series} on {point.date}: {point.value!r}, but the stream has "
                f"{values.get(point.date, 'no close there')!r}; leave out what it has",
            )
            return


def _position_problems(book: PortfolioImport, known: Mapping[str, Instrument]) -> Problems:
    described = {*known, *(instrument.instrument for instrument in book.instruments)}
    for index, position in enumerate(book.portfolio.positions):
        name = position.instrument
        if name in described or cash_currency(name) is not None:
            continue
        remedy = "describe it in `instruments`"
        if name.startswith(CASH_PREFIX):
            remedy = f"cash is of a currency, as in {CASH_PREFIX}USD"
        yield f"portfolio.positions[{index}].instrument", f"{name!r} is not known: {remedy}"


def _price_problems(book: PortfolioImport, known: Mapping[str, Instrument]) -> Problems:
    """Yield prices that only an instrument of absolute returns can have."""
    described = [*known.values(), *book.instruments]
    absolute = {
        instrument.instrument
        for instrument in described
        if instrument.return_type is ReturnType.ABSOLUTE
    }
    need = "only an instrument with return_type absolute can have that"
    for index, position in enumerate(book.portfolio.positions):
        if position.entry_price < PRICE_MIN and position.instrument not in absolute:
            where = f"portfolio.positions[{index}].entry_price"
            yield where, f"{position.instrument} at {position.entry_price:g}: {need}"
    for index, history in enumerate(book.histories):
        low = [point for point in history.closes if point.value < PRICE_MIN]
        if low and history.series not in absolute:
            yield (
                f"histories[{index}].closes",
                f"{history.series} at {low[0].value:g} on {low[0].date}: {need}",
            )


def _series_problems(
    book: PortfolioImport, known: Mapping[str, Instrument], closes: Mapping[str, ClosesState]
) -> Problems:
    given = {*closes, *(history.series for history in book.histories)}
    for series in _needed_series(book, known):
        if series not in given:
            yield (
                "histories",
                f"no closes of {series!r}: the book cannot be valued without; give them "
                f"(`riskstream portfolio import --prices FILE`){_rates_advice(series)}",
            )


def _rates_advice(series: str) -> str:
    currency = series.removeprefix(FX_SERIES_PREFIX)
    if currency == series or is_iso_4217(currency):
        return ""
    return f"; {missing_rates_remedy(currency)}"
