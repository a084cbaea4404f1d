"""One attempt: signed, bounded, never to another address; waits that grow and end."""

from __future__ import annotations

import base64
import hashlib
import hmac

import httpx
import pytest

from system.alerts.sending import (
    ATTEMPTS_MAX,
    BACKOFF_MAX_S,
    Outcome,
    Sender,
    next_wait_s,
    outcome_of,
    retry_after_seconds,
)
from system.alerts.target import Target
from system.clock import ManualClock
from tests.system.alerts.receiver import listening
from tests.system.alerts.samples import notice

SECRET = b"k" * 32
NOW_S = 1_583_400_000


def sender(url: str, bound_s: float = 60, **options) -> Sender:
    clock = ManualClock(NOW_S * 10**9)
    return Sender(Target(url, secret=SECRET, **options), clock, bound_s=bound_s)


def test_a_notice_arrives_with_a_signature_of_exactly_its_bytes():
    with listening() as receiver:
        assert sender(receiver.url)(notice()) == Outcome(True)
    [(headers, body)] = receiver.received
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = base64.b64encode(hmac.new(SECRET, content, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"
    assert headers["webhook-timestamp"] == str(NOW_S)
    assert headers["idempotency-key"] == headers["webhook-id"] == notice().message_id
    assert headers["content-type"] == "application/json"
    assert "authorization" not in headers


def test_an_answer_that_comes_byte_by_byte_ends_within_the_bound():
    with listening() as receiver:
        receiver.answers.append("drip")
        outcome = sender(receiver.url, bound_s=0.5)(notice())
    assert outcome == Outcome(False, "no answer within 0.5 s")


def test_nobody_there_is_tried_again_and_the_address_is_not_shown():
    with listening() as receiver:
        url = receiver.url
    outcome = sender(url)(notice())
    assert outcome == Outcome(False, "no answer: ConnectError")


def test_a_redirect_is_not_followed():
    with listening() as receiver, listening() as inner:
        receiver.answers.append(307)
        receiver.answer_headers = {"location": inner.url}
        outcome = sender(receiver.url)(notice())
    assert outcome.is_lasting
    assert inner.received == []


def test_a_certificate_that_nobody_vouches_for_is_refused(monkeypatch):
    made: list[dict] = []
    real = httpx.AsyncClient

    def client(**options):
        made.append(options)
        return real(**options)

    monkeypatch.setattr(httpx, "AsyncClient", client)
    with listening() as receiver:
        sender(receiver.url)(notice())
    assert "verify" not in made[0]
    assert made[0]["follow_redirects"] is False


@pytest.mark.parametrize(
    ("status", "is_delivered", "is_lasting"),
    [
        (200, True, False),
        (202, True, False),
        (301, False, True),
        (400, False, True),
        (401, False, True),
        (404, False, True),
        (408, False, False),
        (429, False, False),
        (500, False, False),
        (503, False, False),
        (599, False, False),
    ],
)
def test_an_answer_is_accepted_passing_or_lasting(status, is_delivered, is_lasting):
    outcome = outcome_of(status, "", lambda: 0.0)
    assert (outcome.is_delivered, outcome.is_lasting) == (is_delivered, is_lasting)
    assert is_delivered or str(status) in outcome.reason


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", None), ("soon", None), ("0", 0.0), ("12", 12.0), ("99999", BACKOFF_MAX_S), ("-5", None)],
)
def test_a_receiver_may_ask_for_a_bounded_wait(text, seconds):
    assert retry_after_seconds(text, 0.0) == seconds


def test_waits_grow_within_their_bound_and_end():
    passing = Outcome(False, "answer 503")
    waits = [next_wait_s(attempts, passing) for attempts in range(1, ATTEMPTS_MAX)]
    bounds = [min(2.0 ** (attempts - 1), BACKOFF_MAX_S) for attempts in range(1, ATTEMPTS_MAX)]
    assert all(
        wait is not None and 0 <= wait <= bound for wait, bound in zip(waits, bounds, strict=True)
    )
    assert next_wait_s(ATTEMPTS_MAX, passing) is None
    assert next_wait_s(1, Outcome(False, "answer 400", is_lasting=True)) is None
    asked = Outcome(False, "answer 429", retry_after_s=30.0)
    assert (next_wait_s(1, asked) or 0) >= 30.0
