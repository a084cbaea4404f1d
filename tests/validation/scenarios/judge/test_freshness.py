"""Freshness: numbers are not shown for newer than they are, and a standstill is said."""

from dataclasses import replace

import pytest

from validation.scenarios.faults.injector import FaultOutcome
from validation.scenarios.judge.freshness import check_shown, check_told
from validation.scenarios.play.api_poller import Shown
from validation.verdict import Verdict, as_measured


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
