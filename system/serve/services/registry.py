"""What the endpoints work through, one of each per app."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from system.serve.services.catalogue import KnownNames
from system.serve.services.connections import Services
from system.serve.services.event_clock import EventClock
from system.serve.services.health import HealthBoard
from system.serve.services.imports import BookImporter
from system.serve.services.snapshot_books import RecallDesk
from system.serve.services.trades import TradeDesk


@dataclass(frozen=True, eq=False)
class Desks:
    """Names, trades, imports, health and recalled books over the same services."""

    names: KnownNames
    trades: TradeDesk
    imports: BookImporter
    health: HealthBoard
    recall: RecallDesk


def desks_over(services: Services) -> Desks:
    """Return the desks of one app."""
    names, clock = KnownNames(services), EventClock(services)
    return Desks(
        names,
        TradeDesk(services, names, clock),
        BookImporter(services, names, clock),
        HealthBoard(services),
        RecallDesk(services, names),
    )


def desks_of(request: Request) -> Desks:
    """Return the desks of the app that serves a request."""
    desks = request.app.state.desks
    assert isinstance(desks, Desks)
    return desks


def names_of(request: Request) -> KnownNames:
    """Return what is known of portfolios and instruments."""
    return desks_of(request).names
