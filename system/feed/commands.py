"""``riskstream feed check | csv | websocket``."""

from __future__ import annotations

import typer

from system.feed.check import check
from system.feed.csv_feed import csv
from system.feed.websocket_feed import websocket

feed_app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Connect a market of your own."
)
feed_app.command("check")(check)
feed_app.command("csv")(csv)
feed_app.command("websocket")(websocket)
