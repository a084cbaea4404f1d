"""Answers on a page: refusals in words, contents as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from system.show.panels import answers
from system.show.panels.renderer import Panel
from system.show.server import runtime
from system.show.sheets.contents import Column, Row, Sheet


def test_an_api_that_nobody_knows_is_said_on_the_page(
    running: runtime.Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(answers.st, "error", said.append)
    assert answers.answered(lambda client: client.health()) is None
    assert len(said) == 1


def test_a_content_is_handed_over_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    mounted: list[dict[str, Any]] = []
    monkeypatch.setattr(
        answers, "panel", lambda which, **options: mounted.append({"which": which, **options})
    )
    sheet = Sheet(title="<b>", columns=(Column(name="A"),), rows=(Row(cells=("<i>",)),))
    answers.content_panel(Panel.SHEET, sheet, name="one")
    [panel] = mounted
    assert (panel["which"], panel["name"]) == (Panel.SHEET, "one")
    assert json.loads(json.dumps(panel["content"]))["rows"][0]["cells"] == ["<i>"]
