"""Text about the oracle: never more than it has checked."""

from __future__ import annotations

import msgspec

from system.contracts.oracle import OracleCheck, OracleStatus, OracleVerdict
from system.show.state.oracle import oracle_view
from system.store.sample_snapshots import sample_snapshot
from tests.system.show.state.test_dashboard import status

SNAPSHOT = sample_snapshot("alpha")
CHECK = OracleCheck(
    snapshot_id=SNAPSHOT.snapshot_id,
    portfolio="alpha",
    verdict=OracleVerdict.AGREED,
    largest_difference=2e-16,
    detail="",
    checked_at_ms=1,
)
FOUND = OracleStatus(
    running=True,
    samples_per_s=2.0,
    checked=1_234,
    agreed=1_234,
    worst_difference=2e-16,
    newest={"alpha": CHECK},
)


def test_without_an_oracle_nothing_is_claimed() -> None:
    for heard in (None, status()):
        shown = oracle_view(heard, SNAPSHOT)
        assert (shown.state, shown.text, shown.detail) == ("unchecked", "not running", "")


def test_before_the_first_check_it_is_not_yet_checked() -> None:
    waiting = OracleStatus(running=True, samples_per_s=2.0, problem="inputs did not come")
    shown = oracle_view(status(oracle=waiting), SNAPSHOT)
    assert (shown.state, shown.text) == ("unchecked", "not yet checked")
    assert shown.detail == "inputs did not come"


def test_agreement_says_how_many_and_how_close() -> None:
    shown = oracle_view(status(oracle=FOUND), SNAPSHOT)
    assert shown.state == "agreed"
    assert shown.text == "agreed: 1,234 of 1,234, worst difference 2e-16"
    assert shown.detail == "this number: agreed"
    newer = msgspec.structs.replace(SNAPSHOT, snapshot_id="alpha-9-9")
    assert oracle_view(status(oracle=FOUND), newer).detail.startswith(
        "this number: not yet checked"
    )


def test_records_that_were_no_snapshots_are_counted() -> None:
    skipping = msgspec.structs.replace(FOUND, unreadable=3)
    shown = oracle_view(status(oracle=skipping), SNAPSHOT)
    assert shown.text == "agreed: 1,234 of 1,234, worst difference 2e-16; 3 unreadable skipped"


def test_one_difference_is_what_is_said_until_the_oracle_begins_anew() -> None:
    first = msgspec.structs.replace(
        CHECK, verdict=OracleVerdict.DIFFERS, portfolio="beta", detail="var: off by 1.0e-03"
    )
    red = msgspec.structs.replace(FOUND, checked=1_235, first_difference=first)
    shown = oracle_view(status(oracle=red), SNAPSHOT)
    assert shown.state == "differs"
    assert shown.text.startswith("differs: 1,234 of 1,235")
    assert "beta" in shown.detail
    assert "off by" in shown.detail
