"""Change of VaR as a waterfall and as a table."""

from __future__ import annotations

from msgspec.structs import replace

from system.contracts.api.questions import ChangeStep, VarChange, VarStep
from system.show.sheets.change import change_sheet, change_waterfall
from system.show.sheets.contents import Signed

EXPLAINED = VarChange(
    portfolio="P",
    from_id="P-eod-2020-03-13",
    to_id="P-1-7",
    from_time_ns=1,
    to_time_ns=2,
    base_currency="USD",
    var_before=1_000.0,
    var_after=1_050.0,
    change=50.0,
    steps=(
        VarStep(step=ChangeStep.POSITIONS, changed=True, var=1_150.0, change=150.0),
        VarStep(step=ChangeStep.FX, changed=False, var=1_150.0, change=0.0),
        VarStep(step=ChangeStep.WINDOW, changed=True, var=1_050.0, change=-100.0),
    ),
)


def test_each_step_begins_where_the_one_before_it_ended() -> None:
    steps = change_waterfall(EXPLAINED).steps
    assert [(step.name, step.start, step.end, step.kind) for step in steps] == [
        ("before", 0.0, 1_000.0, "total"),
        ("positions", 1_000.0, 1_150.0, "adds"),
        ("window", 1_150.0, 1_050.0, "hedge"),
        ("after", 0.0, 1_050.0, "total"),
    ]


def test_a_var_that_does_not_exist_on_the_way_is_no_bar() -> None:
    missing = VarStep(
        step=ChangeStep.PRICES, changed=True, var=None, change=None, not_available="no close"
    )
    broken = replace(EXPLAINED, steps=(missing, *EXPLAINED.steps))
    drawn = change_waterfall(broken)
    assert drawn.steps == ()
    assert "does not exist" in drawn.empty
    assert change_sheet(broken).rows[1].cells[-1] == "no close"


def test_what_did_not_change_says_so_instead_of_a_zero() -> None:
    rows = change_sheet(EXPLAINED).rows
    assert [row.cells[1] for row in rows[1:4]] == [
        Signed(text="+150", sign=-1),
        "unchanged",
        Signed(text="\u2212100", sign=1),
    ]


def test_both_ends_are_named() -> None:
    assert change_waterfall(EXPLAINED).note == "P-eod-2020-03-13 to P-1-7"
