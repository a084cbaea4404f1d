"""Expectations of a scenario: what holds passes, and what does not fails."""

import msgspec

from system.contracts.messages import RejectReason
from tests.validation.scenarios.judge.played_run import Played
from tests.validation.scenarios.stories import story_of
from validation.checkers.end_of_day import check_end_of_day
from validation.run.read_back import expected_of
from validation.scenarios.faults.injector import FaultOutcome
from validation.scenarios.faults.recovery import Relapse
from validation.scenarios.file.format import Expect, NumberTable
from validation.scenarios.judge.adjustments import CHECK as ADJUSTED
from validation.scenarios.judge.expectations import (
    PROXIED,
    REFUSED,
    STALE,
    SUSPECT,
    check_expectations,
    check_faults,
)
from validation.verdict import Verdict, as_measured


def verdicts(run, expect: Expect) -> dict[str, Verdict]:
    findings = check_expectations(expect, run.ruled, run.seen, run.stated)
    return {finding.check.removeprefix("expected: "): finding.verdict for finding in findings}


def test_expectations_that_hold_pass(run):
    last = run.ends[-1]
    expect = Expect(
        rejected=(RejectReason.LATE,),
        superseded=True,
        breaches=(0, 6),
        var_moves_with_trades=True,
        numbers=(NumberTable(portfolio=last.portfolio, date=last.asof, var=last.var),),
    )
    verdict_of = verdicts(run, expect)
    assert set(verdict_of.values()) == {Verdict.PASSED}
    assert len(verdict_of) == 5


def test_expectations_that_do_not_hold_fail(run):
    last = run.ends[-1]
    expect = Expect(
        duplicates=True,
        stale=("SIM001",),
        breaches=(50, 60),
        numbers=(NumberTable(portfolio=last.portfolio, date=last.asof, var=last.var * 1.01),),
    )
    assert set(verdicts(run, expect).values()) == {Verdict.FAILED}


def test_who_is_silent_for_a_day_is_stale_at_its_end_and_others_never_were(run):
    halted = Expect(stale=("SIM002",))
    findings = check_expectations(halted, run.ruled, run.seen, run.stated)
    finding = next(judged for judged in findings if "stale" in judged.check)
    assert finding.detail == "SIM002 is stale at the end; fx:USD was stale too"
    quiet_hours = [line for line in run.seen if "fx:USD" in line.stale]
    assert [quiet_hour.portfolio for quiet_hour in quiet_hours] == ["euro"], (
        "30 rates a day leave long gaps"
    )
    first_day = [line for line in run.seen if line.asof is None or line.asof < run.closes.days[0]]
    findings = check_expectations(Expect(stale=("SIM001",)), run.ruled, first_day, run.stated)
    assert (
        "SIM001 was never stale"
        in next(judged for judged in findings if "stale" in judged.check).detail
    )


def test_a_trade_that_moves_nothing_fails(run):
    trade = next(line for line in run.seen if line.trade_ids)
    before = msgspec.structs.replace(trade, trade_ids=())
    findings = check_expectations(Expect(var_moves_with_trades=True), (), [before, trade], {})
    assert [judged.verdict for judged in findings if "trade" in judged.check] == [Verdict.FAILED]


def fault(**changes) -> FaultOutcome:
    fields = {"do": "kill", "what": "redis", "began_ns": 1, "ended_ns": 2, "bit": True,
              "witness": "process 1 killed", "recovered_s": 3.0, "bound_s": 60.0}  # fmt: skip
    return FaultOutcome(**{**fields, **changes})


def test_a_fault_without_witness_or_recovery_fails():
    assert check_faults([fault()]).verdict is Verdict.PASSED
    assert check_faults([fault(), fault(bit=False)]).verdict is Verdict.FAILED
    assert check_faults([fault(recovered_s=None)]).verdict is Verdict.FAILED


def test_recovery_after_its_bound_is_a_timing_and_none_at_all_is_not():
    late = check_faults([fault(recovered_s=61.0)])
    assert as_measured(late).verdict is Verdict.MEASURED
    assert "recovered after 61.0 s, its bound is 60 s" in late.detail
    lost = check_faults([fault(recovered_s=61.0), fault(recovered_s=None)])
    assert as_measured(lost).verdict is Verdict.FAILED


