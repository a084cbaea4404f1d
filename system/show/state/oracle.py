"""Text about the independent oracle: agreed, differs, or not yet checked."""

from __future__ import annotations

from msgspec import Struct

from system.contracts.api.risk import StreamStatus
from system.contracts.messages import RiskSnapshot
from system.contracts.oracle import NO_ORACLE, OracleStatus, OracleVerdict


class OracleView(Struct, frozen=True, kw_only=True):
    """``state`` colours the words: ``agreed``, ``differs`` or ``unchecked``."""

    state: str
    text: str
    detail: str


def oracle_view(status: StreamStatus | None, snapshot: RiskSnapshot | None) -> OracleView:
    """Return what the oracle has found, in words.

    Parameters
    ----------
    status : StreamStatus or None
        None before the API was heard.
    snapshot : RiskSnapshot or None
        The one on the screen.
    """
    oracle = (status.oracle if status else None) or NO_ORACLE
    return OracleView(
        state=oracle.verdict.name.lower(), text=_text(oracle), detail=_detail(oracle, snapshot)
    )


def _text(oracle: OracleStatus) -> str:
    if not oracle.running:
        return "not running"
    reasons = {"unreadable": oracle.unreadable, "not in PostgreSQL": oracle.not_stored}
    named = [f"{count:,} {reason}" for reason, count in reasons.items() if count]
    skipped = f"; {', '.join(named)} skipped" if named else ""
    if not oracle.checked:
        if oracle.first_difference is not None:
            return f"{oracle.verdict}: of an earlier run, not acknowledged{skipped}"
        return f"{OracleVerdict.UNCHECKED}{skipped}"
    counted = f"{oracle.agreed:,} of {oracle.checked:,}"
    worst = _size(oracle.worst_difference)
    return f"{oracle.verdict}: {counted}, worst difference {worst}{skipped}"


def _detail(oracle: OracleStatus, snapshot: RiskSnapshot | None) -> str:
    """Return about the number on the screen, unless a difference was found anywhere."""
    first = oracle.first_difference
    if first is not None:
        return f"{first.portfolio}, {first.snapshot_id}: {first.detail}"
    check = oracle.newest.get(snapshot.portfolio) if snapshot else None
    if snapshot is None or check is None:
        return oracle.problem
    if check.snapshot_id == snapshot.snapshot_id:
        return f"this number: {check.verdict} {check.detail}".rstrip()
    return f"this number: not yet checked; {check.snapshot_id}: {check.verdict}"


def _size(difference: float | None) -> str:
    return "unknown" if difference is None else f"{difference:.0e}"
