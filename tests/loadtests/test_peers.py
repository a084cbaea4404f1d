"""Peers: right before fast, compared within a repeat, in turn."""

from __future__ import annotations

import io
from collections import Counter

import msgspec
import pytest

from loadtests.peers.compare import (
    PARTS,
    PEERS,
    PIPELINES,
    PRODUCT,
    PeerRun,
    chosen_systems,
    peer_report,
    rows_of,
    run_of,
    show_rows,
)
from loadtests.peers.valuing import PlanBooks
from loadtests.run.command import site_of
from loadtests.run.judge import budgets_of, judge_load
from loadtests.run.repeats import Spread, rotated
from loadtests.source.plan import load_books, load_plan, load_replay
from system.console import PlainConsole
from system.contracts.messages import CloseHistory
from system.errors import InputError
from system.settings import TUNED_PARTS
from tests.loadtests.folded import PLAN, folded_evidence, report_of
from validation.references.revaluation import ReferencePosition
from validation.references.snapshot import reference_snapshot

OTHER = next(iter(PEERS))


@pytest.mark.parametrize("window", [30, 60, 250])
def test_the_arithmetic_of_peers_is_that_of_the_exact_reference(window):
    plan = load_plan(rate=1, seconds=1, instruments=8, portfolios=3, window=window)
    histories = {
        reference_message.series: {point.date: point.value for point in reference_message.closes}
        for reference_message in load_replay(plan).reference_messages()
        if isinstance(reference_message, CloseHistory)
    }
    last = max(histories["SIM001"])
    values = PlanBooks(plan).values_at_risk()
    for book, var in zip(load_books(plan), values, strict=True):
        held = [
            ReferencePosition(position.instrument, "equity", "USD", position.quantity)
            for position in book.positions
        ]
        exact = reference_snapshot(held, histories, as_of=last, window=window)
        assert var == pytest.approx(float(exact.var), rel=1e-12)


def run(system: str, repeat: int, p99_ms: float | None, cores: float = 1.0) -> PeerRun:
    return PeerRun(
        system=system,
        repeat=repeat,
        correct=p99_ms is not None,
        on_schedule=True,
        p50_ms=p99_ms,
        p99_ms=p99_ms,
        cores=cores,
        load_average=0.0,
        problems=(),
    )


def test_ratios_are_within_a_repeat_and_their_interval_is_that_of_the_repeats():
    runs = [run(PRODUCT, 0, 100.0), run(PRODUCT, 1, 200.0), run(PRODUCT, 2, 100.0)]
    runs += [run(OTHER, 0, 50.0), run(OTHER, 1, 50.0), run(OTHER, 2, 60.0)]
    product, other = rows_of([PRODUCT, OTHER], runs)
    assert (product.p99_ratio, product.runs) == (Spread(middle=1.0, low=1.0, high=1.0), 3)
    assert other.p99_ratio == other.p50_ratio == Spread(middle=0.5, low=0.25, high=0.6)
    assert (other.p99_ms, other.cores) == (50.0, 1.0)


def test_a_system_that_is_wrong_has_no_timing():
    evidence = folded_evidence()
    right = report_of(judge_load(evidence, budgets_of(PLAN)))
    assert run_of(OTHER, 0, right).p99_ms == right.part("warm").covered.p99_ms
    findings = tuple(
        msgspec.structs.replace(finding, verdict="failed")
        if finding.check.startswith("oracle")
        else finding
        for finding in right.findings
    )
    wrong = run_of(OTHER, 0, msgspec.structs.replace(right, findings=findings))
    assert (wrong.correct, wrong.p50_ms, wrong.p99_ms) == (False, None, None)
    (row,) = rows_of([OTHER], [wrong])
    assert (row.runs, row.p99_ms, row.p50_ratio, row.p99_ratio) == (0, None, None, None)


def test_the_table_shows_both_ratios_with_their_intervals():
    console = PlainConsole(record=True, width=160)
    show_rows(console, rows_of([PRODUCT, OTHER], [run(PRODUCT, 0, 100.0), run(OTHER, 0, 25.0)]))
    assert console.export_text().count("0.25 (0.25 to 0.25)") == 2


def test_every_system_takes_every_place_in_turn():
    names = [*PIPELINES, *PEERS]
    places = Counter(
        (name, place)
        for repeat in range(len(names))
        for place, name in enumerate(rotated(names, repeat))
    )
    assert set(places.values()) == {1}
    assert len(places) == len(names) ** 2


def test_systems_are_chosen_by_name_and_the_product_is_always_there():
    assert chosen_systems("") == [*PIPELINES, *PEERS]
    assert chosen_systems(OTHER) == [PRODUCT, OTHER]
    with pytest.raises(InputError, match=r"no such system: abacus; there are riskstream"):
        chosen_systems("abacus")


def test_parts_of_the_tuning_are_left_out_one_at_a_time():
    assert chosen_systems("", parts=True) == [PRODUCT, *PARTS]
    assert [part_fields["untuned"] for part_fields in PARTS.values()] == [
        {part} for part in TUNED_PARTS
    ]
    chosen = "riskstream, default fetch; riskstream, default compiler"
    assert chosen_systems(chosen, parts=True) == [
        PRODUCT,
        "riskstream, default compiler",
        "riskstream, default fetch",
    ]


@pytest.mark.end_to_end
def test_a_peer_takes_every_tick_and_its_numbers_are_those_of_the_exact_reference(
    tmp_path, monkeypatch
):
    """The hand-written one, as a process of its own beside a broker and Redis."""
    monkeypatch.setenv("RISKSTREAM_STATE_DIR", str(tmp_path / "state"))
    plan = load_plan(rate=200, seconds=4, warm_up_seconds=2, seconds_per_day=6, portfolios=3)
    site = site_of(tmp_path / "report", PlainConsole(file=io.StringIO()), local=False)
    run = run_of("consumer + NumPy + Redis", 0, peer_report("consumer + NumPy + Redis", plan, site))
    assert run.correct, run.problems
    assert (tmp_path / "report" / "report.html").exists()
    assert not (tmp_path / "state-load" / "running.json").exists()
