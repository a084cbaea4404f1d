"""Judging, on topics folded in memory: what is right passes, and what is wrong does not."""

from dataclasses import replace

import msgspec
import pytest

from system.contracts.messages import RejectReason, SnapshotKind
from system.settings import load_settings
from tests.validation.scenarios.folding import folded, observed
from tests.validation.scenarios.stories import HEAD, played, story_of
from validation.checkers.end_of_day import EndOfDay, check_end_of_day
from validation.measure.record import SeenSnapshot
from validation.oracle.history_check import check_recorded
from validation.rules.rulings import rulings_of
from validation.rules.topic_closes import topic_closes
from validation.run.read_back import expected_of
from validation.scenarios.faults.injector import FaultOutcome
from validation.scenarios.faults.recovery import Relapse
from validation.scenarios.file.format import Expect, NumberTable
from validation.scenarios.file.parser import read_scenario
from validation.scenarios.judge.adjustments import CHECK as ADJUSTED
from validation.scenarios.judge.adjustments import check_adjusted
from validation.scenarios.judge.exact_numbers import AFTER_FAULT_COUNT, check_live, sample
from validation.scenarios.judge.expectations import (
    PROXIED,
    REFUSED,
    STALE,
    SUSPECT,
    check_expectations,
    check_faults,
)
from validation.scenarios.judge.freshness import check_shown, check_told
from validation.scenarios.judge.judge import unseen_for_slowness
from validation.scenarios.judge.number_hash import day_hashes, numbers_hash
from validation.scenarios.judge.real_closes import check_real_closes
from validation.scenarios.play.api_poller import Shown
from validation.scenarios.story.story import read_story
from validation.scenarios.suite.file_commands import found_path
from validation.verdict import Verdict, as_measured

STORY = """
[[portfolio]]
id = "euro"
base_currency = "EUR"
positions = { SIM001 = 3, SIM003 = 4 }
[[timeline]]
do = "volatility"
day = 2
factor = 3
[[timeline]]
do = "out_of_order"
day = 2
every = 4
[[timeline]]
do = "late"
day = 2
every = 9
[[timeline]]
do = "halt"
day = 3
series = ["SIM002"]
[[timeline]]
do = "trade"
day = 2
portfolio = "book"
instrument = "SIM003"
quantity = 50
[[timeline]]
do = "flip"
day = 3
portfolio = "euro"
"""


class Played:
    """A story, its topics, its snapshots, and what must become of its messages."""

    def __init__(self, story, *, partitions: int = 2, batch: int = 40) -> None:
        self.topics = played(story, partitions=partitions)
        self.snapshots = folded(self.topics, batch=batch)
        self.lines = observed(self.snapshots)
        self.seen = [line for line in self.lines if isinstance(line, SeenSnapshot)]
        self.records = self.topics.records
        self.ruled = rulings_of(self.records)
        self.closes = topic_closes(self.records, self.ruled)
        self.ends = [
            snapshot for snapshot in self.snapshots if snapshot.kind is SnapshotKind.END_OF_DAY
        ]

    @property
    def stated(self) -> dict:
        return {
            (end.portfolio, end.asof): EndOfDay(
                nav=end.nav,
                var=end.var,
                expected_shortfall=end.expected_shortfall,
                hypothetical_pnl=end.hypothetical_pnl,
                breach=end.breach,
                scenario_date=end.scenario_date,
                components={row.instrument: row.component_var for row in end.positions},
            )
            for end in self.ends
        }


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Played:
    return Played(story_of(tmp_path_factory.mktemp("story"), STORY, head=HEAD))


def test_ends_of_day_equal_the_reference_on_the_closes_of_the_topics(run):
    closes = run.closes
    expected = expected_of(run.records, closes.closes, calendar=closes.calendar, days=closes.days)
    finding = check_end_of_day("ends", run.stated, expected)
    assert (finding.verdict, len(expected)) == (Verdict.PASSED, 6), finding.detail


PLAYED = ("clock-jump", "correlation-one", "currencies-lost", "currency-feed-lost",
          "end-of-day-under-load",
          "fat-finger", "feed-halt", "flash-crash", "fx-shock", "hostile-quotes", "intraday-trades",
          "late-ticks", "long-to-short", "negative-price", "new-instrument",
          "option-expiry", "two-weeks", "volatility-regime")  # fmt: skip


