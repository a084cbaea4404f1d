"""The page that documents the API: made on the server, without a script, from its description.

A page that loaded scripts from elsewhere could do with the API's origin what it likes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

PATH: Final = "/docs"
TEMPLATE: Final = "documentation.html.j2"
STYLE: Final = "documentation.css"
_REFERENCE: Final = "#/components/schemas/"


class Operation(NamedTuple):
    """One request that the API takes, as its page shows it."""

    method: str
    path: str
    described: Mapping[str, Any]

    @property
    def summary(self) -> str:
        """Description, or the summary where there is none."""
        return str(self.described.get("description") or self.described.get("summary", ""))

    @property
    def parameters(self) -> list[dict[str, str]]:
        """Name, place and meaning of each parameter."""
        return [
            {
                "name": parameter["name"],
                "place": parameter["in"] + (", needed" if parameter.get("required") else ""),
                "text": parameter.get("description", ""),
            }
            for parameter in self.described.get("parameters", ())
        ]

    @property
    def body(self) -> tuple[str, ...]:
        """The types that its request body may be of."""
        return _named(self.described.get("requestBody", {}))

    @property
    def responses(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """Status, description and types of each answer."""
        answers = self.described["responses"]
        return [
            (status, answer.get("description", ""), _named(answer))
            for status, answer in sorted(answers.items())
        ]


def add_documentation(app: FastAPI) -> None:
    """Let an app answer ``/docs`` with its documentation."""

    @cache  # whoever asks without a token costs no more than sending it
    def page() -> str:
        return documentation_page(app.openapi())

    async def documentation(_request: Request) -> HTMLResponse:
        return HTMLResponse(page(), headers={"Content-Security-Policy": policy(_style())})

    app.add_route(PATH, documentation, include_in_schema=False)


def documentation_page(described: Mapping[str, Any]) -> str:
    """Return the page of an OpenAPI description, as HTML."""
    return _template().render(
        info=described["info"],
        style=_style(),
        operations=list(operations(described)),
        schemas={
            name: json.dumps(schema, indent=2, ensure_ascii=False)
            for name, schema in sorted(described["components"]["schemas"].items())
        },
    )


def operations(described: Mapping[str, Any]) -> Iterator[Operation]:
    """Yield every operation of a description, in its order."""
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield Operation(method.upper(), path, operation)


def policy(style: str) -> str:
    """Return the content security policy of a page with one style sheet in it, and no script."""
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


def _named(described: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the types that the JSON of a body or an answer may be of."""
    schemas = [media.get("schema", {}) for media in described.get("content", {}).values()]
    kinds = [kind for schema in schemas for kind in schema.get("anyOf", [schema])]
    return tuple(kind["$ref"].removeprefix(_REFERENCE) for kind in kinds if "$ref" in kind)


@cache
def _style() -> str:
    return Path(__file__).with_name(STYLE).read_text("utf-8")


@cache
def _template() -> Template:
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, undefined=StrictUndefined, autoescape=True)
    return environment.get_template(TEMPLATE)
