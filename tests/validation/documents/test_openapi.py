"""OpenAPI document: stored as the API serves it."""

from __future__ import annotations

from system.places import PROJECT_DIR
from system.serve.app import API_VERSION
from validation.documents.openapi import openapi_document, openapi_text


def test_the_stored_document_is_the_one_that_the_api_serves() -> None:
    stored = PROJECT_DIR / "docs" / "reference" / "openapi.json"
    assert stored.read_text("utf-8") == openapi_text()


def test_the_version_is_that_of_the_api_and_not_of_the_product() -> None:
    assert openapi_document()["info"]["version"] == API_VERSION


def test_reads_say_that_they_are_conditional() -> None:
    paths = openapi_document()["paths"]
    read = paths["/v1/portfolios/{portfolio}/var"]["get"]
    assert "304" in read["responses"]
    assert "If-None-Match" in {parameter["name"] for parameter in read["parameters"]}
    assert "304" not in paths["/v1/trades"]["post"]["responses"]
    assert "304" not in paths["/v1/stream"]["get"]["responses"]
