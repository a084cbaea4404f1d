"""Timeouts and retry counts of the clients, defined only here."""

from __future__ import annotations

from typing import Any, Final

import httpx
from tenacity import retry_if_exception_type, stop_after_attempt, wait_exponential

from system.client.errors import ApiUnavailableError

CONNECT_TIMEOUT_S: Final = 3.0
ANSWER_TIMEOUT_S: Final = 20.0
ATTEMPTS: Final = 4
BACKOFF_BASE_S: Final = 0.1
BACKOFF_MAX_S: Final = 1.0
SILENCE_S: Final = 10.0
"""The stream tells at least its heartbeat every second; silence is a lost connection."""
RECONNECTS_MAX: Final = 60
RECONNECT_S: Final = 1.0
TIMEOUT: Final = httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
STREAM_TIMEOUT: Final = httpx.Timeout(SILENCE_S, connect=CONNECT_TIMEOUT_S)


def retry_options() -> dict[str, Any]:
    """Return how a call is repeated: for ``tenacity.Retrying`` and its asynchronous twin."""
    return {
        "retry": retry_if_exception_type(ApiUnavailableError),
        "stop": stop_after_attempt(ATTEMPTS),
        "wait": wait_exponential(multiplier=BACKOFF_BASE_S, max=BACKOFF_MAX_S),
        "reraise": True,
    }


def unreachable(base_url: str, error: httpx.HTTPError) -> ApiUnavailableError:
    """Return our error for a transport that failed; names the address, never the token."""
    cause = str(error) or type(error).__name__
    return ApiUnavailableError(
        f"the API at {base_url} does not answer ({cause}); is the stack up (`riskstream status`)?"
    )
