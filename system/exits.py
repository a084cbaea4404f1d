"""Exit codes of the command line, and the line that says why a command ended."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from system.console import PlainConsole, styled

REFUSAL: Final = "the stream does not start: "
"""Opens the line of the log that says why; the sentence follows."""


class ExitCode(IntEnum):
    """Exit codes of every command and process; `docs/reference/exit-codes.md` is made from it."""

    PASSED = 0
    """The work is done, and every check held."""
    FAILED = 1
    """A check failed, a trade was rejected, a component is unhealthy, or the command itself failed;
    the last line says which."""
    WRONG_INPUT = 2
    """A file, folder, option or setting is wrong; the message names it and what it must hold."""
    INCOMPLETE = 3
    """Nothing was found wrong, but something could not be judged: `status` finds no stack,
    `backtest` could not test every book, `explain` cannot gather the inputs of a number."""
    UNKNOWN = 4
    """Nothing failed, but a measurement shows nothing (`load`, `capacity`, `measure`): the load was
    late, or a check could not be made."""
    UNAVAILABLE = 75
    """A server did not answer within its bound; the same start may succeed later."""
    FENCED = 76
    """A newer driver of the stream has taken over; a supervisor waits before a restart."""
    NEEDS_RECOVERY = 78
    """State and topics, or state and program, do not belong together: a person decides
    (`riskstream recover`), and another start gives the same answer."""
    INTERRUPTED = 130
    """Ended by Ctrl-C or SIGINT."""

    @classmethod
    def of_check(cls, *, passed: bool) -> ExitCode:
        """Return ``PASSED`` or ``FAILED``."""
        return cls.PASSED if passed else cls.FAILED


def print_error(message: str) -> None:
    """Print an error to stderr as one line, its brackets as they are."""
    console = PlainConsole(stderr=True)
    console.print(styled(("error:", "bold red"), f" {message}"), soft_wrap=True)
