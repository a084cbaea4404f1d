"""The inputs of a snapshot: from a running stack, a file, or an address of the API."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import httpx
import msgspec

from system.book.restore import KeptRows, restored_rows
from system.book.state.listings import series_behind
from system.book.state.rows import (
    ADJUSTMENT_PREFIX,
    CLOSES_PREFIX,
    INSTRUMENT_PREFIX,
    SESSIONS_PREFIX,
    STRESSED_PREFIX,
    stressed_series,
)
from system.client.origin import authorization
from system.contracts.codec import decode
from system.contracts.currencies import EUR
from system.contracts.messages import MONEY, Instrument, RiskSnapshot
from system.contracts.text.names import visible
from system.errors import InputError, MessageError, UnavailableError
from system.risk.scenarios.window import fx_series
from system.settings import Connections
from system.store.postgres.history import RiskHistory

HTTP_BOUND_S: Final = 10.0
MAX_FILE_BYTES: Final = 64 * 1024**2
ADDRESSES: Final = ("http://", "https://")


class RecordNotFoundError(InputError):
    """There is no such record, or what it was made from is not there any more."""


class Bundle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A snapshot with everything that its numbers follow from; what ``--save`` writes.

    ``rows`` are those of the book state that it needs: instruments and daily closes of what is
    held and of what moves it, FX series (``fx:USD``, units per EUR) among them, and sessions.
    """

    snapshot: RiskSnapshot
    rows: dict[str, msgspec.Raw]

    @property
    def kept(self) -> KeptRows:
        """Return the rows as typed values.

        Raises
        ------
        MessageError
            If a row cannot be read; names its key.
        """
        return restored_rows({key: bytes(row) for key, row in self.rows.items()})


def read_bundle(path: Path) -> Bundle:
    """Return a bundle from a file.

    Raises
    ------
    InputError
        If it cannot be read; names the file and what is wrong.
    """
    try:
        return msgspec.json.decode(_read(path), type=Bundle)
    except msgspec.MsgspecError as error:
        raise InputError(
            f"{path} is not what `riskstream explain --save` writes: {error}"
        ) from None


def gathered(record: str, connections: Connections, *, inputs: Path | None) -> Bundle:
    """Return a record with its inputs.

    Parameters
    ----------
    record : str
        Id of a stored snapshot, a file with one (as the API gives it), or its address in the
        API.
    connections : Connections
        Of a running stack; asked only for what is not in files.
    inputs : Path or None
        A bundle that instruments and closes are taken from, instead of the stack.

    Raises
    ------
    InputError
        If the record or an input is not there, or cannot be read.
    UnavailableError
        If a server does not answer.
    """
    snapshot = _snapshot(record, connections)
    if inputs is not None:
        kept = read_bundle(inputs)
        return msgspec.structs.replace(kept, snapshot=snapshot)
    with RiskHistory(connections.reader_database_url) as history:
        return Bundle(snapshot=snapshot, rows=_rows_behind(snapshot, history))


def needed_instruments(snapshot: RiskSnapshot) -> tuple[str, ...]:
    """Return what a snapshot holds, and what options among it are on."""
    held = (position.instrument for position in snapshot.positions)
    behind = (
        position.option.underlying for position in snapshot.positions if position.option is not None
    )
    return tuple(dict.fromkeys((*held, *behind)))


def needed_closes(snapshot: RiskSnapshot, instruments: Iterable[Instrument]) -> tuple[str, ...]:
    """Return the series that the scenarios of a snapshot may be made from.

    Parameters
    ----------
    snapshot : RiskSnapshot
        The record.
    instruments : iterable of Instrument
        Of what it holds and what is behind that.
    """
    priced = [instrument for instrument in instruments if instrument.asset_class not in MONEY]
    behind = [name for instrument in priced for name in series_behind(instrument)]
    rates = [fx_series(currency) for currency in snapshot.rates if currency != EUR]
    return tuple(
        dict.fromkeys((*(instrument.instrument for instrument in priced), *behind, *rates))
    )


def _snapshot(record: str, connections: Connections) -> RiskSnapshot:
    if record.startswith(ADDRESSES):
        return _decoded(_asked(record, connections), record)
    path = Path(record)
    if path.is_file():
        return _decoded(_read(path), record)
    with RiskHistory(connections.reader_database_url) as history:
        stored = history.snapshot_json(record)
    if stored is None:
        raise RecordNotFoundError(
            f"{record!r} is no file, no address, and no snapshot in the database: never "
            "committed, or thinned out"
        )
    return _decoded(stored, record)


def _decoded(value: bytes, where: str) -> RiskSnapshot:
    try:
        return decode(value, RiskSnapshot)
    except MessageError as error:
        raise InputError(f"{where} is no snapshot: {error}") from error


def _asked(address: str, connections: Connections) -> bytes:
    """Return what an address answers; the token goes to the API's own origin only.

    Redirections are not followed: they could lead the token elsewhere.
    """
    try:
        url = httpx.URL(address)
        headers = authorization(url, connections)
        with httpx.stream("GET", url, headers=headers, timeout=HTTP_BOUND_S) as answer:
            content = _bounded(answer)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UnavailableError(f"{address} does not answer: {error}") from error
    if answer.status_code != httpx.codes.OK:
        text = visible(content[:200].decode("utf-8", "replace"))
        sent = "" if headers else "; no token was sent: it is for the API of this stack only"
        raise RecordNotFoundError(f"{address} answers {answer.status_code}: {text}{sent}")
    return content


def _bounded(answer: httpx.Response) -> bytes:
    """Return the body of an answer.

    Raises
    ------
    InputError
        If it is larger than ``MAX_FILE_BYTES``.
    """
    content = bytearray()
    for chunk in answer.iter_bytes():
        content += chunk
        if len(content) > MAX_FILE_BYTES:
            raise InputError(f"{answer.url} answers more than {MAX_FILE_BYTES} bytes")
    return bytes(content)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"{path} is larger than {MAX_FILE_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def _rows_behind(snapshot: RiskSnapshot, history: RiskHistory) -> dict[str, msgspec.Raw]:
    names = (INSTRUMENT_PREFIX + name for name in needed_instruments(snapshot))
    instruments = history.state_values(list(names))
    series = needed_closes(snapshot, restored_rows(instruments).instruments)
    closes = history.state_values([CLOSES_PREFIX + name for name in series])
    stressed = [
        key for key in history.state_keys(STRESSED_PREFIX) if stressed_series(key) in set(series)
    ]
    adjustments = history.state_keys(ADJUSTMENT_PREFIX)
    known = restored_rows(instruments).instruments
    exchanges = {instrument.exchange for instrument in known} - {None}
    sessions = [SESSIONS_PREFIX + exchange for exchange in sorted(map(str, exchanges))]
    others = history.state_values([*stressed, *adjustments, *sessions])
    rows = {**instruments, **closes, **others}
    return {key: msgspec.Raw(row) for key, row in sorted(rows.items())}
