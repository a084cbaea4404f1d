"""The digests' script: each pulled image is pinned, or said not to be."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.compose.reading import COMPOSE_DIR, filled, read_compose

DIGEST = "sha256:" + "0f" * 32
DOCKER = f"""#!/usr/bin/env bash
case "$1 $2" in
  "pull --quiet") echo "$3" ;;
  "image inspect")
    name=${{5%%:*}}
    echo "mirror.example/$name@sha256:{"e" * 64}"
    [ "$name" = "${{UNKNOWN:-}}" ] || echo "$name@{DIGEST}" ;;
  *) exit 9 ;;
esac
"""
PULLED = ("KAFKA_DIGEST", "POSTGRES_DIGEST", "REDIS_DIGEST", "PYTHON_DIGEST")


def run_script(action: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(COMPOSE_DIR / "digests.sh"), action, str(folder)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "DOCKER": str(folder / "docker"), **more},
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    docker = tmp_path / "docker"
    docker.write_text(DOCKER, "utf-8")
    docker.chmod(0o755)
    (tmp_path / ".env").write_text("RISKSTREAM_UID=7\nPOSTGRES_DIGEST=@sha256:old\n", "utf-8")
    return tmp_path


def variables(folder: Path) -> dict[str, str]:
    lines = (folder / ".env").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_every_image_that_is_pulled_is_pinned_and_the_other_variables_stay(folder):
    pinned = run_script("pin", folder)
    assert pinned.returncode == 0, pinned.stderr
    assert variables(folder) == {"RISKSTREAM_UID": "7", **dict.fromkeys(PULLED, f"@{DIGEST}")}
    assert run_script("check", folder).returncode == 0


def test_a_pinned_service_runs_the_digest_and_keeps_its_tag_as_a_name(folder):
    run_script("pin", folder)
    for name, service in read_compose()["services"].items():
        if service.get("pull_policy") != "never":
            image = filled(service["image"], variables(folder))
            assert image.endswith(f"@{DIGEST}"), name
    built = read_compose()["services"]["stream"]["build"]["args"]["PYTHON_DIGEST"]
    assert filled(built, variables(folder)) == f"@{DIGEST}"


@pytest.mark.parametrize("lacking", PULLED)
def test_an_image_by_tag_alone_is_refused_where_digests_are_asked_for(folder, lacking):
    run_script("pin", folder)
    kept = {name: value for name, value in variables(folder).items() if name != lacking}
    (folder / ".env").write_text("".join(f"{n}={v}\n" for n, v in kept.items()), "utf-8")
    checked = run_script("check", folder)
    assert checked.returncode == 1
    assert checked.stderr.count("is named by its tag alone") == 1


def test_another_names_digest_is_not_taken_and_nothing_is_written_then(folder):
    before = variables(folder)
    refused = run_script("pin", folder, UNKNOWN="postgres")
    assert refused.returncode == 1
    assert "postgres:18.4 has no digest" in refused.stderr
    assert variables(folder) == before
