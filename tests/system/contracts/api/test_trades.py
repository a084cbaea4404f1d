"""Answers about trades: read back as sent."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.contracts.api.trades import TradeLine, TradePage, TradeStatus
from tests.struct_strategies import structs


@pytest.mark.parametrize("kind", [TradeLine, TradePage, TradeStatus])
@given(data=st.data())
def test_an_answer_is_read_back_as_it_was_sent(kind, data):
    answer = data.draw(structs(kind))
    assert msgspec.json.decode(msgspec.json.encode(answer), type=kind) == answer
