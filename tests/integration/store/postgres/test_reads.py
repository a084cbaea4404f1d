"""Reads of trades, of pages of state and of all limits, for PostgreSQL and for its fake alike."""

from __future__ import annotations

from system.store.postgres.history import RiskHistory
from system.store.postgres.history_fake import MemoryHistory
from tests.store_reads import check_pages_of_state, check_reads_of_trades, check_resolution

History = RiskHistory | MemoryHistory


def test_pages_of_state_join_to_all_rows_of_a_prefix(history: History) -> None:
    check_pages_of_state(history)


def test_trades_are_read_by_portfolio_by_snapshot_and_by_refusal(history: History) -> None:
    check_reads_of_trades(history)


def test_a_new_store_has_no_trades_and_no_limits(history: History) -> None:
    assert history.trade_page("alpha") == history.limit_standings() == []
    assert history.naming_snapshot("t") is None
    assert history.rejected_trade("t") is None


def test_a_series_of_a_resolution_has_the_last_point_of_each_interval(history: History) -> None:
    check_resolution(history)
