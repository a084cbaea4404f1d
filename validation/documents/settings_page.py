"""Reference page of the settings, made from ``Settings`` and the docstrings of its fields."""

from __future__ import annotations

import ast
import inspect
from typing import Any, Final

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from system import settings
from system.settings import ENVIRONMENT_PREFIX, Settings
from validation.documents.markdown import code, plain, table

HEAD: Final = f"""# Settings

Made from `system/settings.py` by `python -m validation.documents`. Every setting is an
environment variable, read once when a process starts; a running stack keeps the values that it
was started with. A variable may also be a file of the same name in the folder that
`{settings.SECRETS_DIR_VARIABLE}` names, so that secrets stay out of the environment. A value
outside its range is refused with the variable's name.

"""
_COMPUTED: Final = "computed"


class UndescribedSettingError(AssertionError):
    """A setting without a docstring has no meaning to print."""


def settings_page() -> str:
    """Return the page.

    Raises
    ------
    UndescribedSettingError
        If a field of ``Settings`` has no docstring.
    """
    meanings = attribute_docstrings(Settings)
    shapes = Settings.model_json_schema(by_alias=False)["properties"]
    rows = []
    for name, field in Settings.model_fields.items():
        if name not in meanings:
            raise UndescribedSettingError(f"Settings.{name} has no docstring below it")
        variable = str(field.validation_alias or f"{ENVIRONMENT_PREFIX}{name.upper()}")
        meaning = plain(meanings[name])
        rows.append((code(variable), _type(shapes[name], field), _default(field), meaning))
    return HEAD + table(("variable", "type", "default", "meaning"), rows)


def attribute_docstrings(described: type) -> dict[str, str]:
    """Return the docstrings that stand below a class's fields, by field."""
    (node,) = ast.parse(inspect.getsource(described)).body
    assert isinstance(node, ast.ClassDef)
    meanings = {}
    for field, below in zip(node.body, node.body[1:], strict=False):
        name = _field_name(field)
        text = _text(below)
        if name and text:
            meanings[name] = inspect.cleandoc(text)
    return meanings


def _text(node: ast.stmt) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return str(node.value.value)
    return ""


def _field_name(node: ast.stmt) -> str | None:
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return None


def _type(shape: dict[str, Any], field: FieldInfo) -> str:
    """Return a field's type and range in words."""
    if field.annotation is SecretStr or SecretStr in getattr(field.annotation, "__args__", ()):
        return "secret"
    options = [option for option in shape.get("anyOf", [shape]) if option.get("type") != "null"]
    return _words(options[0])


def _words(shape: dict[str, Any]) -> str:
    if "enum" in shape:
        return ", ".join(code(str(choice)) for choice in shape["enum"])
    if "const" in shape:
        return code(str(shape["const"]))
    kind = str(shape.get("type", "text"))
    if kind == "object":
        return f"JSON object: topic to {_words(shape['additionalProperties'])}"
    if kind == "array":
        return f"JSON list of {_words(shape.get('items', {}))}"
    if kind == "string":
        return "path" if shape.get("format") == "path" else "text"
    low, high = shape.get("minimum"), shape.get("maximum")
    bounds = f"{low} to {high}" if high is not None else f"at least {low}"
    return f"{kind}, {bounds}" if low is not None else kind


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return _COMPUTED
    default = field.default
    if default is PydanticUndefined or default is None or default in ("", frozenset(), {}):
        return ""
    return code(str(default))
