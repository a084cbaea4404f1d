"""Inventory: locks read strictly, archives named by what is inside, servers asked themselves."""

from __future__ import annotations

import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from system.runtime.components.redis import SERVER_PACKAGE
from validation.dependencies.inventory import (
    LOCKS_DIR,
    RUN_LOCK,
    Dependency,
    Kind,
    LockError,
    archive_of,
    differences,
    locked_archives,
    needs,
    parsed_requirements,
    python_packages,
    servers,
    stated_version,
)

HASHES = ("a" * 64, "b" * 64)


def archive(folder: Path, name: str, *inside: tuple[str, str, str]) -> Path:
    """Write a Java archive that states Maven coordinates, and return its path."""
    path = folder / name
    with zipfile.ZipFile(path, "w") as jar:
        for group, artifact, version in inside:
            text = f"#made\ngroupId={group}\nartifactId={artifact}\nversion = {version}\n"
            jar.writestr(f"META-INF/maven/{group}/{artifact}/pom.properties", text)
    return path


def test_a_lock_is_read_with_its_hashes_and_only_what_applies_here():
    text = (
        "Some_Package==1.2.post3 \\\n"
        f"    --hash=sha256:{HASHES[0]} \\\n    --hash=sha256:{HASHES[1]}\n"
        f"winapi==3 ; sys_platform == 'win32' \\\n    --hash=sha256:{HASHES[0]}\n"
        "# a comment\n\nplain==2.0  # why\n"
    )
    first, second = parsed_requirements(text, "x.lock")
    assert (first.name, first.version, first.sha256) == ("some-package", "1.2.post3", HASHES)
    assert str(first.purl) == "pkg:pypi/some-package@1.2.post3"
    assert (second.name, second.version, second.sha256) == ("plain", "2.0", ())


@pytest.mark.parametrize("line", ["name>=1", "name", "name==1,<2", "name @ https://x.org/a.whl"])
def test_a_line_that_pins_nothing_is_refused_with_its_text(line):
    with pytest.raises(LockError, match=r"x\.lock: 'name.*pins no version; run `make lock`"):
        list(parsed_requirements(line, "x.lock"))


def test_a_line_that_is_no_requirement_is_refused_with_its_text():
    with pytest.raises(LockError, match=r"x\.lock: '=broken=' is no requirement"):
        list(parsed_requirements("=broken=", "x.lock"))


def test_a_missing_lock_is_named(tmp_path):
    with pytest.raises(LockError, match=r"run\.lock: No such file.*from one"):
        list(python_packages(tmp_path))
    with pytest.raises(LockError, match=r"jars\.lock: No such file"):
        list(locked_archives(tmp_path))


def test_every_locked_package_is_there_once_and_the_products_are_installed_as_locked():
    packages = list(python_packages(LOCKS_DIR))
    assert len({(p.name, p.version) for p in packages}) == len(packages)
    assert {"pyspark", "redis", SERVER_PACKAGE} <= {p.name for p in packages if p.is_run}
    assert {"pytest", "uv"} <= {p.name for p in packages if not p.is_run}
    assert list(differences(packages)) == []


def test_another_version_and_a_missing_package_are_named():
    other = Dependency(Kind.PYTHON, "pytest", "0.1", RUN_LOCK)
    absent = Dependency(Kind.PYTHON, "no-such-package", "1", RUN_LOCK)
    of_tests = Dependency(Kind.PYTHON, "no-such-test-package", "1", "verify.lock")
    wrong, missing = differences([other, absent, of_tests])
    assert (
        wrong
        == f"pytest 0.1 is locked, {metadata.version('pytest')} is installed: run `make setup`"
    )
    assert missing == "no-such-package 1 is locked and not installed: run `make setup`"


def test_the_locked_archives_have_coordinates_and_one_checksum():
    archives = list(locked_archives(LOCKS_DIR))
    assert any(
        str(a.purl).startswith("pkg:maven/org.apache.kafka/kafka-clients@") for a in archives
    )
    assert all(len(a.sha256) == 1 and a.is_run for a in archives)


def test_an_archive_is_named_by_the_coordinates_inside_that_match_its_file(tmp_path):
    shaded = (("org.other", "inner", "9"), ("org.example", "outer", "1.2"))
    outer = archive_of(archive(tmp_path, "outer-1.2-shaded.jar", *shaded))
    assert str(outer.purl) == "pkg:maven/org.example/outer@1.2"


def test_an_archive_without_coordinates_is_named_by_its_file_and_by_no_registry(tmp_path):
    plain = archive_of(archive(tmp_path, "scala-xml_2.13-2.4.0.jar"))
    assert str(plain.purl) == "pkg:generic/scala-xml_2.13@2.4.0"
    stranger = archive_of(archive(tmp_path, "outer-1.jar", ("org.other", "inner", "9")))
    assert (stranger.name, stranger.version, stranger.group) == ("outer", "1", "")
    nameless = archive_of(archive(tmp_path, "odd.jar"))
    assert (nameless.name, nameless.version) == ("odd", "unknown")


def test_the_embedded_servers_state_their_versions():
    stated = {(server.name, server.version.split(".")[0]) for server in servers()}
    assert {("valkey", "9"), ("postgresql", "18")} <= stated


def test_a_program_that_states_no_version_is_unknown():
    assert stated_version(Path("/bin/true")) == "unknown"


def test_a_package_asks_for_what_its_metadata_say_without_extras():
    packages = [
        Dependency(Kind.PYTHON, n, "1", RUN_LOCK) for n in ("fastapi", "starlette", "uvicorn")
    ]
    asked = needs(packages)
    assert "starlette" in asked["fastapi"]
    assert "uvicorn" not in asked["fastapi"]
