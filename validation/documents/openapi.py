"""OpenAPI document of the API, as the API itself serves it."""

from __future__ import annotations

import json
from typing import Any, Final

from system.serve.app import app_over
from system.serve.services.bus_fake import MemoryBus
from system.serve.services.connections import Services
from system.serve.services.hub import SnapshotHub
from system.store.postgres.history_fake import MemoryHistory
from system.store.redis.latest_fake import MemoryLatest

_TOKEN: Final = "of a description"  # noqa: S105 - no server is asked


def openapi_text() -> str:
    """Return the document as indented JSON."""
    return json.dumps(openapi_document(), indent=1, ensure_ascii=False) + "\n"


def openapi_document() -> dict[str, Any]:
    """Return the document; no server is started or asked."""
    reader = MemoryLatest(now_ms=lambda: 0).reader()
    services = Services(reader, MemoryHistory(), MemoryBus(), SnapshotHub(reader), _TOKEN)
    return app_over(services).openapi()
