"""The notebook of the examples runs, cell by cell, against an API of this process."""

from __future__ import annotations

import json

import pytest

from tests.docs.test_documents import ROOT
from tests.system.client.served import TOKEN, served
from tests.system.serve.conftest import streamed, world
from tests.system.serve.streamed import Streamed

__all__ = ["streamed", "world"]
NOTEBOOK = ROOT / "docs" / "examples" / "risk.ipynb"


def cells(kind: str) -> list[dict]:
    notebook = json.loads(NOTEBOOK.read_text("utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def test_every_cell_runs_and_tells_the_numbers_of_the_api(
    streamed: Streamed,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def answer(method: str, path: str, body: bytes) -> tuple[int, bytes]:
        response = streamed.world.client.request(method, path, content=body)
        return response.status_code, response.content

    names: dict[str, object] = {}
    with served(answer) as url:
        monkeypatch.setenv("RISKSTREAM_API_URL", url)
        monkeypatch.setenv("RISKSTREAM_API_TOKEN", TOKEN)
        for cell in cells("code"):
            exec("".join(cell["source"]), names)  # noqa: S102 - our own document
    told = capsys.readouterr().out
    snapshot = streamed.world.client.get("/v1/portfolios/P/var").json()
    assert snapshot["snapshot_id"] in told
    assert f"{snapshot['var']:,.2f}" in told


def test_it_is_stored_without_results_and_with_the_ids_of_its_format() -> None:
    for cell in cells("code"):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
    notebook = json.loads(NOTEBOOK.read_text("utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
