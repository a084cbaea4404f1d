"""Services that the endpoints use, one of each per app."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from system.serve.services.catalogue import Catalogue
from system.serve.services.connections import Services
from system.serve.services.event_clock import EventClock
from system.serve.services.health import HealthBoard
from system.serve.services.imports import BookImporter
from system.serve.services.snapshot_books import SnapshotBooks
from system.serve.services.trades import TradeService


@dataclass(frozen=True, eq=False)
class ApiServices:
    """Names, event time, trades, imports, health and recalled books over the same services."""

    names: Catalogue
    clock: EventClock
    trades: TradeService
    imports: BookImporter
    health: HealthBoard
    recall: SnapshotBooks


def desks_over(services: Services) -> ApiServices:
    """Return the desks of one app."""
    names, clock = Catalogue(services), EventClock(services)
    return ApiServices(
        names,
        clock,
        TradeService(services, names, clock),
        BookImporter(services, names, clock),
        HealthBoard(services),
        SnapshotBooks(services, names),
    )


def desks_of(request: Request) -> ApiServices:
    """Return the desks of the app that serves a request."""
    desks = request.app.state.desks
    assert isinstance(desks, ApiServices)
    return desks


def names_of(request: Request) -> Catalogue:
    """Return what is known of portfolios and instruments."""
    return desks_of(request).names
