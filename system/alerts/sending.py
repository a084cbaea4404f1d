"""One attempt to post a notice: bounded in time, over verified TLS, to the named address only.

Neither address nor secret is in a log or an error: an address of Slack is a secret itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import httpx
from tenacity import RetryCallState, Retrying, wait_random_exponential

from system.alerts.bodies import BODIES
from system.alerts.signatures import signed_headers
from system.alerts.target import Target
from system.clock import Clock
from system.contracts.api.alerts import AlertNotice
from system.version import product_version

ATTEMPT_BOUND_S: Final = 10.0
"""Of a whole attempt: connection, request and answer, also where bytes come one by one."""
ATTEMPTS_MAX: Final = 16
BACKOFF_BASE_S: Final = 1.0
BACKOFF_MAX_S: Final = 300.0
RETRIED: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)
"""Refusals that pass; other answers of 300 to 499 do not, and are not tried again."""


@dataclass(frozen=True)
class Outcome:
    """Result of one attempt.

    Parameters
    ----------
    is_delivered : bool
        Whether the receiver has accepted the notice.
    reason : str
        Why not, in a few words.
    is_lasting : bool
        Whether another attempt would be refused as well.
    retry_after_s : float or None
        Seconds that the receiver asks to wait.
    """

    is_delivered: bool
    reason: str = ""
    is_lasting: bool = False
    retry_after_s: float | None = None


Send = Callable[[AlertNotice], Outcome]


class Sender:
    """Posts notices to one target.

    Parameters
    ----------
    target : Target
        Receiver.
    clock : Clock
        Its wall time is the signature's.
    transport : httpx.AsyncBaseTransport or None
        For tests: a receiver in this process.
    bound_s : float
        Bound of an attempt, seconds.
    """

    def __init__(
        self,
        target: Target,
        clock: Clock,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        bound_s: float = ATTEMPT_BOUND_S,
    ) -> None:
        self._target = target
        self._clock = clock
        self._transport = transport
        self._bound_s = bound_s

    def __call__(self, notice: AlertNotice) -> Outcome:
        """Make one attempt; never raises for what the receiver or the network does."""
        return asyncio.run(self._attempt(notice))

    async def _attempt(self, notice: AlertNotice) -> Outcome:
        body = BODIES[self._target.form](notice, self._target.routing_key)
        timestamp_s = self._clock.wall_ns() // 10**9
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"riskstream/{product_version()}",
            **signed_headers(self._target.secret, notice.message_id, timestamp_s, body),
        }
        try:
            async with asyncio.timeout(self._bound_s):
                return await self._post(body, headers)
        except TimeoutError:
            return Outcome(False, f"no answer within {self._bound_s:g} s")
        except httpx.HTTPError as error:
            return Outcome(False, f"no answer: {type(error).__name__}")

    async def _post(self, body: bytes, headers: dict[str, str]) -> Outcome:
        client = httpx.AsyncClient(
            transport=self._transport, timeout=self._bound_s, follow_redirects=False
        )
        # The answer's body is not read: nothing in it matters, and it may have no end.
        async with (
            client,
            client.stream("POST", self._target.url, content=body, headers=headers) as answer,
        ):
            return outcome_of(answer.status_code, answer.headers.get("retry-after", ""), self._now)

    def _now(self) -> float:
        return self._clock.wall_ns() / 1e9


def outcome_of(status: int, retry_after: str, now_s: Callable[[], float]) -> Outcome:
    """Return what an answer means.

    Parameters
    ----------
    status : int
        Of HTTP.
    retry_after : str
        Header of that name, empty without one: seconds, or a date.
    now_s : callable
        Wall clock, seconds since 1970-01-01 UTC.
    """
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Outcome(True)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Outcome(False, f"answer {status}: redirects are not followed", is_lasting=True)
    is_lasting = status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in RETRIED
    wait_s = retry_after_seconds(retry_after, now_s())
    return Outcome(False, f"answer {status}", is_lasting, wait_s)


def retry_after_seconds(text: str, now_s: float) -> float | None:
    """Return the seconds that a receiver asks to wait, at most ``BACKOFF_MAX_S``; None: nothing.

    Examples
    --------
    >>> retry_after_seconds("7", 0.0)
    7.0
    >>> retry_after_seconds("Thu, 01 Jan 1970 00:01:00 GMT", 50.0)
    10.0
    """
    try:
        wait_s = (
            float(text) if text.isdecimal() else parsedate_to_datetime(text).timestamp() - now_s
        )
    except (ValueError, OverflowError):
        return None
    return min(max(wait_s, 0.0), BACKOFF_MAX_S)


_WAITS: Final = wait_random_exponential(multiplier=BACKOFF_BASE_S, max=BACKOFF_MAX_S)
_RETRYING: Final = Retrying(wait=_WAITS)


def next_wait_s(attempts: int, outcome: Outcome) -> float | None:
    """Return the seconds until the next attempt, None where there is none.

    Parameters
    ----------
    attempts : int
        Attempts that were made, the one that just failed among them.
    outcome : Outcome
        Of that attempt.
    """
    if outcome.is_lasting or attempts >= ATTEMPTS_MAX:
        return None
    state = RetryCallState(_RETRYING, None, (), {})
    state.attempt_number = attempts
    return max(_WAITS(state), outcome.retry_after_s or 0.0)
