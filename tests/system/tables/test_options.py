"""Options of the signs of input files: absent by default, handed on as they are written."""

from __future__ import annotations

import typer
from typer.testing import CliRunner

from system.tables.options import Decimal, Separator

APP = typer.Typer()


@APP.command()
def show(separator: Separator = None, decimal: Decimal = None) -> None:
    """Print both signs."""
    typer.echo(f"{separator} {decimal}")


def test_without_them_the_signs_are_detected():
    assert CliRunner().invoke(APP).output == "None None\n"


def test_they_take_the_names_of_signs():
    result = CliRunner().invoke(APP, ["--separator", "semicolon", "--decimal", "comma"])
    assert result.output == "semicolon comma\n"


def test_help_names_every_sign():
    text = " ".join(CliRunner().invoke(APP, ["--help"], env={"COLUMNS": "200"}).output.split())
    for sign in ("comma", "semicolon", "tab", "pipe", "point"):
        assert sign in text
