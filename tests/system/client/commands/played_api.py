"""An API that plays one answer, and the commands over it."""

from __future__ import annotations

from typing import Any

import httpx
from typer.testing import CliRunner, Result

from system import cli
from system.contracts.api.risk import StreamState
from system.contracts.codec import encode


class Api:
    """Plays one answer and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: Any = None
        self.asked: list[tuple[str, bytes]] = []

    def respond(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((request.url.raw_path.decode(), request.content))
        return httpx.Response(200, content=encode(self.answer))


def run(*words: str) -> Result:
    return CliRunner().invoke(cli.app, list(words), env={"COLUMNS": "200"})


ABOUT = {
    "portfolio": "alpha",
    "snapshot_id": "alpha-1-2",
    "base_currency": "USD",
    "nav": 1e6,
    "durable": True,
    "stream": StreamState.RUNNING,
}
