"""A life of the API in a process that outlives it (`app_host`)."""

from __future__ import annotations

import threading
from typing import Final
from urllib.parse import urlsplit

import uvicorn

from system.runtime.components.apps import GRACEFUL_SHUTDOWN_S
from system.serve.app import create_app
from system.settings import Settings
from system.web.connections import BoundedConnection
from validation.scenarios.play.app_host import forget

STOP_BOUND_S: Final = GRACEFUL_SHUTDOWN_S + 30.0


class ApiLife:
    """One life of the API on a thread: a new app, with connections of its own.

    Parameters
    ----------
    settings : Settings
        Name the address; the app reads the same ones from the environment.
    """

    def __init__(self, settings: Settings) -> None:
        address = urlsplit(settings.connections().api_url)
        assert address.hostname is not None, "a stack's own API has a whole address"
        assert address.port is not None, "a stack's own API has a whole address"
        self._server = uvicorn.Server(
            uvicorn.Config(
                create_app,
                factory=True,
                host=address.hostname,
                port=address.port,
                http=BoundedConnection,
                access_log=False,
                timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_S,
            )
        )
        self._thread = threading.Thread(target=self._server.run, name="api", daemon=True)

    def begin(self) -> None:
        """Start the server; returns at once."""
        self._thread.start()

    def end(self) -> None:
        """Stop the server, and return when its connections are closed."""
        self._server.should_exit = True
        self._thread.join(STOP_BOUND_S)
        assert not self._thread.is_alive(), "uvicorn ends within its own bound"
        forget()


class Lives:
    """Begins lives of the API."""

    def begin(self, settings: Settings) -> ApiLife:
        """Begin the life of an API."""
        life = ApiLife(settings)
        life.begin()
        return life

    def close(self) -> None:
        """Do nothing: no life leaves anything."""
