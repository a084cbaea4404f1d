"""An import is shown with what it changes: rows that differ, trades on top, and doubt."""

from __future__ import annotations

import datetime as dt
import io

from system.client.commands.reconciliation import MAX_ROWS_SHOWN, show_import
from system.console import PlainConsole
from system.contracts.api.risk import PortfolioAccepted, PositionDifference, Reconciliation


def shown(reconciliation: Reconciliation | None = None, **fields) -> str:
    accepted = PortfolioAccepted(
        portfolio="[desk]",
        position_count=3,
        instrument_count=2,
        history_count=1,
        topic="reference",
        partition=0,
        offset=1,
        watch="",
        reconciliation=reconciliation,
        **fields,
    )
    out = io.StringIO()
    show_import(PlainConsole(file=out, width=200), accepted)
    return out.getvalue()


def compared(count: int = 1, **fields) -> Reconciliation:
    rows = tuple(
        PositionDifference(instrument=f"S{number}", before=1.5, stated=1000.0, difference=998.5)
        for number in range(count)
    )
    usual = {
        "opens": False,
        "equal_count": 4,
        "different_count": count,
        "rows": rows,
        "cash_stated": True,
        "trades_on_top": 0,
        "current": True,
    }
    return Reconciliation(**{**usual, **fields})


def test_an_import_says_what_was_sent_and_a_dry_run_that_nothing_was():
    assert (
        "[desk]: 3 positions, 2 instruments and 1 price histories are with the stream." in shown()
    )
    assert "would be sent (a dry run: nothing was)" in shown(dry_run=True)


def test_positions_of_a_day_are_those_of_its_end():
    assert "as of the end of 2020-03-05." in shown(as_of_day=dt.date(2020, 3, 5))
    assert "as of 1970-01-01T00:00:01Z." in shown(as_of_ns=1_000_000_000)


def test_what_differs_is_listed_with_its_signed_difference_and_counted():
    text = shown(compared(trades_on_top=2, cash_stated=False))
    (row,) = (line for line in text.splitlines() if "S0" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == ["S0", "1.5", "1,000", "+998.5"]
    assert "1 of 5 instruments differ; cash is not stated" in text
    assert "2 trades after that moment come on top." in text


def test_a_long_list_is_cut_and_says_so():
    text = shown(compared(MAX_ROWS_SHOWN + 3))
    assert "and 3 more (--json has all)" in text
    assert f"S{MAX_ROWS_SHOWN}" not in text


def test_a_new_book_has_nothing_to_compare_with_and_doubt_is_stated():
    text = shown(compared(0, opens=True, current=False))
    assert "The book is new: nothing to compare with." in text
    assert "may lack the newest trades" in text
