"""Maps of a feed's fields to those of a price: from options, or from a MAP.toml.

::

    zone = "America/New_York"     # of times without an offset, and of session dates
    close = "16:00"               # time of day of prices that have a date only
    time_unit = "ms"              # of times that are numbers: s, ms, us or ns since 1970

    [fields]                      # field of a price = column of the file, or path in a message
    time = "timestamp"
    ticker = "symbol"
    bid = "bidPrice"
    ask = "askPrice"

    [tickers]                     # name of the feed = instrument; others keep their name
    "AAPL.OQ" = "AAPL"
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta, Struct

from system.contracts.wording import refusal
from system.errors import InputError
from system.simulate.timeline import NEW_YORK, SESSION_CLOSE

PRICE_FIELDS: Final = ("time", "ticker", "mid", "bid", "ask", "volume", "sequence")
UNITS: Final[Mapping[str, int]] = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
"""Nanoseconds of each unit of time."""
_Named = Annotated[str, Meta(min_length=1, max_length=200)]
MAX_SUBSCRIPTIONS: Final = 100


class MapError(InputError):
    """A map of fields cannot be read; the message names the file or option, and the field."""


class FieldNames(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Column or path of each field of a price; what is None is not in the feed.

    Without ``mid`` it is half of bid and ask; without these they are the mid.
    """

    time: _Named = "time"
    ticker: _Named = "ticker"
    mid: _Named | None = None
    bid: _Named | None = None
    ask: _Named | None = None
    volume: _Named | None = None
    sequence: _Named | None = None


class FieldMap(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Meaning of a feed's fields.

    Parameters
    ----------
    fields : FieldNames or None
        None: columns of a file that are named as the fields are.
    tickers : mapping of str to str
        Instruments by the feed's names; a name that is not there is the instrument's own.
    zone : str
        Time zone of times without an offset, and of session dates.
    close : str
        ``HH:MM``, the time of prices that have a date only.
    time_unit : str or None
        Unit of times that are numbers.
    items : str or None
        Path of a list of prices in a message.
    only : mapping of str to str
        Values that a message must have at these paths to be a price.
    subscribe : tuple of str
        Messages that open the feed, sent in this order once it is connected.
    """

    fields: FieldNames | None = None
    tickers: dict[str, str] = {}
    zone: str = NEW_YORK
    close: str = SESSION_CLOSE.strftime("%H:%M")
    time_unit: Literal["s", "ms", "us", "ns"] | None = None
    items: _Named | None = None
    only: dict[str, str] = {}
    subscribe: Annotated[tuple[str, ...], Meta(max_length=MAX_SUBSCRIPTIONS)] = ()

    def __post_init__(self) -> None:
        """Refuse a zone that is not known and a close that is no time of day.

        Raises
        ------
        ValueError
            Names the field, its value and an example.
        """
        if zone_named(self.zone) is None:
            raise ValueError(f"zone {self.zone!r} is not known: write one like {NEW_YORK}")
        try:
            dt.datetime.strptime(self.close, "%H:%M").time()  # noqa: DTZ007 - a time of day
        except ValueError:
            raise ValueError(f"close {self.close!r} is not a time of day like 16:00") from None

    @property
    def time_zone(self) -> ZoneInfo:
        """Time zone of times without an offset, and of session dates."""
        return ZoneInfo(self.zone)

    @property
    def close_time(self) -> dt.time:
        """Time of day of prices that have a date only."""
        return dt.time.fromisoformat(self.close)


def zone_named(name: str) -> ZoneInfo | None:
    """Return a time zone, None where no such zone is known."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def read_map(path: Path) -> FieldMap:
    """Return the map in a TOML file.

    Raises
    ------
    MapError
        If it cannot be read, is no TOML, or has an unknown field or a value that cannot be.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise MapError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MapError(f"{path} is not TOML: {error}") from None
    try:
        return msgspec.convert(content, FieldMap)
    except msgspec.ValidationError as error:
        field, detail = refusal(str(error))
        raise MapError(f"{path}: {field}: {detail}" if field else f"{path}: {detail}") from None


def chosen_map(
    path: Path | None,
    *,
    columns: Sequence[str] = (),
    zone: str | None = None,
    close: str | None = None,
) -> FieldMap:
    """Return the map of a file, or the default one, with what options say above it.

    Parameters
    ----------
    path : Path or None
        A MAP.toml.
    columns : sequence of str
        ``field=column`` each.
    zone, close : str or None
        As in the map.

    Raises
    ------
    MapError
        As ``read_map``; names the option where one cannot be.
    """
    chosen = FieldMap() if path is None else read_map(path)
    fields = {} if chosen.fields is None else msgspec.structs.asdict(chosen.fields)
    for text in columns:
        field, equals, column = text.partition("=")
        if field not in PRICE_FIELDS or not equals or not column:
            known = ", ".join(PRICE_FIELDS)
            raise MapError(f"--column {text!r} is not like mid=last_price; fields are {known}")
        fields[field] = column
    stated = {"zone": zone, "close": close}
    settings = {name: value for name, value in stated.items() if value is not None}
    try:
        return msgspec.structs.replace(
            chosen, fields=FieldNames(**fields) if fields else None, **settings
        )
    except ValueError as error:
        raise MapError(f"--{error}") from None
