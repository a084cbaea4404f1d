"""Every error of the API as ``application/problem+json`` (RFC 9457), none with a secret."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from system.contracts.api.risk import FieldProblem, Problem
from system.contracts.codec import encode
from system.contracts.text.checked import TextError
from system.errors import InputError, UnavailableError
from system.serve.http.errors import ApiError, InvalidRequestError
from system.web.headers import NOTHING, SECURITY_HEADERS
from system.web.hosts import PROBLEM_MEDIA_TYPE

RETRY_AFTER_S: Final = 1
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE")
_LOG: Final = logging.getLogger(__name__)


def address_of(request: Request) -> str:
    """Return a request's path as it was sent: a name in it stays percent-encoded."""
    raw_path: bytes | None = request.scope.get("raw_path")
    return quote(request.scope["path"]) if raw_path is None else raw_path.decode("latin-1")


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response of a problem, with the headers that its status asks for."""
    # A defect is answered outside of all middleware.
    headers = {**SECURITY_HEADERS, "Content-Security-Policy": NOTHING, **(headers or {})}
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    return Response(encode(problem), problem.status, headers, PROBLEM_MEDIA_TYPE)


def add_problem_handlers(app: FastAPI) -> None:
    """Let every error of a request end as a problem."""
    app.add_exception_handler(InputError, _input_error)
    app.add_exception_handler(UnavailableError, _unavailable)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _defect)


async def _input_error(request: Request, error: Exception) -> Response:
    if isinstance(error, ApiError):
        if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
            _LOG.warning("%s: %s", address_of(request), error)
        return problem_response(error.problem(address_of(request)))
    return problem_response(InvalidRequestError(str(error)).problem(address_of(request)))


async def _unavailable(request: Request, error: Exception) -> Response:
    _LOG.warning("%s: %s", address_of(request), error)
    return problem_response(
        _plain(request, HTTPStatus.SERVICE_UNAVAILABLE, f"{error}; try again in a moment")
    )


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    wrong = dict.fromkeys((_field(item["loc"]), _detail(item)) for item in error.errors())
    errors = [FieldProblem(field=field, detail=detail) for field, detail in wrong]
    detail = "; ".join(f"{item.field}: {item.detail}" for item in errors)
    return problem_response(InvalidRequestError(detail, errors=errors).problem(address_of(request)))


def _field(place: Sequence[str | int]) -> str:
    """Return the name of a parameter; the second value of one that is repeated is ``name[1]``."""
    *_, name = (part for part in place if isinstance(part, str))
    index = place[-1]
    return f"{name}[{index}]" if isinstance(index, int) else name


def _detail(item: Mapping[str, Any]) -> str:
    """Return what is wrong with a parameter: our own sentence, or the library's and the value."""
    own = item.get("ctx", {}).get("error")
    return str(own) if isinstance(own, TextError) else f"{item['msg']} (got {item['input']!r})"


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail, headers = str(error.detail), {}
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = f"no such address: {request.method} {address_of(request)}; see /docs"
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed_methods(request))
        detail = f"{address_of(request)} takes {headers['Allow']}, not {request.method[:20]}"
    problem = _plain(request, HTTPStatus(error.status_code), detail)
    return problem_response(problem, headers)


def _allowed_methods(request: Request) -> list[str]:
    """Return the methods that an address takes: of every route of it, not of the first alone."""
    routes = request.app.router.routes
    return [
        method
        for method in METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes
        )
    ]


async def _defect(request: Request, error: Exception) -> Response:
    _LOG.error("defect in %s %s", request.method, address_of(request), exc_info=error)
    detail = f"{type(error).__name__}: a defect of ours; the API's log has the details"
    return problem_response(_plain(request, HTTPStatus.INTERNAL_SERVER_ERROR, detail))


def _plain(request: Request, status: HTTPStatus, detail: str) -> Problem:
    return Problem(
        title=status.phrase, status=status.value, detail=detail, instance=address_of(request)
    )
