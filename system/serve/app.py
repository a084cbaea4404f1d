"""The API as an ASGI app: ``uvicorn --factory system.serve.app:create_app``."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import anyio
import anyio.to_thread
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.middleware.gzip import GZipMiddleware

from system.contracts.api.risk import Health, HealthState, Liveness, Readiness
from system.errors import RiskstreamError
from system.priority import go_first
from system.serve.http.documentation import add_documentation
from system.serve.http.errors import NotReadyError
from system.serve.http.problems import add_problem_handlers
from system.serve.http.responses import answers, json_answer, openapi_from_contracts
from system.serve.routes import (
    adjustments,
    days,
    desks,
    limits,
    portfolios,
    questions,
    reference,
    stream,
    trades,
)
from system.serve.services.auth import Credentials, authorised
from system.serve.services.connections import Services
from system.serve.services.hub import SnapshotHub
from system.serve.services.kafka_bus import KafkaBus
from system.serve.services.registry import desks_of, desks_over
from system.settings import load_settings
from system.store.postgres.history import RiskHistory
from system.store.redis.async_latest import LatestReader
from system.web.conditional import ConditionalReads
from system.web.connections import allow_open_files
from system.web.headers import SecurityHeaders
from system.web.hosts import HostCheck
from system.web.rates import RequestRates

TITLE: Final = "riskstream"
API_VERSION: Final = "1.1"
"""MAJOR.MINOR of the description: a minor version only adds; ``python -m validation.documents``
refuses a change that breaks clients while the major version stays."""
COMPRESSED_FROM_BYTES: Final = 4_096
"""Smaller answers are sent as they are: what a tick changes fits, and waits for no compressor."""
COMPRESSION_LEVEL: Final = 1
"""40 kB of positions take 0.3 ms; level 9 takes six times as long for a tenth less."""
DESCRIPTION: Final = (
    "Real-time portfolio Value at Risk. VaR, ES and component VaR are losses, positive; P&L "
    "gains are positive; amounts are in the portfolio's base currency; times are nanoseconds "
    "since 1970 UTC. Errors are `application/problem+json` (RFC 9457)."
)
GC_THRESHOLDS: Final = (50_000, 20, 50)
"""Decoded snapshots are many objects without cycles: with Python's own thresholds the collector
walks over the whole of FastAPI and the closes again every few questions."""
SWITCH_INTERVAL_S: Final = 0.000_5
"""Longest time that a computing thread may block the event loop; Python's default is 5 ms."""
_LOG: Final = logging.getLogger(__name__)


def create_app() -> FastAPI:
    """Return the app over the servers that the settings name.

    Raises
    ------
    SettingsError
        If a setting is malformed.
    NotConnectedError
        If a server or the token is not known.
    """
    settings = load_settings()
    logging.basicConfig(level=settings.log_level)
    logging.getLogger("kafka").setLevel(logging.WARNING)  # tells of every connection otherwise
    connections = settings.connections()
    latest = LatestReader(connections.redis_url)
    services = Services(
        latest=latest,
        history=RiskHistory(connections.reader_database_url),
        bus=KafkaBus(connections.kafka_bootstrap_servers),
        hub=SnapshotHub(latest),
        token=connections.api_token,
        stale_after_ns=settings.stale_after_seconds * 10**9,
        hosts=settings.allowed_hosts,
        rates=RequestRates(settings.api_reads_per_second, settings.api_writes_per_second),
    )
    allow_open_files()
    app = app_over(services)
    answer_promptly()
    return app


def answer_promptly() -> None:
    """Set this process up for short answers: few pauses of the collector, quick hand-overs.

    Where it may, it also goes ahead of the batches that share its cores: each answer is
    milliseconds, but without precedence it waits for tens of them while Spark computes.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    if not go_first():
        _LOG.info("no privilege to go ahead of other programs: answers may wait for a core")


def app_over(services: Services) -> FastAPI:
    """Return the app over given services; they are closed with it.

    Parameters
    ----------
    services : Services
        Real ones, or fakes.
    """
    app = FastAPI(
        title=TITLE,
        version=API_VERSION,
        description=DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,  # FastAPI's own pages load their scripts from elsewhere
        redoc_url=None,
    )
    app.state.services = services
    app.state.desks = desks_over(services)
    add_problem_handlers(app)
    app.include_router(_open_router())
    parts = (adjustments, days, portfolios, desks, questions, limits, reference, trades, stream)
    for part in (part.router for part in parts):
        app.include_router(part, dependencies=[Depends(authorised)])
    app.add_middleware(ConditionalReads)
    app.add_middleware(
        GZipMiddleware, minimum_size=COMPRESSED_FROM_BYTES, compresslevel=COMPRESSION_LEVEL
    )
    app.add_middleware(HostCheck, hosts=services.hosts)
    app.add_middleware(SecurityHeaders)
    add_documentation(app)
    app.openapi = openapi_from_contracts(app)  # type: ignore[method-assign]  # as FastAPI documents
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(services.hub.run)
        tasks.start_soon(_warm_up, services)
        yield
        tasks.cancel_scope.cancel()
    await services.latest.aclose()
    for close in (services.bus.close, services.history.close):
        await anyio.to_thread.run_sync(close)


async def _warm_up(services: Services) -> None:
    """Connect to the broker before the first trade asks for it; later is fine too."""
    try:
        await services.send(services.bus.warm_up)
    except RiskstreamError as error:
        _LOG.info("no broker yet: %s", error)


def _open_router() -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["health"])

    @router.get("/health", **answers(Health, without_token=HealthState))
    async def health_page(request: Request, credentials: Credentials) -> Response:
        """Say whether every server answers and the stream runs; in detail, with the token only."""
        if credentials is not None:
            await authorised(request, credentials)
        health = await desks_of(request).health.health()
        if credentials is None:
            return json_answer(HealthState(ok=health.ok, state=health.stream.state))
        return json_answer(health)

    @router.get("/live", **answers(Liveness))
    async def live_page() -> Response:
        """Say that the process answers: to be started again where it does not."""
        return json_answer(Liveness(live=True))

    @router.get("/ready", **answers(Readiness, 503))
    async def ready_page(request: Request) -> Response:
        """Say whether every server behind the API answers: to be sent no requests where not."""
        health = await desks_of(request).health.health()
        silent = sum(not component.ok for component in health.components)
        if silent:
            raise NotReadyError(silent, len(health.components))
        return json_answer(Readiness(ready=True, state=health.stream.state))

    return router
