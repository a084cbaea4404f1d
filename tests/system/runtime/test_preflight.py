"""Preflight: tested Pythons pass, a missing Java is installed where that is possible."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from system.runtime import preflight
from system.runtime.java import JavaNotFoundError
from system.runtime.preflight import UnfitMachineError
from tests.system.runtime.installations import fake_java


@pytest.fixture(autouse=True)
def _no_installed_java(monkeypatch):
    monkeypatch.setattr("system.runtime.java.JDK_FOLDERS", ())


def never(package):
    return False


@pytest.mark.parametrize("version", [(3, 11), (3, 12)])
def test_a_tested_python_passes(version):
    preflight.check_python(version)


@pytest.mark.parametrize("version", [(3, 10), (3, 13), (2, 7), (4, 0)])
def test_another_python_is_refused_with_the_tested_ones(version):
    with pytest.raises(UnfitMachineError, match=r"3\.11 and 3\.12 are tested"):
        preflight.check_python(version)


def test_another_system_is_refused():
    preflight.check_system("linux")
    with pytest.raises(UnfitMachineError, match="darwin"):
        preflight.check_system("darwin")


def test_a_tested_java_is_used_as_it_is(tmp_path):
    home = fake_java(tmp_path / "jdk", "21.0.1")
    assert preflight.ensure_java(home, "", never) == (home.resolve(), 21)


def test_a_missing_java_is_installed_where_that_is_possible(tmp_path):
    asked = []

    def install(package):
        asked.append(package)
        fake_java(tmp_path / "jdk", "17.0.1")
        return True

    found = preflight.ensure_java(None, str(tmp_path / "jdk" / "bin"), install)
    assert found == ((tmp_path / "jdk").resolve(), 17)
    assert asked == ["openjdk-17-jre-headless"]


def test_the_other_tested_java_is_installed_where_the_system_has_no_java_17(tmp_path):
    def install(package):
        if package != "openjdk-21-jre-headless":
            return False
        fake_java(tmp_path / "jdk", "21.0.1")
        return True

    found = preflight.ensure_java(None, str(tmp_path / "jdk" / "bin"), install)
    assert found == ((tmp_path / "jdk").resolve(), 21)


def test_a_missing_java_that_cannot_be_installed_is_an_error_that_says_what_to_install():
    with pytest.raises(JavaNotFoundError, match="apt-get install"):
        preflight.ensure_java(None, "", never)


def test_an_installation_that_brings_no_tested_java_is_still_an_error():
    with pytest.raises(JavaNotFoundError):
        preflight.ensure_java(None, "", lambda package: True)


def test_a_python_without_virtual_environments_names_the_package(monkeypatch):
    monkeypatch.setattr(preflight, "_has_venv", lambda: False)
    with pytest.raises(UnfitMachineError, match=r"apt-get install python3\.11-venv"):
        preflight.ensure_venv((3, 11), never)


def test_a_browser_is_installed_where_that_is_possible():
    found = iter([None, "/usr/bin/chromium"])
    path, line = preflight.browser_or_advice(lambda: next(found), lambda package: True)
    assert path == "/usr/bin/chromium"
    assert path in line


def test_a_missing_browser_is_no_error_but_says_what_is_skipped_and_what_to_install():
    path, line = preflight.browser_or_advice(lambda: None, lambda package: False)
    assert path is None
    assert "will be skipped; apt-get install chromium" in line


def test_only_root_on_debian_installs(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert not preflight.apt_install("anything")


def test_the_check_needs_the_standard_library_only():
    done = subprocess.run(
        [sys.executable, "-S", "-m", "system.runtime.preflight"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Java" in done.stdout
