"""Files for a public forge: valid by their schemas, and of one mind with the project."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from system.cli import COMMANDS
from system.places import PROJECT_DIR, REPORTS_DIR

FORGE = PROJECT_DIR / ".github"
BOUND_S = 240  # ends what hangs; a start on a loaded machine takes a minute
WORKFLOWS = sorted((FORGE / "workflows").glob("*.yml"))
FORMS = sorted(path for path in (FORGE / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")
_PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+$")


def schema_verdict(schema: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Judge a file by a schema that check-jsonschema ships."""
    return subprocess.run(
        (sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)),
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )


def verify_job() -> dict[str, Any]:
    return yaml.safe_load((FORGE / "workflows" / "verify.yml").read_text("utf-8"))["jobs"]["verify"]


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        *(("vendor.github-workflows", path) for path in WORKFLOWS),
        *(("vendor.github-issue-forms", path) for path in FORMS),
        ("vendor.github-issue-config", FORGE / "ISSUE_TEMPLATE" / "config.yml"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_every_file_for_the_forge_follows_its_schema(schema, path):
    verdict = schema_verdict(schema, path)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


def test_a_workflow_with_a_misspelt_key_is_refused_by_the_schema(tmp_path):
    text = WORKFLOWS[0].read_text("utf-8")
    wrong = tmp_path / "verify.yml"
    wrong.write_text(text.replace("timeout-minutes", "timeout-minute"))
    assert schema_verdict("vendor.github-workflows", wrong).returncode == 1


def test_the_workflow_runs_verify_on_every_supported_python():
    project = tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text("utf-8"))["project"]
    prefix = "Programming Language :: Python :: "
    supported = [
        entry.removeprefix(prefix) for entry in project["classifiers"] if entry.startswith(prefix)
    ]
    job = verify_job()
    assert job["strategy"]["matrix"]["python"] == supported
    assert job["strategy"]["fail-fast"] is False
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert any(command.startswith("make verify ") for command in commands)


def test_the_report_is_kept_whether_verify_passes_or_not():
    uploads = [step for step in verify_job()["steps"] if "upload-artifact" in step.get("uses", "")]
    assert [step["if"] for step in uploads] == ["always()"]
    assert PROJECT_DIR / uploads[0]["with"]["path"] == REPORTS_DIR / "verify"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_only_read_has_a_bound_and_pins_what_it_uses(path):
    text = path.read_text("utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in workflow["jobs"].values())
    assert all(0 < job["timeout-minutes"] <= 360 for job in workflow["jobs"].values())
    uses = [line.strip().removeprefix("- ") for line in text.splitlines() if "uses:" in line]
    assert uses
    for line in uses:
        assert _PINNED.fullmatch(line), f"{line}: pin the commit, name the version after it"


def test_every_hook_is_a_tool_of_the_locked_environment():
    config = yaml.safe_load((PROJECT_DIR / ".pre-commit-config.yaml").read_text("utf-8"))
    assert [repository["repo"] for repository in config["repos"]] == ["local"]
    entries = [hook["entry"].split()[0] for hook in config["repos"][0]["hooks"]]
    assert {Path(entry).name for entry in entries} == {"ruff", "mypy", "lint-imports", "python"}
    for entry in entries:
        assert entry.startswith(".venv/bin/")
        assert (Path(sys.executable).parent / Path(entry).name).exists(), entry


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_every_command_that_a_form_asks_for_exists(path):
    for word in re.findall(r"`riskstream ([\w-]+)", path.read_text("utf-8")):
        assert word == "--version" or word in COMMANDS, word


def test_editors_and_ruff_agree_on_the_length_of_a_line():
    ruff = tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]
    section = (PROJECT_DIR / ".editorconfig").read_text("utf-8").partition("[*.py]")[2]
    assert f"max_line_length = {ruff['line-length']}" in section.partition("[*.{")[0]


def test_every_source_and_document_ends_its_lines_as_the_editorconfig_says():
    listed = subprocess.run(
        ["git", "ls-files", "-z", "*.py", "*.md", "*.toml", "*.yml", "*.yaml", "*.js", "*.sql"],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    for name in listed.stdout.split("\0"):
        path = PROJECT_DIR / name
        if not name or not path.is_file():
            continue
        text = path.read_bytes()
        assert b"\r" not in text, name
        assert not text or text.endswith(b"\n"), name
        assert not re.search(rb"[ \t]$", text, re.MULTILINE), name
