"""Preflight: supported machines pass, and what is missing is installed or named."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from system.places import PROJECT_DIR
from system.runtime import preflight
from system.runtime.components.java import JavaNotFoundError
from system.runtime.preflight import UnfitMachineError
from tests.system.runtime.installations import fake_java


@pytest.fixture(autouse=True)
def _no_installed_java(monkeypatch):
    monkeypatch.setattr("system.runtime.components.java.JDK_FOLDERS", ())


def never(package):
    return False


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13), (3, 14)])
def test_a_tested_python_passes(version):
    preflight.check_python(version)


@pytest.mark.parametrize("version", [(3, 10), (3, 15), (2, 7), (4, 0)])
def test_another_python_is_refused_with_the_supported_ones(version):
    with pytest.raises(UnfitMachineError, match=r"3\.11 to 3\.14 are"):
        preflight.check_python(version)


def test_preflight_package_and_makefile_know_the_same_pythons():
    project = tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text("utf-8"))["project"]
    oldest, newest = preflight.OLDEST_PYTHON, preflight.NEWEST_PYTHON
    minors = range(oldest[1], newest[1] + 1)
    assert project["requires-python"] == f">=3.{minors.start},<3.{minors.stop}"
    named = [
        c for c in project["classifiers"] if c.startswith("Programming Language :: Python :: ")
    ]
    assert named == [f"Programming Language :: Python :: 3.{minor}" for minor in minors]
    makefile = (PROJECT_DIR / "Makefile").read_text("utf-8")
    assert " ".join(f"python3.{minor}" for minor in minors) in makefile
    assert ", ".join(f"(3, {minor})" for minor in minors) in makefile
    platforms = (PROJECT_DIR / "docs" / "platforms.md").read_text("utf-8")
    assert all(f"| 3.{minor} |" in platforms for minor in minors)


@pytest.mark.parametrize("version", ["2.28", "2.36", "3.0"])
def test_a_c_library_that_the_wheels_run_with_passes(version):
    preflight.check_libc("glibc", version)


@pytest.mark.parametrize(
    ("name", "version", "said"),
    [("glibc", "2.27", "this system has 2.27"), ("", "", "musl"), ("libc", "6", "(libc)")],
)
def test_an_older_or_another_c_library_is_refused(name, version, said):
    with pytest.raises(UnfitMachineError, match=r"glibc 2\.28 or newer") as caught:
        preflight.check_libc(name, version)
    assert said in str(caught.value)


def test_where_every_package_has_a_wheel_no_compiler_is_asked_for():
    assert preflight.ensure_compiler("x86_64", (3, 12), False, never) == ""


def test_on_arm_what_has_no_wheel_is_named_with_what_to_install():
    with pytest.raises(UnfitMachineError, match=r"hdrhistogram .* gcc python3\.12-dev"):
        preflight.ensure_compiler("aarch64", (3, 12), False, never)


def test_on_arm_what_has_no_wheel_is_compiled_and_that_is_said():
    said = preflight.ensure_compiler("aarch64", (3, 12), True, never)
    assert "hdrhistogram is compiled" in said
    assert "nobody has tested" in said


def test_on_arm_a_missing_compiler_is_installed_where_that_is_possible():
    asked = []
    preflight.ensure_compiler("aarch64", (3, 13), False, lambda name: not asked.append(name))
    assert asked == ["gcc", "python3.13-dev"]


@pytest.mark.parametrize("machine", ["riscv64", "ppc64le", "armv7l", "i686", ""])
def test_a_processor_without_wheels_is_refused(machine):
    with pytest.raises(UnfitMachineError, match="x86_64 and aarch64 only"):
        preflight.ensure_compiler(machine, (3, 11), True, never)


def test_what_says_whether_one_can_compile_asks_for_compiler_and_headers(monkeypatch, tmp_path):
    monkeypatch.setattr(preflight.shutil, "which", lambda name: "/usr/bin/" + name)
    monkeypatch.setattr(preflight.sysconfig, "get_path", lambda name: str(tmp_path))
    assert not preflight.can_compile()
    (tmp_path / "Python.h").touch()
    assert preflight.can_compile()
    monkeypatch.setattr(preflight.shutil, "which", lambda name: None)
    assert not preflight.can_compile()


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

    home = preflight.ensure_java(None, str(tmp_path / "jdk" / "bin"), install)
    assert home == ((tmp_path / "jdk").resolve(), 17)
    assert asked == ["openjdk-17-jre-headless"]


def test_the_other_tested_java_is_installed_where_the_system_has_no_java_17(tmp_path):
    def install(package):
        if package != "openjdk-21-jre-headless":
            return False
        fake_java(tmp_path / "jdk", "21.0.1")
        return True

    home = preflight.ensure_java(None, str(tmp_path / "jdk" / "bin"), install)
    assert home == ((tmp_path / "jdk").resolve(), 21)


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
    answers = iter([None, "/usr/bin/chromium"])
    path, line = preflight.browser_or_advice(lambda: next(answers), lambda package: True)
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
