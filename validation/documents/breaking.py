"""Changes of an OpenAPI document that break clients: pure functions over two documents.

Compared are paths, methods, parameters, bodies, answers, and the fields of every type: removed, of
another type, required in a request that was not, or absent in an answer that was not. Bounds of
numbers and lengths are not compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

Document = Mapping[str, Any]
Schema = Mapping[str, Any]
SHAPE: Final = ("type", "format", "$ref", "const")
"""Keywords of a schema that say what a value is."""
_REFERENCE: Final = re.compile(r"#/components/schemas/(\w+)")


def breaking_changes(before: Document, after: Document) -> list[str]:
    """Return each change that breaks a client of the document before, as a sentence."""
    return [*_of_paths(before, after), *_of_types(before, after)]


def is_allowed(before: Document, after: Document) -> bool:
    """Return whether the major version was raised."""
    return _major(after) > _major(before)


def _major(document: Document) -> int:
    return int(str(document["info"]["version"]).partition(".")[0])


def _of_paths(before: Document, after: Document) -> Iterator[str]:
    for path, methods in before["paths"].items():
        if path not in after["paths"]:
            yield f"{path} is gone"
            continue
        for method, operation in methods.items():
            place = f"{method.upper()} {path}"
            if method not in after["paths"][path]:
                yield f"{place} is gone"
            else:
                yield from _of_operation(place, operation, after["paths"][path][method])


def _of_operation(place: str, before: Schema, after: Schema) -> Iterator[str]:
    known = {(each["in"], each["name"]): each for each in before.get("parameters", ())}
    now = {(each["in"], each["name"]): each for each in after.get("parameters", ())}
    for key, parameter in known.items():
        name = f"{place}: parameter {key[1]}"
        if key not in now:
            yield f"{name} is gone"
        else:
            yield from _of_value(name, parameter["schema"], now[key]["schema"])
    for key, parameter in now.items():
        was_required = known.get(key, {}).get("required", False)
        if parameter.get("required") and not was_required:
            yield f"{place}: parameter {key[1]} is required"
    if _content(before.get("requestBody")) != _content(after.get("requestBody")):
        yield f"{place} takes another body"
    for status, answer in before["responses"].items():
        if status not in after["responses"]:
            yield f"{place}: answer {status} is gone"
        elif _content(answer) != _content(after["responses"][status]):
            yield f"{place}: answer {status} is of another type"


def _content(described: Schema | None) -> list[str]:
    return sorted(_REFERENCE.findall(str((described or {}).get("content", {}))))


def _of_types(before: Document, after: Document) -> Iterator[str]:
    types, now = before["components"]["schemas"], after["components"]["schemas"]
    requested = _requested(after)
    for name, schema in types.items():
        if name not in now:
            yield f"type {name} is gone"
            continue
        yield from _of_value(name, schema, now[name])
        fields, fields_now = schema.get("properties", {}), now[name].get("properties", {})
        for field, described in fields.items():
            place = f"{name}.{field}"
            if field not in fields_now:
                yield f"{place} is gone"
            else:
                yield from _of_value(place, described, fields_now[field])
        required, required_now = set(schema.get("required", ())), set(now[name].get("required", ()))
        if name in requested:
            yield from (f"{name}.{field} is required" for field in sorted(required_now - required))
        else:
            kept = (required - required_now) & fields_now.keys()
            yield from (f"{name}.{field} may be absent" for field in sorted(kept))


def _of_value(place: str, before: Schema, after: Schema) -> Iterator[str]:
    """Yield what is different in the values of a field, a parameter or an enumeration."""
    gone = [value for value in before.get("enum", ()) if value not in after.get("enum", ())]
    if "enum" in before and gone:
        yield f"{place}: value {gone[0]!r} is gone"
    elif _shape(before) != _shape(after):
        yield f"{place} is of another type"


def _shape(schema: Schema) -> object:
    """Return what a schema says of the type of a value, without notes, bounds and defaults."""
    inner = [
        (keyword, _shape(schema[keyword]))
        for keyword in ("items", "additionalProperties")
        if isinstance(schema.get(keyword), Mapping)
    ]
    several = [
        (keyword, [_shape(each) for each in schema[keyword]])
        for keyword in ("anyOf", "allOf", "prefixItems")
        if keyword in schema
    ]
    return [(keyword, schema[keyword]) for keyword in SHAPE if keyword in schema], inner, several


def _requested(document: Document) -> set[str]:
    """Return the types that a request may hold, those within them too."""
    types = document["components"]["schemas"]
    bodies = [
        str(operation.get("requestBody", ""))
        for methods in document["paths"].values()
        for operation in methods.values()
    ]
    reached: set[str] = set()
    open_names = {name for body in bodies for name in _REFERENCE.findall(body)}
    while open_names:
        reached |= open_names
        inner = {found for name in open_names for found in _REFERENCE.findall(str(types[name]))}
        open_names = inner - reached
    return reached
