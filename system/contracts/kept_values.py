"""Bytes of a message that was not applied, as they are kept: cut, with their size and digest."""

from __future__ import annotations

import codecs
import hashlib
from typing import Final, NamedTuple

import msgspec

MAX_KEPT_BYTES: Final = 4_096
"""Of a rejected value, as JSON: a NUL is six bytes of it."""
_QUOTES: Final = 2


class KeptValue(NamedTuple):
    """A value as far as it is kept.

    Parameters
    ----------
    text : str
        Its beginning as text; what is no UTF-8 is a replacement character. At most
        ``MAX_KEPT_BYTES`` as JSON.
    size_bytes : int
        Of the whole value; more than ``text`` has where it is cut. 0: not known.
    sha256 : str
        Hexadecimal digest of the whole value; empty: not known.
    """

    text: str
    size_bytes: int = 0
    sha256: str = ""


def kept_value(value: bytes) -> KeptValue:
    r"""Return what is kept of a value.

    Examples
    --------
    >>> kept_value(b"garbage\xff").text
    'garbage�'
    >>> len(kept_value(bytes(1_000_000)).text)
    682
    """
    return KeptValue(_beginning(value), len(value), hashlib.sha256(value).hexdigest())


def _beginning(value: bytes) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    # An incomplete character at the cut is none of the value's own faults.
    text = decoder.decode(value[:MAX_KEPT_BYTES], final=len(value) <= MAX_KEPT_BYTES)
    while (size := len(msgspec.json.encode(text)) - _QUOTES) > MAX_KEPT_BYTES:
        text = text[: len(text) * MAX_KEPT_BYTES // size]
    return text
