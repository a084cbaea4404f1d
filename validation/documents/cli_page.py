"""Reference page of the command line, made from the commands themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from rich.markup import render
from typer.main import get_command

from system import cli
from system.places import base_dir
from validation.documents.markdown import code, plain, table

HEAD: Final = """# Command line

Made from the commands by `python -m validation.documents`; `riskstream COMMAND --help` prints the
same. See also the [exit codes](exit-codes.md) and the [variables](settings.md) that commands read.

"""
_LEFT_OUT: Final = frozenset({"--help", "--install-completion", "--show-completion"})


def cli_page() -> str:
    """Return the page: an overview, then every command with its arguments and options."""
    root: Any = get_command(cli.app)
    context = root.make_context("riskstream", ["status"], resilient_parsing=True)
    commands = list(_commands(root, context))
    summaries = [
        (f"[`{path}`](#{path.replace(' ', '-')})", _first_sentence(command))
        for path, command in commands
    ]
    sections = "\n".join(_section(path, command) for path, command in commands)
    return f"{HEAD}{table(('command', 'purpose'), summaries)}\n{sections}"


def _commands(group: Any, context: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - typer's own
    for name in group.list_commands(context):
        _, command, _ = group.resolve_command(context, [name])
        path = f"{context.command_path} {name}".strip()
        if hasattr(command, "list_commands"):
            inner = command.make_context(name, ["x"], parent=context, resilient_parsing=True)
            yield from _commands(command, inner)
        else:
            yield path, command


def _section(path: str, command: Any) -> str:  # noqa: ANN401
    given = [parameter for parameter in command.params if _is_shown(parameter)]
    parts = [f"## {path}\n", f"{_prose(command.help)}\n"]
    if given:
        context = command.make_context(path, [], resilient_parsing=True)
        rows = [_row(parameter, context) for parameter in given]
        parts.append(table(("argument or option", "type", "default", "meaning"), rows))
    examples = _examples(command.epilog)
    if examples:
        parts.append("```console\n" + "\n".join(f"$ {line}" for line in examples) + "\n```\n")
    return "\n".join(parts)


def _is_shown(parameter: Any) -> bool:  # noqa: ANN401
    return not getattr(parameter, "hidden", False) and not _LEFT_OUT & set(parameter.opts)


def _row(parameter: Any, context: Any) -> tuple[str, str, str, str]:  # noqa: ANN401
    is_argument = parameter.param_type_name == "argument"
    names = [parameter.name.upper()] if is_argument else parameter.opts + parameter.secondary_opts
    is_flag = getattr(parameter, "is_flag", False)
    kind = "flag" if is_flag else code(str(parameter.display_type(context)).strip("<>"))
    return code("/".join(names)), kind, _default(parameter), plain(parameter.help or "")


def _default(parameter: Any) -> str:  # noqa: ANN401
    """Return the default as one types it, a folder below the current one without its place."""
    if parameter.required:
        return "required"
    default = parameter.default
    if default is None or default is False or default in ("", [], ()):
        return ""
    if default is True:
        return code(parameter.opts[0])
    text = str(getattr(default, "value", default))
    return code(text.removeprefix(f"{base_dir()}/"))


def _prose(help_text: str | None) -> str:
    """Return a help text as paragraphs: single line breaks are those of the source."""
    paragraphs = re.split(r"\n\s*\n", plain(help_text or "").strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _first_sentence(command: Any) -> str:  # noqa: ANN401
    return _prose(command.help).partition("\n")[0].split(". ")[0].rstrip(".") + "."


def _examples(epilog: str | None) -> list[str]:
    lines = render(epilog or "").plain.split("\n\n")
    return [line.strip() for line in lines if line.strip() and line.strip() != "Examples:"]
