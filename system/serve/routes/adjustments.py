"""Splits and dividends in: checked against what the stream knows, then sent as reference data."""

from __future__ import annotations

import datetime as dt
from typing import Final

import msgspec
from fastapi import APIRouter, Request, Response

from system.book.state.adjustments import adjustment_row
from system.book.state.rows import (
    ADJUSTMENT_PREFIX,
    CLOSES_PREFIX,
    DAY_KEY,
    INSTRUMENT_PREFIX,
    SESSIONS_PREFIX,
    AdjustmentState,
    ClosesState,
    DayState,
)
from system.contracts.api.adjustments import (
    AdjustmentAccepted,
    AdjustmentRow,
    Adjustments,
    DividendRequest,
    SplitRequest,
)
from system.contracts.messages import (
    ADJUSTABLE,
    Adjustment,
    Dividend,
    ExchangeSessions,
    Instrument,
    Split,
)
from system.serve.http.errors import (
    TakenAdjustmentError,
    UnknownInstrumentError,
    invalid_field,
)
from system.serve.http.parameters import InstrumentFilter
from system.serve.http.requests import question_body
from system.serve.http.responses import answers, json_answer, takes
from system.serve.services.connections import Services

ACCEPTED: Final = 202
SATURDAY: Final = 5
MAX_LISTED: Final = 1_000
router = APIRouter(prefix="/v1", tags=["trades"])


@router.post(
    "/adjustments/splits",
    openapi_extra=takes(SplitRequest),
    **answers(AdjustmentAccepted, 409, 413, 422, 503, status=ACCEPTED),
)
async def send_split(request: Request) -> Response:
    """Send a split; it takes effect at the end of its `last_day`, once."""
    asked = await question_body(request, SplitRequest)
    return json_answer(await _sent(request.app.state.services, asked), ACCEPTED)


@router.post(
    "/adjustments/dividends",
    openapi_extra=takes(DividendRequest),
    **answers(AdjustmentAccepted, 409, 413, 422, 503, status=ACCEPTED),
)
async def send_dividend(request: Request) -> Response:
    """Send a dividend; it is paid, once, at the end of its `last_day`."""
    asked = await question_body(request, DividendRequest)
    return json_answer(await _sent(request.app.state.services, asked), ACCEPTED)


@router.get("/adjustments", **answers(Adjustments, 503))
async def list_adjustments(
    request: Request,
    instrument: InstrumentFilter = "",
) -> Response:
    """List splits and dividends, those that wait and those in effect, newest date first."""
    services: Services = request.app.state.services
    keys = await services.read(services.history.state_keys, ADJUSTMENT_PREFIX)
    rows = await services.read(services.history.state_values, keys)
    states = [msgspec.json.decode(row, type=AdjustmentState) for row in rows.values()]
    known = [adjustment_told(state) for state in states]
    chosen = [row for row in known if instrument in ("", row.instrument)]
    chosen.sort(key=lambda row: (row.date, row.instrument, row.type), reverse=True)
    return json_answer(Adjustments(adjustments=tuple(chosen[:MAX_LISTED])))


def adjustment_told(state: AdjustmentState) -> AdjustmentRow:
    """Return an adjustment as the API tells it."""
    adjustment = state.adjustment
    return AdjustmentRow(
        type=_kind(adjustment),
        instrument=adjustment.instrument,
        date=adjustment.date,
        last_day=adjustment.last_day,
        ratio=adjustment.ratio if isinstance(adjustment, Split) else None,
        amount=adjustment.amount if isinstance(adjustment, Dividend) else None,
        taken=state.taken,
    )


def _kind(adjustment: Adjustment) -> str:
    return "split" if isinstance(adjustment, Split) else "dividend"


async def _sent(services: Services, asked: SplitRequest | DividendRequest) -> AdjustmentAccepted:
    keys = [INSTRUMENT_PREFIX + asked.instrument, CLOSES_PREFIX + asked.instrument, DAY_KEY]
    rows = await services.read(services.history.state_values, keys)
    instrument = _instrument(asked.instrument, rows.get(keys[0]))
    adjustment = as_message(asked, await _sessions(services, instrument))
    key = adjustment_row(adjustment)
    known = (await services.read(services.history.state_values, [key])).get(key)
    if not _is_taken_over(adjustment, known):
        _check_open(adjustment, rows.get(DAY_KEY))
        _check_amount(adjustment, rows.get(keys[1]))
    place = await services.send(services.bus.deliver, adjustment)
    told = adjustment_told(AdjustmentState(adjustment=adjustment))
    return AdjustmentAccepted(
        **msgspec.structs.asdict(told),
        topic=place.topic,
        partition=place.partition,
        offset=place.offset,
    )


