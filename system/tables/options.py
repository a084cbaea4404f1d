"""Options of the command line that name the signs of input files."""

from __future__ import annotations

from typing import Annotated

import typer

Separator = Annotated[
    str | None,
    typer.Option(help="Of the input files: comma, semicolon, tab or pipe; default: detected."),
]
Decimal = Annotated[
    str | None, typer.Option(help="Sign of their numbers: point or comma; default: detected.")
]
