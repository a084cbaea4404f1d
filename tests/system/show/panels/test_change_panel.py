"""A change explained, in words and cells."""

from __future__ import annotations

from system.contracts.api.questions import ChangeStep, VarChange, VarStep
from system.show.panels.change_panel import change_words, step_cells
from tests.system.show.panels.test_stress_panel import plain

FOUND = VarChange(
    portfolio="P",
    from_id="P-eod-2020-03-13",
    to_id="P-1-7",
    from_time_ns=1,
    to_time_ns=2,
    base_currency="USD",
    var_before=1_000.0,
    var_after=1_150.0,
    change=150.0,
    steps=(
        VarStep(step=ChangeStep.POSITIONS, changed=True, var=1_150.0, change=150.0),
        VarStep(step=ChangeStep.FX, changed=False, var=1_150.0, change=0.0),
    ),
)


def test_both_ends_and_their_difference_are_said() -> None:
    words = plain(change_words(FOUND))
    assert "VaR 1 000 (P-eod-2020-03-13) -> **1 150** (P-1-7): +150 USD" in words


def test_what_did_not_change_says_so_instead_of_a_zero() -> None:
    assert [step_cell["change"].replace("+", "") for step_cell in step_cells(FOUND)] == [
        "150",
        "unchanged",
    ]
