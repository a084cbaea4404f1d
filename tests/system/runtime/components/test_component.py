"""Health over HTTP, and folders that other users can reach."""

from __future__ import annotations

from pathlib import Path

import pytest

from system.errors import UnavailableError
from system.runtime.components.component import http_answer, reachable_by_others


def test_a_private_folder_above_is_seen(tmp_path):
    (tmp_path / "private").mkdir(mode=0o700)
    assert not reachable_by_others(tmp_path / "private" / "file")
    assert reachable_by_others(Path("/bin/sh"))


def test_only_web_addresses_are_asked_for_health(tmp_path):
    (tmp_path / "x").write_text("secret", "utf-8")
    with pytest.raises(UnavailableError, match="not a web address"):
        http_answer((tmp_path / "x").as_uri())
