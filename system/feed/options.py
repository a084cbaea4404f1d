"""Options that the commands of a feed share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MapFile = Annotated[
    Path | None, typer.Option("--map", help="MAP.toml: fields, names of instruments, zone.")
]
Columns = Annotated[
    list[str] | None, typer.Option("--column", help="Column of a field: mid=last_price.")
]
Zone = Annotated[
    str | None,
    typer.Option(help="Zone of times without an offset and of session dates: America/New_York."),
]
Close = Annotated[
    str | None, typer.Option(help="Time of day of prices that have a date only: 16:00.")
]
