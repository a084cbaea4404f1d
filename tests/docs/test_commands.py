"""Every `riskstream` command in a document is one that the command line takes."""

from __future__ import annotations

import re
import shlex
from contextlib import suppress
from itertools import dropwhile
from typing import Any

import pytest
from typer._click.exceptions import BadOptionUsage
from typer.main import get_command

from system import cli
from tests.docs.test_documents import DOCUMENTS, ROOT

_BLOCK = re.compile(r"^```(?:console|sh|bash)?\n(.*?)^```", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`((?:\w+=\S+ )*riskstream [^`]+)`")
_VARIABLE = re.compile(r"[A-Z_]+=\S*")


def documented_commands() -> list[tuple[str, str]]:
    """Return (document, command) of each distinct command."""
    places: dict[str, str] = {}
    for path in DOCUMENTS:
        text = path.read_text("utf-8")
        lines = [
            line.removeprefix("$ ") for block in _BLOCK.findall(text) for line in block.split("\n")
        ]
        lines += [" ".join(command.split()) for command in _INLINE.findall(_BLOCK.sub("", text))]
        for line in lines:
            words = list(dropwhile(_VARIABLE.fullmatch, line.split()))
            if words[:1] == ["riskstream"] and words[1:]:
                places.setdefault(line.strip(), str(path.relative_to(ROOT)))
    return [(document, command) for command, document in places.items()]


@pytest.fixture(scope="module")
def root() -> Any:
    return get_command(cli.app)


def parse(line: str, root: Any) -> None:
    """Read a command as the command line does, without running anything.

    Raises
    ------
    AssertionError, typer's UsageError
        If there is no such command or option.
    """
    words = list(dropwhile(_VARIABLE.fullmatch, shlex.split(line, comments=True)))
    context = root.make_context("riskstream", ["status"], resilient_parsing=True)
    command, rest = root, words[1:]
    while hasattr(command, "list_commands") and rest and not rest[0].startswith("-"):
        if rest[0].isupper() or rest[0] == "...":
            return  # stands for any command
        assert rest[0] in command.list_commands(context), f"no command {rest[0]}"
        _, command, rest = command.resolve_command(context, rest)
        context = command.make_context(command.name, ["x"], parent=context, resilient_parsing=True)
    context.resilient_parsing = False
    with suppress(BadOptionUsage):  # an option that is named without its value
        command.make_parser(context).parse_args(list(rest))


@pytest.mark.parametrize(("document", "line"), documented_commands())
def test_every_command_of_a_document_is_taken_by_the_command_line(
    document: str, line: str, root: Any
) -> None:
    parse(line, root)


@pytest.mark.parametrize(
    "line", ["riskstream demo --faster", "riskstream trades", "riskstream trade sell A"]
)
def test_a_command_or_option_that_does_not_exist_is_noticed(line: str, root: Any) -> None:
    with pytest.raises(Exception, match=r"no command|No such option"):
        parse(line, root)
