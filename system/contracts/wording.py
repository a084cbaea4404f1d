"""Decoder messages in words for people who do not know the decoder's language."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from system.contracts.limits import LimitMeasure
from system.contracts.messages import AssetClass, OptionRight, ReturnType, VolatilityShift
from system.contracts.text.checked import field_and_detail

_TYPES: Final = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "null": "null",
    "array": "a list",
    "object": "an object",
    "date": "a date such as 2020-02-03",
}
_BOUNDS: Final = {">=": "of at least", "<=": "of at most", ">": "above", "<": "below"}
_BOUNDED: Final = re.compile(r"Expected `(?P<type>[^`]+)` (?P<sign>[<>]=?) (?P<bound>\S+)")
_SIZED: Final = re.compile(r"Expected `[^`]+` of length (?P<sign>[<>]=?) (?P<bound>\d+)")
_OTHER: Final = re.compile(r"Expected `(?P<type>[^`]+)`, got `(?P<given>[^`]+)`")
_NO_DATE: Final = "Invalid RFC3339 encoded date"
_CHOSEN: Final = re.compile(r"Invalid enum value (?P<value>.+)", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(?P<field>[^`]+)`")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(?P<field>[^`]+)`")
_CHOICES: Final[dict[str, type[StrEnum]]] = {
    "asset_class": AssetClass,
    "return_type": ReturnType,
    "right": OptionRight,
    "volatility_shift": VolatilityShift,
    "measure": LimitMeasure,
}
"""Fields that take one word of a few."""


def refusal(message: str) -> tuple[str, str]:
    """Return the field that a decoder refused, as a path, and what is wrong with it in words.

    Examples
    --------
    >>> refusal("Object missing required field `price` - at `$.trades[0]`")
    ('trades[0].price', 'is missing')
    >>> refusal("Expected `int` >= 2 - at `$.window`")
    ('window', 'must be a whole number of at least 2')
    """
    path, detail = field_and_detail(message)
    for pattern, words in ((_MISSING, "is missing"), (_UNKNOWN, "unknown field")):
        if match := pattern.fullmatch(detail):
            return ".".join(filter(None, (path, match["field"]))), words
    chosen, choices = _CHOSEN.fullmatch(detail), _CHOICES.get(path.rpartition(".")[2])
    if chosen and choices:
        return path, f"must be one of {', '.join(choices)}, not {chosen['value']}"
    return path, in_words(detail)


def in_words(detail: str) -> str:
    """Return what a decoder says of a value as a phrase; a sentence of ours, as it is.

    Examples
    --------
    >>> in_words("Expected `float | null`, got `str`")
    'must be a number or null, not text'
    """
    if match := _BOUNDED.fullmatch(detail):
        bound = f"{float(match['bound']):g}"
        return f"must be {_type(match['type'])} {_BOUNDS[match['sign']]} {bound}"
    if match := _SIZED.fullmatch(detail):
        return f"must have {_BOUNDS[match['sign']].removeprefix('of ')} {match['bound']} entries"
    if match := _OTHER.fullmatch(detail):
        return f"must be {_type(match['type'])}, not {_type(match['given'])}"
    return "is no date such as 2020-02-03" if detail == _NO_DATE else detail


def _type(words: str) -> str:
    return " or ".join(_TYPES.get(word, word) for word in words.split(" | "))
