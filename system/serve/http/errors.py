"""Errors of the API, each with its HTTP status.

::

    InputError
    └── ApiError
        ├── UnauthorizedError        401  no bearer token, or another one
        ├── UnknownPortfolioError    404  lists the known ones
        ├── UnknownDeskError         404  lists the known ones
        ├── UnknownSnapshotError     404  never taken, or thinned out
        ├── NoCloseYetError          404  the first end of day is still to come
        ├── UnknownTradeError        404
        ├── UnknownSeriesError       404  no reference data, no closes
        ├── NothingRaisedError       409  there is nothing to acknowledge
        ├── VersionConflictError     409  an amendment of a version that is not the next
        ├── ClosedTradeError         409  an amendment or cancellation of a closed trade
        ├── ClosedDayError           409  a day that is closed cannot be closed again
        ├── TakenAdjustmentError     409  another split or dividend of that day took effect
        ├── BodyTooLargeError        413
        ├── InvalidRequestError      422  names each field, its value and what it must be
        ├── UnknownInstrumentError   422
        ├── TooManyRequestsError     429  more than the rate that a token has
        ├── TooManyStreamsError      503
        ├── NotReadyError            503  a server behind the API does not answer
        └── UnansweredTradeError     503  names the id to send the trade again under
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from system.contracts.api.risk import FieldProblem, Problem
from system.errors import InputError, UnavailableError
from system.store.records import EmptiedSnapshot

MAX_KNOWN_LISTED: Final = 100


class ApiError(InputError):
    """A request that is not done; becomes ``application/problem+json``.

    Parameters
    ----------
    detail : str
        What is wrong and what to do, for a person.
    errors : sequence of FieldProblem
        Each wrong field.
    known : sequence of str
        What the name could have been.
    trade_id : str
        Of a trade that may have been kept.
    """

    status: ClassVar[int] = 400
    title: ClassVar[str] = "The request is not right"

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[FieldProblem] = (),
        known: Sequence[str] = (),
        trade_id: str = "",
    ) -> None:
        super().__init__(detail)
        self.trade_id = trade_id
        self.detail = detail
        self.errors = tuple(errors)
        self.known = tuple(known)

    def problem(self, instance: str) -> Problem:
        """Return the error as a problem of one request (its path)."""
        return Problem(
            title=self.title,
            status=self.status,
            detail=self.detail,
            instance=instance,
            errors=self.errors,
            known=self.known[:MAX_KNOWN_LISTED],
            trade_id=self.trade_id,
        )


class UnauthorizedError(ApiError):
    """The bearer token is missing or another one."""

    status = 401
    title = "A bearer token is needed"

    def __init__(self) -> None:
        super().__init__(
            "send `Authorization: Bearer TOKEN`; the stack keeps the token in the file "
            "`api-token` of its state folder (`riskstream status` names it)"
        )


class UnknownPortfolioError(ApiError):
    """No portfolio of that name, or none with a snapshot yet."""

    status = 404
    title = "Unknown portfolio"


class UnknownDeskError(ApiError):
    """No portfolio with a snapshot is on a desk of that name."""

    status = 404
    title = "Unknown desk"


class UnknownSnapshotError(ApiError):
    """No snapshot of that id is kept."""

    status = 404
    title = "Unknown snapshot"


class NoCloseYetError(ApiError):
    """No day has been closed yet."""

    status = 404
    title = "No end of day yet"


class UnknownTradeError(ApiError):
    """No trade of that id has come."""

    status = 404
    title = "Unknown trade"


class UnknownSeriesError(ApiError):
    """No instrument of that name has reference data, or no rate of that name has closes."""

    status = 404
    title = "Unknown instrument or series"


class VersionConflictError(ApiError):
    """The version asked for is not the next one of the trade."""

    status = 409
    title = "Not the next version"


class ClosedTradeError(ApiError):
    """The trade was closed at an end of day: it can be neither amended nor cancelled."""

    status = 409
    title = "Closed trade"


class ClosedDayError(ApiError):
    """The day was closed: its end-of-day snapshot is taken."""

    status = 409
    title = "Closed day"


class TakenAdjustmentError(ApiError):
    """Another split or dividend of that instrument and day has taken effect."""

    status = 409
    title = "It took effect already"


class NothingRaisedError(ApiError):
    """No level of a limit is raised."""

    status = 409
    title = "Nothing to acknowledge"


class BodyTooLargeError(ApiError):
    """The body is larger than its endpoint takes."""

    status = 413
    title = "The body is too large"


class InvalidRequestError(ApiError):
    """A field is missing, unknown or out of its bounds."""

    status = 422
    title = "The request is not valid"


class UnknownInstrumentError(ApiError):
    """No instrument of that name is known to the stream."""

    status = 422
    title = "Unknown instrument"


class TooManyRequestsError(ApiError):
    """More requests came under the token than its rate allows."""

    status = 429
    title = "Too many requests"

    def __init__(self, method: str, wait_s: float) -> None:
        super().__init__(
            f"more {method} requests than this token may send in a second: send the next one in "
            f"{wait_s * 1_000:.0f} ms (RISKSTREAM_API_READS_PER_SECOND and "
            "RISKSTREAM_API_WRITES_PER_SECOND set the rates)"
        )


class TooManyStreamsError(ApiError):
    """As many clients are on the stream as it takes."""

    status = 503
    title = "Too many streams"


class NotReadyError(ApiError):
    """A server behind the API does not answer.

    Parameters
    ----------
    silent_count, server_count : int
        How many are silent, of how many; their names need the token.
    """

    status = 503
    title = "Not ready"

    def __init__(self, silent_count: int, server_count: int) -> None:
        super().__init__(
            f"{silent_count} of {server_count} servers behind the API do not answer: "
            "GET /v1/health with the token names them"
        )


class UnansweredTradeError(ApiError):
    """A server was silent while a trade was sent: it may be kept, or not.

    Parameters
    ----------
    trade_id : str
        The trade's, made up here or by the client.
    cause : UnavailableError
        Which server, and the bound.
    """

    status = 503
    title = "The trade was not confirmed"

    def __init__(self, trade_id: str, cause: UnavailableError) -> None:
        super().__init__(
            f"{cause}; send the trade again with trade_id {trade_id!r} in a moment: under this id "
            "it counts once, whether the first attempt was kept or not",
            trade_id=trade_id,
        )


def invalid_field(field: str, detail: str) -> InvalidRequestError:
    """Return the error of one wrong field (``a.b[3].c``), naming it in the sentence too."""
    return InvalidRequestError(
        f"{field}: {detail}", errors=[FieldProblem(field=field, detail=detail)]
    )


def unknown_snapshot(snapshot_id: str, portfolio: str = "") -> UnknownSnapshotError:
    """Return the error for a snapshot that is not kept, of any portfolio or of one."""
    whose = f" of portfolio {portfolio!r}" if portfolio else ""
    return UnknownSnapshotError(
        f"no snapshot {snapshot_id!r}{whose}: never committed, or thinned out (end-of-day "
        "snapshots are kept for ever, those of trades within a budget)"
    )


def emptied_snapshot(snapshot_id: str, rest: EmptiedSnapshot) -> UnknownSnapshotError:
    """Return the error for a pinned snapshot of which only its naming of trades is left."""
    trades = ", ".join(rest.trade_ids[:MAX_KNOWN_LISTED]) or "none"
    more = len(rest.trade_ids) - MAX_KNOWN_LISTED
    return UnknownSnapshotError(
        f"snapshot {snapshot_id!r} is no longer kept whole: it outgrew the budget of pinned "
        f"snapshots. Its numbers are in the portfolio's time series; its trades: {trades}"
        f"{f' and {more} more' if more > 0 else ''}; SHA-256 of its JSON: {rest.payload_sha256}"
    )


def unknown_portfolio(portfolio: str, known: Sequence[str]) -> UnknownPortfolioError:
    """Return the error for a name that nobody imported; lists those that are known."""
    listed = ", ".join(known[:MAX_KNOWN_LISTED]) or "none: import one by POST /v1/portfolios"
    return UnknownPortfolioError(f"no portfolio {portfolio!r}; known: {listed}", known=known)
