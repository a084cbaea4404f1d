"""Calls are repeated a bounded number of times, and only where no answer came."""

from __future__ import annotations

import httpx
import pytest
from tenacity import Retrying

from system.client.bounds import ATTEMPTS, BACKOFF_MAX_S, retry_options, unreachable
from system.client.errors import ApiMismatchError, ApiUnavailableError


def attempts_of(error: Exception) -> tuple[int, list[float]]:
    """Return how often a call that fails so is tried, and the pauses in between, seconds."""
    calls, pauses = 0, []

    def fail() -> None:
        nonlocal calls
        calls += 1
        raise error

    with pytest.raises(type(error)):
        Retrying(**retry_options(), sleep=pauses.append)(fail)
    return calls, pauses


def test_a_silent_api_is_asked_again_with_growing_pauses_up_to_a_bound():
    calls, pauses = attempts_of(ApiUnavailableError("silent"))
    assert calls == ATTEMPTS
    assert pauses == sorted(pauses)
    assert max(pauses) <= BACKOFF_MAX_S


def test_an_answer_that_is_wrong_is_not_asked_for_again():
    assert attempts_of(ApiMismatchError("another version")) == (1, [])


@pytest.mark.parametrize(
    ("error", "cause"), [(httpx.ConnectError("refused"), "refused"), (httpx.ReadError(""), "Read")]
)
def test_an_api_that_cannot_be_reached_is_named_with_the_cause(error, cause):
    said = str(unreachable("http://127.0.0.1:1", error))
    assert "http://127.0.0.1:1" in said
    assert cause in said
    assert "riskstream status" in said
