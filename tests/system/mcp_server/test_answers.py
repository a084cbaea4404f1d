"""The envelope of answers: the verdict is on exactly that snapshot, and unknown is no pass."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from system.contracts.oracle import NO_ORACLE, OracleCheck, OracleStatus, OracleVerdict
from system.mcp_server.answers import NOT_RUNNING, tool_answer, verdict_on
from tests.system.client.commands.test_board import STATUS


def check(name: str, verdict: OracleVerdict) -> OracleCheck:
    return OracleCheck(
        snapshot_id=name,
        portfolio="P",
        verdict=verdict,
        largest_difference=0.0,
        detail="",
        checked_at_ms=1,
    )


def oracle(**fields) -> OracleStatus:
    return OracleStatus(running=True, samples_per_s=1.0, checked=2, agreed=2, **fields)


@pytest.mark.parametrize("verdict", OracleVerdict)
def test_the_verdict_is_that_of_the_snapshot_itself(verdict):
    status = oracle(newest={"P": check("P-1.2", verdict)})
    assert verdict_on("P-1.2", status) is verdict
    assert verdict_on("P-1.3", status) is OracleVerdict.UNCHECKED
    assert verdict_on("", status) is OracleVerdict.UNCHECKED
    assert verdict_on("P-1.2", None) is OracleVerdict.UNCHECKED


def test_a_difference_that_is_open_outranks_a_later_agreement():
    status = oracle(
        newest={"P": check("P-1.2", OracleVerdict.AGREED)},
        first_difference=check("P-1.2", OracleVerdict.DIFFERS),
    )
    assert verdict_on("P-1.2", status) is OracleVerdict.DIFFERS


def test_each_answer_names_snapshot_verdicts_and_stream():
    answer = tool_answer({"x": 1}, replace(STATUS, oracle=oracle()), "P-1.2")
    assert answer == {
        "snapshot_id": "P-1.2",
        "oracle": "not yet checked",
        "oracle_overall": "agreed",
        "stream": "running",
        "answer": {"x": 1},
    }


@pytest.mark.parametrize("status", [None, NO_ORACLE])
def test_an_oracle_that_does_not_run_is_told(status):
    assert tool_answer(1, replace(STATUS, oracle=status))["oracle_overall"] == NOT_RUNNING
