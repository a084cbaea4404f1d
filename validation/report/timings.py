"""Timings of a run: stated beside the speed of the machine, and never part of a verdict.

Whether numbers are right, nothing is lost and everything is recovered from decides about
``demo`` and ``verify``. Budgets of milliseconds decide only where somebody asks for them:
``riskstream load``, ``riskstream capacity``, ``riskstream measure goals``, ``make bench``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from validation.measure.machine_speed import MachineSpeed
from validation.verdict import Finding, Verdict, as_measured

JUDGES: Final = "`riskstream load` judges latency"
NAMED: Final = 3


def with_timings_reported(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings of which those that only time speaks against are *measured*."""
    return tuple(map(as_measured, findings))


def timing_sentence(findings: Sequence[Finding], speed: MachineSpeed) -> str:
    """Return one sentence on the timings of a run and on the machine they were taken on.

    Parameters
    ----------
    findings : sequence of Finding
        Of the run, as ``with_timings_reported`` returns them.
    speed : MachineSpeed
        Measured in the same run.

    Returns
    -------
    str
        Empty where nothing was judged.
    """
    late = [
        f"{finding.check.partition(',')[0]}: {finding.detail}"
        for finding in findings
        if finding.verdict is Verdict.MEASURED
    ]
    if not findings:
        return ""
    if not late:
        return f"Timings are within their budgets, on {speed.sentence()}."
    named = "; ".join(late[:NAMED])
    more = f"; and {len(late) - NAMED} more" if len(late) > NAMED else ""
    return (
        f"No verdict hangs on time, and on {speed.sentence()} these took longer than their "
        f"budgets: {named}{more}; {JUDGES}."
    )
