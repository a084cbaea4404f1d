"""Conditional reads: a tag of what was answered, and nothing but 304 to who has it."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from system.web.conditional import (
    IMMUTABLE,
    NEVER_STORED,
    READ_AGAIN,
    ConditionalReads,
    is_known,
    tag_of,
)
from tests.system.web.asking import Answer, asked

BODY = b'{"a":1}'


async def value(_request: Request) -> Response:
    return Response(BODY, media_type="application/json")


async def forever(_request: Request) -> Response:
    return Response(BODY, media_type="application/json", headers={"Cache-Control": IMMUTABLE})


async def refused(_request: Request) -> Response:
    return JSONResponse({"a": 1}, 404)


async def events(_request: Request) -> Response:
    return StreamingResponse(iter([b"data: 1\n\n"]), media_type="text/event-stream")


async def pieces(_request: Request) -> Response:
    return StreamingResponse(iter([b'{"a"', b":1}"]), media_type="application/json")


async def text(_request: Request) -> Response:
    return PlainTextResponse("plain")


def app() -> ASGIApp:
    routes = [
        Route(f"/{page.__name__}", page) for page in (value, forever, refused, events, pieces, text)
    ]
    return Starlette(routes=routes, middleware=[Middleware(ConditionalReads)])


def read(path: str, tag: str = "") -> Answer:
    return asked(app(), path, *([("If-None-Match", tag)] if tag else []))


def test_an_answer_has_its_tag_and_is_asked_for_again() -> None:
    answer = read("/value")
    assert (answer.status, answer.body) == (200, BODY)
    assert answer.headers["etag"] == tag_of(BODY)
    assert answer.headers["cache-control"] == READ_AGAIN


@pytest.mark.parametrize("tag", [tag_of(BODY), tag_of(BODY)[2:], "*", f'"x", {tag_of(BODY)}'])
def test_who_has_the_answer_gets_no_body(tag: str) -> None:
    answer = read("/value", tag)
    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["etag"] == tag_of(BODY)
    assert "content-length" not in answer.headers


@pytest.mark.parametrize("tag", ['"x"', 'W/"x"', "x", ","])
def test_who_has_another_answer_gets_this_one(tag: str) -> None:
    assert read("/value", tag).status == 200


def test_what_an_answer_says_of_its_life_is_kept() -> None:
    assert read("/forever").headers["cache-control"] == IMMUTABLE
    assert read("/forever", tag_of(BODY)).headers["cache-control"] == IMMUTABLE


@pytest.mark.parametrize("path", ["/refused", "/events", "/text"])
def test_refusals_streams_and_pages_have_no_tag_and_are_not_stored(path: str) -> None:
    answer = read(path, "*")
    assert answer.body
    assert "etag" not in answer.headers
    assert answer.headers["cache-control"] == NEVER_STORED


def test_an_answer_in_pieces_is_passed_on_as_it_comes() -> None:
    answer = read("/pieces", "*")
    assert (answer.status, answer.body) == (200, BODY)
    assert "etag" not in answer.headers


def test_tags_differ_as_the_bytes_do() -> None:
    assert tag_of(b"a") != tag_of(b"b")
    assert tag_of(b"a") == tag_of(b"a")
    assert not is_known(tag_of(b"a"), "")
