"""Routes for reference data: instruments, and the closes of a series."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator

from system.book.state.positions import cash_currency
from system.book.state.rows import CLOSES_PREFIX, INSTRUMENT_PREFIX, ClosesState
from system.contracts.api.reference import Closes, Instruments
from system.contracts.messages import AssetClass, ClosePoint, Instrument
from system.contracts.text.names import checked_label
from system.serve.http.errors import UnknownSeriesError, invalid_field
from system.serve.http.parameters import Contained, InstrumentName, SeriesName
from system.serve.http.responses import answers, json_answer
from system.serve.services.connections import Services, services_of

DEFAULT_INSTRUMENTS: Final = 1_000
MAX_INSTRUMENTS: Final = 10_000
_READ_AT_ONCE: Final = 2_000
_INSTRUMENT: Final = msgspec.json.Decoder(Instrument)
_CLOSES: Final = msgspec.json.Decoder(ClosesState)
_NO_CLOSES: Final = ClosesState(dates=(), values=())
router = APIRouter(prefix="/v1", tags=["reference"])


@router.get("/instruments", **answers(Instruments, 422, 503))
async def instruments(
    request: Request,
    asset_class: Annotated[AssetClass | None, Query(description="Only this class.")] = None,
    contains: Contained = None,
    limit: Annotated[
        int, Query(ge=1, le=MAX_INSTRUMENTS, description="Instruments per page.")
    ] = DEFAULT_INSTRUMENTS,
    after: Annotated[
        str | None,
        Query(description="`next` of the page before: a name."),
        AfterValidator(checked_label),
    ] = None,
) -> Response:
    """List the instruments that the stream knows, by name."""
    services, letters = services_of(request), (contains or "").casefold()
    listed: list[Instrument] = []
    last = after or ""
    while len(listed) <= limit:
        page = await _page(services, last)
        listed += [
            instrument
            for instrument in page
            if asset_class in (None, instrument.asset_class)
            and letters in instrument.instrument.casefold()
        ]
        if len(page) < _READ_AT_ONCE:
            break
        last = page[-1].instrument
    shown = tuple(listed[:limit])
    more = shown[-1].instrument if len(listed) > limit else None
    return json_answer(Instruments(instruments=shown, next=more))


@router.get("/instruments/{instrument:path}", **answers(Instrument, 404, 422, 503))
async def instrument(request: Request, instrument: InstrumentName) -> Response:
    """Return the reference data of one instrument."""
    currency = cash_currency(instrument)
    if currency is not None:
        return json_answer(
            Instrument(instrument=instrument, asset_class=AssetClass.CASH, currency=currency)
        )
    return json_answer(await _known(services_of(request), instrument))


@router.get("/closes/{series:path}", **answers(Closes, 404, 422, 503))
async def closes(
    request: Request,
    series: SeriesName,
    first: Annotated[
        dt.date | None, Query(description="First day, included; by default the oldest held.")
    ] = None,
    last: Annotated[
        dt.date | None, Query(description="Last day, included; by default the newest held.")
    ] = None,
) -> Response:
    """Return the daily closes of an instrument or of `fx:CCY` that windows are made of."""
    if first is not None and last is not None and last < first:
        raise invalid_field("last", f"{last} is before first, {first}: give the later day as last")
    services, key = services_of(request), CLOSES_PREFIX + series
    row = (await services.read(services.history.state_values, [key])).get(key)
    if row is None and not series.startswith("fx:"):
        await _known(services, series)
    elif row is None:
        raise UnknownSeriesError(
            f"no closes of {series!r}: send them with a portfolio (POST /v1/portfolios), or ask "
            "for fx:CCY of a currency that a portfolio needs"
        )
    held = _NO_CLOSES if row is None else _CLOSES.decode(row)
    asked = (first or dt.date.min, last or dt.date.max)
    return json_answer(
        Closes(
            series=series,
            first=held.dates[0] if held.dates else None,
            last=held.dates[-1] if held.dates else None,
            held_count=len(held.dates),
            closes=tuple(
                ClosePoint(date, value)
                for date, value in zip(held.dates, held.values, strict=True)
                if asked[0] <= date <= asked[1]
            ),
        )
    )


async def _page(services: Services, after: str) -> list[Instrument]:
    rows = await services.read(
        services.history.state_page,
        INSTRUMENT_PREFIX,
        after=INSTRUMENT_PREFIX + after,
        limit=_READ_AT_ONCE,
    )
    return [_INSTRUMENT.decode(row) for _, row in rows]


async def _known(services: Services, name: str) -> Instrument:
    key = INSTRUMENT_PREFIX + name
    row = (await services.read(services.history.state_values, [key])).get(key)
    if row is None:
        raise UnknownSeriesError(
            f"instrument {name!r} has no reference data: GET /v1/instruments lists the known ones"
        )
    return _INSTRUMENT.decode(row)
