"""Acknowledging a limit on the page: of whom, by whom, and what is refused."""

from __future__ import annotations

from system.contracts.limits import (
    Acknowledgement,
    LimitLevel,
    LimitMeasure,
    TrailKind,
    TrailRow,
)
from system.show.panels.plain import plain as escaped
from system.show.view.limits import NAMES
from tests.system.show.panels.page_forms import Api, clicked, field, page_of, pressed

SEEN = TrailRow(
    event_id=2,
    kind=TrailKind.ACKNOWLEDGED,
    portfolio="long-short",
    measure=LimitMeasure.GROSS,
    before=LimitLevel.OK,
    after=LimitLevel.BREACH,
    value=1.5,
    warning=0.8,
    breach=1.0,
    snapshot_id="long-short-1-1",
    event_time_ns=1,
    recorded_at_ns=2,
    acknowledges=1,
    actor="R. Officer",
)


def test_a_limit_is_acknowledged_by_name(api: Api) -> None:
    api.answer = SEEN
    page = page_of()
    field(page.text_input, "Seen by").set_value(" R. Officer ")
    field(page.text_input, "Note").set_value("hedged")
    page = pressed(page, "Acknowledge")
    told = Acknowledgement(actor="R. Officer", note="hedged")
    assert api.asked == [("acknowledge_limit", "long-short", LimitMeasure.GROSS, told)]
    assert escaped("seen by R. Officer") in page.success[0].value


def test_a_note_that_drives_a_terminal_is_answered_on_the_page(api: Api) -> None:
    page = page_of()
    field(page.text_input, "Seen by").set_value("R. Officer")
    field(page.text_input, "Note").set_value("\x1b[2J")
    page = clicked(page, "Acknowledge")
    assert escaped("holds U+001B ESCAPE") in page.error[0].value
    assert api.asked == []


def test_nobody_acknowledges_without_a_name(api: Api) -> None:
    page = (
        next(button for button in page_of().button if button.label == "Acknowledge").click().run()
    )
    assert api.asked == []
    assert "say who has seen it" in page.error[0].value


def test_what_is_raised_is_offered_first_by_the_names_of_the_panel(api: Api) -> None:
    limit = field(page_of().selectbox, "Limit")
    assert limit.options == [NAMES[LimitMeasure.GROSS], NAMES[LimitMeasure.NET]]
    assert limit.value is LimitMeasure.GROSS
