"""Health of the stack as tables."""

from __future__ import annotations

from msgspec.structs import replace

from system.contracts.api.risk import ComponentHealth, RejectedPage, StreamState, StreamStatus
from system.contracts.messages import RiskSnapshot
from system.contracts.oracle import NO_ORACLE, OracleCheck, OracleStatus, OracleVerdict
from system.show.sheets import health as view
from tests.system.show import answers
from tests.system.show.market import stamped

STATUS = StreamStatus(
    state=StreamState.LAGGING,
    heartbeat_age_ms=None,
    fence=1,
    epoch=2,
    durable_fence=1,
    durable_epoch=2,
    published_ns=3,
)
HEALTH = answers.health(STATUS, {"trades:0": 9, "market_data:0": 4})


def test_a_server_that_does_not_answer_is_marked() -> None:
    down = ComponentHealth(name="redis", ok=False, latency_ms=2_000.0, detail="refused")
    sheet = view.servers_sheet(replace(HEALTH, ok=False, components=(down,)))
    assert sheet.note == "not well"
    assert sheet.rows[0].kind == "bad"
    assert sheet.rows[0].cells == ("redis", "does not answer", "2,000.0", "refused")


def test_lag_is_by_partition_in_order_and_unknown_where_the_broker_is_silent() -> None:
    sheet = view.lag_sheet(HEALTH)
    assert [row.cells[:3] for row in sheet.rows] == [
        ("market_data:0", "4", "3"),
        ("trades:0", "9", "0"),
    ]
    assert "lagging" in sheet.note
    silent = view.lag_sheet(replace(HEALTH, lag=None))
    assert [row.cells[2] for row in silent.rows] == ["\u2013", "\u2013"]
    assert "does not say" in silent.words


def test_stages_add_up(long_short: RiskSnapshot) -> None:
    sheet = view.stages_sheet(stamped(long_short, 10**12))
    assert [row.cells[:2] for row in sheet.rows] == [
        ("waiting for its batch", "53.0"),
        ("read by Spark", "17.0"),
        ("folded", "5.0"),
        ("valued", "5.0"),
        ("published", "4.0"),
        ("together", "84.0"),
    ]


def test_a_number_without_times_says_so(long_short: RiskSnapshot) -> None:
    assert view.stages_sheet(long_short).rows == ()
    assert view.stages_sheet(None).rows == ()


def test_a_rejected_message_is_shown_with_its_reason_and_cut() -> None:
    long = replace(answers.REJECTED.rows[0], value="x" * 500)
    sheet = view.rejected_sheet(RejectedPage(rows=(long,), counts={"not_json": 1}))
    where, reason, _, value = sheet.rows[0].cells
    assert (where, reason) == ("market_data:0 @ 4,711", "not_json")
    assert value == "x" * view.VALUE_SHOWN + "…"
    assert view.rejected_sheet(RejectedPage(rows=(), counts={})).note == "none"


def test_a_difference_of_the_oracle_is_marked() -> None:
    check = OracleCheck(
        snapshot_id="P-1-7",
        portfolio="P",
        verdict=OracleVerdict.DIFFERS,
        largest_difference=0.25,
        detail="var",
        checked_at_ms=1,
    )
    oracle = OracleStatus(running=True, samples_per_s=1.0, checked=3, agreed=2, newest={"P": check})
    sheet = view.oracle_sheet(oracle)
    assert sheet.rows[0].kind == "bad"
    assert sheet.rows[0].cells == ("P", "differs", "2.5e-01", "P-1-7", "var")
    assert sheet.note.startswith("2 of 3 agree")


def test_no_oracle_is_said() -> None:
    assert view.oracle_sheet(None).empty == view.oracle_sheet(NO_ORACLE).empty == "No oracle runs."
