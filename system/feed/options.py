"""Options that the commands of a feed share, and the days that they name."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from system.errors import InputError

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


def day_of(option: str, text: str | None) -> dt.date | None:
    """Return the day that an option names, None where it is left out.

    Parameters
    ----------
    option : str
        Its name, for the error.
    text : str or None
        Its value.

    Raises
    ------
    InputError
        If it is no date in ISO 8601.
    """
    try:
        return None if text is None else dt.date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{option} {text!r} is not a day like 2020-03-05") from None
