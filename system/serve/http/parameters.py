"""Query parameters that need reading: moments of time and page tokens."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import Depends, Path, Query
from pydantic import AfterValidator, Field

from system.contracts.api.portfolios import (
    MAX_CONTAINED_LETTERS,
    MAX_PORTFOLIOS,
    PortfolioQuestion,
    PortfolioSort,
)
from system.contracts.api.series import Resolution
from system.contracts.currencies import checked_iso_currency
from system.contracts.limits import LimitLevel, LimitMeasure
from system.contracts.messages import SnapshotKind
from system.contracts.text.names import checked_label, checked_name, checked_scenario
from system.serve.http.errors import InvalidRequestError, invalid_field
from system.store.records import MAX_PAGE_ROWS, PageKey, SnapshotQuery

DEFAULT_PAGE_ROWS: Final = 1_000
_MAX_MOMENT_LETTERS: Final = 40
_NS_PER_US: Final = 1_000
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

PortfolioName = Annotated[
    str,
    Path(description="Name of the portfolio, percent-encoded.", examples=["long"]),
    AfterValidator(checked_name),
]
DeskName = Annotated[
    str, Path(description="As portfolios name it, percent-encoded."), AfterValidator(checked_name)
]
TradeId = Annotated[
    str, Path(description="The trade's id, percent-encoded."), AfterValidator(checked_name)
]
SnapshotId = Annotated[
    str, Path(description="The snapshot's id, percent-encoded."), AfterValidator(checked_label)
]
SnapshotFilter = Annotated[str, AfterValidator(checked_label)]
_Name = Annotated[str, AfterValidator(checked_name)]
PortfolioFilter = Annotated[_Name | None, Query(description="Only this portfolio's.")]
DeskFilter = Annotated[_Name | None, Query(description="Only portfolios of this desk.")]
InstrumentFilter = Annotated[
    str, Query(description="Only those of one instrument."), AfterValidator(checked_scenario)
]
InstrumentName = Annotated[
    str,
    Path(description="Name of the instrument, percent-encoded.", examples=["AAPL"]),
    AfterValidator(checked_name),
]
SeriesName = Annotated[
    str,
    Path(description="Instrument, or `fx:USD`, percent-encoded.", examples=["AAPL"]),
    AfterValidator(checked_name),
]
Contained = Annotated[
    Annotated[str, Field(min_length=1, max_length=MAX_CONTAINED_LETTERS)] | None,
    Query(description="Letters that the name contains, in either case."),
]
AskedLevels = Annotated[
    list[LimitLevel] | None, Query(description="Only these levels; may be repeated.")
]
BaseCurrency = Annotated[
    Annotated[str, AfterValidator(checked_iso_currency)] | None,
    Query(description="ISO 4217 code of the base currency."),
]


def stream_of(portfolio: str) -> str:
    """Return the address of the push stream of one portfolio."""
    return f"/v1/stream?portfolio={quote(portfolio, safe='')}"


def moment_ns(text: str, field: str) -> int:
    """Return a moment of event time, nanoseconds since 1970 UTC.

    Parameters
    ----------
    text : str
        Nanoseconds, or ISO 8601 date or time (UTC unless it names its offset).
    field : str
        Named in the error.

    Raises
    ------
    InvalidRequestError
        If it is neither.
    """
    if text.isdecimal() and len(text) < _MAX_MOMENT_LETTERS:
        return int(text)
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise _not_a_moment(text, field) from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return (aware - _EPOCH) // dt.timedelta(microseconds=1) * _NS_PER_US


def snapshot_query(
    portfolio: PortfolioName,
    kind: Annotated[SnapshotKind | None, Query(description="Only these; all by default.")] = None,
    from_: Annotated[
        str | None,
        Query(alias="from", description="Event time, included: ISO 8601 or nanoseconds."),
    ] = None,
    to: Annotated[
        str | None, Query(description="Event time, excluded: ISO 8601 or nanoseconds.")
    ] = None,
    limit: Annotated[
        int, Query(ge=1, le=MAX_PAGE_ROWS, description="Points per page.")
    ] = DEFAULT_PAGE_ROWS,
    after: Annotated[
        str | None, Query(description="`next` of the page before: goes on from there.")
    ] = None,
    newest_first: Annotated[bool, Query(description="Order of time reversed.")] = False,
    resolution: Annotated[
        Resolution | None,
        Query(description="Only the last point of each interval of event time of this length."),
    ] = None,
) -> SnapshotQuery:
    """Return the question that a request's parameters ask.

    Raises
    ------
    InvalidRequestError
        If a moment cannot be read; names the parameter.
    PageTokenError
        If ``after`` is no token of ours.
    """
    return SnapshotQuery(
        portfolio=portfolio,
        kind=kind,
        from_ns=None if from_ is None else moment_ns(from_, "from"),
        to_ns=None if to is None else moment_ns(to, "to"),
        limit=limit,
        after=None if after is None else PageKey.from_token(after),
        newest_first=newest_first,
        resolution_ns=None if resolution is None else resolution.nanoseconds,
    )


def portfolio_question(  # noqa: PLR0913, PLR0917 - one argument per parameter
    sort: Annotated[
        PortfolioSort, Query(description="Order of the lines; those without a number are last.")
    ] = PortfolioSort.PORTFOLIO,
    descending: Annotated[bool, Query(description="Largest first.")] = False,
    level: AskedLevels = None,
    measure: Annotated[
        LimitMeasure | None, Query(description="Only this limit gives level and use.")
    ] = None,
    desk: DeskFilter = None,
    base_currency: BaseCurrency = None,
    complete: Annotated[
        bool | None, Query(description="Only complete snapshots (true), or only others (false).")
    ] = None,
    contains: Contained = None,
    limit: Annotated[
        int, Query(ge=1, le=MAX_PORTFOLIOS, description="Lines per page.")
    ] = MAX_PORTFOLIOS,
    after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
) -> PortfolioQuestion:
    """Return the question that a request's parameters ask of the list of portfolios."""
    return PortfolioQuestion(
        sort=sort,
        descending=descending,
        level=tuple(level or ()),
        measure=measure,
        desk=desk,
        base_currency=base_currency,
        complete=complete,
        contains=contains,
        limit=limit,
        after=after,
    )


AskedPortfolios = Annotated[PortfolioQuestion, Depends(portfolio_question)]
AskedSnapshots = Annotated[SnapshotQuery, Depends(snapshot_query)]


def _not_a_moment(text: str, field: str) -> InvalidRequestError:
    shown = text[:_MAX_MOMENT_LETTERS]
    return invalid_field(field, f"{shown!r} is neither ISO 8601 nor nanoseconds since 1970 UTC")
