"""Sample snapshots: numbers that fit together, the same at every call."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.contracts.codec import decode, encode
from system.contracts.messages import RiskSnapshot, SnapshotKind
from system.store.sample_snapshots import FIRST_DAY, sample_snapshot


@given(st.integers(0, 40), st.integers(0, 8), st.sampled_from(SnapshotKind), st.sampled_from("abc"))
def test_its_parts_add_up_and_it_is_a_message_of_the_contract(
    epoch: int, count: int, kind: SnapshotKind, portfolio: str
) -> None:
    snapshot = sample_snapshot(portfolio, epoch=epoch, position_count=count, kind=kind)
    assert math.fsum(row.component_var or 0.0 for row in snapshot.positions) == snapshot.var
    assert math.fsum(row.value for row in snapshot.positions) == snapshot.value
    assert decode(encode(snapshot), RiskSnapshot) == snapshot
    assert sample_snapshot(portfolio, epoch=epoch, position_count=count, kind=kind) == snapshot


@pytest.mark.parametrize("epoch", [0, 3])
def test_an_end_of_day_is_named_by_its_day_and_judged(epoch: int) -> None:
    snapshot = sample_snapshot(epoch=epoch, kind=SnapshotKind.END_OF_DAY)
    assert snapshot.snapshot_id == f"alpha-eod-{snapshot.asof}"
    assert (snapshot.asof - FIRST_DAY).days == epoch
    assert snapshot.breach is True


def test_any_field_can_be_set_otherwise() -> None:
    assert sample_snapshot(var=7.0).var == 7.0
