"""`riskstream measure`: each study is listed, explains itself, is loaded when asked for."""

from __future__ import annotations

import inspect
import shlex
import subprocess
import sys
from importlib import import_module

import pytest
from typer.testing import CliRunner

from loadtests.commands import MEASUREMENTS
from system import cli

EXAMPLES = [(name, line) for name, place in MEASUREMENTS.items() for line in place.examples]


def test_help_lists_every_measurement_without_importing_any():
    code = (
        "import sys; from typer.testing import CliRunner; from system.cli import app;"
        "shown = CliRunner().invoke(app, ['measure', '--help']).output; print(shown);"
        "print({m.split('.')[0] for m in sys.modules} & {'pyspark', 'kafka', 'pandas', 'numpy'})"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert answer.stdout.splitlines()[-1] == "set()"
    for name in MEASUREMENTS:
        assert name in answer.stdout


@pytest.mark.parametrize("name", list(MEASUREMENTS))
def test_every_measurement_exists_and_shows_its_examples(name):
    place = MEASUREMENTS[name]
    assert hasattr(import_module(place.module), place.attribute)
    shown = CliRunner().invoke(cli.app, ["measure", name, "--help"])
    assert shown.exit_code == 0, shown.output
    words = " ".join(shown.output.split())
    assert place.examples
    for example in place.examples:
        assert " ".join(example.split()) in words


@pytest.mark.parametrize(("name", "line"), EXAMPLES)
def test_every_example_names_only_options_that_its_command_has(name, line):
    command = line.partition("#")[0]
    if not command.startswith("make"):
        assert command.startswith(f"riskstream measure {name}")
    shown = CliRunner().invoke(cli.app, ["measure", name, "--help"]).output
    for word in shlex.split(command):
        assert not word.startswith("--") or word in shown, word


@pytest.mark.parametrize("name", list(MEASUREMENTS))
def test_every_measurement_writes_its_report_where_it_is_told_to(name):
    place = MEASUREMENTS[name]
    function = getattr(import_module(place.module), place.attribute)
    assert "report" in inspect.signature(function).parameters


def test_an_unknown_measurement_is_refused():
    refused = CliRunner().invoke(cli.app, ["measure", "frobnicate"])
    assert refused.exit_code == 2
    assert "frobnicate" in refused.output
