"""Version of a message, in its envelope: what a newer or another sender may say.

``message_version`` is ``MAJOR.MINOR`` beside ``type`` (``version`` alone is a trade's own). Absent
means 1.0. A newer minor version only adds fields, which a reader that does not know them leaves
out; another major version means something else by the same fields, and is never guessed at.
Snapshots are of version 2.0, and those of 1.0 are read for one release more.

The codec looks for it only in messages that it could not read as they are: those without one, all
of today's, cost nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import inspect

from system.contracts.messages import SNAPSHOT_VERSION, Message, RejectReason, RiskSnapshot
from system.errors import MessageError

VERSION_FIELD: Final = "message_version"
MAJOR: Final = 1
MINOR: Final = 0
SNAPSHOT_MAJOR: Final = int(SNAPSHOT_VERSION.partition(".")[0])
"""Of snapshots whose positions are columns; their newest minor version is ``MINOR`` too."""
_VERSION: Final = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
_TAG_FIELD: Final = "type"


def readable(value: bytes | str, types: tuple[type[Message], ...]) -> bytes | None:
    """Return a versioned message as one of this version's, None where it has no version.

    Of a newer minor version the fields that this one does not know are left out, in the message
    and in what is nested in it.

    Parameters
    ----------
    value : bytes or str
        JSON that the codec has refused as it is.
    types : tuple of type
        Messages that it may be.

    Raises
    ------
    MessageError
        ``unknown_version`` if its major version is another one; ``invalid`` if the version is
        not two numbers.
    """
    try:
        envelope = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(envelope, dict) or VERSION_FIELD not in envelope:
        return None
    stated = envelope.pop(VERSION_FIELD)
    match = _VERSION.fullmatch(stated) if isinstance(stated, str) else None
    if match is None:
        raise MessageError(
            RejectReason.INVALID, f"{VERSION_FIELD}: {str(stated)[:40]!r}, write MAJOR.MINOR"
        )
    major = int(match[1])
    if major == SNAPSHOT_MAJOR and types == (RiskSnapshot,):
        envelope[VERSION_FIELD] = SNAPSHOT_VERSION
    elif major != MAJOR:
        raise MessageError(
            RejectReason.UNKNOWN_VERSION,
            f"{VERSION_FIELD} {stated}: this riskstream reads {_read(types)}; upgrade it, or send "
            "that",
        )
    if int(match[2]) > MINOR:
        envelope = _known_fields(envelope, _type_of(types))
    return msgspec.json.encode(envelope)


def _read(types: tuple[type[Message], ...]) -> str:
    """Return the major versions that are read of some messages."""
    of_snapshots = f" and {SNAPSHOT_MAJOR}.x" if types == (RiskSnapshot,) else ""
    return f"{MAJOR}.x{of_snapshots}"


@cache
def _type_of(types: tuple[type[Message], ...]) -> tuple[inspect.Type, ...]:
    return inspect.multi_type_info(types)


def _known_fields(value: Any, kinds: tuple[inspect.Type, ...]) -> Any:  # noqa: ANN401 - JSON
    """Return a value without the fields that its type does not have."""
    if isinstance(value, list):
        inner = tuple(kind for each in kinds for kind in _items(each))
        return [_known_fields(item, inner) for item in value] if inner else value
    if not isinstance(value, dict):
        return value
    for kind in kinds:
        if isinstance(kind, inspect.StructType) and _is_tagged(value, kind):
            fields = {field.encode_name: _alternatives(field.type) for field in kind.fields}
            known = {_TAG_FIELD, *fields} if kind.tag is not None else set(fields)
            return {
                name: _known_fields(item, fields.get(name, ()))
                for name, item in value.items()
                if name in known
            }
        if isinstance(kind, inspect.DictType):
            of_values = _alternatives(kind.value_type)
            return {name: _known_fields(item, of_values) for name, item in value.items()}
    return value


def _is_tagged(value: Mapping[str, Any], kind: inspect.StructType) -> bool:
    return kind.tag is None or value.get(kind.tag_field or _TAG_FIELD) == kind.tag


def _alternatives(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    if isinstance(kind, inspect.Metadata):
        return _alternatives(kind.type)
    return tuple(kind.types) if isinstance(kind, inspect.UnionType) else (kind,)


def _items(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    if isinstance(kind, inspect.VarTupleType | inspect.ListType):
        return _alternatives(kind.item_type)
    return ()
