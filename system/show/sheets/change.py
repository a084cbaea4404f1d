"""Change of VaR as a waterfall and as a table."""

from __future__ import annotations

from system.contracts.api.questions import VarChange, VarStep
from system.show import format as text
from system.show.sheets.contents import Column, Row, Sheet, Step, Waterfall, rising_loss


def change_waterfall(explained: VarChange) -> Waterfall:
    """Return the steps from VaR before to VaR after, where VaR exists at every step."""
    title = f"What changed VaR, {explained.base_currency}"
    note = f"{explained.from_id} to {explained.to_id}"
    before, after = explained.var_before, explained.var_after
    whole = [step for step in explained.steps if step.var is not None and step.change is not None]
    if before is None or after is None or len(whole) < len(explained.steps):
        empty = "VaR does not exist at every step: the table says where and why."
        return Waterfall(title=title, note=note, steps=(), empty=empty)
    steps = [_total("before", before), *_moves(before, explained.steps), _total("after", after)]
    words = "; ".join(f"{step.name} {step.text}" for step in steps)
    return Waterfall(title=title, note=note, steps=tuple(steps), words=words)


def change_sheet(explained: VarChange) -> Sheet:
    """Return every step of the change in words; what did not change says so."""
    rows = [
        Row(
            cells=("at the earlier snapshot", "", text.amount(explained.var_before), ""),
            kind="total",
        ),
        *(
            Row(
                cells=(
                    _name(step),
                    rising_loss(step.change) if step.changed else "unchanged",
                    text.amount(step.var),
                    step.not_available,
                )
            )
            for step in explained.steps
        ),
        Row(
            cells=(
                "at the later snapshot",
                rising_loss(explained.change),
                text.amount(explained.var_after),
                "",
            ),
            kind="total",
        ),
    ]
    return Sheet(
        title="Input by input",
        note="each step is a full recomputation; the last is the stored number",
        columns=(
            Column(name="Input"),
            Column(name="Change"),
            Column(name="VaR with it"),
            Column(name="", kind="text"),
        ),
        rows=tuple(rows),
    )


def _total(name: str, var: float) -> Step:
    return Step(name=name, start=0.0, end=var, text=text.amount(var), kind="total")


def _moves(before: float, steps: tuple[VarStep, ...]) -> list[Step]:
    """Return the inputs that changed; each begins where the one before it ended."""
    moves, at = [], before
    for step in steps:
        assert step.var is not None, "every step has a VaR here"
        if step.changed:
            kind = "adds" if step.var >= at else "hedge"
            change = text.amount(step.change, signed=True)
            moves.append(Step(name=_name(step), start=at, end=step.var, text=change, kind=kind))
        at = step.var
    return moves


def _name(step: VarStep) -> str:
    return step.step.value.replace("_", " ")
