"""Request bodies: bounded, decoded strictly, and refused by field."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec
import pytest
from fastapi import Request

from system.contracts.api.risk import TradeRequest
from system.serve.http.errors import BodyTooLargeError, InvalidRequestError
from system.serve.http.requests import bounded_body, decoded

DECODE = msgspec.json.Decoder(TradeRequest).decode
BODY = b'{"portfolio":"alpha","instrument":"EQ000","quantity":5,"price":2.5}'


def request_of(chunks: Iterable[bytes]) -> Request:
    left = iter(chunks)

    async def receive() -> dict[str, object]:
        chunk = next(left, None)
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    return Request({"type": "http", "method": "POST", "path": "/", "headers": []}, receive)


def refused(body: bytes) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        decoded(body, DECODE)
    return caught.value


def test_a_valid_body_is_its_value() -> None:
    trade = decoded(BODY, DECODE)
    assert (trade.portfolio, trade.quantity, trade.price) == ("alpha", 5.0, 2.5)


@pytest.mark.parametrize(
    ("replaced", "by", "field", "shown"),
    [
        (b'"quantity":5', b'"quantity":"many"', "quantity", '(got "many")'),
        (b'"price":2.5', b'"price":tru', "price", "not a JSON value: tru"),
        (b'"price":2.5', b'"prize":2.5', "prize", "prize"),
        (b'"price":2.5', b'"price":2.5,"price":3', "price", "give it once"),
        (b"}", b"", "body", "not JSON"),
    ],
)
def test_a_wrong_body_is_refused_with_its_field_and_value(
    replaced: bytes, by: bytes, field: str, shown: str
) -> None:
    error = refused(BODY.replace(replaced, by))
    assert error.errors[0].field == field
    assert shown in str(error)


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"[" * 100_000, b'{"portfolio":' * 50_000])
def test_a_body_of_another_kind_is_refused_and_breaks_nothing(body: bytes) -> None:
    assert refused(body).status == 422


def test_a_body_is_read_up_to_its_bound_and_no_further() -> None:
    whole = asyncio.run(bounded_body(request_of([b"ab", b"cd"]), 4))
    assert whole == b"abcd"
    read: list[int] = []

    def endless() -> Iterable[bytes]:
        while True:
            read.append(len(read))
            yield b"ab"

    with pytest.raises(BodyTooLargeError, match="more than 4 bytes"):
        asyncio.run(bounded_body(request_of(endless()), 4))
    assert len(read) == 3
