"""A run's reports, from what is left of a story that was folded in memory."""

import json
from collections import Counter

import msgspec
import pyarrow.parquet as pq
import pytest

from system.console import PlainConsole
from system.contracts.messages import SnapshotKind
from system.errors import InputError
from system.simulate.progress import PublishSummary, Slip
from tests.validation.scenarios.folding import folded, observed
from tests.validation.scenarios.stories import HEAD, played, story_of
from validation.checkers.end_of_day import EndOfDay
from validation.checkers.ledger import Outcome
from validation.checkers.order import MONOTONIC, UNIQUE
from validation.measure.record import SeenSnapshot
from validation.rules.rulings import rulings_of
from validation.run.read_back import Stated
from validation.scenarios.faults.injector import FaultOutcome
from validation.scenarios.judge.judge import judge_run
from validation.scenarios.play.api_poller import Shown
from validation.scenarios.play.history import write_history
from validation.scenarios.play.play import Recording, Run
from validation.scenarios.play.stack import PipelineConfig
from validation.scenarios.suite.command import moment_of, refuse_for_running, speed_factor
from validation.scenarios.suite.repeat_command import repeat_line
from validation.scenarios.suite.report import suite_report, write_scenario, write_suite
from validation.scenarios.suite.suite import scenario_report, show_scenario
from validation.verdict import Finding, Verdict

STORY = """
[[timeline]]
do = "duplicate"
day = 2
every = 9
[[faults]]
do = "kill"
what = "api"
day = 2
[expect]
duplicates = true
"""


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    return story_of(tmp_path_factory.mktemp("story"), STORY, head=HEAD)


@pytest.fixture(scope="module")
def left(story) -> Recording:
    topics = played(story)
    snapshots = folded(topics)
    lines = observed(snapshots)
    ruled = rulings_of(topics.records)
    ends = [snapshot for snapshot in snapshots if snapshot.kind is SnapshotKind.END_OF_DAY]
    counters: dict[str, Counter] = {}
    covered: dict[str, int] = {}
    for ruling in ruled:
        counters.setdefault(ruling.topic, Counter())[ruling.outcome.value] += 1
        place = f"{ruling.topic}:{ruling.partition}"
        covered[place] = max(covered.get(place, 0), ruling.offset + 1)
    sent = Counter(ruling.topic for ruling in ruled if ruling.outcome is not Outcome.MARK)
    last = [line for line in lines if isinstance(line, SeenSnapshot)][-1]
    return Recording(
        record=lines,
        records=topics.records,
        stated=Stated(
            days={(end.portfolio, end.asof): _end(end) for end in ends},
            rejected=[],
            counters=counters,
            covered=covered,
            snapshots=snapshots,
        ),
        shown=[Shown(asked_ns=1, answered_ns=2, state="running",
                     snapshots={last.portfolio: last.snapshot_id})],
        faults=(FaultOutcome(do="kill", what="api", began_ns=10**9, ended_ns=2 * 10**9, bit=True,
                             witness="process 1 killed", recovered_s=1.5, bound_s=60.0),),
        summary=PublishSummary(
            day_count=3, tick_count=1, sent=1, acked=1, failed=0, seconds=1.0,
            ticks_per_second=1.0, achieved_ratio=None, on_schedule=True,
            slip=Slip(ms_p50=0.0, ms_p99=0.0, ms_max=0.0), offsets={},
        ),
        sent=dict(sent),
        announced=frozenset(snapshot.snapshot_id for snapshot in snapshots),
    )  # fmt: skip


def _end(one) -> EndOfDay:
    return EndOfDay(
        nav=one.nav,
        var=one.var,
        expected_shortfall=one.expected_shortfall,
        hypothetical_pnl=one.hypothetical_pnl,
        breach=one.breach,
        scenario_date=one.scenario_date,
        components={row.instrument: row.component_var for row in one.positions},
    )


def report_of(story, left):
    run = Run(story, None)
    judged = judge_run(story, left, None)
    return scenario_report(
        run, PipelineConfig(), left, judged, seconds=2.0, repeat_with="riskstream replay story.toml"
    )


def test_a_right_run_passes_every_check(story, left):
    judgement = judge_run(story, left, None)
    wrong = {
        finding.check: finding.detail
        for finding in judgement.findings
        if finding.verdict is not Verdict.PASSED
    }
    assert wrong == {}
    assert len(judgement.findings) > 12


