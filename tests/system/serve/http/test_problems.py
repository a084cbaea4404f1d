"""Errors of the API as problem documents: status, address, headers, and no secret."""

from __future__ import annotations

import asyncio
import logging

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from system.contracts.api.risk import Problem
from system.errors import InputError, UnavailableError
from system.serve.http.problems import RETRY_AFTER_S, add_problem_handlers, problem_response
from system.web.hosts import PROBLEM_MEDIA_TYPE

APP = FastAPI()
add_problem_handlers(APP)


@APP.get("/input/{name}")
def _wrong(name: str) -> None:
    raise InputError(f"no portfolio {name!r}")


@APP.get("/away")
def _away() -> None:
    raise UnavailableError("Redis does not answer")


@APP.get("/defect")
def _defect() -> None:
    raise RuntimeError("password=secret")


@APP.get("/count")
def _count(size: int) -> int:
    return size


@APP.post("/count")
def _posted() -> None:
    """Take anything."""


def ask(method: str, address: str) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(APP, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, address)

    return asyncio.run(asked())


def problem(response) -> Problem:
    assert response.headers["content-type"] == PROBLEM_MEDIA_TYPE
    assert "default-src 'none'" in response.headers["content-security-policy"]
    answer = msgspec.json.decode(response.content, type=Problem)
    assert answer.status == response.status_code
    return answer


def test_wrong_input_is_the_callers():
    answer = problem(ask("GET", "/input/a%20b"))
    assert answer.status in {400, 422}
    assert answer.detail == "no portfolio 'a b'"
    assert answer.instance == "/input/a%20b", "the address stays as it was sent"


def test_a_server_that_is_away_is_worth_another_try():
    response = ask("GET", "/away")
    assert problem(response).status == 503
    assert response.headers["retry-after"] == str(RETRY_AFTER_S)
    assert "try again" in problem(response).detail


def test_a_defect_names_its_kind_and_not_its_message(caplog):
    with caplog.at_level(logging.ERROR):
        answer = problem(ask("GET", "/defect"))
    assert answer.status == 500
    assert "RuntimeError" in answer.detail
    assert "secret" not in answer.detail
    assert "defect in GET /defect" in caplog.text


def test_a_wrong_parameter_is_named_with_its_value():
    answer = problem(ask("GET", "/count?size=many"))
    [field] = answer.errors
    assert field.field == "size"
    assert "'many'" in field.detail


def test_an_unknown_address_points_to_the_documentation():
    answer = problem(ask("GET", "/nowhere"))
    assert answer.status == 404
    assert answer.detail == "no such address: GET /nowhere; see /docs"


def test_another_method_gets_all_that_the_address_takes():
    response = ask("DELETE", "/count")
    assert problem(response).status == 405
    assert response.headers["allow"] == "GET, POST"


@pytest.mark.parametrize(
    ("status", "header"),
    [(401, "www-authenticate"), (429, "retry-after"), (503, "retry-after"), (404, None)],
)
def test_a_status_brings_the_header_that_it_asks_for(status, header):
    sent = problem_response(Problem(title="", status=status, detail="", instance="/"))
    asked = {"www-authenticate", "retry-after"} & set(sent.headers)
    assert asked == ({header} if header else set())


def test_a_further_header_is_sent_too():
    answer = Problem(title="", status=405, detail="", instance="/")
    assert problem_response(answer, {"Allow": "GET"}).headers["allow"] == "GET"
