"""The page of what changed VaR: asked for when it opens, and again by a button."""

from __future__ import annotations

from tests.system.show.panels.conftest import api as api  # noqa: PLC0414 - a fixture
from tests.system.show.panels.page_forms import Api, page_of, pressed
from tests.system.show.sheets.test_change import EXPLAINED


def test_the_change_of_the_portfolio_that_is_shown_is_asked_for(api: Api) -> None:
    api.answer = EXPLAINED
    page = page_of(screen="change")
    assert api.asked == [("var_change", "long-short")]
    pressed(page, "Explain again since the last close")
    assert api.asked == [("var_change", "long-short")] * 2
