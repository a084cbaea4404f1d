"""Evidence on the model: the published counts are met, and no sentence calls it a pass."""

from __future__ import annotations

import datetime as dt

import pytest

from validation.published.model_evidence import (
    SPANS,
    _evidence,
    _published,
    backtested,
    span_closes,
)
from validation.report.junit import CaseCounts
from validation.report.pages import write_verify_page
from validation.report.shapes import ModelEvidence, VerifyReport, read_evidence
from validation.rules.second_reader import EQUITIES, Closes, read_closes
from validation.verdict import Verdict


@pytest.fixture(scope="module")
def closes() -> Closes:
    return read_closes(EQUITIES)


@pytest.mark.parametrize("span", SPANS)
def test_each_span_has_its_published_number_of_breaches(span: str, closes: Closes) -> None:
    first, last, breaches, days = SPANS[span]
    backtest = backtested(span_closes(span, closes), first, last)
    assert (backtest.breach_count, backtest.day_count) == (breaches, days)


def test_another_count_than_the_published_one_fails() -> None:
    assert _published("2008H2", (9, 128), (9, 128)).verdict is Verdict.PASSED
    assert _published("2008H2", (13, 128), (9, 128)).verdict is Verdict.FAILED


def test_evidence_has_sentences_and_power_and_no_verdict(closes: Closes) -> None:
    evidence = _evidence("2008", backtested(closes, dt.date(2008, 6, 30), dt.date(2008, 12, 31)))
    assert any("would find it in" in sentence for sentence in evidence.sentences)
    assert not any(sentence.startswith("Passed") for sentence in evidence.sentences)
    assert all(0.0 <= rate <= 1.0 for row in evidence.power.values() for rate in row.values())
    assert evidence.power


def test_the_page_keeps_implementation_and_model_apart(tmp_path) -> None:
    evidence = ModelEvidence(
        span="2008H2",
        days=128,
        breaches=9,
        sentences=("9 breaches in 128 days",),
        power={"twice the promised rate": {"kupiec_pof": 0.8}},
    )
    for model, words in (((evidence,), "2008H2: 9 breaches in 128 days"), ((), "Not gathered")):
        report = VerifyReport(
            verdict=Verdict.PASSED, seconds=1.0, cases=CaseCounts(), steps=(), model=model
        )
        write_verify_page(tmp_path / "report.html", report)
        page = (tmp_path / "report.html").read_text()
        assert page.index("1. Implementation") < page.index("2. Model: evidence, not a verdict")
        assert words in page
    assert read_evidence(tmp_path / "missing.json") == ()
