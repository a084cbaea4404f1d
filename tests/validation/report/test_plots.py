"""Charts: one script per report, folders that can be moved, a sentence where plotly is missing."""

from __future__ import annotations

import builtins
import io
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest
from markupsafe import Markup
from rich.console import Console

from validation.report import plots
from validation.report.charts import latency_chart
from validation.report.plots import MISSING, chart, script_element, show_report_place

BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
PAGE = "<!doctype html><html><head>{head}</head><body>{body}</body></html>"


@pytest.fixture
def _without_plotly(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without the extra: nothing of plotly can be imported."""
    imported = builtins.__import__

    def refusing(name: str, *args: object, **kwargs: object) -> object:
        assert not name.startswith("plotly"), f"{name} was imported"
        return imported(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refusing)
    monkeypatch.setattr(plots, "has_plotly", lambda: False)


def source(element: Markup) -> str:
    return re.findall(r'<script src="([^"]+)"', element)[0]


def test_the_script_is_written_once_into_the_reports_folder(tmp_path: Path) -> None:
    first = script_element(tmp_path)
    (script,) = tmp_path.iterdir()
    assert source(first) == script.name
    assert script.stat().st_size > 1_000_000
    written_at = script.stat().st_mtime_ns
    assert script_element(tmp_path) == first
    assert script.stat().st_mtime_ns == written_at
    assert len(first) < 500


def test_pages_in_folders_of_their_own_share_the_reports_script(tmp_path: Path) -> None:
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        assert (folder / source(script_element(folder, tmp_path))).resolve().is_file()
        assert list(folder.iterdir()) == []
    assert [path.suffix for path in tmp_path.iterdir() if path.is_file()] == [".js"]


def test_a_script_that_was_cut_off_is_written_again(tmp_path: Path) -> None:
    script_element(tmp_path)
    (script,) = tmp_path.iterdir()
    script.write_text("cut off")
    script_element(tmp_path)
    assert script.stat().st_size > 1_000_000


def shown(page: Path) -> str:
    """Return a page as a browser has it once its scripts ran, without a network."""
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=4000")
    profile = f"--user-data-dir={page.parent.parent / 'profile'}"
    command = (BROWSER, *options, profile, "--dump-dom", page.as_uri())
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return unescape(done.stdout)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_a_page_draws_from_disk_also_after_its_folder_was_moved_and_says_so_without(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "report"
    (folder / "story").mkdir(parents=True)
    head, body = script_element(folder / "story", folder), latency_chart([(0, 1.0, 2.0)])
    (folder / "story" / "page.html").write_text(PAGE.format(head=head, body=body), "utf-8")
    moved = folder.rename(tmp_path / "elsewhere")
    assert 'class="main-svg"' in shown(moved / "story" / "page.html")
    (script,) = moved.glob("*.js")
    script.unlink()
    alone = shown(moved / "story" / "page.html")
    assert 'class="main-svg"' not in alone
    assert f"The charts need the file {script.name} of this report's folder" in alone


@pytest.mark.usefixtures("_without_plotly")
def test_without_plotly_a_chart_is_a_sentence_that_says_what_to_install(tmp_path: Path) -> None:
    assert unescape(latency_chart([])) == f'<p class="note">{MISSING}</p>'
    assert script_element(tmp_path) == ""
    assert list(tmp_path.iterdir()) == []
    assert "pip install 'riskstream[reports]'" in MISSING


def said(place: str) -> str:
    out = io.StringIO()
    show_report_place(Console(file=out, width=200), place)
    return out.getvalue()


def test_the_terminal_names_the_report() -> None:
    assert said("build/x/report.html") == "report: build/x/report.html\n"


@pytest.mark.usefixtures("_without_plotly")
def test_the_terminal_says_what_the_charts_lack() -> None:
    assert said("x") == f"report: x\n{MISSING}\n"


def test_a_charts_own_error_is_not_hidden() -> None:
    @chart
    def broken() -> Markup:
        raise ValueError("no data")

    with pytest.raises(ValueError, match="no data"):
        broken()