def test_a_recovery_that_did_not_hold_fails_with_when_and_why():
    fell = Relapse(after_s=9.5, held_s=8.9, why="stale")
    finding = check_faults([fault(recovered_s=None, relapses=(fell,))])
    assert finding.verdict is Verdict.FAILED
    assert finding.detail == (
        "fault 1, kill redis: looked recovered for 8.9 s, and fell back 9.5 s after its beginning "
        "(stale); not recovered within 240 s (process 1 killed)"
    )
    short = check_faults([fault(recovered_s=None, looked_s=3.0, held_s=12.0, wanted_s=30.0)])
    assert "looked recovered for 12.0 of 30 s; not recovered" in short.detail
    assert check_faults([fault(relapses=(fell,))]).verdict is Verdict.PASSED, "it came back"


NEWCOMERS = """
[[instrument]]
id = "SIM003"
closes = 4
[[portfolio]]
id = "newcomer"
positions = { SIM001 = 1, SIM003 = 2 }
"""


def test_a_book_without_a_history_has_no_number_and_says_whose_is_missing(tmp_path):
    run = Played(story_of(tmp_path, NEWCOMERS))
    expect = Expect(refused=("SIM003",))
    by_check = {
        finding.check: finding for finding in check_expectations(expect, [], [], {}, run.snapshots)
    }
    assert by_check[REFUSED].verdict is Verdict.PASSED, by_check[REFUSED].detail
    expected = expected_of(
        run.records,
        run.closes.closes,
        calendar=run.closes.calendar,
        days=run.closes.days,
        refused=expect.refused or (),
    )
    ends = check_end_of_day("ends", run.stated, expected)
    assert (ends.verdict, len(expected)) == (Verdict.PASSED, 6), ends.detail


def test_a_number_where_a_history_is_missing_or_no_reason_fails(tmp_path, run):
    refused = Expect(refused=("SIM001",))
    by_check = {
        finding.check: finding for finding in check_expectations(refused, [], [], {}, run.ends)
    }
    assert "although it holds SIM001" in by_check[REFUSED].detail
    without = Played(story_of(tmp_path, NEWCOMERS))
    silent = [
        msgspec.structs.replace(snapshot, not_available="something else")
        for snapshot in without.snapshots
    ]
    expect = Expect(refused=("SIM003",))
    by_check = {judged.check: judged for judged in check_expectations(expect, [], [], {}, silent)}
    assert "SIM003 is not named" in by_check[REFUSED].detail


def test_an_empty_list_says_that_there_are_none_and_is_judged(run):
    none = Expect(stale=(), proxied=(), refused=(), suspect_ticks=(), adjusted=())
    (end, *_) = run.ends
    live = run.seen[-1]
    wrong = {
        STALE: (msgspec.structs.replace(live, stale=("SIM001",)), end),
        PROXIED: (live, msgspec.structs.replace(end, proxied=("SIM002=SIM001",))),
        REFUSED: (live, msgspec.structs.replace(end, var=None)),
        SUSPECT: (live, msgspec.structs.replace(end, suspect_ticks=("SIM001 +80 %",))),
        ADJUSTED: (live, msgspec.structs.replace(end, adjusted=("SIM001 2024-01-03 split 2",))),
    }
    fine = {finding.check: finding for finding in check_expectations(none, [], [live], {}, [end])}
    assert {fine[name].verdict for name in wrong} == {Verdict.PASSED}
    for name, (seen, stored) in wrong.items():
        by_check = {
            judged.check: judged for judged in check_expectations(none, [], [seen], {}, [stored])
        }
        assert by_check[name].verdict is Verdict.FAILED, name
        unasked = {
            finding.check for finding in check_expectations(Expect(), [], [seen], {}, [stored])
        }
        assert (name in unasked) is (name == PROXIED)


def test_proxies_are_expected_by_name_and_none_beside(run):
    (end, *_) = run.ends
    moved = msgspec.structs.replace(end, proxied=("SIM002=SIM001",))
    for expect, snapshot, verdict in (
        (Expect(proxied=("SIM002",)), moved, Verdict.PASSED),
        (Expect(proxied=("SIM001",)), moved, Verdict.FAILED),
        (Expect(), moved, Verdict.FAILED),
        (Expect(proxied=("SIM002",)), end, Verdict.FAILED),
    ):
        by_check = {
            finding.check: finding for finding in check_expectations(expect, [], [], {}, [snapshot])
        }
        assert by_check[PROXIED].verdict is verdict
