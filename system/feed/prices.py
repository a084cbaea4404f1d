"""Prices of a feed as messages of the stream: a tick, or the FX rate of a name ``fx:CCY``."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final, NamedTuple

import msgspec

from system.contracts.topics import FX_RATES, MARKET_DATA, Topic
from system.feed.field_map import UNITS, FieldMap
from system.tables.closes import FX_PREFIX

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_WHOLE: Final = re.compile(r"\d{1,20}", re.ASCII)
_FRACTION: Final = re.compile(r"(\d{1,11})\.(\d{1,9})", re.ASCII)
_NANOSECONDS: Final = re.compile(r"(?P<head>.*:\d\d)\.(?P<digits>\d{1,9})(?P<offset>\D.*)?$")


class TimeError(ValueError):
    """Text that is no moment; the message has the value and the remedy."""


class PriceMessage(NamedTuple):
    """A price as it is sent.

    Parameters
    ----------
    place : str
        Line, and column where a line has several prices.
    date : date
        Session date: the local date of its time.
    event_time_ns : int
        Nanoseconds since 1970.
    topic : Topic or None
        Where it goes; None for an end-of-day mark, which goes to every partition.
    value : bytes
        JSON of a `Tick`, an `FxRate` or a `Mark`, as it came: not checked.
    """

    place: str
    date: dt.date
    event_time_ns: int
    topic: Topic | None
    value: bytes


class Quote(NamedTuple):
    """Fields of a price; those that the feed does not have are None."""

    ticker: str
    time_ns: int
    mid: float | None = None
    bid: float | None = None
    ask: float | None = None
    volume: float | None = None
    sequence: int | None = None


class PriceMaker:
    """Makes messages of prices, and numbers them where the feed does not.

    Parameters
    ----------
    field_map : FieldMap
        Names of instruments, and the zone of session dates.
    """

    def __init__(self, field_map: FieldMap) -> None:
        self._names = field_map.tickers
        self._zone = field_map.time_zone
        self._numbers: dict[str, int] = {}

    def message(self, place: str, quote: Quote) -> PriceMessage:
        """Return the message of a price; the codec judges it.

        Parameters
        ----------
        place : str
            For people.
        quote : Quote
            With a mid, or bid and ask.
        """
        name = self.name_of(quote.ticker)
        mid = quote.mid
        if mid is None and quote.bid is not None and quote.ask is not None:
            mid = (quote.bid + quote.ask) / 2
        number = self._numbers[name] = self._numbers.get(name, 0) + 1
        times = {
            "event_time_ns": quote.time_ns,
            "sequence": number if quote.sequence is None else quote.sequence,
        }
        if name.startswith(FX_PREFIX):
            currency = name.removeprefix(FX_PREFIX)
            topic, fields = FX_RATES, {"type": "fx", "currency": currency, "rate": mid, **times}
        else:
            topic = MARKET_DATA
            fields = {
                "type": "tick",
                "ticker": name,
                "bid": mid if quote.bid is None else quote.bid,
                "ask": mid if quote.ask is None else quote.ask,
                "mid": mid,
                "volume": 0.0 if quote.volume is None else quote.volume,
                **times,
            }
        value = msgspec.json.encode(fields)
        date = self.date_of(quote.time_ns)
        return PriceMessage(place, date, quote.time_ns, topic, value)

    def name_of(self, ticker: str) -> str:
        """Return the instrument of a feed's name."""
        return self._names.get(ticker, ticker)

    def date_of(self, time_ns: int) -> dt.date:
        """Return the local date of a moment, of the days that a calendar has."""
        moment = _EPOCH + dt.timedelta(microseconds=time_ns // 1_000)
        return moment.astimezone(self._zone).date()


def time_ns_of(text: str, field_map: FieldMap) -> int:
    """Return the moment that a text states, nanoseconds since 1970.

    Parameters
    ----------
    text : str
        ISO 8601 with up to nine decimals; a date alone is at ``close``, a time without an offset
        in ``zone``. A number counts in ``time_unit``.
    field_map : FieldMap
        Has these three.

    Raises
    ------
    TimeError
        If it is none, or lies outside 1970 to 2116.
    """
    plain = text.strip()
    if _WHOLE.fullmatch(plain) and len(plain) != len("20200131"):
        return _bounded(int(plain) * _unit_ns(plain, field_map), plain)
    if (parts := _FRACTION.fullmatch(plain)) is not None:
        unit = _unit_ns(plain, field_map)
        fraction = int(parts[2].ljust(9, "0")) * unit // 10**9
        return _bounded(int(parts[1]) * unit + fraction, plain)
    digits = "0"
    if (long := _NANOSECONDS.fullmatch(plain)) is not None:
        digits, plain = long["digits"], long["head"] + (long["offset"] or "")
    try:
        moment = dt.datetime.fromisoformat(plain)
    except ValueError:
        raise TimeError(f"{text!r} is not a time: write 2020-03-05T15:30:00Z") from None
    if len(plain) <= len("2020-01-31"):
        moment = dt.datetime.combine(moment.date(), field_map.close_time)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=field_map.time_zone)
    seconds = (aware - _EPOCH) // dt.timedelta(seconds=1)
    return _bounded(seconds * 10**9 + int(digits.ljust(9, "0")), text)


def _unit_ns(text: str, field_map: FieldMap) -> int:
    if field_map.time_unit is None:
        raise TimeError(f'{text!r} is a number: name its unit in the map, time_unit = "ms"')
    return UNITS[field_map.time_unit]


def _bounded(time_ns: int, text: str) -> int:
    if 0 <= time_ns <= 2**62:
        return time_ns
    raise TimeError(f"{text!r} is not between 1970 and 2116: check its unit and its year")
