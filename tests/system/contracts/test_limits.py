"""Limits with what the audit trail says of them."""

from __future__ import annotations

import msgspec
import pytest

from system.contracts.limits import (
    Acknowledgement,
    LimitLevel,
    LimitMeasure,
    LimitUse,
    TrailKind,
    TrailRow,
    already_said,
    limit_statuses,
)

USE = LimitUse(
    measure=LimitMeasure.GROSS,
    value=1.2,
    warning=1.0,
    breach=1.5,
    used=0.8,
    level=LimitLevel.WARNING,
    raised=LimitLevel.WARNING,
)
RAISED = TrailRow(
    event_id=7,
    kind=TrailKind.LEVEL,
    portfolio="alpha",
    measure=LimitMeasure.GROSS,
    before=LimitLevel.OK,
    after=LimitLevel.WARNING,
    value=1.2,
    warning=1.0,
    breach=1.5,
    snapshot_id="alpha-1-0",
    event_time_ns=1,
    recorded_at_ns=2,
)
SEEN = msgspec.structs.replace(
    RAISED, event_id=8, kind=TrailKind.ACKNOWLEDGED, acknowledges=7, actor="mia", note="sold"
)


def test_a_limit_that_was_never_raised_has_nothing_to_acknowledge() -> None:
    [status] = limit_statuses((USE,), ())
    assert (status.raised_by, status.acknowledged) == (None, None)


def test_a_level_that_was_left_again_has_nothing_to_acknowledge() -> None:
    left = msgspec.structs.replace(RAISED, after=LimitLevel.OK)
    [status] = limit_statuses((USE,), (left, SEEN))
    assert (status.raised_by, status.acknowledged) == (None, None)


@pytest.mark.parametrize(("rows", "seen"), [((RAISED,), False), ((RAISED, SEEN), True)])
def test_a_raised_level_waits_until_a_person_has_seen_it(
    rows: tuple[TrailRow, ...], seen: bool
) -> None:
    [status] = limit_statuses((USE,), rows)
    assert (status.raised_by, status.acknowledged) == (RAISED, seen)


def test_an_acknowledgement_of_an_earlier_level_does_not_count() -> None:
    again = msgspec.structs.replace(RAISED, event_id=9)
    [status] = limit_statuses((USE,), (again, SEEN))
    assert (status.acknowledged, status.acknowledgement) == (False, None)


@pytest.mark.parametrize(
    ("said", "known"),
    [
        (Acknowledgement(actor="mia", note="sold"), True),
        (Acknowledgement(actor="mia", note="bought"), False),
        (Acknowledgement(actor="leo", note="sold"), False),
    ],
)
def test_only_the_same_words_of_the_same_person_are_said_already(
    said: Acknowledgement, known: bool
) -> None:
    assert (already_said((RAISED, SEEN), LimitMeasure.GROSS, said) == SEEN) is known
    assert already_said((RAISED, SEEN), LimitMeasure.NET, said) is None
