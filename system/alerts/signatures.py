"""Signature of a webhook, by the Standard Webhooks specification 1.0.

``webhook-signature`` is ``v1,`` and the base64 of HMAC-SHA256, with the secret's bytes as key, over
``webhook-id.webhook-timestamp.body``. A receiver compares it in constant time, refuses a timestamp
that is minutes away, and drops an id that it has seen. ``Idempotency-Key`` repeats the id.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from pathlib import Path
from typing import Final

from system.connections import secret_file
from system.errors import InputError

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - opens each secret
SECRET_BYTES: Final = 32
SECRET_BYTES_MIN: Final = 24
SECRET_BYTES_MAX: Final = 64


class AlertSecretError(InputError):
    """The file of the signing secret holds none, or others can read it."""


def signed_headers(secret: bytes, message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """Return the headers that sign one attempt to send a body.

    Parameters
    ----------
    secret : bytes
        Key of the HMAC.
    message_id : str
        The same in every attempt.
    timestamp_s : int
        Of this attempt, seconds since 1970-01-01 UTC.
    body : bytes
        As it is sent.

    Examples
    --------
    >>> headers = signed_headers(b"k" * 24, "a:raised", 1614265330, b"{}")
    >>> headers["webhook-signature"]
    'v1,nCQ5MscYD0ov2LRJjVQD8GHvgg0V+4VrjgjeTBF1vvg='
    """
    content = f"{message_id}.{timestamp_s}.".encode() + body
    digest = hmac.new(secret, content, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode('ascii')}",
        "Idempotency-Key": message_id,
    }


def kept_secret(path: Path) -> bytes:
    """Return the signing secret of a file, after making the file where there is none.

    Parameters
    ----------
    path : Path
        Mode 0600. Its folder must exist.

    Raises
    ------
    AlertSecretError
        If others than its owner can read it, or it holds no secret.
    """
    if not path.exists():
        words = base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")
        secret_file(path, f"{SECRET_PREFIX}{words}\n")
    return read_secret(path)


def read_secret(path: Path) -> bytes:
    """Return the signing secret of a file.

    Raises
    ------
    AlertSecretError
        If there is no such file, others than its owner can read it, or it holds no secret.
    """
    try:
        mode, text = path.stat().st_mode & 0o777, path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise AlertSecretError(
            f"RISKSTREAM_ALERTS_SECRET_FILE {path}: cannot be read: {reason}"
        ) from None
    if mode & 0o077:
        raise AlertSecretError(
            f"RISKSTREAM_ALERTS_SECRET_FILE {path}: mode {mode:04o} lets others read it; "
            f"`chmod 600 {path}`"
        )
    try:
        secret = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        secret = b""
    if (
        not text.startswith(SECRET_PREFIX)
        or not SECRET_BYTES_MIN <= len(secret) <= SECRET_BYTES_MAX
    ):
        raise AlertSecretError(
            f"RISKSTREAM_ALERTS_SECRET_FILE {path}: must hold {SECRET_PREFIX} and the base64 of "
            f"{SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes; delete it, and one is made"
        )
    return secret
