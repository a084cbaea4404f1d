"""The peers' requirements: one extra, a lock of its own, and no other."""

from __future__ import annotations

import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from system.places import PROJECT_DIR, SHARED_DIR


def locked(name: str) -> dict[str, set[str]]:
    """Return the versions of each package in a lock."""
    found: dict[str, set[str]] = {}
    for line in (SHARED_DIR / "requirements" / name).read_text().splitlines():
        package, pinned, rest = line.partition("==")
        if pinned and not line.startswith((" ", "#")):
            found.setdefault(canonicalize_name(package), set()).add(rest.split()[0])
    return found


def extra(name: str) -> list[Requirement]:
    project = tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text())["project"]
    return [Requirement(line) for line in project["optional-dependencies"][name]]


def test_the_lock_of_the_peers_is_that_of_their_extra():
    versions = locked("peers.lock")
    for requirement in extra("benchmarks"):
        pinned = versions.get(canonicalize_name(requirement.name), set())
        assert pinned, f"{requirement} is not locked"
        assert all(requirement.specifier.contains(version) for version in pinned), (
            f"{requirement}: {pinned}"
        )
    assert "pyspark" not in versions  # the product is not there


@pytest.mark.parametrize("name", ["run.lock", "verify.lock"])
def test_no_peer_is_in_another_lock(name):
    peers = {"quixstreams", "bytewax"}
    assert peers <= {canonicalize_name(requirement.name) for requirement in extra("benchmarks")}
    versions = locked(name)
    assert "numpy" in versions
    assert not peers & versions.keys()
