"""Exit codes of the command line, and the line that says why a command ended."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.markup import escape

EXIT_FAILED: Final = 1
EXIT_WRONG_INPUT: Final = 2
"""A file, a folder or an option; click has it for an unknown one. 1 is left to failed checks."""
EXIT_INTERRUPTED: Final = 130


def print_error(message: str) -> None:
    """Print an error to stderr as one line, its brackets as they are."""
    console = Console(stderr=True)
    console.print(f"[bold red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)
