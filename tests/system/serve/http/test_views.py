"""Views of one stored record: the same numbers, with the flags of the moment."""

from __future__ import annotations

import msgspec
import pytest

from system.contracts.api.risk import CurrentVar, StreamState, current_risk
from system.contracts.codec import encode
from system.contracts.oracle import NO_ORACLE, OracleCheck, OracleStatus, OracleVerdict
from system.serve.http.views import attribution, current_var_json, oracle_verdict, positions
from system.store.redis.redis_values import LatestRecord
from system.store.sample_snapshots import sample_snapshot

SNAPSHOT = sample_snapshot()
CURRENT = current_risk(SNAPSHOT)


def record(value: msgspec.Struct, *, durable: bool = True) -> LatestRecord:
    return LatestRecord("alpha", 1, 0, encode(value), durable=durable, stream=StreamState.RUNNING)


@pytest.mark.parametrize("durable", [True, False])
def test_the_stored_json_is_passed_on_with_its_flags(durable: bool) -> None:
    body = current_var_json(record(CURRENT, durable=durable))
    answer = msgspec.json.decode(body, type=CurrentVar)
    assert (answer.durable, answer.stream) == (durable, StreamState.RUNNING)
    assert answer.oracle is OracleVerdict.UNCHECKED
    assert body.endswith(encode(CURRENT)[1:])


def test_the_oracle_s_verdict_is_of_exactly_this_snapshot() -> None:
    assert oracle_verdict(SNAPSHOT.snapshot_id, None) is OracleVerdict.UNCHECKED
    assert oracle_verdict(SNAPSHOT.snapshot_id, NO_ORACLE) is OracleVerdict.UNCHECKED
    check = OracleCheck(
        snapshot_id=SNAPSHOT.snapshot_id,
        portfolio="alpha",
        verdict=OracleVerdict.AGREED,
        largest_difference=0.0,
        detail="",
        checked_at_ms=1,
    )
    status = OracleStatus(running=True, samples_per_s=1.0, newest={"alpha": check})
    assert oracle_verdict(SNAPSHOT.snapshot_id, status) is OracleVerdict.AGREED
    assert oracle_verdict("alpha-1-99", status) is OracleVerdict.UNCHECKED


def test_attribution_is_sorted_by_component_and_shares_add_up() -> None:
    answer = attribution(record(SNAPSHOT))
    components = [row.component_var for row in answer.rows if row.component_var is not None]
    assert components == sorted(components, reverse=True)
    assert sum(components) == pytest.approx(SNAPSHOT.var)
    assert sum(row.share or 0.0 for row in answer.rows) == pytest.approx(1.0)


def test_a_row_without_a_component_is_last_and_has_no_share() -> None:
    first, *rest = SNAPSHOT.positions
    without = msgspec.structs.replace(first, component_var=None)
    answer = attribution(record(msgspec.structs.replace(SNAPSHOT, positions=(without, *rest))))
    assert (answer.rows[-1].instrument, answer.rows[-1].share) == (first.instrument, None)


def test_positions_are_those_of_the_snapshot() -> None:
    answer = positions(record(SNAPSHOT))
    assert answer.positions == SNAPSHOT.positions
    assert (answer.nav, answer.snapshot_id) == (SNAPSHOT.nav, SNAPSHOT.snapshot_id)
