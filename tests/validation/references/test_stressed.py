"""Today's book under the returns of a crisis, in exact arithmetic: the published numbers."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from validation.references.exact import ReferenceInputError
from validation.references.revaluation import ReferencePosition
from validation.references.snapshot import reference_snapshot, reference_stressed
from validation.rules.second_reader import EQUITIES, Closes, read_closes

TODAY = dt.date(2022, 12, 27)
WINDOWS = {
    "2008": (dt.date(2008, 9, 2), dt.date(2008, 12, 31), 78_508.27, 85, 5),
    "2020": (dt.date(2020, 2, 3), dt.date(2020, 4, 30), 66_786.39, 62, 4),
    "2022": (dt.date(2022, 1, 3), dt.date(2022, 12, 28), 21_352.83, 248, 13),
}
GOLDEN = Path(__file__).parents[3] / "validation" / "data" / "golden_stressed_var.json"


@pytest.fixture(scope="module")
def equities() -> Closes:
    return read_closes(EQUITIES)


@pytest.fixture(scope="module")
def book(equities: Closes) -> list[ReferencePosition]:
    bought = dt.date(2022, 1, 3)
    return [
        ReferencePosition(name, "equity", "USD", 50_000.0 / series[bought])
        for name, series in equities.items()
    ]


@pytest.mark.parametrize("name", WINDOWS)
def test_published_stressed_vars(
    name: str, book: list[ReferencePosition], equities: Closes
) -> None:
    first, last, published, count, rank = WINDOWS[name]
    windows = reference_stressed(book, equities, first=first, last=last, as_of=TODAY)
    golden = json.loads(GOLDEN.read_text())[name]
    assert float(windows.var) == pytest.approx(published, abs=0.01)
    assert float(windows.var) == pytest.approx(golden["svar"], abs=0.01)
    assert float(windows.expected_shortfall) == pytest.approx(golden["es_at"], abs=0.01)
    assert (len(windows.pnl), len(windows.tail)) == (count, rank) == (golden["n"], golden["k"])
    assert first <= windows.scenario_dates[0]
    assert windows.scenario_dates[-1] <= last
    assert float(windows.nav) == pytest.approx(1_042_440.62, abs=0.01)


def test_the_last_thirty_days_as_a_window_are_the_usual_number(
    book: list[ReferencePosition], equities: Closes
) -> None:
    usual = reference_snapshot(book, equities, as_of=TODAY)
    before = reference_snapshot(book, equities, as_of=dt.date(2022, 12, 23))
    first, last = before.scenario_dates[0], before.scenario_dates[-1]
    stressed = reference_stressed(book, equities, first=first, last=last, as_of=TODAY)
    assert stressed.scenario_dates == before.scenario_dates
    assert stressed.nav == usual.nav


@pytest.mark.parametrize(
    ("first", "last", "confidence", "said"),
    [
        (dt.date(2020, 2, 3), dt.date(2020, 4, 30), "0.99", "no tail"),
        (dt.date(1980, 1, 1), dt.date(1980, 2, 1), "0.95", "no return"),
    ],
)
def test_a_window_that_cannot_be_used_says_why(
    first: dt.date,
    last: dt.date,
    confidence: str,
    said: str,
    book: list[ReferencePosition],
    equities: Closes,
) -> None:
    with pytest.raises(ReferenceInputError, match=said):
        reference_stressed(
            book, equities, first=first, last=last, as_of=TODAY, confidence=confidence
        )
