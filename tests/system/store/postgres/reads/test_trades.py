"""A rejected message is found by the id of its trade, however the id is escaped."""

from __future__ import annotations

import msgspec
import pytest

from system.contracts.api.risk import RejectedRow
from system.contracts.codec import encode
from system.contracts.messages import Rejected, RejectReason
from system.store.postgres.history_fake import MemoryHistory
from system.store.postgres.reads.trades import names_trade, text_in_payload
from tests.store_reads import check_reads_of_trades

IDS = ("t-1", 'a"b', "a\\b", "Ä/Ö", "100%_x", "{}")


def rejected(value: str) -> Rejected:
    return Rejected(
        topic="trades",
        partition=0,
        offset=7,
        reason=RejectReason.CONFLICT,
        detail="",
        value=value,
    )


def view(value: str) -> RejectedRow:
    return RejectedRow(
        topic="trades",
        partition=0,
        offset=7,
        reason=RejectReason.CONFLICT,
        detail="",
        value=value,
    )


def test_trades_are_read_by_portfolio_by_snapshot_and_by_refusal() -> None:
    check_reads_of_trades(MemoryHistory())


@pytest.mark.parametrize("trade_id", IDS)
@pytest.mark.parametrize("blank", ["", " "])
def test_the_payload_of_a_rejected_trade_holds_the_text_that_is_searched(
    trade_id: str, blank: str
) -> None:
    name = msgspec.json.encode(trade_id).decode()
    value = f'{{"type":"trade","trade_id":{blank}{name},"price":1}}'
    assert text_in_payload(trade_id) in encode(rejected(value)).decode()
    assert names_trade(view(value), trade_id)
    assert not names_trade(view(value), "another")


@pytest.mark.parametrize("value", ["", "no JSON t-1", "[" * 5_000, '{"trade_id":1}', '["t-1"]'])
def test_what_is_no_message_is_of_no_trade(value: str) -> None:
    assert not names_trade(view(value), "t-1")
