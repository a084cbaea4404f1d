"""Short codes in messages: exchanges, confidences and names of stressed windows."""

from __future__ import annotations

import re
from typing import Annotated, Final

from msgspec import Meta

from system.contracts.text.checked import TextError, ruled, shown
from system.contracts.text.names import MAX_ID_LENGTH

_MIC: Final = re.compile("[A-Z0-9]{4}")
_DECIMAL: Final = re.compile(r"0\.[0-9]{1,6}")
_WINDOW: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*")


def checked_exchange(text: str) -> str:
    """Return a market identifier code (ISO 10383) in capitals.

    Raises
    ------
    TextError
        If it does not have four letters and digits.
    """
    code = text.upper()
    if not _MIC.fullmatch(code):
        raise TextError(
            f"{shown(text)} is no market identifier code: write the four letters of ISO 10383, "
            "such as XNYS, XNAS or XLON"
        )
    return code


def checked_confidence(text: str) -> str:
    """Return a confidence as the decimal that it is written as.

    Raises
    ------
    TextError
        If it is not like ``0.95``.
    """
    if not _DECIMAL.fullmatch(text):
        raise TextError(
            f"{shown(text)} is no confidence: write a decimal below 1, such as 0.95, with at most "
            "six digits"
        )
    return text


def checked_window_name(text: str) -> str:
    """Return the name of a stressed window; it is part of keys, and so without colons.

    Raises
    ------
    TextError
        If it holds more than letters, digits, ``_``, ``.`` and ``-``, or is too long.
    """
    if len(text) > MAX_ID_LENGTH or not _WINDOW.fullmatch(text):
        raise TextError(
            f"{shown(text)} is no name of a stressed window: write up to {MAX_ID_LENGTH} letters, "
            "digits, '_', '.' and '-', beginning with a letter or digit"
        )
    return text


Exchange = Annotated[
    str,
    Meta(
        description="Market identifier code of ISO 10383, in either case.",
        examples=["XNYS", "XNAS"],
        extra=ruled(checked_exchange),
    ),
]
ConfidenceText = Annotated[
    str,
    Meta(
        description="A decimal between 0.5 and 1.",
        examples=["0.95"],
        extra=ruled(checked_confidence),
    ),
]
WindowName = Annotated[
    str,
    Meta(
        extra_json_schema={"minLength": 1, "maxLength": MAX_ID_LENGTH},
        extra=ruled(checked_window_name),
    ),
]
