"""The command line: listed without loading, loaded when asked, errors in one place."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest
from typer.testing import CliRunner

from system import cli
from system.errors import InputError


def test_help_lists_every_command_without_importing_any():
    listed = CliRunner().invoke(cli.app, ["--help"])
    assert listed.exit_code == 0
    for name, place in cli.COMMANDS.items():
        assert name in listed.output
        assert place.summary in listed.output


def test_help_loads_neither_spark_nor_kafka_nor_the_references():
    code = (
        "import sys; from typer.testing import CliRunner; from system.cli import app;"
        "CliRunner().invoke(app, ['--help']);"
        "print({m.split('.')[0] for m in sys.modules}"
        " & {'pyspark', 'kafka', 'pandas', 'validation', 'loadtests', 'streamlit'})"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert answer.stdout.strip() == b"set()"


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_every_listed_command_exists_and_explains_itself(name):
    place = cli.COMMANDS[name]
    assert hasattr(import_module(place.module), place.attribute)
    shown = CliRunner().invoke(cli.app, [name, "--help"])
    assert shown.exit_code == 0, shown.output


def test_an_unknown_command_is_refused():
    refused = CliRunner().invoke(cli.app, ["frobnicate"])
    assert refused.exit_code == 2
    assert "frobnicate" in refused.output


def test_an_expected_error_is_printed_and_exits_with_one(monkeypatch, capsys):
    def fail() -> None:
        raise InputError("the field [x] is wrong")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 1
    assert "error: the field [x] is wrong" in capsys.readouterr().err


def test_an_interrupt_exits_as_a_shell_expects(monkeypatch):
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "app", interrupted)
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 130
