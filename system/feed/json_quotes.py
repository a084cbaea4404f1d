"""Prices in JSON messages of a feed, by the paths that a map names."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from system.feed.field_map import FieldMap, FieldNames
from system.feed.prices import Quote, TimeError, time_ns_of

MAX_SHOWN: Final = 60


class NoPrice(NamedTuple):
    """A message, or a part of one, that is no price: a sentence, empty where none was expected."""

    problem: str


class FieldError(ValueError):
    """A field of a price does not hold what it must."""


def quotes_in(text: str | bytes, field_map: FieldMap) -> Iterator[Quote | NoPrice]:
    """Yield the prices of a message.

    Parameters
    ----------
    text : str or bytes
        JSON: an object, or a list of them.
    field_map : FieldMap
        Paths of the fields: names of objects and numbers of lists, with dots between them;
        ``items``: the path of a list of prices; ``only``: values that make a message a price.

    Yields
    ------
    Quote or NoPrice
        Of what is filtered out there is nothing.
    """
    try:
        content = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        yield NoPrice(f"not JSON ({error}): {_shown(text)}")
        return
    for message in content if isinstance(content, list) else [content]:
        if all(str(_at(message, path)) == value for path, value in field_map.only.items()):
            listed = None if field_map.items is None else _at(message, field_map.items)
            for item in listed if isinstance(listed, list) else [message]:
                yield _quote(item, field_map)


def _quote(item: Any, field_map: FieldMap) -> Quote | NoPrice:  # noqa: ANN401 - JSON
    names = field_map.fields or FieldNames(mid="mid")
    try:
        numbers = {
            field: _number(item, getattr(names, field), field)
            for field in ("mid", "bid", "ask", "volume")
        }
        ticker = _at(item, names.ticker)
        if not isinstance(ticker, str):
            raise FieldError(f"ticker at {names.ticker!r} is {ticker!r}: not a name")
        if numbers["mid"] is None and None in {numbers["bid"], numbers["ask"]}:
            raise FieldError(f"{ticker} has no mid, nor bid and ask, at the paths of the map")
        time_ns = _time(item, names.time, field_map)
        return Quote(ticker, time_ns, sequence=_sequence(item, names), **numbers)
    except (FieldError, TimeError) as error:
        return NoPrice(str(error))


def _at(value: Any, path: str) -> Any:  # noqa: ANN401 - JSON
    """Return what lies at a path, None where nothing does."""
    for part in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def _number(item: Any, path: str | None, field: str) -> float | None:  # noqa: ANN401 - JSON
    """Return a number, written as one or as text; None where there is none."""
    value = None if path is None else _at(item, path)
    if value is None:
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if math.isfinite(number):
        return number
    raise FieldError(f"{field} at {path!r} is {_shown(value)}: not a number")


def _time(item: Any, path: str, field_map: FieldMap) -> int:  # noqa: ANN401 - JSON
    value = _at(item, path)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise FieldError(f"time at {path!r} is {_shown(value)}: not a time")
    return time_ns_of(str(value), field_map)


def _sequence(item: Any, names: FieldNames) -> int | None:  # noqa: ANN401 - JSON
    value = None if names.sequence is None else _at(item, names.sequence)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise FieldError(f"sequence at {names.sequence!r} is {_shown(value)}: not a whole number")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
