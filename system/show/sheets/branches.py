"""Branches of a what-if side by side: the same measures with each set of trades."""

from __future__ import annotations

from collections.abc import Mapping

from system.client.commands.comparison import comparison_rows
from system.contracts.api.questions import WhatIf
from system.show.sheets.contents import Column, Row, Sheet


def branches_sheet(answers: Mapping[str, WhatIf]) -> Sheet:
    """Return every measure before, and with each branch, by the branches' names.

    Parameters
    ----------
    answers : mapping of str to WhatIf
        Every one of the same portfolio; without any the table says how to get one.
    """
    title = "Branches side by side"
    if not answers:
        return Sheet(title=title, columns=(), rows=(), empty="Compare branches to see them here.")
    tables = {
        name: {row[0]: row for row in comparison_rows(answer)} for name, answer in answers.items()
    }
    first = next(iter(tables.values()))
    columns = [Column(name="Measure"), Column(name="now")]
    for name in answers:
        columns += [Column(name=f"with {name}"), Column(name="change")]
    snapshots = {answer.snapshot_id for answer in answers.values()}
    return Sheet(
        title=title,
        note=", ".join(sorted(snapshots)),
        words="" if len(snapshots) == 1 else "the market moved between the questions",
        columns=tuple(columns),
        rows=tuple(
            Row(cells=(measure, row[1], *_sides(tables, measure))) for measure, row in first.items()
        ),
    )


def _sides(
    tables: Mapping[str, Mapping[str, tuple[str, str, str, str]]], measure: str
) -> tuple[str, ...]:
    cells: list[str] = []
    for rows in tables.values():
        _, _, after, change = rows.get(measure, ("", "", "", ""))
        cells += [after, change]
    return tuple(cells)
