"""A command's end: one line on stderr, and a code of its own for each cause."""

from __future__ import annotations

from system.exits import ExitCode, print_error


def test_an_error_is_one_line_on_stderr_with_its_brackets(capsys):
    message = f"portfolio [desk:red] {'x' * 300}: unknown"
    print_error(message)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"error: {message}\n"


def test_no_two_causes_share_an_exit_code():
    assert len({int(code) for code in ExitCode.__members__.values()}) == len(ExitCode.__members__)


def test_only_a_check_that_held_passes():
    assert ExitCode.of_check(passed=True) == 0
    assert ExitCode.of_check(passed=False) not in (0, ExitCode.WRONG_INPUT)
