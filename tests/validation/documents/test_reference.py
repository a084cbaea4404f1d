"""Reference pages: complete, up to date on request, and nothing left undescribed."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field
from pydantic_settings import BaseSettings
from typer.testing import CliRunner

from system.cli import COMMANDS
from system.exits import ExitCode
from system.settings import Settings
from validation.documents import settings_page as settings_module
from validation.documents.__main__ import PAGES, app
from validation.documents.cli_page import cli_page
from validation.documents.exit_codes_page import exit_codes_page
from validation.documents.markdown import table
from validation.documents.settings_page import UndescribedSettingError, settings_page


def run(*words: str) -> int:
    return CliRunner().invoke(app, list(words)).exit_code


def test_the_page_of_commands_has_every_command_with_its_options() -> None:
    page = cli_page()
    assert all(f"\n## riskstream {name}" in page for name in COMMANDS)
    assert "\n## riskstream measure rates\n" in page
    assert "| `--dry-run` | flag |  | Show what would change, and send nothing. |" in page
    assert "| `FILE` | `path` | required |" in page
    assert "--help" not in page.partition("\n## ")[2]


def test_a_default_below_the_folder_of_the_product_is_printed_without_its_place() -> None:
    assert "| `--report` | `path` | `build/demo` |" in cli_page()


def test_the_page_of_settings_has_every_variable_with_its_range_and_default() -> None:
    page = settings_page()
    assert page.count("\n| `") == len(Settings.model_fields)
    assert "| `RISKSTREAM_MARK_WAIT_SECONDS` | integer, 1 to 86400 | `120` | Broker time" in page
    assert "| `DATABASE_URL` | secret |  |" in page
    assert "| `RISKSTREAM_PARTITIONS` | JSON object: topic to integer, 1 to 64 |" in page


class Undescribed(BaseSettings):
    described: int = Field(default=1)
    """It has a docstring."""
    silent: int = Field(default=2)


def test_a_setting_without_a_meaning_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings_module, "Settings", Undescribed)
    with pytest.raises(UndescribedSettingError, match=r"Settings\.silent"):
        settings_page()


def test_the_page_of_exit_codes_has_every_code() -> None:
    page = exit_codes_page()
    assert all(f"| {each.value} | `{each.name}` | " in page for each in ExitCode)


def test_the_pages_of_the_repository_are_up_to_date() -> None:
    assert run("--check") == ExitCode.PASSED


def test_an_old_page_and_a_missing_one_fail_the_check_and_writing_mends_them(
    tmp_path: Path,
) -> None:
    assert run("--check", "--folder", str(tmp_path)) == ExitCode.FAILED
    assert run("--folder", str(tmp_path)) == ExitCode.PASSED
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(PAGES)
    assert run("--check", "--folder", str(tmp_path)) == ExitCode.PASSED
    (tmp_path / "cli.md").write_text("# Command line\n", "utf-8")
    assert run("--check", "--folder", str(tmp_path)) == ExitCode.FAILED


def test_a_vertical_bar_and_a_line_break_do_not_end_a_cell() -> None:
    assert table(("a",), [("x|y\nz",)]).splitlines()[-1] == "| x\\|y z |"
