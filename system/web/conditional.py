"""Conditional reads: a tag of each JSON answer, and 304 without a body to who has it already.

A tag is a hash of the answer's bytes before compression, and weak, because the bytes on the wire
may be compressed. An answer that says how long it may be kept is passed on with what it says; other
answers to reads are to be asked for again each time, and all else is not to be stored.
"""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

READ_AGAIN: Final = "private, no-cache"
"""A cache may keep the answer, and asks whether it still holds before each use."""
NEVER_STORED: Final = "no-store"
IMMUTABLE: Final = "private, max-age=31536000, immutable"
"""Of what never changes: a cache need not ask for a year."""
_CACHE: Final = "Cache-Control"
_TAG_BYTES: Final = 12
_JSON: Final = "application/json"


class ConditionalReads:
    """ASGI middleware that tags JSON answers to reads, and answers 304 where the tag is known.

    Parameters
    ----------
    app : ASGIApp
        What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and complete or shorten its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, known=Headers(scope=scope).get("if-none-match", ""))
        is_read = scope["method"] == "GET"
        await self._app(scope, receive, answer.read if is_read else answer.written)


class _Answer:
    """One answer on its way out; the head of a read is held back until its body is there."""

    def __init__(self, send: Send, *, known: str) -> None:
        self._send = send
        self._known = known
        self._head: Message | None = None

    async def written(self, message: Message) -> None:
        """Pass on a message of an answer to anything but a read."""
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).setdefault(_CACHE, NEVER_STORED)
        await self._send(message)

    async def read(self, message: Message) -> None:
        """Pass on a message of an answer to a read, tagged where it is whole JSON."""
        if message["type"] == "http.response.start":
            if not _is_tagged(message):
                await self.written(message)
                return
            self._head = message
            return
        head, self._head = self._head, None
        if head is None:
            await self._send(message)
        elif message.get("more_body"):
            await self.written(head)
            await self._send(message)
        else:
            await self._send_tagged(head, message)

    async def _send_tagged(self, head: Message, body: Message) -> None:
        tag = tag_of(body.get("body", b""))
        headers = MutableHeaders(scope=head)
        headers["ETag"] = tag
        headers.setdefault(_CACHE, READ_AGAIN)
        if is_known(tag, self._known):
            del headers["content-length"], headers["content-type"]
            head = {**head, "status": int(HTTPStatus.NOT_MODIFIED), "headers": headers.raw}
            body = {**body, "body": b""}
        await self._send(head)
        await self._send(body)


def tag_of(body: bytes) -> str:
    """Return the tag of an answer's bytes, as its header writes it."""
    digest = hashlib.blake2b(body, digest_size=_TAG_BYTES).hexdigest()
    return f'W/"{digest}"'


def is_known(tag: str, header: str) -> bool:
    """Return whether an ``If-None-Match`` header names a tag; ``*`` names every one."""
    named = (part.strip().removeprefix("W/") for part in header.split(","))
    wanted = tag.removeprefix("W/")
    return any(part in {wanted, "*"} for part in named)


def _is_tagged(head: Message) -> bool:
    kind = Headers(raw=head["headers"]).get("content-type", "")
    return head["status"] == HTTPStatus.OK and kind.partition(";")[0] == _JSON
