"""Spark's pages open to who can read the cluster's own settings, and to nobody else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path

import pytest

from system.runtime.components.spark_pages import (
    FILTER,
    KEY_SETTING,
    VALID_S,
    page_authorization,
    page_settings,
)


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.fixture
def defaults(tmp_path: Path) -> Path:
    path = tmp_path / "spark-defaults.conf"
    path.write_text("spark.authenticate          true\n" + page_settings("secret"), "utf-8")
    return path


def test_every_page_is_behind_sparks_own_filter() -> None:
    assert f"spark.ui.filters            {FILTER}\n" in page_settings("secret")


def test_the_key_is_long_enough_and_gives_the_secret_not_away() -> None:
    key = page_settings("secret").split(f"{KEY_SETTING} ")[1].strip()
    assert len(decoded(key)) == 32
    assert b"secret" not in decoded(key)
    assert key not in page_settings("another")


def test_a_token_is_signed_by_the_key_and_ends_soon(
    defaults: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("system.runtime.components.spark_pages.wall_ns", lambda: 1_000 * 10**9)
    token = page_authorization(defaults)["Authorization"].removeprefix("Bearer ")
    signed, _, signature = token.rpartition(".")
    head, claims = map(json.loads, map(decoded, signed.split(".")))
    key = decoded(page_settings("secret").split(f"{KEY_SETTING} ")[1].strip())
    assert decoded(signature) == hmac.digest(key, signed.encode(), hashlib.sha256)
    assert head == {"alg": "HS256"}
    assert claims == {"sub": "riskstream", "exp": 1_000 + VALID_S}


def test_a_cluster_of_a_version_before_has_no_key(tmp_path: Path) -> None:
    path = tmp_path / "spark-defaults.conf"
    path.write_text("spark.authenticate true\n", "utf-8")
    assert page_authorization(path) == {}
