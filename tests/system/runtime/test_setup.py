"""``riskstream setup``: fetches what is missing, and nothing else."""

from __future__ import annotations

import pytest

from system.runtime import setup as module


@pytest.mark.parametrize(
    ("jars", "wheels", "fetched"),
    [
        ({"broker": []}, False, ["jars", "wheels"]),
        ({}, False, ["wheels"]),
        ({}, True, []),
    ],
)
def test_only_what_is_missing_is_fetched(monkeypatch, capsys, jars, wheels, fetched):
    done: list[str] = []
    monkeypatch.setattr(module, "missing_jars", lambda _: jars)
    monkeypatch.setattr(module, "wheels_are_there", lambda _: wheels)
    monkeypatch.setattr(module, "fetch", done.append)
    monkeypatch.setattr(module, "compiled_writer", lambda *_: done.append("writer"))
    monkeypatch.setattr(module, "keep_classes", lambda: done.append("classes"))
    module.setup()
    assert done == [*fetched, "writer", "classes"]
    assert "nothing is missing" in capsys.readouterr().err
