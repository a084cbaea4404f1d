"""The API's page is made of its description, has no script, and loads nothing."""

from __future__ import annotations

import base64
import hashlib
import re

from system.serve.http.documentation import Operation, documentation_page, operations, policy
from tests.system.serve.conftest import World


def test_the_page_names_every_request_and_every_type(world: World) -> None:
    described = world.client.get("/openapi.json").json()
    page = world.client.get("/docs").text
    for operation in operations(described):
        assert f"<code>{operation.path}</code>" in page
    for name in described["components"]["schemas"]:
        assert f'id="{name}"' in page
    assert set(re.findall(r'href="#(\w+)"', page)) <= set(described["components"]["schemas"])


def test_the_page_has_no_script_and_loads_nothing_from_elsewhere(world: World) -> None:
    answer = world.client.get("/docs")
    assert "<script" not in answer.text
    assert not re.search(r'(src|href)="(https?:)?//', answer.text)
    allowed = answer.headers["content-security-policy"]
    assert "script-src" not in allowed
    assert "default-src 'none'" in allowed
    style = re.search(r"<style>(.*)</style>", answer.text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"'sha256-{digest}'" in allowed
    assert allowed == policy(style[1])


def test_what_a_description_says_is_text_and_no_markup(world: World) -> None:
    described = world.client.get("/openapi.json").json()
    described["info"]["title"] = "<script>alert(1)</script>"
    page = documentation_page(described)
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_pages_that_load_scripts_from_elsewhere_are_gone(world: World) -> None:
    for path in ("/redoc", "/docs/oauth2-redirect"):
        assert world.client.get(path).status_code == 404


def test_an_operation_names_the_types_of_body_and_answers() -> None:
    either = {"anyOf": [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}]}
    described = {
        "requestBody": {"content": {"x": {"schema": {"$ref": "#/components/schemas/C"}}}},
        "responses": {"200": {"description": "d", "content": {"x": {"schema": either}}}},
    }
    operation = Operation("GET", "/x", described)
    assert (operation.body, operation.responses) == (("C",), [("200", "d", ("A", "B"))])
