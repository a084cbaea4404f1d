"""Structs whose text fields follow a rule that answers in words.

A pattern in a type can only say which regular expression did not match. Here a type carries a
function instead (``Meta(extra=ruled(...))``), and the base class applies it to every field of
that type whenever an instance is made: decoded from bytes, converted from a file, or called.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from system.errors import InputError

Rule = Callable[[str], str]
"""Returns the text as it is kept, or raises `TextError` with a sentence that shows the text."""

SHOWN_CHARACTERS: Final = 40
_RULE: Final = "rule"
_AT_PATH: Final = re.compile(r"^(?P<detail>.*) - at `\$\.?(?P<path>[^`]*)`$", re.DOTALL)
_OWN_FIELD: Final = re.compile(r"^(?P<field>[a-z_]+(\[\d+\])?): (?P<detail>['\"].*)$", re.DOTALL)


class TextError(InputError, ValueError):
    """A text does not follow its rule; the message shows it, and says what to write.

    It is a ``ValueError`` too, so that the decoder adds the place in the message.
    """


class Checked(Struct, frozen=True):
    """Base of structs with ruled text: a field is kept as its rule returns it.

    A subclass with a ``__post_init__`` of its own calls this one first.
    """

    def __post_init__(self) -> None:
        """Apply the rule of each ruled field.

        Raises
        ------
        TextError
            Names the first field that does not follow its rule.
        """
        for field, rule in _ruled_fields(type(self)):
            value = getattr(self, field)
            kept = _kept(field, value, rule)
            if kept is not value:
                msgspec.structs.force_setattr(self, field, kept)


def ruled(rule: Rule) -> dict[str, Any]:
    """Return what a type's ``Meta(extra=...)`` carries so that `Checked` applies a rule."""
    return {_RULE: rule}


def ruled_text(field: str, text: str, rule: Rule) -> str:
    """Return a text as its rule keeps it.

    Raises
    ------
    TextError
        If it does not follow the rule; names the field.
    """
    try:
        return rule(text)
    except TextError as error:
        raise TextError(f"{field}: {error}") from None


def _kept(field: str, value: Any, rule: Rule) -> Any:  # noqa: ANN401 - of any ruled type
    """Return a field's value with its rule applied to the text in it."""
    if isinstance(value, str):
        return ruled_text(field, value, rule)
    if isinstance(value, tuple):
        return tuple(ruled_text(f"{field}[{i}]", text, rule) for i, text in enumerate(value))
    if isinstance(value, dict):
        return {ruled_text(field, name, rule): content for name, content in value.items()}
    assert value is None, f"{field}: a rule for text, and {type(value)}"
    return None


def field_and_detail(message: str) -> tuple[str, str]:
    """Return the field that a decoder's message is about, as a path, and what it says of it.

    Empty for the field where the message names none. The path of a ruled text ends with the
    text's own field, and its detail shows the value already (`shows_value`).

    Examples
    --------
    >>> field_and_detail("desk: 'a  b' has two spaces - at `$.portfolio`")
    ('portfolio.desk', "'a  b' has two spaces")
    """
    at_path = _AT_PATH.match(message)
    path, detail = (at_path["path"], at_path["detail"]) if at_path else ("", message)
    own = _OWN_FIELD.match(detail)
    if own is None:
        return path, detail
    return ".".join(filter(None, (path, own["field"]))), own["detail"]


def shows_value(detail: str) -> bool:
    """Return whether a detail begins with the value that it is about."""
    return detail.startswith(("'", '"'))


def shown(text: str) -> str:
    r"""Return a text in quotes, safe to print: what is invisible is escaped, what is long cut.

    Examples
    --------
    >>> shown("AA\x1b[2JPL")
    "'AA\\x1b[2JPL'"
    """
    if len(text) <= SHOWN_CHARACTERS:
        return repr(text)
    return f"{text[:SHOWN_CHARACTERS]!r}... ({len(text)} characters)"


@cache
def _ruled_fields(kind: type[Struct]) -> tuple[tuple[str, Rule], ...]:
    hints = get_type_hints(kind, include_extras=True)
    rules = ((name, _rule_of(hints[name])) for name in kind.__struct_fields__)
    return tuple((name, rule) for name, rule in rules if rule is not None)


def _rule_of(hint: Any) -> Rule | None:  # noqa: ANN401 - any annotation
    """Return the rule of a ruled type, also of one that may be missing, or in a tuple or dict."""
    if get_origin(hint) is Annotated:
        extras = (part.extra for part in hint.__metadata__ if isinstance(part, msgspec.Meta))
        own = next((extra[_RULE] for extra in extras if extra and _RULE in extra), None)
        return own or _rule_of(hint.__origin__)
    if get_origin(hint) in (Union, types.UnionType, tuple, dict):
        return next((rule for part in get_args(hint) if (rule := _rule_of(part))), None)
    return None
