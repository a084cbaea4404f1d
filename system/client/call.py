"""One request of the API as a value: address, query, body and the type of its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, Generic, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Struct

from system.client.errors import ApiMismatchError, ApiRefusedError, ApiUnavailableError
from system.contracts.api.risk import Problem
from system.contracts.api.series import Resolution
from system.contracts.limits import LimitLevel, LimitMeasure
from system.contracts.messages import SnapshotKind
from system.contracts.text.names import checked_label

T = TypeVar("T", bound=Struct)
Parameters = Mapping[str, str | int | bool | Sequence[str] | None]
RETRIED_STATUSES: Final = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request. Every call can be repeated: nothing that is sent counts twice.

    Parameters
    ----------
    method, path : str
        Of HTTP; the path is quoted.
    kind : type
        Of the answer.
    parameters : mapping
        Of the query; None is left out, a sequence is a parameter that is repeated.
    body : bytes or None
        JSON.
    """

    method: str
    path: str
    kind: type[T]
    parameters: Parameters = field(default_factory=dict)
    body: bytes | None = None

    @property
    def query(self) -> dict[str, str | list[str]]:
        """The parameters as text, those that are set."""
        return {name: _text(value) for name, value in self.parameters.items() if value is not None}

    def answer(self, status: int, body: bytes) -> T:
        """Return the answer of a response.

        Raises
        ------
        ApiRefusedError
            If the API refused; carries its problem.
        ApiUnavailableError
            If a server behind the API does not answer.
        ApiMismatchError
            If the answer is not of its type.
        """
        raise_refusal(status, body)
        try:
            return msgspec.json.decode(body, type=self.kind)
        except msgspec.MsgspecError as error:
            raise ApiMismatchError(f"{self.method} {self.path}: {error}") from error


def raise_refusal(status: int, body: bytes) -> None:
    """Raise what a response's status says, if it is not success.

    Raises
    ------
    ApiRefusedError
        If the API refused; carries its problem.
    ApiUnavailableError
        If a server behind the API does not answer.
    """
    if status in RETRIED_STATUSES:
        raise ApiUnavailableError(f"the API says {status}: {_problem(status, body).detail}")
    if status >= HTTPStatus.BAD_REQUEST:
        raise ApiRefusedError(_problem(status, body))


@dataclass(frozen=True)
class SeriesQuestion:
    """Which points of a time series: see ``GET .../snapshots``.

    Parameters
    ----------
    kind : SnapshotKind or None
        Only those.
    from_ns, to_ns : int or None
        Event time, nanoseconds since 1970 UTC; the end is excluded.
    components : bool
        Each point with component VaR per instrument.
    newest_first : bool
        Order of time reversed.
    page_rows : int
        Rows per page.
    resolution : Resolution or None
        Only the last point of each interval of event time of this length.
    """

    kind: SnapshotKind | None = None
    from_ns: int | None = None
    to_ns: int | None = None
    components: bool = False
    newest_first: bool = False
    page_rows: int = 1_000
    resolution: Resolution | None = None


@dataclass(frozen=True)
class LimitQuestion:
    """Filters and page of ``GET /v1/limits``; None and empty leave out nothing.

    Parameters
    ----------
    level : sequence of LimitLevel
        Levels that the values have now.
    measure : LimitMeasure or None
        Measure that is limited.
    desk : str or None
        Desk of the portfolio.
    raised, acknowledged : bool or None
        Whether a level is raised, and whether a person has acknowledged it.
    page_rows : int
        Limits per page.
    after : str or None
        ``next`` of the page before.
    """

    level: Sequence[LimitLevel] = ()
    measure: LimitMeasure | None = None
    desk: str | None = None
    raised: bool | None = None
    acknowledged: bool | None = None
    page_rows: int = 1_000
    after: str | None = None


def quoted(name: str) -> str:
    """Return a name as one segment of a path.

    Raises
    ------
    TextError
        If it holds what no name can: an address could not carry it.
    """
    segment = quote(checked_label(name), safe="")
    # a segment of dots would be taken for a way upwards, and removed, before it is sent
    return segment.replace(".", "%2E") if segment in {".", ".."} else segment


def _text(value: str | int | bool | Sequence[str] | None) -> str | list[str]:
    if isinstance(value, tuple | list):
        return [str(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def changed(question: Struct) -> Parameters:
    """Return the fields of a question that differ from their defaults, as query parameters."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(question)}
    stated = msgspec.structs.asdict(question)
    return {name: value for name, value in stated.items() if value != defaults[name]}


def _problem(status: int, body: bytes) -> Problem:
    try:
        return msgspec.json.decode(body, type=Problem)
    except msgspec.MsgspecError:
        detail = body[:200].decode("utf-8", "replace") or "no explanation"
        return Problem(title=_phrase(status), status=status, detail=detail)


def _phrase(status: int) -> str:
    """Return the standard phrase of a status; proxies send some that have none (520 to 530)."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown status"
