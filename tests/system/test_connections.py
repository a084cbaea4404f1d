"""Connections: addresses, the folder that is named when one is unknown, files of secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from system.connections import Connections, NotConnectedError, secret_file


def test_the_api_url_has_no_trailing_slash():
    assert Connections({"api_url": "http://host:1/"}, Path()).api_url == "http://host:1"


def test_a_secret_file_is_readable_by_its_owner_only_even_when_it_replaces_another(tmp_path):
    path = tmp_path / "secret"
    path.write_text("old", "utf-8")
    path.chmod(0o644)
    secret_file(path, "new")
    assert path.read_text("utf-8") == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]


def test_an_address_that_is_not_known_names_the_folder_of_the_stack(tmp_path):
    with pytest.raises(NotConnectedError, match=str(tmp_path)):
        _ = Connections({}, tmp_path).dashboard_url
