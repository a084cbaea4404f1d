"""The table of libraries: the same where it says so, and different only on purpose."""

from __future__ import annotations

import msgspec
import pytest

from validation.published import libraries
from validation.published.libraries import Row, compared, finding, not_installed
from validation.verdict import Verdict

SAME = Row(
    library="some 1.0",
    measure="VaR",
    convention="rank ceil(na)",
    theirs=0.04,
    ours=0.04,
    wanted=0.04,
    is_same=True,
)
OTHER = msgspec.structs.replace(SAME, theirs=0.0360, wanted=0.0360, is_same=False)


def test_equal_numbers_and_differences_on_purpose_pass() -> None:
    assert SAME.holds
    assert OTHER.holds
    assert finding(SAME).verdict is Verdict.PASSED
    assert "another on purpose, ours is 0.04" in finding(OTHER).detail


@pytest.mark.parametrize(
    "row",
    [
        msgspec.structs.replace(SAME, theirs=0.04 * (1 + 1e-8)),
        msgspec.structs.replace(OTHER, theirs=0.0361),
        msgspec.structs.replace(OTHER, theirs=0.04, wanted=0.04),
    ],
    ids=["not the same", "another than its convention says", "the same where it must differ"],
)
def test_anything_else_fails(row: Row) -> None:
    assert not row.holds
    assert finding(row).verdict is Verdict.FAILED


@pytest.mark.libraries
def test_every_library_states_what_is_expected_of_it() -> None:
    rows = compared()
    assert [row for row in rows if not row.holds] == []
    lacking = {lacking.check.partition(":")[0] for lacking in not_installed()}
    assert {row.library.split()[0] for row in rows} | lacking == {
        "riskfolio-lib",
        "skfolio",
        "QuantLib",
        "open-source-risk-engine",
        "empyrical-reloaded",
        "vartests",
    }


def test_a_library_without_a_wheel_here_is_unknown_and_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(libraries, "ORE_MODULE", "no_such_module")
    (lacking,) = not_installed()
    assert lacking.verdict is Verdict.UNKNOWN
    assert "open-source-risk-engine" in lacking.check
    assert "no wheel for Python 3." in lacking.detail
    assert list(libraries._ore()) == []
