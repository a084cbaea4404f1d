"""The version is that of the installed distribution."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from system import version as module


def test_the_version_is_that_of_the_distribution():
    assert module.product_version() == version("riskstream")


def test_files_that_are_not_installed_have_version_0(monkeypatch):
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(module, "version", missing)
    assert module.product_version() == "0"
