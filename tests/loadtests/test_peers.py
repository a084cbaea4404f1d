"""Peers: right before fast, compared within a repeat, in turn."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from loadtests.judging import budgets_of, judge_load
from loadtests.peers.compare import (
    PEERS,
    PIPELINES,
    PRODUCT,
    PeerRun,
    chosen_systems,
    rotated,
    rows_of,
    run_of,
)
from loadtests.peers.valuing import PlanBooks
from loadtests.plan import load_books, load_plan, load_replay
from system.contracts.messages import CloseHistory
from system.errors import InputError
from tests.loadtests.folded import PLAN, folded_evidence, report_of
from validation.references.revaluation import ReferencePosition
from validation.references.snapshot import reference_snapshot

OTHER = next(iter(PEERS))


@pytest.mark.parametrize("window", [30, 60, 250])
def test_the_arithmetic_of_peers_is_that_of_the_exact_reference(window):
    plan = load_plan(rate=1, seconds=1, instruments=8, portfolios=3, window=window)
    histories = {
        one.series: {point.date: point.value for point in one.closes}
        for one in load_replay(plan).reference_messages()
        if isinstance(one, CloseHistory)
    }
    last = max(histories["SIM001"])
    values = PlanBooks(plan).values_at_risk()
    for book, var in zip(load_books(plan), values, strict=True):
        held = [
            ReferencePosition(one.instrument, "equity", "USD", one.quantity)
            for one in book.positions
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
    assert (product.p99_ratio, product.runs) == (1.0, 3)
    assert (other.p99_ratio, other.p99_ratio_low, other.p99_ratio_high) == (0.5, 0.25, 0.6)
    assert (other.p99_ms, other.cores) == (50.0, 1.0)


def test_a_system_that_is_wrong_has_no_timing():
    evidence = folded_evidence()
    right = report_of(judge_load(evidence, budgets_of(PLAN)))
    assert run_of(OTHER, 0, right).p99_ms == right.part("warm").covered.p99_ms
    findings = tuple(
        msgspec.structs.replace(one, verdict="failed") if one.check.startswith("oracle") else one
        for one in right.findings
    )
    wrong = run_of(OTHER, 0, msgspec.structs.replace(right, findings=findings))
    assert (wrong.correct, wrong.p50_ms, wrong.p99_ms) == (False, None, None)
    (row,) = rows_of([OTHER], [wrong])
    assert (row.runs, row.p99_ms, row.p99_ratio) == (0, None, None)


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
