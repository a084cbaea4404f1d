"""Session tables and carry settings, as messages state them, for the references."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from system.contracts.messages import ExchangeSessions, Instrument, Portfolio, RiskSnapshot
from validation.references.carrying import Carrying, SessionTable
from validation.references.revaluation import ReferencePosition


def session_tables(messages: Iterable[ExchangeSessions]) -> dict[str, SessionTable]:
    """Return the newest session table of each exchange."""
    return {
        table.exchange: SessionTable(
            table.first, table.last, frozenset(session.date for session in table.sessions)
        )
        for table in messages
    }


def carrying_of(
    settings: Portfolio | RiskSnapshot,
    positions: Iterable[ReferencePosition],
    instruments: Mapping[str, Instrument],
    tables: Mapping[str, SessionTable],
) -> Carrying:
    """Return how many closes of a book may be missing, and when its series have sessions.

    A volatility follows the exchange of the underlying.
    """
    exchanges: dict[str, str | None] = {}
    for position in positions:
        name = position.instrument if position.option is None else position.option.underlying
        known = instruments.get(name)
        exchanges[name] = None if known is None else known.exchange
        if position.option is not None:
            exchanges.setdefault(position.option.volatility_series, exchanges[name])
    return Carrying(
        settings.carry_max_sessions,
        settings.carry_max_share,
        {
            name: tables[exchange]
            for name, exchange in exchanges.items()
            if exchange is not None and exchange in tables
        },
    )