@pytest.mark.parametrize("name", PLAYED)
def test_a_story_of_the_library_keeps_its_expectations_when_folded_in_memory(name):
    story = read_story(read_scenario(found_path(name)), load_settings().wheels_dir)
    run = Played(story, batch=1 if name == "fat-finger" else 40)
    expect = story.scenario.file.expect
    expected = expected_of(
        run.records,
        run.closes.closes,
        calendar=run.closes.calendar,
        days=run.closes.days,
        refused=expect.refused or (),
    )
    findings = [
        check_end_of_day("ends", run.stated, expected),
        check_live(run.seen, run.records, run.snapshots),
        check_recorded(run.records, run.snapshots[::20]),
        *check_expectations(expect, run.ruled, run.seen, run.stated, run.snapshots),
    ]
    assert {
        finding.check: finding.detail
        for finding in findings
        if finding.verdict is not Verdict.PASSED
    } == {}


def test_live_numbers_equal_the_reference_at_their_offsets(run):
    finding = check_live(run.seen, run.records, run.snapshots)
    assert finding.verdict is Verdict.PASSED, finding.detail
    assert finding.figures["sampled"] > 10


def test_a_live_number_that_is_a_little_off_fails(run):
    chosen = [line for line in run.seen if line.kind is SnapshotKind.LIVE and line.var]
    wrong = [msgspec.structs.replace(line, var=line.var * (1 + 1e-7)) for line in chosen]
    assert check_live(wrong, run.records).verdict is Verdict.FAILED