async def _sessions(services: Services, instrument: Instrument) -> ExchangeSessions | None:
    if instrument.exchange is None:
        return None
    key = SESSIONS_PREFIX + instrument.exchange
    row = (await services.read(services.history.state_values, [key])).get(key)
    return None if row is None else msgspec.json.decode(row, type=ExchangeSessions)


def as_message(
    asked: SplitRequest | DividendRequest, sessions: ExchangeSessions | None = None
) -> Adjustment:
    """Return the message of a request, its last day filled in: the session before its date.

    Raises
    ------
    InvalidRequestError
        If ``last_day`` is not shortly before ``date``, or no day is.
    """
    if asked.date == dt.date.min:
        raise invalid_field("date", f"{asked.date} is the first day that there is: none before it")
    last_day = asked.last_day or session_before(asked.date, sessions)
    try:
        if isinstance(asked, SplitRequest):
            return Split(
                instrument=asked.instrument, date=asked.date, last_day=last_day, ratio=asked.ratio
            )
        return Dividend(
            instrument=asked.instrument, date=asked.date, last_day=last_day, amount=asked.amount
        )
    except ValueError as error:
        raise invalid_field("last_day", str(error)) from None


def session_before(date: dt.date, sessions: ExchangeSessions | None) -> dt.date:
    """Return the last session before a day, the weekday before where sessions do not tell."""
    if sessions is not None and sessions.first < date <= sessions.last:
        known = [session.date for session in sessions.sessions if session.date < date]
        return known[-1] if known else weekday_before(date)
    return weekday_before(date)


def weekday_before(date: dt.date) -> dt.date:
    """Return the last Monday to Friday before a day.

    Examples
    --------
    >>> weekday_before(dt.date(2020, 8, 31))
    datetime.date(2020, 8, 28)
    """
    day = date - dt.timedelta(days=1)
    return day - dt.timedelta(days=max(0, day.weekday() - SATURDAY + 1))


def _instrument(name: str, row: bytes | None) -> Instrument:
    if row is None:
        raise UnknownInstrumentError(
            f"instrument {name!r} has no reference data: import it with a portfolio "
            "(POST /v1/portfolios), or see the positions of one for names"
        )
    instrument = msgspec.json.decode(row, type=Instrument)
    asset_class = instrument.asset_class
    if asset_class not in ADJUSTABLE:
        raise invalid_field(
            "instrument",
            f"{name} is of class {asset_class}: {', '.join(sorted(ADJUSTABLE))} split and pay "
            "dividends",
        )
    return instrument


def _is_taken_over(adjustment: Adjustment, row: bytes | None) -> bool:
    """Return whether the very same came before; refuse another one where that took effect."""
    if row is None:
        return False
    known = msgspec.json.decode(row, type=AdjustmentState)
    if known.adjustment == adjustment:
        return True
    if known.taken is not None:
        raise TakenAdjustmentError(
            f"the {_kind(adjustment)} of {adjustment.instrument} on {adjustment.date} took effect "
            f"at the end of {known.taken}, as {adjustment_told(known)}"
        )
    return False


def _check_open(adjustment: Adjustment, row: bytes | None) -> None:
    day = None if row is None else msgspec.json.decode(row, type=DayState).date
    if day is not None and adjustment.date <= day:
        raise invalid_field("date", f"{adjustment.date} is closed already (until {day})")


def _check_amount(adjustment: Adjustment, row: bytes | None) -> None:
    """Refuse a dividend of the whole price: a slip, or nothing that closes can be restated for."""
    closes = None if row is None else msgspec.json.decode(row, type=ClosesState).values
    if isinstance(adjustment, Dividend) and closes and adjustment.amount >= closes[-1]:
        raise invalid_field(
            "amount",
            f"{adjustment.amount:g} is not below the last close of {adjustment.instrument}, "
            f"{closes[-1]:g}",
        )
