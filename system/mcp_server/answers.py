"""Envelope of each answer: which snapshot it is of, and what the oracle says of that snapshot."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from system.contracts.api.risk import StreamStatus
from system.contracts.oracle import OracleStatus, OracleVerdict

NOT_RUNNING = "not running"


class ToolAnswer(Struct, frozen=True, kw_only=True):
    """Answer of a tool.

    ``snapshot_id`` is empty where no single snapshot is concerned. ``oracle`` is the verdict on
    exactly that snapshot, ``oracle_overall`` on everything that was checked ("not running" where
    no oracle runs). ``stream`` says whether numbers are kept current.
    """

    snapshot_id: str
    oracle: str
    oracle_overall: str
    stream: str
    answer: Any


def tool_answer(answer: object, status: StreamStatus, snapshot_id: str = "") -> dict[str, Any]:
    """Return an answer with its snapshot and verdict, as plain values.

    Parameters
    ----------
    answer : object
        What the API said, or a part of it.
    status : StreamStatus
        Of the stream, asked beside it.
    snapshot_id : str
        Snapshot that the answer is of.
    """
    oracle = status.oracle
    envelope = ToolAnswer(
        snapshot_id=snapshot_id,
        oracle=verdict_on(snapshot_id, oracle),
        oracle_overall=NOT_RUNNING if oracle is None or not oracle.running else oracle.verdict,
        stream=status.state,
        answer=answer,
    )
    plain: dict[str, Any] = msgspec.to_builtins(envelope)
    return plain


def verdict_on(snapshot_id: str, oracle: OracleStatus | None) -> OracleVerdict:
    """Return what the oracle has said of exactly this snapshot; unknown is *not yet checked*."""
    if oracle is None or not snapshot_id:
        return OracleVerdict.UNCHECKED
    checks = [*oracle.newest.values()]
    checks += [] if oracle.first_difference is None else [oracle.first_difference]
    verdicts = [check.verdict for check in checks if check.snapshot_id == snapshot_id]
    if OracleVerdict.DIFFERS in verdicts:
        return OracleVerdict.DIFFERS
    return verdicts[0] if verdicts else OracleVerdict.UNCHECKED
