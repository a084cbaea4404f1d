"""Breaking changes of the API are named, harmless ones are not, and a major version allows both."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from validation.documents import __main__ as documents
from validation.documents.breaking import breaking_changes, is_allowed
from validation.documents.openapi import openapi_document

Document = dict[str, Any]
BEFORE = openapi_document()


def types(document: Document) -> Document:
    schemas: Document = document["components"]["schemas"]
    return schemas


def operation(document: Document, path: str = "/v1/rejected", method: str = "get") -> Document:
    described: Document = document["paths"][path][method]
    return described


def without_parameter(document: Document) -> None:
    kept = [each for each in operation(document)["parameters"] if each["name"] != "reason"]
    operation(document)["parameters"] = kept


def with_required_parameter(document: Document) -> None:
    added = {"name": "since", "in": "query", "required": True, "schema": {"type": "string"}}
    operation(document)["parameters"].append(added)


BREAKING: dict[str, Callable[[Document], object]] = {
    "/v1/oracle is gone": lambda d: d["paths"].pop("/v1/oracle"),
    "DELETE /v1/trades/{trade_id} is gone": lambda d: d["paths"]["/v1/trades/{trade_id}"].pop(
        "delete"
    ),
    "GET /v1/rejected: parameter reason is gone": without_parameter,
    "GET /v1/rejected: parameter since is required": with_required_parameter,
    "POST /v1/trades takes another body": lambda d: operation(d, "/v1/trades", "post").update(
        requestBody={"content": {"x": {"schema": {"$ref": "#/components/schemas/AmendRequest"}}}}
    ),
    "GET /v1/rejected: answer 200 is of another type": lambda d: operation(d)["responses"].update(
        {"200": {"content": {"x": {"schema": {"$ref": "#/components/schemas/Health"}}}}}
    ),
    "GET /v1/rejected: answer 503 is gone": lambda d: operation(d)["responses"].pop("503"),
    "type BookRisk is gone": lambda d: types(d).pop("BookRisk"),
    "CurrentVar.var is gone": lambda d: types(d)["CurrentVar"]["properties"].pop("var"),
    "CurrentVar.nav is of another type": lambda d: types(d)["CurrentVar"]["properties"].update(
        nav={"type": "string"}
    ),
    "CurrentVar.window is of another type": lambda d: types(d)["CurrentVar"]["properties"].update(
        window={"anyOf": [{"type": "integer"}, {"type": "null"}]}
    ),
    "CurrentVar.nav may be absent": lambda d: types(d)["CurrentVar"]["required"].remove("nav"),
    "TradeRequest.trade_id is required": lambda d: types(d)["TradeRequest"]["required"].append(
        "trade_id"
    ),
    "LimitLevel: value 'breach' is gone": lambda d: types(d)["LimitLevel"]["enum"].remove("breach"),
}


@pytest.mark.parametrize("said", BREAKING)
def test_a_change_that_breaks_clients_is_named(said: str) -> None:
    after = copy.deepcopy(BEFORE)
    BREAKING[said](after)
    assert said in breaking_changes(BEFORE, after)


def add_field(document: Document) -> None:
    types(document)["CurrentVar"]["properties"]["added"] = {"type": "string"}
    types(document)["CurrentVar"]["required"].append("added")


def add_optional_parameter(document: Document) -> None:
    added = {"name": "since", "in": "query", "required": False, "schema": {"type": "string"}}
    operation(document)["parameters"].append(added)


HARMLESS: dict[str, Callable[[Document], object]] = {
    "nothing": lambda _: None,
    "a path": lambda d: d["paths"].update({"/v1/new": {"get": operation(d)}}),
    "a field": add_field,
    "an optional parameter": add_optional_parameter,
    "a value of an enumeration": lambda d: types(d)["LimitLevel"]["enum"].append("more"),
    "a note": lambda d: types(d)["CurrentVar"]["properties"]["nav"].update(description="Other."),
    "an answer": lambda d: operation(d)["responses"].update({"418": {"description": "x"}}),
}


@pytest.mark.parametrize("change", HARMLESS)
def test_a_change_that_only_adds_is_none(change: str) -> None:
    after = copy.deepcopy(BEFORE)
    HARMLESS[change](after)
    assert breaking_changes(BEFORE, after) == []


@pytest.mark.parametrize(("version", "allowed"), [("1.1", False), ("1.9", False), ("2.0", True)])
def test_only_a_higher_major_version_allows_it(version: str, allowed: bool) -> None:
    before = {"info": {"version": "1.1"}}
    assert is_allowed(before, {"info": {"version": version}}) is allowed


@pytest.mark.parametrize("arguments", [[], ["--check"]])
def test_the_description_is_not_written_over_by_one_that_breaks_clients(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    stored = '{"info":{"version":"1.0"},"paths":{"/v1/old":{}},"components":{"schemas":{}}}'
    made = '{"info":{"version":"1.1"},"paths":{},"components":{"schemas":{}}}'
    monkeypatch.setattr(documents, "PAGES", {documents.OPENAPI: lambda: made})
    path = tmp_path / documents.OPENAPI
    path.write_text(stored)
    result = CliRunner().invoke(documents.app, [*arguments, "--folder", str(tmp_path)])
    assert result.exit_code == 1
    assert "the API breaks clients: /v1/old is gone" in result.output
    assert "API_VERSION" in result.output
    assert path.read_text() == stored
    monkeypatch.setattr(documents, "PAGES", {documents.OPENAPI: lambda: made.replace("1.1", "2.0")})
    result = CliRunner().invoke(documents.app, ["--folder", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert '"2.0"' in path.read_text()
