"""Branches of a what-if side by side."""

from __future__ import annotations

from system.contracts.api.questions import ProposedTrade, WhatIf, WhatIfRequest
from system.contracts.messages import RiskSnapshot
from system.show.sheets.branches import branches_sheet
from tests.system.show import answers
from tests.system.show.market import replace_struct


def answer(snapshot: RiskSnapshot, count: int) -> WhatIf:
    trades = (ProposedTrade(instrument="AAPL", quantity=10.0),) * count
    return answers.what_if(snapshot, WhatIfRequest(trades=trades))


def test_every_branch_has_its_value_and_its_change(long_short: RiskSnapshot) -> None:
    sheet = branches_sheet({"A": answer(long_short, 1), "B": answer(long_short, 2)})
    names = [column.name for column in sheet.columns]
    assert names == ["Measure", "now", "with A", "change", "with B", "change"]
    assert sheet.rows[0].cells[0] == "VaR"
    assert all(len(row.cells) == len(names) for row in sheet.rows)
    assert sheet.words == ""


def test_answers_about_two_snapshots_say_that_the_market_moved(long_short: RiskSnapshot) -> None:
    later = replace_struct(long_short, snapshot_id="later")
    sheet = branches_sheet({"A": answer(long_short, 1), "B": answer(later, 1)})
    assert "moved" in sheet.words


def test_without_a_branch_the_table_says_how_to_get_one() -> None:
    assert "Compare" in branches_sheet({}).empty
