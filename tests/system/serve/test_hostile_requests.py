"""No request ends in an HTTP 500: each is answered, or refused in words."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.system.serve import hostile
from tests.system.serve.conftest import opened_world
from tests.system.serve.hostile import Asked, percent_encoded
from tests.system.serve.test_any_name import Named, named

STREAM = "/v1/stream"


@pytest.fixture(scope="module")
def book() -> Iterator[Named]:
    """A book ``P`` of share ``S``, valued and closed once."""
    with named("P", "S") as opened:
        yield opened


def answered(book: Named, asked: Asked) -> httpx.Response:
    """Return the answer to a request, its address just as it is written."""
    return book.world.client.request(
        asked.method, asked.path, content=asked.body, headers=asked.headers
    )


def check(answer: httpx.Response, asked: Asked) -> None:
    assert answer.status_code < 500, f"{asked}: {answer.text}"
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json", str(asked)
        assert answer.json()["detail"], str(asked)


@pytest.mark.parametrize("asked", hostile.SEEN, ids=str)
def test_what_once_ended_in_500_is_refused_in_words(book: Named, asked: Asked) -> None:
    check(answered(book, asked), asked)


def operations(book: Named) -> list[tuple[str, str, dict[str, Any]]]:
    """Return (method, path, operation) of every operation that answers at once."""
    described = book.world.client.get("/openapi.json").json()["paths"]
    return [
        (method.upper(), path, operation)
        for path, methods in described.items()
        for method, operation in methods.items()
        if path != STREAM
    ]


def test_hostile_names_in_every_address_are_refused(book: Named) -> None:
    for method, path, _ in operations(book):
        for address in hostile.addresses(path, re.findall(r"{(\w+)}", path)):
            asked = Asked(method, address, b"{}" if method in {"POST", "PUT"} else None)
            check(answered(book, asked), asked)


def test_hostile_values_of_every_parameter_are_refused(book: Named) -> None:
    values = (*hostile.NUMBERS, *hostile.TEXTS, *hostile.MOMENTS, *hostile.PAGE_TOKENS)
    for method, path, operation in operations(book):
        wanted = hostile.query_names(operation)
        address = re.sub(r"{\w+}", "P", path)
        for name in wanted:
            for value in values:
                asked = Asked(method, f"{address}?{name}={percent_encoded(value)}")
                check(answered(book, asked), asked)


@given(data=st.data())
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_hostile_bodies_of_every_operation_are_refused(book: Named, data: st.DataObject) -> None:
    writing = [operation for operation in operations(book) if operation[0] in {"POST", "PUT"}]
    method, path, _ = data.draw(st.sampled_from(writing))
    asked = Asked(method, re.sub(r"{\w+}", "P", path), data.draw(hostile.bodies()))
    check(answered(book, asked), asked)


def test_an_address_says_which_methods_it_takes(book: Named) -> None:
    for method, path, allowed in (
        ("DELETE", "/v1/portfolios", "GET, POST"),
        ("PATCH", "/v1/trades/t", "GET, PUT, DELETE"),
        ("PATCH", "/v1/portfolios/P/var", "GET"),
    ):
        answer = answered(book, Asked(method, path))
        assert answer.status_code == 405
        assert answer.headers["Allow"] == allowed
        assert answer.headers["content-type"] == "application/problem+json"


def test_closes_that_event_time_does_not_reach_are_refused() -> None:
    asked = hostile.exchange_book(*hostile.month_to(dt.date.max))
    with opened_world() as world:
        answer = world.client.request(asked.method, asked.path, content=asked.body)
        assert answer.status_code == 422
        assert "closes until 9999-12-31" in answer.json()["detail"]


def test_every_refusal_is_described_as_the_problem_that_it_is(book: Named) -> None:
    for method, path, operation in operations(book):
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert [*answer["content"]] == ["application/problem+json"], (method, path, status)
                schema = answer["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}
