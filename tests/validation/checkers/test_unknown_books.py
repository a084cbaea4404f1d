"""A book that may lack a trade: no number of a later driver states its risk, and each says why."""

import msgspec
import pytest

from system.contracts.messages import SnapshotKind
from tests.validation.scenarios.folding import folded
from tests.validation.scenarios.stories import HEAD, played, story_of
from validation.checkers.end_of_day import EndOfDay
from validation.checkers.unknown_books import check_unknown, without_risk
from validation.verdict import Verdict

WHY = "messages of trades:0 from offset 2 on are lost"


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Snapshots of three days: of fence 1 on the first two days, of fence 3 on the last."""
    topics = played(story_of(tmp_path_factory.mktemp("story"), "", head=HEAD), partitions=2)
    snapshots = folded(topics, batch=40)
    last = max(each.asof for each in snapshots if each.kind is SnapshotKind.END_OF_DAY)
    return [later(each) if each.asof == last else each for each in snapshots]


def later(snapshot, **changes):
    fields = {"fence": 3, "var": None, "positions_unknown": WHY} | changes
    return msgspec.structs.replace(snapshot, **fields)


def behind_the_loss(stored):
    return next(at for at, each in enumerate(stored) if each.fence == 3)


def test_numbers_without_risk_that_say_why_pass(stored):
    finding = check_unknown(stored, behind_fence=1)
    assert finding.verdict is Verdict.PASSED, finding.detail


def test_a_risk_that_is_stated_of_a_book_that_may_lack_a_trade_fails(stored):
    at = behind_the_loss(stored)
    wrong = [*stored[:at], later(stored[at], var=1.0), *stored[at + 1 :]]
    finding = check_unknown(wrong, behind_fence=1)
    assert (finding.verdict, "VaR 1.0" in finding.detail) == (Verdict.FAILED, True)


def test_a_number_that_does_not_say_why_it_has_no_risk_fails(stored):
    at = behind_the_loss(stored)
    wrong = [*stored[:at], later(stored[at], positions_unknown=""), *stored[at + 1 :]]
    assert check_unknown(wrong, behind_fence=1).verdict is Verdict.FAILED


def test_a_run_that_ends_at_the_loss_has_shown_nothing(stored):
    assert check_unknown(stored, behind_fence=3).verdict is Verdict.UNKNOWN


def test_days_that_a_later_driver_has_closed_are_expected_with_a_value_and_no_risk(stored):
    ends = [each for each in stored if each.kind is SnapshotKind.END_OF_DAY]
    expected = {
        (each.portfolio, each.asof): EndOfDay(var=1.0, nav=each.nav, breach=False) for each in ends
    }
    behind = without_risk(expected, stored, behind_fence=1)
    *before, last = sorted(behind)
    assert all(behind[key] == expected[key] for key in before)
    assert behind[last] == EndOfDay(var=None, nav=expected[last].nav)
