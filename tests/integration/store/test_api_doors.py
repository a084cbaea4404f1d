"""The API over its real servers: hostile requests, slow clients, and names of other sites."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from system.web.connections import CONNECTIONS_MAX, HEAD_BOUND_S, allow_open_files
from tests.integration.store.conftest import TOKEN
from tests.system.serve import hostile
from tests.system.serve.hostile import Asked, percent_encoded

pytestmark = pytest.mark.integration

HEADERS = {"Authorization": f"Bearer {TOKEN}"}
HALF = b"GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\n"
HELD_COUNT = 2_000
SLACK_S = 10.0
STRIDE = 5


def status_of(client: httpx.Client, asked: Asked) -> tuple[int, str]:
    """Return status and start of an answer; a stream that begins is not read."""
    headers = {**HEADERS, **asked.headers}
    with client.stream(asked.method, asked.path, content=asked.body, headers=headers) as answer:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return answer.status_code, ""
        return answer.status_code, answer.read()[:300].decode("utf-8", "replace")


@pytest.mark.parametrize("asked", hostile.SEEN, ids=str)
def test_what_once_ended_in_500_is_refused_by_the_real_servers(api: Any, asked: Asked) -> None:
    with httpx.Client(base_url=api.url, timeout=60) as client:
        status, said = status_of(client, asked)
    assert status < 500, said


def test_no_hostile_value_of_a_parameter_ends_in_500(api: Any) -> None:
    values = (*hostile.NUMBERS, *hostile.TEXTS, *hostile.MOMENTS, *hostile.PAGE_TOKENS)
    with httpx.Client(base_url=api.url, timeout=60, headers=HEADERS) as client:
        for path, methods in client.get("/openapi.json").json()["paths"].items():
            for method, operation in methods.items():
                # Each value at some parameters; every one at all of them, without servers, is in
                # tests/system/serve/test_hostile_requests.py.
                for index, name in enumerate(hostile.query_names(operation)):
                    for value in values[index % STRIDE :: STRIDE]:
                        address = re.sub(r"{\w+}", "P", path) + f"?{name}={percent_encoded(value)}"
                        status, said = status_of(client, Asked(method.upper(), address))
                        assert status < 500 or status == 503, f"{method} {address}: {said}"


def test_half_sent_requests_keep_no_place_and_are_closed(api: Any) -> None:
    allow_open_files()
    place = urlsplit(api.url)
    with contextlib.ExitStack() as held:
        begun = time.monotonic()
        clients = []
        for _ in range(HELD_COUNT):
            client = socket.create_connection((place.hostname, place.port), timeout=SLACK_S)
            clients.append(held.enter_context(client))
            client.sendall(HALF)
        asked = time.monotonic()
        assert httpx.get(f"{api.url}/v1/health", timeout=SLACK_S).status_code == 200
        assert time.monotonic() - asked < SLACK_S
        for client in clients:
            client.settimeout(max(0.1, begun + 2 * HEAD_BOUND_S + SLACK_S - time.monotonic()))
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(1) == b"", "closed without an answer"


def test_more_connections_than_places_shut_nobody_out(api: Any) -> None:
    allow_open_files()
    place = urlsplit(api.url)
    with contextlib.ExitStack() as held:
        for _ in range(CONNECTIONS_MAX + 200):
            client = socket.create_connection((place.hostname, place.port), timeout=SLACK_S)
            held.enter_context(client).sendall(HALF)
        for _ in range(5):
            assert httpx.get(f"{api.url}/v1/health", timeout=SLACK_S).status_code == 200


@pytest.mark.parametrize("path", ["/v1/health", "/docs", "/v1/portfolios"])
def test_nothing_is_served_under_another_name(api: Any, path: str) -> None:
    headers = {**HEADERS, "Host": "evil.example"}
    assert httpx.get(f"{api.url}{path}", headers=headers, timeout=SLACK_S).status_code == 421
