"""Exit codes of the command line, and the line that says why a command ended."""

from __future__ import annotations

from typing import Final

from system.console import PlainConsole, styled

EXIT_FAILED: Final = 1
EXIT_WRONG_INPUT: Final = 2
"""A file, a folder or an option; click has it for an unknown one. 1 is left to failed checks."""
EXIT_UNAVAILABLE: Final = 75
"""A server did not answer within its bound (``EX_TEMPFAIL``): the same start may succeed later."""
EXIT_FENCED: Final = 76
"""A newer driver has taken over: a supervisor must not start this one again at once."""
EXIT_NEEDS_RECOVERY: Final = 78
"""State and topics, or state and program, do not belong together: a person decides
(`riskstream recover`), and another start says the same."""
REFUSAL: Final = "the stream does not start: "
"""Opens the line of the log that says why; the sentence follows."""
EXIT_INTERRUPTED: Final = 130


def print_error(message: str) -> None:
    """Print an error to stderr as one line, its brackets as they are."""
    console = PlainConsole(stderr=True)
    console.print(styled(("error:", "bold red"), f" {message}"), soft_wrap=True)
