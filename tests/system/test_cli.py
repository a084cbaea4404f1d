"""The command line: listed without loading, loaded when asked, errors in one place."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from system import cli
from system.errors import InputError, UnavailableError

ROOT = Path(__file__).resolve().parents[2]


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


def test_a_library_that_is_not_installed_is_named_with_what_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "xmlrpc.client", None)
    place = cli.CommandPlace("xmlrpc.server", "SimpleXMLRPCServer", "Needs xmlrpc.client.")
    monkeypatch.setitem(cli.COMMANDS, "needy", place)
    monkeypatch.delitem(sys.modules, "xmlrpc.server", raising=False)
    refused = CliRunner().invoke(cli.app, ["needy"])
    assert isinstance(refused.exception, InputError)
    assert "`needy` needs the library xmlrpc" in str(refused.exception)
    assert "make setup-verify" in str(refused.exception)


def test_a_module_of_our_own_that_is_missing_is_a_defect(monkeypatch):
    place = cli.CommandPlace("system.no_such_module", "run", "Lost.")
    monkeypatch.setitem(cli.COMMANDS, "lost", place)
    lost = CliRunner().invoke(cli.app, ["lost"])
    assert isinstance(lost.exception, ModuleNotFoundError)


def test_an_unknown_command_is_refused():
    refused = CliRunner().invoke(cli.app, ["frobnicate"])
    assert refused.exit_code == 2
    assert "frobnicate" in refused.output


@pytest.mark.parametrize(
    ("error", "said", "code"),
    [
        (InputError("the field [x] is wrong"), "error: the field [x] is wrong", 2),
        (UnavailableError("redis: no answer"), "error: redis: no answer", 1),
        (OSError(28, "No space left on device", "/data/out"), "error: /data/out: No space", 1),
    ],
)
def test_an_expected_error_is_printed_and_wrong_input_has_a_code_of_its_own(
    monkeypatch, capsys, error, said, code
):
    def fail() -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == code
    assert said in capsys.readouterr().err


def test_an_error_of_the_system_without_a_file_is_a_defect_of_ours(monkeypatch):
    def fail() -> None:
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(OSError, match="Bad file"):
        cli.main()


def test_an_interrupt_exits_as_a_shell_expects(monkeypatch):
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "app", interrupted)
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 130


PLACES = {"out", "output", "report", "save"}


def places_to_write_to():
    """Return module, option and annotation of every option of any command that names one."""
    for package in ("system", "validation", "loadtests"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for function in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(function, ast.FunctionDef):
                    for option in (*function.args.args, *function.args.kwonlyargs):
                        shown = ast.unparse(option.annotation) if option.annotation else ""
                        if "typer.Option" in shown and "Path" in shown and option.arg in PLACES:
                            yield path.relative_to(ROOT).as_posix(), option.arg, shown


def test_every_place_to_write_to_is_checked_before_the_work_starts():
    places = list(places_to_write_to())
    assert [place for place in places if "callback=OUTPUT_" not in place[2]] == []
    assert len(places) >= 19
    assert {place[1] for place in places} == PLACES


@pytest.mark.parametrize(
    "words",
    [
        ["load", "--report", "{}/out"],
        ["capacity", "--report", "{}"],
        ["measure", "rates", "--report", "{}/out"],
        ["replay", "absolute", "--report", "{}/out"],
        ["demo", "--report", "{}/deep/out"],
        ["explain", "id", "--save", "{}/record.json"],
        ["replay-backtest", "--report", "{}/table.json"],
    ],
)
def test_a_place_below_a_file_is_refused_with_one_sentence(tmp_path, words):
    file = tmp_path / "prices.csv"
    file.write_text("kept")
    refused = CliRunner().invoke(cli.app, [word.format(file) for word in words])
    assert refused.exit_code == 2
    assert refused.output.startswith(f"error: {file}")
    assert "cannot be written: Not a directory; name another place" in refused.output
    assert refused.output.count("\n") == 1
    assert file.read_text() == "kept"


def test_the_version_is_that_of_the_distribution():
    shown = CliRunner().invoke(cli.app, ["--version"])
    assert (shown.exit_code, shown.output) == (0, f"riskstream {version('riskstream')}\n")


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("por", "portfolio"),
        ("portfolio im", "import"),
        ("measure cros", "crossover"),
        ("measure rates --rep --dur", "--duration"),
        ("backtest --pri", "--prices"),
        ("portfolio import --dec", "--decimal"),
        ("--vers", "--version"),
    ],
)
def test_a_shell_completes_commands_and_their_options(words, completed):
    environment = {
        **os.environ,
        "COMP_WORDS": f"riskstream {words}",
        "COMP_CWORD": str(len(words.split())),
        "_RISKSTREAM_COMPLETE": "complete_bash",
    }
    code = "import sys; sys.argv[0] = 'riskstream'; from system.cli import main; main()"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [completed]
