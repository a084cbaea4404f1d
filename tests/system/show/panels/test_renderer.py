"""Panels as components: one renderer, mounted with the name of its file and of the push stream."""

from __future__ import annotations

import json

import pytest

from system.show.panels import renderer
from system.show.panels.renderer import PAGE_TITLE, Panel, panel
from system.show.server.routes import STATIC_DIR, STREAM_PATH


@pytest.fixture
def mounted(monkeypatch):
    """Options of each mounted panel."""
    calls = []
    monkeypatch.setattr(renderer, "_renderer", lambda: lambda **options: calls.append(options))
    return calls


@pytest.mark.parametrize("which", Panel)
def test_every_panel_has_its_file(which):
    assert (STATIC_DIR / f"panel_{which.value}.js").is_file()


def test_every_file_of_a_panel_is_named():
    files = {path.stem.removeprefix("panel_") for path in STATIC_DIR.glob("panel_*.js")}
    assert files == {which.value for which in Panel}


def test_a_panel_is_told_where_the_push_stream_is_and_which_portfolio_was_chosen(mounted):
    panel(Panel.BAR, portfolio="long-short")
    panel(Panel.HEAT)
    first, second = mounted
    assert first["data"]["stream"] == STREAM_PATH.lstrip("/")
    assert first["data"]["portfolio"] == "long-short"
    assert first["data"]["title"] == PAGE_TITLE
    assert second["data"]["portfolio"] == ""
    assert (first["key"], second["key"]) == ("panel-bar", "panel-heat")


def test_what_a_panel_is_told_is_json_and_its_change_of_portfolio_is_nothing(mounted):
    panel(Panel.CARDS)
    [options] = mounted
    assert json.loads(json.dumps(options["data"]))["panel"] == "cards"
    assert options["on_portfolio_change"]() is None
