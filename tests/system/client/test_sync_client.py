"""The synchronous client over transports that fail: repeated, refused, given up."""

from __future__ import annotations

import httpx
import msgspec
import pytest

from system.client import bounds
from system.client.errors import ApiMismatchError, ApiRefusedError, ApiUnavailableError
from tests.system.client.transports import TRADE, client_of, unavailable


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "BACKOFF_BASE_S", 0.0)


def test_what_fails_in_passing_is_asked_again() -> None:
    answers = iter([unavailable(), httpx.ConnectError("refused")])

    def handler(_: httpx.Request) -> httpx.Response:
        answer = next(answers, None)
        if isinstance(answer, Exception):
            raise answer
        return answer or httpx.Response(
            200, content=b'{"portfolios":[],"unvalued":[],"stream":"stale"}'
        )

    assert client_of(handler).portfolios().portfolios == ()


def test_attempts_are_bounded_and_the_cause_is_told() -> None:
    asked = 0

    def handler(_: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return unavailable()

    with pytest.raises(ApiUnavailableError, match="Redis does not answer"):
        client_of(handler).portfolios()
    assert asked == bounds.ATTEMPTS


def test_a_trade_is_repeated_under_the_same_id() -> None:
    bodies: list[bytes] = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        return unavailable()

    with pytest.raises(ApiUnavailableError):
        client_of(handler).send_trade(TRADE)
    assert len(set(bodies)) == 1
    assert msgspec.json.decode(bodies[0])["trade_id"]


def test_a_refusal_is_not_asked_again() -> None:
    asked = 0

    def handler(_: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return httpx.Response(404, text="not here")

    with pytest.raises(ApiRefusedError, match="not here"):
        client_of(handler).portfolios()
    assert asked == 1


def test_an_answer_of_another_type_is_told_as_such() -> None:
    with pytest.raises(ApiMismatchError, match="GET /v1/portfolios"):
        client_of(lambda _: httpx.Response(200, content=b'{"other":1}')).portfolios()


def test_nobody_at_the_address_says_what_to_do() -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(ApiUnavailableError, match="is the stack up"):
        client_of(handler).health()
