"""The key to Spark's web pages: they show logs and settings, and have no log-in of their own.

Spark's ``JWSFilter`` answers 403 to every request without a JSON Web Token (RFC 7519) signed by
the key that the configuration names. Only what can read that private file gets in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from system.clock import wall_ns

FILTER: Final = "org.apache.spark.ui.JWSFilter"
KEY_SETTING: Final = f"spark.{FILTER}.param.secretKey"
VALID_S: Final = 60
_PURPOSE: Final = b"riskstream: web pages of spark"


def page_settings(secret: str) -> str:
    """Return the settings that close the pages of master and worker.

    Parameters
    ----------
    secret : str
        The cluster's; the key is derived from it, and does not give it away.
    """
    key = hmac.digest(secret.encode("utf-8"), _PURPOSE, hashlib.sha256)
    return f"""\
spark.ui.filters            {FILTER}
{KEY_SETTING} {_encoded(key)}
"""


def page_authorization(defaults: Path) -> Mapping[str, str]:
    """Return the headers that open a page for a minute; none where no key is set.

    Parameters
    ----------
    defaults : Path
        The cluster's ``spark-defaults.conf``.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    settings = dict(
        line.split(None, 1) for line in defaults.read_text("utf-8").splitlines() if " " in line
    )
    key = settings.get(KEY_SETTING)
    return {} if key is None else {"Authorization": f"Bearer {_token(key)}"}


def _token(key: str) -> str:
    claims = {"sub": "riskstream", "exp": wall_ns() // 10**9 + VALID_S}
    parts = [_encoded(json.dumps(part).encode()) for part in ({"alg": "HS256"}, claims)]
    signed = ".".join(parts)
    secret = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
    signature = hmac.digest(secret, signed.encode(), hashlib.sha256)
    return f"{signed}.{_encoded(signature)}"


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode("ascii").rstrip("=")
