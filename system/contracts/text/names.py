"""Names, labels and notes: text that people and vendors write, and that screens show.

A name may hold every character that can be seen: ``^GSPC``, ``M&M.NS``, ``BRK B``, ``ÅF B``,
``EMEA/EQ``. Refused is what cannot be displayed or told apart by eye: control characters, line
breaks, marks of text direction, characters without a shape, and blanks at the ends or doubled.
Text is kept in Unicode's composed form (NFC), so that two spellings of ``Å`` are one name.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Annotated, Final

from msgspec import Meta

from system.contracts.text.checked import TextError, ruled, shown

MAX_ID_LENGTH: Final = 64
MAX_LABEL_LENGTH: Final = 200
MAX_ACTOR_LENGTH: Final = 100
MAX_NOTE_LENGTH: Final = 1_000
_REMEMBERED: Final = 65_536

NAME_RULE: Final = (
    f"a name has 1 to {MAX_ID_LENGTH} visible characters of any script, and single spaces "
    "between them"
)
_UNSEEN_KINDS: Final = {
    "Cc": "a control character",
    "Cf": "a character without a shape",
    "Cn": "not a character of Unicode",
    "Co": "a private character",
    "Cs": "half of a character",
    "Zl": "a line break",
    "Zp": "a line break",
    "Zs": "a blank that looks like a plain space",
}
"""General categories of Unicode that nobody can see."""
_FILLERS: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
).union(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
"""Letters and marks by category, yet drawn as nothing: fillers and variation selectors."""
_CONTROL_NAMES: Final = {
    "\0": "NUL",
    "\a": "BELL",
    "\b": "BACKSPACE",
    "\t": "TAB",
    "\n": "LINE FEED",
    "\r": "CARRIAGE RETURN",
    "\x1b": "ESCAPE",
    "\x7f": "DELETE",
}
_NOTE_BREAKS: Final = frozenset("\n\t")
_DIRECTIONS: Final = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
"""Marks that turn the direction of text: what is read is not what is written."""


@lru_cache(maxsize=_REMEMBERED)
def checked_name(text: str) -> str:
    """Return a name in its composed form.

    Raises
    ------
    TextError
        If it is empty, too long, or holds what cannot be seen; names the character.

    Examples
    --------
    >>> checked_name("AAPL US Equity")
    'AAPL US Equity'
    """
    if not text:
        raise TextError(f"'' is empty: {NAME_RULE}")
    return _line(text, MAX_ID_LENGTH)


def checked_label(text: str) -> str:
    """Return a longer name, or an empty one, in its composed form.

    Raises
    ------
    TextError
        If it is too long, or holds what cannot be seen; names the character.
    """
    return _line(text, MAX_LABEL_LENGTH) if text else text


def checked_scenario(text: str) -> str:
    """Return a name, or an empty one where nothing is named.

    Raises
    ------
    TextError
        As `checked_name`.
    """
    return checked_name(text) if text else text


def checked_actor(text: str) -> str:
    """Return the name that a person gives.

    Raises
    ------
    TextError
        If it is empty, too long, or holds what cannot be seen; names the character.
    """
    if not text:
        raise TextError("'' is empty: say who it is")
    return _line(text, MAX_ACTOR_LENGTH)


def checked_note(text: str) -> str:
    """Return a note: any text with line breaks (LF) and tabs, nothing that drives a terminal.

    Raises
    ------
    TextError
        If it is too long, or holds a control character or a mark of text direction.
    """
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    _refuse_long(text, MAX_NOTE_LENGTH)
    for place, character in enumerate(text, start=1):
        if _drives_terminal(character):
            why = _UNSEEN_KINDS[unicodedata.category(character)]
            raise _unseen_error(text, place, why, "write plain text, lines end with LF")
    return text


def visible(text: str) -> str:
    r"""Return a text of whatever origin with what drives a terminal escaped, safe to print.

    Unlike the rules above it refuses nothing: for what was stored or received unchecked.

    Examples
    --------
    >>> visible("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    if text.isprintable():
        return text
    return "".join(
        repr(character)[1:-1] if _drives_terminal(character) else character for character in text
    )


def _line(text: str, longest: int) -> str:
    if text.isascii() and text.isprintable() and " " not in text and len(text) <= longest:
        return text
    kept = unicodedata.normalize("NFC", text)
    _refuse_long(kept, longest)
    for place, character in enumerate(kept, start=1):
        if character != " " and (why := _unseen(character)):
            raise _unseen_error(kept, place, why, NAME_RULE)
    if "  " in kept:
        raise TextError(f"{shown(kept)} has two spaces in a row: {NAME_RULE}")
    if " " in (kept[0], kept[-1]):
        raise TextError(f"{shown(kept)} has a space at an end: {NAME_RULE}")
    if unicodedata.category(kept[0]).startswith("M"):
        raise TextError(f"{shown(kept)} begins with an accent that has no letter: {NAME_RULE}")
    return kept


def _refuse_long(text: str, longest: int) -> None:
    if len(text) > longest:
        raise TextError(f"{shown(text)} is too long: at most {longest} characters")


def _unseen(character: str) -> str:
    """Return why a character cannot be seen, empty for one that can."""
    if character in _FILLERS:
        return _UNSEEN_KINDS["Cf"]
    return _UNSEEN_KINDS.get(unicodedata.category(character), "")


def _drives_terminal(character: str) -> bool:
    """Return whether a character is no text but an order: ESC, C1, text direction, half of one."""
    if character in _NOTE_BREAKS:
        return False
    return character in _DIRECTIONS or unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}


def _unseen_error(text: str, place: int, why: str, rule: str) -> TextError:
    character = text[place - 1]
    name = _CONTROL_NAMES.get(character) or unicodedata.name(character, "")
    code = f"U+{ord(character):04X}" + (f" {name}" if name else "")
    return TextError(f"{shown(text)} holds {code}, {why}, as character {place}: {rule}")


Identifier = Annotated[
    str,
    Meta(
        description="A name: visible characters of any script, single spaces between them.",
        examples=["AAPL", "^GSPC", "BRK B"],
        extra_json_schema={"minLength": 1, "maxLength": MAX_ID_LENGTH},
        extra=ruled(checked_name),
    ),
]
Label = Annotated[
    str,
    Meta(
        extra_json_schema={"maxLength": MAX_LABEL_LENGTH},
        extra=ruled(checked_label),
    ),
]
"""A name in more words than an identifier; may be empty."""
ScenarioName = Annotated[
    str,
    Meta(
        extra_json_schema={"maxLength": MAX_ID_LENGTH},
        extra=ruled(checked_scenario),
    ),
]
"""A name, or empty where nothing is named."""
ActorName = Annotated[
    str,
    Meta(
        extra_json_schema={"minLength": 1, "maxLength": MAX_ACTOR_LENGTH},
        extra=ruled(checked_actor),
    ),
]
NoteText = Annotated[
    str,
    Meta(
        extra_json_schema={"maxLength": MAX_NOTE_LENGTH},
        extra=ruled(checked_note),
    ),
]
