"""The client's wheel in an environment of its own: small, typed, and at work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from system.places import PROJECT_DIR
from tests.system.client.served import TOKEN, played
from validation.release.client_wheel import build_client_wheel, client_dependencies

pytestmark = pytest.mark.integration
PORTFOLIOS = json.dumps({"portfolios": [], "unvalued": ["beta"], "stream": "running"}).encode()
READING = """
import asyncio, json, sys
from system.client.async_client import AsyncRiskClient
from system.client.sync_client import RiskClient

url, token = sys.argv[1:]

async def read():
    async with AsyncRiskClient(url, token) as client:
        return await client.portfolios()

with RiskClient(url, token) as client:
    answers = [client.portfolios(), asyncio.run(read())]
print(json.dumps([list(answer.unvalued) for answer in answers]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_client_wheel(PROJECT_DIR, tmp_path_factory.mktemp("dist"))


def needed_distributions() -> set[str]:
    """Return the wheel's dependencies and theirs, as this environment has them."""
    waiting = [Requirement(each) for each in client_dependencies(PROJECT_DIR)]
    names: set[str] = set()
    while waiting:
        needed = waiting.pop()
        is_asked = needed.marker is None or needed.marker.evaluate({"extra": ""})
        if is_asked and needed.name not in names:
            names.add(needed.name)
            waiting += map(Requirement, distribution(needed.name).requires or [])
    return names


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment with the wheel; the libraries are links, so nothing is fetched."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    own = Path(sysconfig.get_path("purelib"))
    for name in needed_distributions():
        for top in {file.parts[0] for file in distribution(name).files or [] if file.parts}:
            target = packages / top
            if top not in {"..", "__pycache__"} and not target.exists():
                target.symlink_to(own / top)
    interpreter = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(interpreter), "install", "--no-index"]
    done = subprocess.run(
        [*pip, "--disable-pip-version-check", "--no-cache-dir", str(wheel)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr  # every dependency is there, in a version that fits
    return interpreter


def test_it_is_small_and_typed(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert wheel.stat().st_size < 200_000
    assert "system/py.typed" in names
    assert not [name for name in names if name.startswith(("validation", "loadtests", "tests"))]


def test_both_clients_read_from_a_server_without_the_product(python: Path, tmp_path: Path) -> None:
    with played({"/v1/portfolios": PORTFOLIOS}) as url:
        done = subprocess.run(
            [str(python), "-I", "-c", READING, url, TOKEN],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [["beta"], ["beta"]]
