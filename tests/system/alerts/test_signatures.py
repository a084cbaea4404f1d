"""Signatures that a receiver can check, and a secret that only its owner can read."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from system.alerts import signatures
from system.alerts.signatures import AlertSecretError, kept_secret, read_secret, signed_headers
from tests.error_trees import own_errors

BODY = b'{"test": 2432232314}'


def test_the_example_of_the_specification_is_signed_alike():
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("message_id", "timestamp_s", "body"),
    [("a:raised", 2, BODY), ("a:cleared", 1, BODY), ("a:raised", 1, BODY + b" ")],
)
def test_id_time_and_body_are_signed(message_id, timestamp_s, body):
    one, other = (
        signed_headers(b"k" * 32, *said)["webhook-signature"]
        for said in (("a:raised", 1, BODY), (message_id, timestamp_s, body))
    )
    assert one != other
    content = f"{message_id}.{timestamp_s}.".encode() + body
    digest = hmac.new(b"k" * 32, content, hashlib.sha256).digest()
    assert other == f"v1,{base64.b64encode(digest).decode()}"


def test_the_key_of_idempotency_is_the_same_in_every_attempt():
    first, second = (signed_headers(b"k" * 32, "a:raised", second, BODY) for second in (1, 2))
    assert first["Idempotency-Key"] == second["Idempotency-Key"] == "a:raised"


def test_a_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path):
    path = tmp_path / "alerts-secret"
    secret = kept_secret(path)
    assert len(secret) == 32
    assert kept_secret(path) == secret
    assert path.stat().st_mode & 0o777 == 0o600
    assert kept_secret(tmp_path / "another") != secret


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_secret_that_others_can_reach_is_refused_with_the_remedy(tmp_path, mode):
    path = tmp_path / "s"
    kept_secret(path)
    path.chmod(mode)
    with pytest.raises(AlertSecretError, match=rf"mode {mode:04o} .*chmod 600"):
        read_secret(path)


@pytest.mark.parametrize(
    "text", ["", "swordfish", "whsec_", "whsec_!!!", "whsec_c2hvcnQ=", f"whsec_{'QUFB' * 30}"]
)
def test_what_is_no_secret_is_refused_without_being_shown(tmp_path, text):
    path = tmp_path / "s"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(AlertSecretError) as caught:
        read_secret(path)
    assert "RISKSTREAM_ALERTS_SECRET_FILE" in str(caught.value)
    assert not text.removeprefix("whsec_") or text.removeprefix("whsec_") not in str(caught.value)


def test_a_secret_that_is_not_there_is_named(tmp_path):
    with pytest.raises(AlertSecretError, match="cannot be read: No such file"):
        read_secret(tmp_path / "none")


def test_its_errors_are_those_of_input():
    assert own_errors(signatures) == {"AlertSecretError"}