def test_a_live_number_of_other_offsets_fails(run):
    live = [
        line for line in run.seen if line.kind is SnapshotKind.LIVE and line.portfolio == "book"
    ]
    swapped = msgspec.structs.replace(live[-1], offsets=live[len(live) // 2].offsets)
    assert check_live([swapped], run.records).verdict is Verdict.FAILED


def test_a_component_that_is_a_little_off_fails(run):
    def with_wrong_component(snapshot):
        first, *others = snapshot.positions
        part = (first.component_var or 1.0) * (1 + 1e-6)
        wrong = msgspec.structs.replace(first, component_var=part)
        return msgspec.structs.replace(snapshot, positions=(wrong, *others))

    stored = [with_wrong_component(snapshot) for snapshot in run.snapshots if snapshot.var]
    finding = check_live(run.seen, run.records, stored)
    assert finding.verdict is Verdict.FAILED
    assert "component" in finding.detail


def test_snapshots_around_faults_are_sampled_in_any_case(run):
    every = [line for line in run.seen if line.kind is SnapshotKind.LIVE and line.var is not None]
    moment = every[len(every) // 3 + 1].received_ns
    chosen = {line.snapshot_id for line in sample(run.seen, [moment])}
    later = [line.snapshot_id for line in every if line.received_ns >= moment]
    assert set(later[:AFTER_FAULT_COUNT]) <= chosen


def test_without_a_live_number_nothing_is_shown(run):
    assert check_live([], run.records).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(("partitions", "batch"), [(1, 1_000), (4, 7)])
def test_numbers_hash_alike_over_partitions_and_batches(run, tmp_path, partitions, batch):
    other = Played(story_of(tmp_path, STORY, head=HEAD), partitions=partitions, batch=batch)
    one, two = (day_hashes(played.snapshots) for played in (run, other))
    assert one == two
    assert numbers_hash(one) == numbers_hash(two)


def test_another_number_has_another_hash(run):
    changed = msgspec.structs.replace(run.ends[0], var=run.ends[0].var + 1e-12)
    assert day_hashes([run.ends[0]]) != day_hashes([changed])
    moved = msgspec.structs.replace(run.ends[0], fence=9, epoch=9, offsets={})
    assert day_hashes([run.ends[0]]) == day_hashes([moved])


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


def sent_at(run, due_ns: int):
    """Return the records with every quote due at one moment."""
    changed = []
    for record in run.records:
        value = record.value
        if record.topic in {"market_data", "fx_rates"} and b'"sequence"' in value:
            value = value.replace(
                b'"intended_monotonic_ns":0', f'"intended_monotonic_ns":{due_ns}'.encode()
            )
        changed.append(with_value(record, value))
    return changed


def with_value(record, value):
    return type(record)(
        record.topic, record.partition, record.offset, record.key, value, record.appended_at_ms
    )


def shown(run, snapshot, asked_ns: int, state: str = "running", records=None, stretch=1.0):
    answer = Shown(
        asked_ns=asked_ns,
        answered_ns=asked_ns,
        state=state,
        snapshots={snapshot.portfolio: snapshot.snapshot_id},
    )
    records = records or sent_at(run, 10**9)
    return check_shown([answer], run.lines, records, run.ruled, stretch=stretch)


def test_an_old_number_beside_running_fails_and_beside_stale_does_not(run):
    old, new = run.seen[0], run.seen[-1]
    assert shown(run, old, 100 * 10**9).verdict is Verdict.FAILED
    assert shown(run, new, 100 * 10**9).verdict is Verdict.PASSED
    assert shown(run, old, 2 * 10**9).verdict is Verdict.PASSED
    assert shown(run, old, 100 * 10**9, "stale").verdict is Verdict.UNKNOWN


def test_a_slow_machine_may_show_older_numbers_by_its_factor_and_says_so(run):
    old = run.seen[0]
    late = as_measured(shown(run, old, 30 * 10**9, stretch=4.0))
    assert late.verdict is Verdict.MEASURED
    assert old.snapshot_id in late.detail
    assert as_measured(shown(run, old, 30 * 10**9)).verdict is Verdict.FAILED
    assert as_measured(shown(run, old, 100 * 10**9, stretch=4.0)).verdict is Verdict.FAILED


def told(
    states: list[str],
    *,
    do: str = "pause",
    what: str = "kafka",
    seconds: int = 9,
    judging=lambda finding: finding,
):
    """Return what is found of answers one second apart, since a fault began."""
    answers = [
        Shown(asked_ns=at * 10**9, answered_ns=at * 10**9, state=state, snapshots={})
        for at, state in enumerate(states)
    ]
    fault = FaultOutcome(
        do=do,
        what=what,
        began_ns=0,
        ended_ns=seconds * 10**9,
        bit=True,
        witness="seen",
        recovered_s=seconds + 1.0,
        bound_s=60.0,
    )
    return [judging(finding).verdict for finding in check_told(answers, [fault])]


def test_running_is_not_said_long_after_the_broker_has_gone():
    fine = ["running"] * 4 + ["stale"] * 6 + ["running"]
    assert told(fine) == [Verdict.PASSED]
    assert told(["running"] * 7 + ["stale"] * 3) == [Verdict.FAILED]
    assert told(["running"] * 7 + ["stale"] * 3, what="api") == []
    assert told(["running"] * 7 + ["stale"] * 3, do="delay") == []
    assert told(["running"] * 7 + ["stale"] * 3, do="black_hole") == [Verdict.FAILED]
    assert told(["running"] * 4, seconds=4) == []


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        (["running"] * 7 + ["stale"] * 3, Verdict.MEASURED),
        (["running"] * 10, Verdict.FAILED),
        (["running"] * 2 + ["stale"] * 5 + ["running"] * 3, Verdict.FAILED),
        (["running"] * 7 + ["stale", "running", "stale"], Verdict.FAILED),
        (["running"] * 2 + ["stale"] * 8, Verdict.PASSED),
    ],
)
def test_a_standstill_noticed_late_is_a_timing_and_one_that_is_never_noticed_is_not(
    states, verdict
):
    assert told(states, judging=as_measured) == [verdict]


@pytest.mark.parametrize(("stretch", "verdict"), [(1.0, Verdict.UNKNOWN), (3.0, Verdict.MEASURED)])
def test_an_adjustment_that_fell_into_no_batch_is_unknown_unless_the_machine_is_slow(
    stretch, verdict
):
    unseen = check_adjusted(("AAPL 2020-08-31 split 4",), ())
    assert as_measured(unseen_for_slowness(unseen, stretch)).verdict is verdict
    wrong = msgspec.structs.replace(unseen, verdict=Verdict.FAILED)
    assert as_measured(unseen_for_slowness(wrong, stretch)).verdict is Verdict.FAILED


def test_where_nobody_asked_while_the_broker_was_away_nothing_is_shown():
    assert told(["running"] * 4) == [Verdict.UNKNOWN]


def test_what_the_broker_took_late_could_not_be_shown_before(run):
    old = run.seen[0]
    records = [
        replace(record, appended_at_ms=0 if is_covered(record, old.offsets) else 60_000)
        for record in sent_at(run, 10**9)
    ]
    assert shown(run, old, 66 * 10**9, records=records).verdict is Verdict.PASSED
    assert shown(run, old, 77 * 10**9, records=records).verdict is Verdict.FAILED


def is_covered(record, offsets) -> bool:
    return record.offset < offsets.get(f"{record.topic}:{record.partition}", 0)


def test_closes_that_are_not_the_real_ones_fail(run):
    real = {name: dict(own) for name, own in run.closes.closes.items()}
    assert check_real_closes(run.closes, real).verdict is Verdict.PASSED
    day = run.closes.days[0]
    real["SIM001"][day] += 1e-9
    assert check_real_closes(run.closes, real).verdict is Verdict.FAILED


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
