"""``riskstream feed websocket``: prices of a websocket to the stream, by a map of its fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import typer
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect as connected_websocket

from system.bus.producer import MessageProducer
from system.clock import Clock, SystemClock
from system.console import PlainConsole
from system.errors import InputError, UnavailableError
from system.feed.adapter import FeedCounts, send_quotes
from system.feed.field_map import FieldMap, read_map
from system.feed.json_quotes import NoPrice, quotes_in
from system.feed.prices import PriceMaker, Quote
from system.settings import load_settings

OPEN_SECONDS: Final = 10.0
MAX_MESSAGE_BYTES: Final = 4 * 1024**2
SILENCE_SECONDS: Final = 60.0
"""A connection without any message for so long is made again."""
BACKOFF_FIRST_S: Final = 0.5
BACKOFF_MAX_S: Final = 30.0
RECONNECTS_MAX: Final = 60
"""Connections in a row that bring no price."""
SAY_EVERY_S: Final = 10.0
_NS: Final = 1_000_000_000

Connect = Callable[..., Any]


class WebsocketClosedError(UnavailableError):
    """A websocket does not answer, or ends again and again; the message names it."""


class WebsocketAdapter:
    """Prices of a websocket; a lost connection is made again, with growing pauses.

    Parameters
    ----------
    url : str
        ``ws://`` or ``wss://``.
    field_map : FieldMap
        Fields, filters, and the messages that subscribe.
    counts : FeedCounts
        Messages that are no price are refused there.
    clock : Clock
        Waits between two connections.
    connect : callable
        Opens a connection; that of the library, or a fake.
    reconnects_max : int
        Connections in a row without a price, after which it gives up.
    """

    def __init__(
        self,
        url: str,
        field_map: FieldMap,
        counts: FeedCounts,
        *,
        clock: Clock | None = None,
        connect: Connect = connected_websocket,
        reconnects_max: int = RECONNECTS_MAX,
    ) -> None:
        self._url = url
        self._map = field_map
        self._counts = counts
        self._clock = clock or SystemClock()
        self._connect = connect
        self._reconnects_max = reconnects_max

    def quotes(self) -> Iterator[Quote]:
        """Yield prices as they come, over as many connections as it takes.

        Raises
        ------
        WebsocketClosedError
            If ``reconnects_max`` connections in a row brought no price.
        """
        failures, cause = 0, "it ends at once"
        while failures <= self._reconnects_max:
            try:
                for quote in self._quotes_once():
                    failures = 0
                    yield quote
                cause = "it ends the connection"
            except (WebSocketException, OSError, EOFError) as error:
                cause = str(error) or type(error).__name__
            failures += 1
            self._clock.sleep(min(BACKOFF_FIRST_S * 2 ** (failures - 1), BACKOFF_MAX_S))
        address = shown_address(self._url)
        raise WebsocketClosedError(f"no price of {address} in {failures} connections: {cause}")

    def _quotes_once(self) -> Iterator[Quote]:
        with self._connect(
            self._url, open_timeout=OPEN_SECONDS, max_size=MAX_MESSAGE_BYTES
        ) as socket:
            try:
                yield from self._quotes_over(socket)
            finally:
                socket.close()  # an iterator that is dropped would tell the server of an error

    def _quotes_over(self, socket: Any) -> Iterator[Quote]:  # noqa: ANN401 - or a fake
        for message in self._map.subscribe:
            socket.send(message)
        while True:
            for quote in quotes_in(socket.recv(timeout=SILENCE_SECONDS), self._map):
                if isinstance(quote, NoPrice):
                    self._counts.refuse(quote.problem)
                else:
                    yield quote


def shown_address(url: str) -> str:
    """Return an address without what may be a secret: user, password, query.

    Examples
    --------
    >>> shown_address("wss://ann:pw@feed.example.com/quotes?token=1")
    'wss://feed.example.com/quotes'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def websocket(
    url: Annotated[str, typer.Argument(help="ws:// or wss:// address of the feed.")],
    map_file: Annotated[
        Path, typer.Option("--map", help="MAP.toml: paths of fields, filters, subscriptions.")
    ],
    prices: Annotated[
        int | None, typer.Option(min=1, help="End after so many prices; default: never.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="End with the first price after so long.")
    ] = None,
    reconnects: Annotated[
        int, typer.Option(min=0, help="Connections in a row without a price, before it gives up.")
    ] = RECONNECTS_MAX,
) -> None:
    """Send the prices of a websocket as ticks and FX rates, until Ctrl-C.

    What is no price is counted and left out. A lost connection is made again.
    """
    if urlsplit(url).scheme not in {"ws", "wss"}:
        raise InputError(f"URL {shown_address(url)!r} is not like wss://feed.example.com/quotes")
    field_map, counts = read_map(map_file), FeedCounts()
    adapter = WebsocketAdapter(url, field_map, counts, reconnects_max=reconnects)
    console, clock = PlainConsole(), SystemClock()
    goes_on = _until(prices, seconds, console, clock)
    servers = load_settings().connections().kafka_bootstrap_servers
    try:
        with MessageProducer(servers, linger_ms=2) as producer:
            producer.prepare()
            send_quotes(adapter, producer, PriceMaker(field_map), counts, after_each=goes_on)
    finally:
        console.print(_told(counts))
        for problem in counts.problems:
            console.print(f"  left out: {problem}")


def _until(
    prices: int | None, seconds: float | None, console: PlainConsole, clock: Clock
) -> Callable[[FeedCounts], bool]:
    """Return whether the feed goes on, asked after each price; says every while how it goes."""
    began_ns = said_ns = clock.monotonic_ns()

    def goes_on(counts: FeedCounts) -> bool:
        nonlocal said_ns
        now_ns = clock.monotonic_ns()
        if now_ns - said_ns > SAY_EVERY_S * _NS:
            said_ns = now_ns
            console.print(_told(counts))
        is_over = seconds is not None and now_ns - began_ns > seconds * _NS
        return not is_over and (prices is None or counts.sent < prices)

    return goes_on


def _told(counts: FeedCounts) -> str:
    return f"sent {counts.sent} prices, left out {counts.refused} messages"
