"""Java: tested versions are taken, others are refused with what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from system.runtime.components.java import (
    Java,
    JavaNotFoundError,
    Refused,
    chosen_java,
    find_java,
    java_homes,
    java_version,
    judged,
)
from tests.system.runtime.installations import BANNER, fake_java


@pytest.fixture(autouse=True)
def _no_installed_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("system.runtime.components.java.JDK_FOLDERS", ())


@pytest.mark.parametrize(
    ("banner", "major"),
    [
        (BANNER.format("17.0.15"), 17),
        (BANNER.format("21"), 21),
        (BANNER.format("25-ea"), 25),
        ('java version "1.8.0_292"', 8),
        ("bash: java: command not found", None),
    ],
)
def test_the_major_version_is_read_from_the_banner(banner, major):
    assert java_version(banner) == major


@pytest.mark.parametrize("version", ["17.0.15", "21.0.4"])
def test_a_tested_version_is_taken(tmp_path, version):
    home = fake_java(tmp_path / "jdk", version)
    assert find_java(home, "") == Java(home.resolve(), int(version.split(".")[0]))


@pytest.mark.parametrize("version", ["1.8.0_292", "11.0.2", "25.0.1"])
def test_an_untested_version_is_refused_with_what_to_install(tmp_path, version):
    home = fake_java(tmp_path / "jdk", version)
    with pytest.raises(JavaNotFoundError) as caught:
        find_java(home, "")
    said = str(caught.value)
    assert f"{home}: Java" in said
    assert "apt-get install openjdk-17-jre-headless" in said


def test_an_untested_java_home_gives_way_to_a_tested_java_on_the_path(tmp_path):
    newest = fake_java(tmp_path / "jdk-25", "25.0.1")
    tested = fake_java(tmp_path / "jdk-17", "17.0.1")
    assert find_java(newest, str(tested / "bin")).home == tested.resolve()


def test_java_home_is_preferred_to_the_path(tmp_path):
    home = fake_java(tmp_path / "a", "21.0.1")
    other = fake_java(tmp_path / "b", "17.0.1")
    assert find_java(home, str(other / "bin")).home == home.resolve()


def test_a_java_named_twice_is_looked_at_once(tmp_path):
    home = fake_java(tmp_path / "jdk", "17.0.1")
    (tmp_path / "link").symlink_to(home)
    path = os.pathsep.join([str(home / "bin"), str(tmp_path / "link" / "bin"), "/nowhere"])
    assert list(java_homes(home, path)) == [home.resolve()]


def test_a_java_without_the_vector_module_is_refused_by_that_name(tmp_path):
    said = "Error during initialization of boot layer\nModule jdk.incubator.vector not found\n"
    home = fake_java(tmp_path / "jdk", "21", exit_code=1, said=said)
    with pytest.raises(JavaNotFoundError, match=r"without the module jdk\.incubator\.vector"):
        find_java(home, "")


def test_a_java_that_does_not_run_is_refused(tmp_path):
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("not a program", "utf-8")
    java.chmod(0o755)
    with pytest.raises(JavaNotFoundError, match="does not run"):
        find_java(tmp_path, "")


def test_a_failing_version_query_is_refused_with_what_it_said():
    refused = judged(Path("/jdk"), 1, "Could not reserve enough space")
    assert isinstance(refused, Refused)
    assert "Could not reserve" in refused.reason


def test_no_java_at_all_says_so():
    with pytest.raises(JavaNotFoundError, match="No Java is installed"):
        chosen_java([])
