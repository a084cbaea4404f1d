"""Request bodies: bounded, then decoded strictly by the contracts; errors name the field."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
from fastapi import Request

from system.contracts.api.risk import AmendRequest, FieldProblem, PortfolioImport, TradeRequest
from system.contracts.codec import encode
from system.contracts.text.checked import shows_value
from system.contracts.text.repeated import repeated_field
from system.contracts.wording import refusal
from system.serve.http.errors import BodyTooLargeError, InvalidRequestError, invalid_field

MAX_TRADE_BYTES: Final = 16_384
MAX_QUESTION_BYTES: Final = 65_536
MAX_IMPORT_BYTES: Final = 64 * 1024**2
_SHOWN_LETTERS: Final = 80
_LOOKED_BACK_BYTES: Final = 200
_LITERAL_BYTES: Final = 6
"""Bytes after a value's start at which the decoder rejects a literal such as ``false``."""
T = TypeVar("T", bound=msgspec.Struct)

_AT_BYTE: Final = re.compile(r"\(byte (?P<byte>\d+)\)")
_LAST_KEY: Final = re.compile(rb'"(?P<key>[^"\\]{1,64})"\s*:\s*(?P<value>[^"{}\[\],]*)$')
_VALUE: Final = re.compile(rb"[^\s,}\]]{0,40}")


async def trade_body(request: Request) -> TradeRequest:
    """Return the trade of a request.

    Raises
    ------
    BodyTooLargeError, InvalidRequestError
        If it is none; the latter names the field and the value.
    """
    return decoded(await bounded_body(request, MAX_TRADE_BYTES), _TRADE)


async def amend_body(request: Request) -> AmendRequest:
    """Return the amendment of a request.

    Raises
    ------
    BodyTooLargeError, InvalidRequestError
        If it is none; the latter names the field and the value.
    """
    return decoded(await bounded_body(request, MAX_TRADE_BYTES), _AMEND)


async def import_body(request: Request) -> PortfolioImport:
    """Return the book of a request.

    Raises
    ------
    BodyTooLargeError, InvalidRequestError
        If it is none; the latter names the field and the value.
    """
    return decoded(await bounded_body(request, MAX_IMPORT_BYTES), _IMPORT)


async def question_body(request: Request, kind: type[T]) -> T:
    """Return the question of a request, of its type.

    Raises
    ------
    BodyTooLargeError, InvalidRequestError
        If it is none; the latter names the field and the value.
    """
    decoder = msgspec.json.Decoder(kind)
    return decoded(await bounded_body(request, MAX_QUESTION_BYTES), decoder.decode)


async def bounded_body(request: Request, max_bytes: int) -> bytes:
    """Return a request's body, read no further than its bound.

    Raises
    ------
    BodyTooLargeError
        If it is larger.
    """
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > max_bytes:
            raise BodyTooLargeError(f"more than {max_bytes} bytes; this endpoint takes no more")
    return bytes(received)


def decoded(body: bytes, decode: Callable[[bytes], T]) -> T:
    """Return what a body holds.

    Raises
    ------
    InvalidRequestError
        If it is not JSON, not of that type, or names a field twice; names the field and the value.
    """
    try:
        value = decode(body)
        field = None if encode(value) == body else repeated_field(body)
    except RecursionError:
        raise invalid_field("body", "nested too deep") from None
    except msgspec.ValidationError as error:
        raise _validation_problem(str(error), body) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _syntax_problem(str(error), body) from None
    if field is None:
        return value
    raise InvalidRequestError(
        f"{field.sentence}: give it once",
        errors=[FieldProblem(field=field.path, detail="stands twice: give it once")],
    )


def _validation_problem(text: str, body: bytes) -> InvalidRequestError:
    field, detail = refusal(text)
    value = None if shows_value(detail) else _value_at(body, field)
    return invalid_field(field or "body", detail if value is None else f"{detail} (got {value})")


def _value_at(body: bytes, path: str) -> str | None:
    """Return the JSON of what stands at ``.a.b[0]``, shortened; None where it is not found."""
    try:
        value: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    for part in re.findall(r"[^.\[\]]+", path):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    text = msgspec.json.encode(value).decode("utf-8")
    return text if len(text) <= _SHOWN_LETTERS else None


def _syntax_problem(text: str, body: bytes) -> InvalidRequestError:
    at_byte = _AT_BYTE.search(text)
    place = int(at_byte["byte"]) if at_byte else len(body)
    for end in range(place, max(0, place - _LITERAL_BYTES), -1):
        culprit = _bad_value(body, end)
        if culprit is not None:
            return invalid_field(culprit[0], f"not a JSON value: {culprit[1]}")
    return invalid_field("body", f"not JSON: {text}")


def _bad_value(body: bytes, end: int) -> tuple[str, str] | None:
    """Return the key whose value stands around a byte, and the value, if that is no JSON."""
    start = max(0, end - _LOOKED_BACK_BYTES)
    key = _LAST_KEY.search(body[start:end])
    value = _VALUE.match(body, start + key.start("value")) if key else None
    if key is None or value is None or not value[0]:
        return None
    try:
        msgspec.json.decode(value[0])
    except msgspec.DecodeError:
        return key["key"].decode("utf-8", "replace"), value[0].decode("utf-8", "replace")
    return None


_TRADE: Final = msgspec.json.Decoder(TradeRequest).decode
_AMEND: Final = msgspec.json.Decoder(AmendRequest).decode
_IMPORT: Final = msgspec.json.Decoder(PortfolioImport).decode
