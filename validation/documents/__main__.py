"""``python -m validation.documents``: write the reference pages; ``--check`` only compares them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from system.exits import ExitCode
from system.places import PROJECT_DIR
from validation.documents.asyncapi import asyncapi_text
from validation.documents.breaking import breaking_changes, is_allowed
from validation.documents.cli_page import cli_page
from validation.documents.exit_codes_page import exit_codes_page
from validation.documents.openapi import openapi_text
from validation.documents.settings_page import settings_page

FOLDER: Final = PROJECT_DIR / "docs" / "reference"
OPENAPI: Final = "openapi.json"
PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "cli.md": cli_page,
    "settings.md": settings_page,
    "exit-codes.md": exit_codes_page,
    "asyncapi.json": asyncapi_text,
    OPENAPI: openapi_text,
}


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; 1 if one is old.")] = False,
    folder: Annotated[Path, typer.Option(help="Folder of the pages.")] = FOLDER,
) -> None:
    """Write the reference pages of the documentation, or check that they are up to date."""
    pages = {folder / name: page() for name, page in PAGES.items()}
    _refuse_breaking_changes(_written(folder / OPENAPI), pages[folder / OPENAPI])
    if check:
        stale = [path.name for path, text in pages.items() if text != _written(path)]
        for name in stale:
            sys.stderr.write(f"docs/reference/{name} is old: python -m validation.documents\n")
        raise typer.Exit(ExitCode.of_check(passed=not stale))
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in pages.items():
        path.write_text(text, "utf-8")


def _refuse_breaking_changes(stored: str | None, text: str) -> None:
    """End with 1 where the API breaks clients of the stored description under its major version."""
    if stored is None or stored == text:
        return
    before, after = json.loads(stored), json.loads(text)
    changes = breaking_changes(before, after)
    if not changes or is_allowed(before, after):
        return
    for change in changes:
        sys.stderr.write(f"the API breaks clients: {change}\n")
    sys.stderr.write(
        "add beside what is there, and mark that as deprecated; or raise the major version, "
        "API_VERSION of system/serve/app.py\n"
    )
    raise typer.Exit(ExitCode.of_check(passed=False))


def _written(path: Path) -> str | None:
    return path.read_text("utf-8") if path.is_file() else None


if __name__ == "__main__":
    app()