@pytest.mark.parametrize(
    ("do", "what", "is_judged"),
    [("kill", "api", True), ("kill", "redis", False), ("lose_database", "postgres", False)],
)
def test_order_is_judged_unless_a_fault_has_emptied_what_readers_see(
    story, left, do, what, is_judged
):
    (fault,) = left.faults
    faults = (msgspec.structs.replace(fault, do=do, what=what),)
    run = Recording(**{**left.__dict__, "faults": faults})
    checks = {finding.check for finding in judge_run(story, run, None).findings}
    assert (UNIQUE in checks, MONOTONIC in checks) == (is_judged, is_judged)


def test_a_run_that_lost_a_message_fails(story, left):
    sent = {**left.sent, "market_data": left.sent["market_data"] + 1}
    lost = Recording(**{**left.__dict__, "sent": sent})
    verdicts = {finding.check: finding.verdict for finding in judge_run(story, lost, None).findings}
    assert verdicts["delivery: what was acknowledged is on its topic"] is Verdict.FAILED


def test_reports_hold_verdict_findings_faults_and_how_to_repeat_it(story, left, tmp_path):
    report = report_of(story, left)
    folder = tmp_path / "story"
    folder.mkdir()
    write_scenario(folder, report)
    saved = json.loads((folder / "report.json").read_bytes())
    assert (saved["verdict"], saved["speed"], saved["seed"]) == ("passed", "max", 1)
    page = (folder / "report.html").read_text("utf-8")
    for part in (report.title, report.repeat_with, "process 1 killed", report.numbers_hash):
        assert part in page
    assert "failures" not in (folder / "junit.xml").read_text("utf-8")
    (script,) = tmp_path.glob("*.js")
    assert f'src="../{script.name}"' in page


def test_a_suite_names_each_check_behind_its_scenario_and_what_was_not_run(story, left, tmp_path):
    report = report_of(story, left)
    failed = Finding(check="grid", verdict=Verdict.FAILED, detail="two hashes")
    whole = suite_report([report], seconds=3.0, not_run={"split": "no adjustments"}, extra=[failed])
    write_suite(tmp_path, whole)
    assert whole.verdict is Verdict.FAILED
    assert whole.findings[0].check.startswith("story: ")
    assert "no adjustments" in (tmp_path / "report.html").read_text("utf-8")
    assert "two hashes" in (tmp_path / "junit.xml").read_text("utf-8")


def test_the_history_holds_every_message_with_its_outcome(story, left, tmp_path):
    write_history(tmp_path, left, rulings_of(left.records))
    messages = pq.read_table(tmp_path / "history" / "messages.parquet")
    assert messages.num_rows == len(left.records)
    assert set(messages["outcome"].to_pylist()) == {"applied", "duplicate", "mark"}
    snapshots = pq.read_table(tmp_path / "history" / "snapshots.parquet")
    assert snapshots.num_rows == sum(isinstance(line, SeenSnapshot) for line in left.record)
    assert pq.read_table(tmp_path / "history" / "faults.parquet")["bit"].to_pylist() == [True]


def test_the_terminal_says_verdict_recovery_and_the_line_that_repeats_it(story, left):
    console = PlainConsole(record=True, width=200)
    show_scenario(console, report_of(story, left))
    said = console.export_text()
    for part in ("passed", "recovered: 1.5 s", "repeat it: riskstream replay story.toml"):
        assert part in said


def test_the_line_that_repeats_a_run_names_speed_partitions_and_seed(story):
    line = repeat_line(Run(story, 20.0), PipelineConfig(4))
    assert line.startswith("riskstream replay ")
    run, _, what = line.partition("  # commit ")
    assert run.endswith("story.toml --speed 20x --partitions 4 --seed 1")
    assert what.endswith(f", scenario {story.scenario.content_hash}")


def test_a_stack_of_somebody_else_takes_one_scenario_without_faults(story, tmp_path):
    with pytest.raises(InputError, match="story has faults"):
        refuse_for_running([story])
    plain = story_of(tmp_path, "")
    refuse_for_running([plain])
    with pytest.raises(InputError, match="takes one scenario"):
        refuse_for_running([plain, plain])


def test_speeds_are_factors_or_max():
    assert [speed_factor(text) for text in ("1x", "20x", "0.5x", "max")] == [1.0, 20.0, 0.5, None]
    for text in ("fast", "0x", "-1x", "5000x"):
        with pytest.raises(InputError, match="--speed"):
            speed_factor(text)


def test_a_restart_is_at_a_moment_within_the_story(story):
    moment = moment_of("2.37", [story])
    assert (moment, str(moment)) == ((2, 0.37), "2.37")
    for text in ("", "0.5", "4.1", "soon", "2.x"):
        with pytest.raises(InputError, match="--restart-at"):
            moment_of(text, [story])
