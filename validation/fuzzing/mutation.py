"""Bytes that are nearly a message: what a broken producer, disk or person makes of one."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Final

LITERALS: Final = (
    b"null",
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e400",
    b"-1e400",
    b"1e-400",
    b"0",
    b"-0.0",
    b"1" * 400,
    b"9223372036854775808",
    b"true",
    b'"\\u0000"',
    b'"\\ud800"',
    b"[]",
    b"{}",
    b"[" * 2_000,
    b'"9999-12-31"',
    b'"0000-00-00"',
)
INSERTED: Final = (b"\0", b"\xff", b"\xed\xa0\x80", b'"', b"\\", b"{", b"}", b",", b" " * 5_000)
_VALUE: Final = re.compile(rb":(-?[0-9.eE+-]+|\"[^\"]*\"|null|true|false)")


def mutated(value: bytes, random: Random) -> bytes:
    """Return the bytes of a message, broken in one to three ways."""
    for _ in range(random.randint(1, 3)):
        value = random.choice(_WAYS)(value, random)
    return value


def _cut(value: bytes, random: Random) -> bytes:
    return value[: random.randrange(len(value) + 1)]


def _flipped(value: bytes, random: Random) -> bytes:
    if not value:
        return value
    place = random.randrange(len(value))
    return value[:place] + bytes([random.randrange(256)]) + value[place + 1 :]


def _inserted(value: bytes, random: Random) -> bytes:
    place = random.randrange(len(value) + 1)
    return value[:place] + random.choice(INSERTED) + value[place:]


def _replaced(value: bytes, random: Random) -> bytes:
    """Put another literal in the place of a field's value."""
    places = list(_VALUE.finditer(value))
    if not places:
        return random.choice(LITERALS)
    start, end = random.choice(places).span(1)
    return value[:start] + random.choice(LITERALS) + value[end:]


def _repeated(value: bytes, random: Random) -> bytes:
    """Say a field twice."""
    return value.replace(b"{", b'{"type":"tick",', 1) if random.random() < 0.5 else value + value


def _nothing(_: bytes, random: Random) -> bytes:
    return random.choice((b"", bytes(2_000), b"\xff" * 64, b"garbage"))


_WAYS: Final[tuple[Callable[[bytes, Random], bytes], ...]] = (
    _cut,
    _flipped,
    _inserted,
    _replaced,
    _replaced,
    _repeated,
    _nothing,
)
