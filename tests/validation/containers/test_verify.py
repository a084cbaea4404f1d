"""compose-verify: unknown without Docker, failed where a number or a recovery is wrong."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from system.console import PlainConsole
from tests.validation.containers.test_engine import program
from validation.containers.outages import OutageKind
from validation.containers.verify import OutageRow, _recovered, _same, run
from validation.verdict import Verdict


def report(**hashes: str) -> Any:
    return SimpleNamespace(day_hashes=hashes, numbers_hash="all")


def row(*, recovered_s: float | None, is_held: bool) -> OutageRow:
    return OutageRow(
        service="redis",
        kind=OutageKind.KILL,
        container="abc",
        witness="process 1 killed, 2 in its place, restart 1",
        recovered_s=recovered_s,
        is_held=is_held,
    )


def test_without_docker_the_verdict_is_unknown_and_never_passed(tmp_path: Path) -> None:
    engine = program(tmp_path, "exit 1")
    whole = run(engine, tmp_path, PlainConsole(), outages=(), compares=False)
    assert whole.verdict is Verdict.UNKNOWN
    assert "Docker does not answer" in whole.findings[0].detail


def test_equal_days_pass() -> None:
    assert _same(report(a="1", b="2"), report(a="1", b="2")).verdict is Verdict.PASSED


@pytest.mark.parametrize(
    "inside", [{"a": "1"}, {"a": "1", "b": "3"}, {"a": "1", "b": "2", "c": "4"}]
)
def test_a_day_that_differs_is_missing_or_too_much_fails(inside: dict[str, str]) -> None:
    assert _same(report(**inside), report(a="1", b="2")).verdict is Verdict.FAILED


def test_a_recovery_that_did_not_hold_fails_with_its_outage() -> None:
    good = row(recovered_s=2.5, is_held=True)
    assert _recovered([good]).verdict is Verdict.PASSED
    finding = _recovered([good, row(recovered_s=None, is_held=False)])
    assert finding.verdict is Verdict.FAILED
    assert "kill redis (abc)" in finding.detail
    assert "never" in finding.detail
