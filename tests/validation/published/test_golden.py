"""The golden files, and the references that the demo is checked against, say the same."""

from __future__ import annotations

import datetime as dt

import pytest

from system.contracts.messages import AssetClass, Instrument
from validation.checkers.end_of_day import check_end_of_day
from validation.published.golden import ABSOLUTE_TOLERANCE, CASES, golden_case
from validation.rules.expected_days import ExpectedMarket, expected_days
from validation.rules.second_reader import EQUITIES, ClosesNotFoundError, read_closes
from validation.verdict import Verdict

try:
    CLOSES = read_closes(EQUITIES)
except ClosesNotFoundError:  # pragma: no cover - depends on the extras
    pytest.skip("the data files come with the verify extra", allow_module_level=True)

BREACHES = {"2008H2": (9, 128), "2020H1": (15, 125), "2022H1": (11, 124)}
DAYS_COMPARED = 25


def market(first: dt.date, last: dt.date) -> ExpectedMarket:
    calendar = [day for day in CLOSES["AAPL"] if first - dt.timedelta(days=60) <= day <= last]
    instruments = {
        name: Instrument(instrument=name, asset_class=AssetClass.EQUITY, currency="USD")
        for name in CLOSES
    }
    return ExpectedMarket(CLOSES, instruments, calendar)


@pytest.mark.parametrize("name", CASES)
def test_breaches_are_those_that_were_published(name: str) -> None:
    case = golden_case(name, CLOSES)
    assert (case.breach_count, len(case.days)) == BREACHES[name]


@pytest.mark.parametrize("name", CASES)
def test_the_exact_reference_states_the_golden_numbers(name: str) -> None:
    case = golden_case(name, CLOSES)
    days = case.days[:DAYS_COMPARED]
    stated = expected_days(case.portfolio, {}, market(days[0], days[-1]), days)
    golden = {key: case.expected[key] for key in stated}
    finding = check_end_of_day("golden", stated, golden, absolute=ABSOLUTE_TOLERANCE)
    assert (finding.verdict, finding.figures["days"]) == (Verdict.PASSED, DAYS_COMPARED), (
        finding.detail
    )


def test_the_book_is_worth_a_million_on_its_first_day() -> None:
    case = golden_case("2008H2", CLOSES)
    value = sum(
        position.quantity * CLOSES[position.instrument][case.days[0]]
        for position in case.portfolio.positions
    )
    assert value == pytest.approx(1_000_000.0, rel=1e-12)
