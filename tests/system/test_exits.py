"""A command's end: one line on stderr, and a code of its own for each cause."""

from __future__ import annotations

from system import exits
from system.exits import print_error


def test_an_error_is_one_line_on_stderr_with_its_brackets(capsys):
    message = f"portfolio [desk:red] {'x' * 300}: unknown"
    print_error(message)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"error: {message}\n"


def test_no_two_causes_share_an_exit_code():
    codes = [value for name, value in vars(exits).items() if name.startswith("EXIT_")]
    assert len(set(codes)) == len(codes)
    assert 0 not in codes
