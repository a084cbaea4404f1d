"""``python -m validation.release VERSION`` (`make release VERSION=...`): a commit and a tag."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from system.console import PlainConsole
from system.errors import InputError
from system.exits import ExitCode, print_error
from system.places import PROJECT_DIR
from validation.release.checkout import make_release


def release(
    version: Annotated[str, typer.Argument(help="For example 0.2.0; not below the current one.")],
) -> None:
    """Write the changelog's section, bump the version, commit and tag; push nothing."""
    try:
        tag = make_release(PROJECT_DIR, version, datetime.now(UTC).date())
    except InputError as error:
        print_error(str(error))
        raise typer.Exit(ExitCode.WRONG_INPUT) from None
    PlainConsole().print(f"tagged {tag}; publish it with: git push --follow-tags", highlight=False)


if __name__ == "__main__":
    typer.run(release)
